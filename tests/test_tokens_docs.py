"""The configs of docs/tokens.md are valid, and what it says of categories is what the package does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from harness.config import DatasetConfig
from harness.config.dataset import reads_tokens
from harness.data.readers.categories import EMPTY, MOST_CATEGORIES

PAGE = (Path(__file__).parents[1] / "docs" / "tokens.md").read_text(encoding="utf-8")


def test_its_configs_are_valid() -> None:
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S)]
    found = {block["name"]: DatasetConfig.model_validate(block) for block in blocks}
    assert {name: reads_tokens(config) for name, config in found.items()} == {
        "solubility": True,
        "tickets": True,
        "entities": True,
        "demand": False,
    }


def test_its_numbers_and_words_are_the_packages() -> None:
    assert f"more than {MOST_CATEGORIES} categories" in PAGE
    assert f"`weather={EMPTY}`" in PAGE
