"""What one data set's own trials say: the log ratio of losses, the verdict on families, costs at equal quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas.model import Estimate
from harness.atlas.tables import KINDS, DatasetRow, Tables, TrialRow
from harness.records import Direction, Objective, Phase, ScoreRow, TrialStatus
from harness.records.serialization import Record
from harness.stats import decide_rows
from harness.stats.in_hand import configurations
from harness.stats.levels import LEVEL, MARGIN_SHARE
from harness.stats.outlook import turned_to

FAMILIES = ("gru", "lstm")
"""The two that are compared. The first is the one that positive numbers favour."""

UNDECIDED, EQUAL = "undecided", "practically_equal"


@dataclass(frozen=True, slots=True)
class DatasetStanding(Record):
    """One data set.

    Attributes:
        estimate: The log ratio of losses with its error: positive where gru is better.
        collection: Where it was published.
        metric: Metric of its scores.
        trials: Completed trials of the family with fewer.
        families: Which family its trials name, or the outcome.
        models: Whose selected model the sweep named over test cases, or the outcome; empty where that is unknown.
        configurations: Whose hyperparameters are better over fresh seeds; the outcome; empty without seeds.
        baseline: The baseline that validation selects; empty for none.
        baseline_better: Whether its test score is better than those of both selected networks; None without one.
        parameters: Weights of gru's smallest network of equal quality over those of lstm's; None where unknown.
        seconds: The same of its quickest one's seconds of training.
    """

    estimate: Estimate
    collection: str
    metric: str
    trials: int
    families: str
    models: str
    configurations: str
    baseline: str
    baseline_better: bool | None
    parameters: float | None
    seconds: float | None

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.estimate.dataset


def standings(tables: Tables) -> tuple[list[DatasetStanding], dict[str, str]]:
    """All data sets that can be compared, and why the others cannot.

    Args:
        tables: The Atlas's tables.

    Returns:
        The standings in the order of the tables; the reason of each data set that is left out, by its name.
    """
    found, left_out = [], {}
    for name, row in tables.datasets.items():
        its = standing(row, tables.trials[name]) if not row.failure else row.failure
        if isinstance(its, DatasetStanding):
            found.append(its)
        else:
            left_out[name] = its
    return found, left_out


def standing(row: DatasetRow, trials: Sequence[TrialRow]) -> DatasetStanding | str:
    """One data set's standing; in a text why there is none."""
    rows = score_rows(trials)
    if lacking := [name for name in FAMILIES if not any(one.family == name for one in rows)]:
        return f"no trial of {' and '.join(lacking)}"
    objective = objective_of(row)
    verdict = decide_rows(
        rows,
        objective=objective,
        margins={row.dataset: None},
        families=FAMILIES,
        baselines={} if row.baseline_test is None else {row.dataset: row.baseline_test},
    ).verdicts[row.dataset]
    if verdict.reasons_to_abstain:
        return "; ".join(verdict.reasons_to_abstain)
    outlook = verdict.outlook and turned_to(FAMILIES[0], verdict.outlook)
    if outlook is None or outlook.log_ratio is None or outlook.error is None:
        return "a loss below 0 has no ratio"
    return DatasetStanding(
        estimate=Estimate(
            dataset=row.dataset,
            source=row.source,
            task=row.task,
            log_ratio=outlook.log_ratio,
            error=outlook.error,
            length=row.length,
            size=row.train,
            dimension=row.channels,
        ),
        collection=row.collection,
        metric=row.metric,
        trials=min(verdict.completed.values()),
        families=verdict.family or verdict.outcome.value,
        models=row.models_verdict,
        configurations=_over_seeds(trials, objective),
        baseline=row.baseline,
        baseline_better=_baseline_better(row, rows, objective),
        parameters=_at_equal_quality(rows, objective, "parameters"),
        seconds=_at_equal_quality(rows, objective, "fit_seconds"),
    )


def objective_of(row: DatasetRow) -> Objective:
    """The metric of a data set with its direction."""
    return Objective(row.metric, row.direction or Direction.MIN)


def score_rows(trials: Sequence[TrialRow]) -> list[ScoreRow]:
    """The searched trials of the two families as the rows that are decided from."""
    return [
        ScoreRow(
            one.dataset,
            one.family,
            one.replicate,
            one.trial,
            one.validation,
            one.test,
            one.parameters or None,
            one.seconds,
            one.status,
        )
        for one in trials
        if one.kind == KINDS[Phase.SEARCH] and one.family in FAMILIES
    ]


def _over_seeds(trials: Sequence[TrialRow], objective: Objective) -> str:
    scores: Mapping[str, list[float]] = {name: [] for name in FAMILIES}
    for one in trials:
        if one.kind == KINDS[Phase.SEED_REPEAT] and one.family in scores and one.test is not None:
            scores[one.family].append(one.test)
    its = configurations(scores, {}, objective.direction, LEVEL)
    return "" if its is None else its.family or UNDECIDED


def _completed(rows: Sequence[ScoreRow], family: str) -> list[ScoreRow]:
    return [one for one in rows if one.family == family and one.status is TrialStatus.COMPLETED]


def _baseline_better(row: DatasetRow, rows: Sequence[ScoreRow], objective: Objective) -> bool | None:
    """Whether the best baseline beats what validation selects of either family, on the whole test part."""
    if row.baseline_test is None:
        return None
    sign = objective.direction.sign
    best = [min(_completed(rows, name), key=lambda one: sign * (one.validation or 0.0)) for name in FAMILIES]
    return all(objective.better(row.baseline_test, one.test or 0.0) for one in best)


def _at_equal_quality(rows: Sequence[ScoreRow], objective: Objective, cost: str) -> float | None:
    """The least cost of a network of the first family over that of the second, where both are equally good.

    Equally good is what validates within 5 % of the loss that both families reach: the best of the one that is worse.
    """
    lossy, costs = [], []
    for name in FAMILIES:
        its = _completed(rows, name)
        scores = np.array([one.validation or 0.0 for one in its])
        lossy.append(scores if objective.direction is Direction.MIN else 1 - scores)
        costs.append(np.array([getattr(one, cost) or math.nan for one in its]))
    reached = max(float(losses.min()) for losses in lossy)
    if reached < 0 or np.isnan(np.concatenate(costs)).any():
        return None
    enough = (losses <= reached * (1 + MARGIN_SHARE) for losses in lossy)
    first, second = (float(its[good].min()) for its, good in zip(costs, enough, strict=True))
    return first / second
