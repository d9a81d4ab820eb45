"""Whether the Atlas can tell beforehand which family wins on a data set that it has not seen.

Each source is left out in turn; the meta-regression of the others (`moderators`) gives the probability that gru will
have the lower estimated loss on each of its data sets. Against it stands the base rate: the share of the others on
which gru had. Both are scored by Brier's score, (probability - what happened)² (Brier 1950); the interval of the mean
difference takes the sources for the independent draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas.false_winners import clustered
from harness.atlas.model import Estimate, Pooled
from harness.atlas.moderators import Design, fit
from harness.atlas.regression import Floats
from harness.records.serialization import Record
from harness.stats.levels import LEVEL


@dataclass(frozen=True, slots=True)
class Prediction(Record):
    """How well an unseen data set's better family is predicted.

    Attributes:
        datasets: Data sets predicted.
        sources: Sources left out, one at a time.
        base_rate: Share of data sets on which gru has the lower estimated loss.
        base_brier: Brier score of the base rate; lower is better, a coin has 0.25.
        brier: Brier score of the meta-regression.
        gain: The base rate's minus that: positive where it helps.
        low: Lower end of the gain's interval.
        high: Upper end.
        level: Level of the interval.
    """

    datasets: int
    sources: int
    base_rate: float
    base_brier: float
    brier: float
    gain: float
    low: float
    high: float
    level: float

    @property
    def helps(self) -> bool:
        """Whether the interval says that it is better than the base rate."""
        return self.low > 0


def predict(estimates: Sequence[Estimate], pooled: Pooled) -> Prediction | None:
    """Leave each source out and predict its data sets; None where there are fewer than three sources.

    Args:
        estimates: The data sets.
        pooled: What the model says over all of them, of which how far they scatter is used.
    """
    from scipy import special

    names = [one.source for one in estimates]
    if len(set(names)) < 3:
        return None
    happened = np.array([_won(one) for one in estimates])
    told, base = np.empty(len(estimates)), np.empty(len(estimates))
    for source in sorted(set(names)):
        inside = np.array([name == source for name in names])
        others = [one for one, its in zip(estimates, inside, strict=True) if not its]
        base[inside] = happened[~inside].mean()
        unseen = [one for one, its in zip(estimates, inside, strict=True) if its]
        told[inside] = _told(others, unseen, base[inside], pooled)
    scores, base_scores = (told - happened) ** 2, (base - happened) ** 2
    gain, error, count = clustered(base_scores - scores, names)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    return Prediction(
        datasets=len(estimates),
        sources=count,
        base_rate=float(happened.mean()),
        base_brier=float(base_scores.mean()),
        brier=float(scores.mean()),
        gain=gain,
        low=gain - reach,
        high=gain + reach,
        level=LEVEL,
    )


def _won(one: Estimate) -> float:
    return float(np.heaviside(one.log_ratio, 0.5))


def _told(others: Sequence[Estimate], unseen: Sequence[Estimate], base: Floats, pooled: Pooled) -> Floats:
    """Probability that gru wins on each unseen data set; the base rate where the others do not tell."""
    from scipy.special import ndtr

    design = Design.of(others)
    found = fit(others, design, pooled)
    if found is None:
        return base
    noise = float(np.median([one.error for one in others]))
    told = np.array(base, dtype=np.float64)
    for place, (one, row) in enumerate(zip(unseen, design.rows(unseen), strict=True)):
        if one.task in design.tasks:
            scatter = math.hypot(found.error(row), found.between, found.within, noise)
            told[place] = float(ndtr(float(row @ found.coefficients) / scatter)) if scatter else told[place]
    return told
