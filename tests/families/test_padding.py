"""Builders whose networks go wrong at padded steps are refused, or warned of, before the first trial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.space import SearchSpace
from harness.errors import UsageError
from harness.models import NetworkShape
from harness.models.discover import tried
from harness.records import TaskKind

PADDED = NetworkShape(TaskKind.CLASSIFY, 6, 2, masked=True, outputs=3, horizon_steps=1)
BUILDERS = """
import keras

def network(hp, problem, padding, masked):
    inputs = problem.make_inputs()
    hidden = keras.layers.Conv1D(4, 3, padding=padding)(problem.features(inputs))
    mask = problem.mask(inputs) if masked else None
    return problem.network(inputs, keras.layers.GRU(hp.Int("units", 2, 3))(hidden, mask=mask))

def shorter(hp, problem):
    return network(hp, problem, "valid", True)

def unmasked(hp, problem):
    return network(hp, problem, "causal", False)

def right(hp, problem):
    return network(hp, problem, "causal", True)
"""


@pytest.fixture
def told(tmp_path: Path, built: Callable[..., SearchSpace]) -> Callable[[str], list[str]]:
    """What is told of a builder before a sweep."""
    file = tmp_path / "own_models.py"
    file.write_text(BUILDERS)

    def of(name: str) -> list[str]:
        found: list[str] = []
        tried(PADDED, built(name, file), gaussian=False, told=found.append)
        return found

    return of


def test_a_mask_of_other_steps_is_refused(told: Callable[[str], list[str]]) -> None:
    with pytest.raises(
        UsageError, match=r'own_models.py:shorter: its mask has other steps.*padding="causal"'
    ) as caught:
        told("shorter")
    assert "\n" not in str(caught.value)


def test_a_network_that_reads_padding_is_warned_of(told: Callable[[str], list[str]]) -> None:
    (note,) = told("unmasked")
    assert note.startswith("warning: ")
    assert "own_models.py:unmasked: its outputs change with what stands at padded steps" in note
    assert told("right") == []
