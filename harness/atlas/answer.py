"""LSTM or GRU over many data sets: everything that the Atlas says, from its tables alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas import false_winners
from harness.atlas.false_winners import FalseWinners, clustered
from harness.atlas.model import FEWEST, FEWEST_SOURCES, LEAST_ERROR, Pooled, Posterior, Shrunken
from harness.atlas.moderators import Moderators, moderators
from harness.atlas.predict import Prediction, predict
from harness.atlas.prior import PriorCheck, check_prior
from harness.atlas.regression import Interval, reml
from harness.atlas.standings import EQUAL, FAMILIES, UNDECIDED, DatasetStanding, standings
from harness.atlas.tables import Tables
from harness.records.serialization import Record
from harness.stats.across import wilcoxon
from harness.stats.levels import LEVEL, MINIMUM_DATASETS

ALL = "all"
"""What stands for all tasks."""


@dataclass(frozen=True, slots=True)
class Share(Record):
    """A share of data sets, with Wilson's interval (1927) for as many draws as there are sources.

    Attributes:
        count: Data sets that are meant.
        of: All of them for which it is known.
        share: The share.
        low: Lower end of the interval.
        high: Upper end.
    """

    count: int
    of: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SignedRank(Record):
    """Wilcoxon's test over sources, each by the median of its data sets.

    Attributes:
        sources: Sources.
        better: Sources whose median favours gru.
        p: Two-sided p.
    """

    sources: int
    better: int
    p: float


@dataclass(frozen=True, slots=True)
class Cost(Record):
    """A cost of gru over that of lstm, both at equal quality: a geometric mean over data sets.

    Attributes:
        datasets: Data sets for which it is known.
        ratio: The ratio.
        low: Lower end of its interval, clustered by source.
        high: Upper end.
    """

    datasets: int
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Answer(Record):
    """What the Atlas says.

    Attributes:
        plan: Versions of the plan that the tables were made by.
        versions: Versions of the package that made them.
        cpus: Kinds of processor that made them.
        planned: Data sets of the plan; None where no plan is at hand.
        standings: Each data set that is compared.
        shrunken: What the model says of each, in the same order; empty where there are too few.
        left_out: Why the others are not compared, by name.
        pooled: The mean over data sets like these; None where there are too few.
        reml: The same by restricted maximum likelihood, without a prior and without outliers.
        signed_rank: The test over sources; None where there are too few.
        outcomes: Data sets by task (and `all`) and what their trials name.
        decided: Share of data sets on which each of the three questions is decided.
        moderators: What the difference depends on; None where there are too few.
        parameters: Weights at equal quality; None where they are unknown.
        seconds: Seconds of training at equal quality; None likewise.
        baseline: Share of data sets on which the baseline beats both, by task (and `all`).
        prediction: Whether an unseen data set's family can be told; None where there are too few.
        prior: Whether the prior that this gives to a verdict is better than the usual one; None likewise.
        false_winners: The check of the rule on splits, over all and by task.
    """

    plan: str
    versions: tuple[str, ...]
    cpus: tuple[str, ...]
    planned: int | None
    standings: tuple[DatasetStanding, ...]
    shrunken: tuple[Shrunken, ...]
    left_out: Mapping[str, str]
    pooled: Pooled | None
    reml: Interval | None
    signed_rank: SignedRank | None
    outcomes: Mapping[str, Mapping[str, int]]
    decided: Mapping[str, Share]
    moderators: Moderators | None
    parameters: Cost | None
    seconds: Cost | None
    baseline: Mapping[str, Share]
    prediction: Prediction | None
    prior: PriorCheck | None
    false_winners: tuple[FalseWinners, ...]

    @property
    def sources(self) -> int:
        """Independent sources of the data sets compared."""
        return len({one.estimate.source for one in self.standings})

    @property
    def complete(self) -> bool:
        """Whether every data set of the plan has a row."""
        return self.planned is not None and self.planned <= len(self.standings) + len(self.left_out)


def answer_of(tables: Tables, planned: int | None = None, splits: int = false_winners.SPLITS) -> Answer:
    """Everything that the tables say.

    Args:
        tables: The Atlas's tables.
        planned: Data sets of the plan.
        splits: Splits of each family's trials in the check of the rule; 0 for none.
    """
    compared, left_out = standings(tables)
    estimates = [one.estimate for one in compared]
    sources = [one.source for one in estimates]
    enough = len(compared) >= FEWEST and len(set(sources)) >= FEWEST_SOURCES
    posterior = Posterior(estimates) if enough else None
    pooled = posterior.pooled() if posterior else None
    rows = [tables.datasets[one.dataset] for one in compared]
    return Answer(
        plan=", ".join(sorted({row.plan for row in rows} - {""})),
        versions=tuple(sorted({row.version for row in rows} - {""})),
        cpus=tuple(sorted({row.cpu for row in rows} - {""})),
        planned=planned,
        standings=tuple(compared),
        shrunken=tuple(posterior.shrunken()) if posterior else (),
        left_out=left_out,
        pooled=pooled,
        reml=_reml(compared) if enough else None,
        signed_rank=_signed_rank(compared),
        outcomes={task: _outcomes(its) for task, its in by_task(compared).items()},
        decided=_decided(compared),
        moderators=moderators(estimates, pooled) if pooled else None,
        parameters=_cost([one.parameters for one in compared], sources),
        seconds=_cost([one.seconds for one in compared], sources),
        baseline={task: its for task, ones in by_task(compared).items() if (its := _baseline(ones))},
        prediction=predict(estimates, pooled) if pooled else None,
        prior=check_prior(tables, compared, posterior) if posterior else None,
        false_winners=false_winners.check(tables, splits) if splits else (),
    )


def by_task(compared: Sequence[DatasetStanding]) -> dict[str, list[DatasetStanding]]:
    """The standings over all tasks, then task by task."""
    tasks = sorted({one.estimate.task for one in compared})
    return {ALL: list(compared)} | {task: [one for one in compared if one.estimate.task == task] for task in tasks}


def _reml(compared: Sequence[DatasetStanding]) -> Interval | None:
    values = np.array([one.estimate.log_ratio for one in compared])
    errors = np.maximum([one.estimate.error for one in compared], LEAST_ERROR)
    found = reml(values, errors, [one.estimate.source for one in compared])
    return found.of([1.0]) if found else None


def _signed_rank(compared: Sequence[DatasetStanding]) -> SignedRank | None:
    by_source: dict[str, list[float]] = {}
    for one in compared:
        by_source.setdefault(one.estimate.source, []).append(one.estimate.log_ratio)
    medians = np.array([float(np.median(its)) for its in by_source.values()])
    if len(medians) < MINIMUM_DATASETS:
        return None
    return SignedRank(len(medians), int(np.sum(medians > 0)), wilcoxon(medians))


def _outcomes(compared: Sequence[DatasetStanding]) -> dict[str, int]:
    counts = Counter(one.families for one in compared)
    return {name: counts[name] for name in (*FAMILIES, EQUAL, UNDECIDED)}


def _decided(compared: Sequence[DatasetStanding]) -> dict[str, Share]:
    """Of each question: an answer is a family's name or that both are practically equal."""
    found = {}
    for question in ("models", "configurations", "families"):
        known = [
            (getattr(one, question) != UNDECIDED, one.estimate.source) for one in compared if getattr(one, question)
        ]
        if known:
            found[question] = _share(*zip(*known, strict=True))
    return found


def _baseline(compared: Sequence[DatasetStanding]) -> Share | None:
    known = [(one.baseline_better, one.estimate.source) for one in compared if one.baseline_better is not None]
    return _share(*zip(*known, strict=True)) if known else None


def _share(hits: Sequence[bool | None], sources: Sequence[str]) -> Share:
    from scipy import special

    share, draws = float(np.mean(np.array(hits, dtype=np.float64))), len(set(sources))
    z = float(special.ndtri((1 + LEVEL) / 2))
    middle = (share + z**2 / (2 * draws)) / (1 + z**2 / draws)
    reach = z / (1 + z**2 / draws) * math.sqrt(share * (1 - share) / draws + z**2 / (4 * draws**2))
    return Share(sum(map(bool, hits)), len(hits), share, max(0.0, middle - reach), min(1.0, middle + reach))


def _cost(ratios: Sequence[float | None], sources: Sequence[str]) -> Cost | None:
    from scipy import special

    known = [(math.log(ratio), source) for ratio, source in zip(ratios, sources, strict=True) if ratio]
    if not known:
        return None
    logs, whose = zip(*known, strict=True)
    mean, error, count = clustered(np.array(logs), whose)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error if count > 1 else math.inf
    return Cost(len(logs), math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))
