"""Which of several practically equal families costs less: fewer parameters, then faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from harness.records import ScoreRow
from harness.verdicts import best_of
from harness.verdicts.entrants import Entrant
from harness.verdicts.replicates import selected_rows


def cheapest(entrants: Sequence[Entrant], trials: int, adaptive: bool) -> tuple[str | None, str]:
    """The family to use among practically equal ones, and why.

    Costs are those expected of the model that a search selects: by the weights of `best_of`, or the mean over
    replicates where the search is adaptive.

    Args:
        entrants: The practically equal families.
        trials: Budget n of a search.
        adaptive: Whether the replicate is the unit.

    Returns:
        The family and the reason in a few words; None and an empty text where costs are unknown or the same.
    """
    for what, cost in _COSTS:
        costs = {entrant.name: _typical(entrant, cost, trials, adaptive) for entrant in entrants}
        known = {name: round(value, 3) for name, value in costs.items() if value is not None}
        if len(known) < len(costs) or len(set(known.values())) < 2:
            continue
        order = sorted(known, key=lambda name: (known[name], name))
        others = ", ".join(f"{_shown(known[name])} of {name}" for name in order[1:])
        return order[0], f"{what}: {_shown(known[order[0]])} against {others}"
    return None, ""


def _shown(cost: float) -> str:
    """`50,241` and `3.142`: no cost is written with an exponent for being large."""
    return f"{cost:,.0f}" if cost >= 1000 else f"{cost:.4g}"


def _parameters(row: ScoreRow) -> float | None:
    return row.parameters


def _seconds(row: ScoreRow) -> float | None:
    return row.fit_seconds


_COSTS: tuple[tuple[str, Callable[[ScoreRow], float | None]], ...] = (
    ("fewer parameters in the model a search selects", _parameters),
    ("fewer seconds of training for the model a search selects", _seconds),
)


def _typical(entrant: Entrant, cost: Callable[[ScoreRow], float | None], trials: int, adaptive: bool) -> float | None:
    values = [cost(row) for row in entrant.completed]
    known = [float(value) for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    if not adaptive:
        return best_of.expected(entrant.sample, trials, np.array(known))
    searches = [[cost(row) or 0.0 for row in selected_rows(search)] for search in entrant.searches()]
    return float(np.mean([np.mean(search) for search in searches]))
