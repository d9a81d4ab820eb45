"""docs/atlas.md is about the committed tables as they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def atlas() -> ModuleType:
    spec = importlib.util.spec_from_file_location("atlas_page", FOLDER / "atlas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_was_made_from_these_tables(atlas: ModuleType) -> None:
    assert atlas.digest_of_page() == atlas.digest(), "run python docs/atlas.py"


@pytest.mark.slow
def test_the_numbers_of_the_page_come_out_again(atlas: ModuleType) -> None:
    page, summary = atlas.made()
    assert summary == (atlas.SUMMARY.read_text(encoding="utf-8") if atlas.SUMMARY.exists() else "")
    assert page == (FOLDER / "atlas.md").read_text(encoding="utf-8"), "run python docs/atlas.py"
