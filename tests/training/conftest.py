"""Search spaces of one family each, for networks of a few units."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.config.space import SearchSpace


@pytest.fixture
def make_space() -> Callable[[str], SearchSpace]:
    """The search space of a kind of layer."""

    def space(layer: str) -> SearchSpace:
        units = {"units": {"type": "Choice", "values": [4, 8]}}
        return SearchSpace.model_validate({"name": layer.lower(), "layer": layer, "hyperparameters": units})

    return space
