"""Figures and sentences of what `harness explain` found."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.records import Band, ExplainedCell, Explanation, GateOpenness, GradientReach
from harness.report import explained


def _reach(ratio: float, steps: int = 30, half_life: float | None = None) -> GradientReach:
    line = tuple(ratio**step for step in range(steps))
    return GradientReach(Band(line, tuple(value / 2 for value in line), line), 0.5, half_life)


def _cell(name: str, **changes: object) -> ExplainedCell:
    flat = Band((0.5,) * 31, (0.2,) * 31, (0.8,) * 31)
    gates = (GateOpenness("update", flat, 0.5, 0.125, 0.25), GateOpenness("reset", flat, 0.4, 0.0, 1.0))
    cell = ExplainedCell(name, name, False, "k", {}, 0.1, _reach(0.5, half_life=1.0), _reach(0.999), gates)
    return replace(cell, **changes)


FOUND = Explanation("toy", 64, (_cell("lstm"), _cell("gru"), _cell("rnn", reference=True, gates=())))


@pytest.mark.parametrize("moment", explained.MOMENTS)
def test_the_gradients_of_every_cell_are_drawn(moment: str) -> None:
    root = ElementTree.fromstring(explained.gradients(FOUND, moment) or "")
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"lstm", "gru", "rnn (reference)", "a half"} <= set(words)


def test_a_gradient_that_has_vanished_can_still_be_drawn() -> None:
    gone = replace(FOUND.cells[0], after=_reach(0.0, half_life=0.5))
    svg = explained.gradients(replace(FOUND, cells=(gone,)), "after")
    assert svg is not None
    assert "nan" not in svg.lower()
    nothing = replace(gone, after=GradientReach(Band((), (), ()), 0.0, None))
    assert explained.gradients(replace(FOUND, cells=(nothing,)), "after") is None


def test_long_sequences_make_no_larger_figures() -> None:
    long = replace(FOUND.cells[0], after=_reach(0.999, steps=5000))
    assert len(explained.gradients(replace(FOUND, cells=(long,)), "after") or "") < 40_000


def test_gates_are_drawn_where_there_are_any() -> None:
    root = ElementTree.fromstring(explained.gates(FOUND.cells[1]) or "")
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"update", "reset", "openness"} <= set(words)
    assert explained.gates(FOUND.cells[2]) is None


def test_sentences() -> None:
    assert (
        explained.half_lives(FOUND, "before")
        == "It halves in: lstm 1.0 steps, gru 1.0 steps, rnn (reference) 1.0 steps."
    )
    assert explained.half_life_words(FOUND.cells[0].after) == "more than 29 steps"
    assert (
        explained.saturation(FOUND.cells[0])
        == "Closed (at most 0.1) and open (at least 0.9): update 12 % and 25 %, reset 0 % and 100 %."
    )


@pytest.mark.parametrize("width", [None, 40, 120])
def test_the_text_keeps_to_the_terminal(width: int | None) -> None:
    noted = replace(FOUND, cells=(*FOUND.cells, _cell("late", notes=("trained again",))))
    text = explained.text(noted, width)
    assert max(map(len, text.splitlines())) <= (width or 80)
    assert "late: the gradient halves in 1.0 steps before training" in " ".join(text.split())
    assert text.splitlines()[-1] == "    trained again"


def test_an_explanation_comes_back_from_its_plain_values() -> None:
    assert Explanation.from_json(FOUND.to_json()) == FOUND
