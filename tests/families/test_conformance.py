"""Every family does what a family must; what does not is told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.checks.conformance import PROBLEMS, check_family
from harness.config.space import SearchSpace
from harness.models import NetworkShape

MINGRU = Path(__file__).with_name("mingru.py")


def found(space: SearchSpace, *names: str) -> dict[str, list[str]]:
    problems: Mapping[str, NetworkShape] = {name: PROBLEMS[name] for name in names} if names else PROBLEMS
    return {name: [one.what for one in findings] for name, findings in check_family(space, problems)}


@pytest.mark.parametrize(("layer", "problem"), [("GRU", "label")])
def test_a_shipped_family_conforms(layered: Callable[[str], SearchSpace], layer: str, problem: str) -> None:
    assert found(layered(layer), problem) == {problem: []}


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_shipped_families_conform_on_every_problem(layered: Callable[[str], SearchSpace], layer: str) -> None:
    assert found(layered(layer)) == {key: [] for key in PROBLEMS}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["build_model", "attentive"])
def test_builders_conform_on_every_problem(built: Callable[..., SearchSpace], name: str) -> None:
    space = built(name, MINGRU) if name == "build_model" else built(name)
    assert found(space) == {key: [] for key in PROBLEMS}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["from_keras_tuner", "HyperModel", "with_momentum", "with_own_step"])
def test_builders_of_keras_tuner_conform(built: Callable[..., SearchSpace], name: str) -> None:
    assert found(built(name), "classify") == {"classify": []}


def test_a_cell_of_the_users_takes_at_most_40_lines() -> None:
    assert len(MINGRU.read_text().splitlines()) <= 40


@pytest.mark.parametrize(
    ("name", "problem", "phrase"),
    [
        ("returns_nothing", "classify", "returned a NoneType, expected a Keras model"),
        ("without_head", "classify", "gives (4), expected (3): one number for each class"),
        ("without_lengths", "classify, lengths differ", "expected 2: x, lengths; lengths, since sequences differ"),
        ("from_keras_tuner", "regress", "gives (3), expected (1): one number for each target"),
        ("with_lambda", "classify", "is a Lambda layer, which no saved model may bring"),
        ("raises", "classify", "raised RuntimeError: no model of 1 units"),
        ("asks_nothing", "classify", "asks hp for nothing that could be searched"),
        pytest.param(*("reads_backwards", "next token", "its outputs change with later steps"), marks=pytest.mark.slow),
        ("ignores_padding", "classify, lengths differ", "change with what stands at padded steps"),
        pytest.param(*("idle_weights", "classify", "no gradient reaches"), marks=pytest.mark.slow),
        pytest.param(*("forgetful", "classify", "saved and loaded it gives other outputs"), marks=pytest.mark.slow),
    ],
)
def test_what_does_not_conform_is_told(built: Callable[..., SearchSpace], name: str, problem: str, phrase: str) -> None:
    told = found(built(name), problem)[problem]
    assert any(phrase in one for one in told), told
    assert all("\n" not in one for one in told)
