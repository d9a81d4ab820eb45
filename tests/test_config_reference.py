"""docs/config.md says what the models of the configs say, and every key says what it means."""

from __future__ import annotations

import importlib.util
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs"


def test_the_reference_is_what_the_models_make() -> None:
    spec = importlib.util.spec_from_file_location("reference", FOLDER / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    page = reference.page()
    assert page == (FOLDER / "config.md").read_text(encoding="utf-8"), "run python docs/reference.py"
    assert not [line for line in page.splitlines() if line.endswith("|  |")], "a key without a line under Attributes"
