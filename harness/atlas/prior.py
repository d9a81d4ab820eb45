"""The prior of a verdict from the Atlas, and whether it is better than the one that verdicts have without it.

A verdict's prior is a mixture of normal distributions around 0: which family is better is not decided beforehand, how
far they may differ is. The Atlas's is what its model expects of a new data set of a new source, the mean as a part of
the spread. It is better where, with each source left out, it says more of what the other half of a data set's trials
will show: the two halves of its trials give two estimates, the first makes the posterior, and the log density of the
second under it is the score (Good 1952), by this prior and by the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas.false_winners import clustered
from harness.atlas.model import FEWEST, FEWEST_SOURCES, LEAST_ERROR, Estimate, Posterior
from harness.atlas.standings import FAMILIES, DatasetStanding, objective_of, score_rows
from harness.atlas.tables import Tables
from harness.records import AtlasRow, AtlasSummary, VerdictPrior
from harness.records.serialization import Record
from harness.stats.differences import sides_of
from harness.stats.levels import LEVEL, compared_at
from harness.stats.outlook import PRIOR, LogRatio, Prior, over_trials, updated

NAME = "atlas"


@dataclass(frozen=True, slots=True)
class PriorCheck(Record):
    """Whether the Atlas's prior foretells better than the usual one.

    Attributes:
        datasets: Data sets of which both halves could be estimated.
        sources: Sources left out, one at a time.
        gain: Mean log density more of the second half's estimate, in nats a data set.
        low: Lower end of its interval, clustered by source.
        high: Upper end.
        level: Level of the interval.
    """

    datasets: int
    sources: int
    gain: float
    low: float
    high: float
    level: float

    @property
    def better(self) -> bool:
        """Whether the interval says that it is better: only then may it become the default."""
        return self.low > 0


def prior_of(posterior: Posterior, datasets: int, version: str, without: str | None = None) -> VerdictPrior:
    """The prior that the Atlas gives to a verdict.

    Args:
        posterior: The model's.
        datasets: Data sets behind it.
        version: Version of the Atlas.
        without: Source that is left out.
    """
    parts = posterior.predictive(without)
    return VerdictPrior(
        f"{NAME} {version}", datasets, tuple((part.weight, math.hypot(part.mean, part.spread)) for part in parts)
    )


def check_prior(tables: Tables, compared: Sequence[DatasetStanding], posterior: Posterior) -> PriorCheck | None:
    """Compare the priors on data sets of sources left out; None where there are too few.

    Args:
        tables: The Atlas's tables.
        compared: The data sets that are compared.
        posterior: The model's, of the same data sets.
    """
    from scipy import special

    halves = {one.dataset: its for one in compared if (its := _halves(tables, one.estimate)) is not None}
    estimates = [one.estimate for one in compared]
    sources = [one.source for one in estimates if one.dataset in halves]
    if len(sources) < FEWEST or len(set(sources)) < FEWEST_SOURCES:
        return None
    priors = {source: prior_of(posterior, 0, "", source).parts for source in set(sources)}
    gains = np.array(
        [
            _foretold(*halves[one.dataset], priors[one.source]) - _foretold(*halves[one.dataset], PRIOR)
            for one in estimates
            if one.dataset in halves
        ]
    )
    gain, error, count = clustered(gains, sources)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    return PriorCheck(len(gains), count, gain, gain - reach, gain + reach, LEVEL)


def _halves(tables: Tables, one: Estimate) -> tuple[LogRatio, LogRatio] | None:
    """Two estimates of a data set's log ratio, by its trials with odd and with even numbers."""
    row, rows = tables.datasets[one.dataset], score_rows(tables.trials[one.dataset])
    found = []
    for odd in (1, 0):
        its = [trial for trial in rows if trial.trial % 2 == odd]
        first, second = sides_of(its, FAMILIES, objective_of(row).direction).values()
        trials = min(len(first), len(second))
        ratio = (
            over_trials(f"{one.dataset} {odd}", first, second, trials, compared_at(trials, trials)) if trials else None
        )
        if ratio is None:
            return None
        found.append(LogRatio(ratio.value, max(ratio.error, LEAST_ERROR)))
    return found[0], found[1]


def _foretold(first: LogRatio, second: LogRatio, prior: Prior) -> float:
    """Log density of the second estimate by the posterior that the first one makes of a prior."""
    density = 0.0
    for weight, mean, spread in updated(first.value, first.error, prior):
        variance = spread**2 + second.error**2
        density += weight * math.exp(-0.5 * (second.value - mean) ** 2 / variance) / math.sqrt(2 * math.pi * variance)
    return math.log(max(density, 1e-300))


def summary_of(
    posterior: Posterior, compared: Sequence[DatasetStanding], version: str, check: PriorCheck | None
) -> AtlasSummary:
    """What the package carries of the Atlas.

    Args:
        posterior: The model's.
        compared: The data sets, in the same order.
        version: Version of the Atlas.
        check: Whether its prior is better than the usual one.
    """
    rows = [
        AtlasRow(
            dataset=one.dataset,
            task=one.estimate.task,
            length=one.estimate.length,
            size=one.estimate.size,
            dimension=one.estimate.dimension,
            log_ratio=one.estimate.log_ratio,
            named=one.families,
        )
        for one in compared
    ]
    sources = len({one.estimate.source for one in compared})
    prior = prior_of(posterior, len(rows), version)
    return AtlasSummary(version, sources, tuple(rows), prior, check is not None and check.better)
