"""The second way: adaptive searches (Bayesian, Hyperband, grid), whose trials depend on one another.

The replicate is then the unit: the test score of the trial that each search selected by validation, compared
by Welch's t. Knows nothing of the trials that were not selected, but for the gain of the budget's second
half.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from harness.records import ScoreRow
from harness.verdicts.best_of import Floats, deviation
from harness.verdicts.constants import MINIMUM_REPLICATES
from harness.verdicts.differences import Difference, Evidence, Gain
from harness.verdicts.entrants import Entrant, score


def compare(entrants: Sequence[Entrant], trials: int, region: float, level: float) -> Evidence:
    """Compare families by the selected trials of their replicates.

    Args:
        entrants: The families, each with at least one completed trial.
        trials: Budget n of a search.
        region: Half-width of the region of practical equivalence.
        level: Level of the intervals.

    Returns:
        Mean selected losses, all pairs (the better one first) and the gain of the budget's second half.
    """
    losses = {entrant.name: selected_losses(entrant) for entrant in entrants}
    middle = float(np.median(np.concatenate(list(losses.values()))))
    selected = {name: its - middle for name, its in losses.items()}  # so that equal scores differ by exactly 0
    expected = {name: float(np.mean(its)) for name, its in losses.items()}
    ranked = sorted(selected, key=lambda name: (expected[name], name))
    differences = tuple(
        welch(better, worse, selected[better], selected[worse], region, level)
        for better, worse in itertools.combinations(ranked, 2)
    )
    reasons = tuple(
        f"the selected scores of {pair.first} and of {pair.second} are the same in every replicate: "
        "no spread to judge by"
        for pair in differences
        if pair.spread == 0 and pair.value != 0
    )
    gains = {
        entrant.name: _gain(entrant, trials, level)
        for entrant in entrants
        if trials > 1 and len(selected[entrant.name]) >= MINIMUM_REPLICATES
    }
    return Evidence(expected, differences, gains, reasons)


def selected_losses(entrant: Entrant) -> Floats:
    """Test loss of the trial each replicate selects by validation (replicates,); tied trials are averaged."""
    return np.array(
        [
            np.mean([entrant.sign * score(row, "test") for row in selected_rows(search)])
            for search in entrant.searches()
        ],
        dtype=np.float64,
    )


def selected_rows(search: Sequence[ScoreRow]) -> list[ScoreRow]:
    """The rows of one search that share its best validation score."""
    return [row for row in search if row.validation == search[0].validation]


def welch(
    first: str, second: str, first_losses: Floats, second_losses: Floats, region: float, level: float
) -> Difference:
    """Difference of two means with Welch's interval (Welch 1947; Satterthwaite's degrees of freedom).

    The probabilities are those of the Bayesian posterior under flat priors as far as Welch's t stands for it.

    Args:
        first: One family.
        second: The other.
        first_losses: The first's selected test losses.
        second_losses: The second's.
        region: Half-width of the region of practical equivalence.
        level: Level of the interval.

    Returns:
        The difference; without an interval (NaN) where a family has fewer than two replicates, and with one
        of no width where no score varies.
    """
    value = float(np.mean(second_losses) - np.mean(first_losses))
    if min(len(first_losses), len(second_losses)) < 2:
        unknown = math.nan
        return Difference(first, second, value, unknown, unknown, 1.0, (unknown,) * 3, unknown)
    errors = [deviation(losses, ddof=1) / math.sqrt(len(losses)) for losses in (first_losses, second_losses)]
    spread = math.hypot(*errors)
    if spread == 0:
        sure = (float(value > region), float(abs(value) <= region), float(value < -region))
        return Difference(first, second, value, value, value, 1.0, sure, 0.0)
    from scipy import special  # here: half a second that a table of random trials need not wait

    parts = [(error / spread) ** 2 for error in errors]
    freedom = 1 / (parts[0] ** 2 / (len(first_losses) - 1) + parts[1] ** 2 / (len(second_losses) - 1))
    reach = spread * float(special.stdtrit(freedom, (1 + level) / 2))
    better = float(special.stdtr(freedom, (value - region) / spread))
    worse = float(special.stdtr(freedom, (-value - region) / spread))
    return Difference(
        first=first,
        second=second,
        value=value,
        low=value - reach,
        high=value + reach,
        p=2 * float(special.stdtr(freedom, -abs(value) / spread)),
        probabilities=(better, max(0.0, 1.0 - better - worse), worse),
        spread=spread,
    )


def _gain(entrant: Entrant, trials: int, level: float) -> Gain:
    """Fall of the best validation loss over the second half of the trials' numbers, mean over replicates."""
    from scipy import special

    falls = []
    for search in entrant.searches():
        early = [row for row in search if row.trial <= trials // 2]
        if early:
            falls.append(entrant.sign * score(early[0], "validation") - entrant.sign * score(search[0], "validation"))
    if len(falls) < MINIMUM_REPLICATES:
        return Gain(math.nan, math.nan, math.nan)
    value = float(np.mean(falls))
    reach = float(
        deviation(np.array(falls), ddof=1) / math.sqrt(len(falls)) * special.stdtrit(len(falls) - 1, (1 + level) / 2)
    )
    return Gain(value, value - reach, value + reach)
