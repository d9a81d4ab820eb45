"""What a report keeps back where a sweep's data must not be seen in it: windows, names of classes, and paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.records import ComparisonResult, SweepResult
from harness.records.diagnostics import OTHERS, Diagnostics

HIDDEN = "not shown (--no-data-in-report)"
"""What stands in the place of a text that may hold a path."""


def without_data(result: SweepResult) -> SweepResult:
    """A sweep without what its data say: names of columns, scores and hyperparameters stay.

    Args:
        result: The sweep.
    """
    remote = result.tracking_uri.startswith(("http://", "https://"))
    return replace(
        result,
        comparisons=tuple(map(of_comparison, result.comparisons)),
        tracking_uri=result.tracking_uri if remote else HIDDEN,
        unfinished={name: why.partition(":")[0] for name, why in result.unfinished.items()},
    )


def of_comparison(result: ComparisonResult) -> ComparisonResult:
    """A comparison without windows, names of classes, notes on the data, and messages of failed trials."""
    facts, champion = result.facts, result.champion
    if champion is not None:
        seen = champion.diagnostics and _diagnostics(champion.diagnostics, facts.classes)
        champion = replace(champion, diagnostics=seen, path="")
    return replace(
        result,
        facts=replace(facts, classes=_numbered(facts.classes, facts.classes), notes=()),
        champion=champion,
        trials=tuple(replace(one, message=HIDDEN) if one.message else one for one in result.trials),
    )


def _diagnostics(found: Diagnostics, classes: Sequence[str]) -> Diagnostics:
    """Errors and counts; no window and no single prediction."""
    return replace(
        found,
        forecast=found.forecast and replace(found.forecast, windows=()),
        classes=found.classes and replace(found.classes, names=_numbered(found.classes.names, classes)),
        numbers=found.numbers and replace(found.numbers, truth=(), prediction=()),
    )


def _numbered(names: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """`class 1`, `class 2` and so on, by their places among all classes where those are known."""
    places = {name: place for place, name in enumerate(classes, start=1)}
    return tuple(
        OTHERS if name == OTHERS else f"class {places.get(name, place)}" for place, name in enumerate(names, start=1)
    )
