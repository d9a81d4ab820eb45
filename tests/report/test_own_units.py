"""A builder of the user's has no one size: its row of units says nothing rather than 0."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.report import view


@pytest.mark.parametrize(("units", "words"), [((0, 0, 0), "–"), ((16, 32, 64), "16, 32, 64")])
def test_units_of_own_networks_are_not_zero(units: tuple[int, ...], words: str) -> None:
    (of_usage,) = [row for label, row in view._USAGE if label.startswith("units of a layer")]
    usage: Any = SimpleNamespace(units=units)
    assert of_usage(usage) == words
