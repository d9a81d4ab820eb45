"""All verdicts of some stores: what `harness leaderboard` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.records.serialization import Record


@dataclass(frozen=True, slots=True)
class LeaderboardRow(Record):
    """What one sweep found on one dataset.

    Attributes:
        dataset: Name of the dataset.
        task: Its kind of task.
        use: What to use, in words; of a sweep of 0.1.0 its outcome.
        family: The recommended family, or the best one where a baseline is recommended; of 0.1.0 the winner. None where
            there is none.
        probability: Probability that what is recommended is better than what it is compared with; None where the
            verdict abstains.
        regret: The most that it costs against that, as a share of its loss, with the verdict's level; None likewise.
        metric: Name of the scores' metric.
        direction: `min` where lower scores are better, else `max`.
        unit: The scores' unit; empty for a pure number.
        score: Published test score of the family's model; None where it is not known.
        baseline: The best baseline by validation; None where there is none.
        baseline_score: Its test score.
        families: All families compared.
        trials: Completed search trials of the family that has the fewest.
        model: The registered model, such as `vic_elec/3`; empty where none is.
        alias: The alias that it was given; empty for none.
        decided_at: When it was decided: seconds since 1970.
        sweep_id: The sweep.
        store: Folder of its store.
    """

    dataset: str
    task: str
    use: str
    family: str | None
    probability: float | None
    regret: float | None
    metric: str
    direction: str
    unit: str
    score: float | None
    baseline: str | None
    baseline_score: float | None
    families: tuple[str, ...]
    trials: int
    model: str
    alias: str
    decided_at: float
    sweep_id: str
    store: str


@dataclass(frozen=True, slots=True)
class Leaderboard(Record):
    """The verdicts of some stores.

    Attributes:
        rows: By dataset, the newest first.
        unread: Sweeps that cannot be read, with why.
    """

    rows: tuple[LeaderboardRow, ...]
    unread: Mapping[str, str]
