"""Search spaces of one family each, for networks of a few units."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.cards.schema import SpaceCard


@pytest.fixture
def make_space() -> Callable[[str], SpaceCard]:
    """The search space of a kind of layer."""

    def space(layer: str) -> SpaceCard:
        units = {"units": {"type": "Choice", "values": [4, 8]}}
        return SpaceCard.model_validate({"name": layer.lower(), "layer": layer, "hyperparameters": units})

    return space
