"""What may choose between two selected models, so that no score which chose is published as that model's.

Where single cases are known all of it comes from the half of the test cases that decides: the two models' own scores
there, and those of all trials of their families. The trials say what to expect of a model that such a search selects;
their log ratio, with its error and the scatter of selected models about their families, is the prior of the models'
own, which is then updated by their scores (a normal prior with a normal likelihood). Where single cases are unknown
validation alone chooses, by what a search's best validation score is expected to be, which scatters less than the best
one of a single search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from harness.records import Direction, ModelsInHand, ScoreRow
from harness.stats import best_of_n
from harness.stats.differences import Side, sides_of
from harness.stats.in_hand import halves
from harness.stats.levels import LEVEL, SELECTED_SCATTER
from harness.stats.outlook import LogRatio, over_replicates, over_trials, turned_to
from harness.stats.test_set import Cases

_NORMAL = NormalDist()

_AS_MANY_AGAIN = math.sqrt(2)
"""The error of a mean over cases as a prediction of that over as many others, which scatters as much again."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of log(second's loss / first's loss) of two selected models, as a normal distribution.

    Attributes:
        first: One family.
        second: The other.
        mean: Its mean: positive says that the first's model is better.
        error: Its standard deviation.
    """

    first: str
    second: str
    mean: float
    error: float

    @property
    def favours(self) -> str | None:
        """Whose model is probably better; None where neither is."""
        return (self.first if self.mean > 0 else self.second) if self.mean else None

    def of(self, family: str) -> tuple[float, float]:
        """Probability that a family's model is better, and what share more than the other it costs at most."""
        mean = self.mean if family == self.first else -self.mean
        probability = _NORMAL.cdf(mean / self.error) if self.error else float(np.heaviside(mean, 0.5))
        return probability, max(0.0, math.expm1(min(_NORMAL.inv_cdf(LEVEL) * self.error - mean, 700.0)))


def over_cases(
    models: ModelsInHand,
    rows: Sequence[ScoreRow],
    cases: Cases,
    direction: Direction,
    *,
    trials: int,
    compared: int,
    adaptive: bool,
) -> Evidence | None:
    """What the deciding half of the test cases says of two selected models.

    Args:
        models: The two models over these cases.
        rows: The dataset's rows.
        cases: Scores over test cases by family, replicate and number.
        direction: Which scores are better.
        trials: Budget n of a search.
        compared: Trials k of the search that families are compared by.
        adaptive: Whether the replicate is the unit.

    Returns:
        The evidence; None where the losses have no ratio.
    """
    first, second = models.families
    its = turned_to(first, models.outlook) if models.outlook else None
    if its is None or its.log_ratio is None or its.error is None:
        return None
    families = _families(models.families, rows, cases, direction, trials, compared, adaptive)
    prior = LogRatio(0.0, SELECTED_SCATTER)
    if families:
        prior = LogRatio(families.value, math.hypot(families.error, SELECTED_SCATTER))
    if its.error == 0:
        return Evidence(first, second, its.log_ratio, 0.0)
    own, before = (_AS_MANY_AGAIN * its.error) ** -2, prior.error**-2
    mean = (own * its.log_ratio + before * prior.value) / (own + before)
    return Evidence(first, second, mean, (own + before) ** -0.5)


def _families(
    pair: Sequence[str],
    rows: Sequence[ScoreRow],
    cases: Cases,
    direction: Direction,
    trials: int,
    compared: int,
    adaptive: bool,
) -> LogRatio | None:
    """The log ratio of two families over the half of the test cases that decides; None where a trial's are unknown."""
    mine = [row for row in rows if row.family in pair]
    scored = [_over_deciding(row, cases) for row in mine]
    known = [row for row in scored if row is not None]
    if len(known) < len(scored):
        return None
    first, second = sides_of(known, pair, direction).values()
    if adaptive:
        return over_replicates(first, second)
    return over_trials(rows[0].dataset, first, second, trials, compared)


def _over_deciding(row: ScoreRow, cases: Cases) -> ScoreRow | None:
    """The row with its test score over the cases that decide; None where they are unknown."""
    if row.test is None:
        return row
    if (its := cases.get((row.family, row.replicate, row.trial))) is None:
        return None
    deciding, _ = halves(len(its.values), its.block)
    return replace(row, test=float(np.mean(np.array(its.values)[deciding])))


def expected_validation(
    rows: Sequence[ScoreRow], families: Sequence[str], direction: Direction, *, compared: int, adaptive: bool
) -> Mapping[str, float]:
    """Validation loss that a search's selected trial is expected to have (lower is better), of each family.

    Args:
        rows: The dataset's rows.
        families: Those with a completed trial.
        direction: Which scores are better.
        compared: Trials k of the search that families are compared by.
        adaptive: Whether the replicate is the unit: then the mean of what the replicates selected.
    """
    sides = sides_of([row for row in rows if row.family in families], families, direction)
    return {name: _selected_validation(side, compared, adaptive) for name, side in sides.items()}


def _selected_validation(side: Side, compared: int, adaptive: bool) -> float:
    if adaptive:
        return float(np.mean([side.sign * (search[0].validation or 0.0) for search in side.searches()]))
    return best_of_n.expected(side, min(compared, len(side)), side.validation)
