"""A finished comparison and a sweep as they stand: what reports, MLflow and exports are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.records.explanations import Explanation
from harness.records.plain import to_plain
from harness.records.trials import Arm, BaselineScore, Direction, Ledger, Objective, TaskKind, TrialRecord, Value
from harness.records.verdicts import Across, ScoreRow, Verdict


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm's part of a finished comparison.

    Attributes:
        arm: Which arm.
        ledger: What it spent.
        selected: The trial selected by validation over all replicates; None when no trial completed.
        selected_values: Its hyperparameters.
        selected_seed: Its seed.
        validation_score: Its validation score.
        test_score: Its test score.
        confirmations: Test scores of the selected hyperparameters, retrained with fresh seeds.
    """

    arm: Arm
    ledger: Ledger
    selected: TrialRecord | None
    selected_values: Mapping[str, Value]
    selected_seed: int
    validation_score: float | None
    test_score: float | None
    confirmations: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChampionInfo:
    """The exported model of a comparison.

    Attributes:
        name: Registered name, the dataset's unless the sweep was given another.
        version: Registered version.
        alias: `champion` when it beats the best baseline and is not worse than the champion before it, else
            `candidate`; empty where both are somebody else's.
        family: Family of its cell.
        arm: Arm it came from.
        trial: Key of its trial.
        why: Why this family's model was exported, in one sentence.
        test_score: Its logged test score, which the registered model gave again in a clean process.
        path: Folder of the saved model.
        alias_because: Which alias moved, or did not, and why, in one line with both scores; empty where nothing had it.
    """

    name: str
    version: str
    alias: str
    family: str
    arm: str
    trial: str
    why: str
    test_score: float
    path: str
    alias_because: str = ""

    @property
    def reference(self) -> str:
        """What MLflow calls it: by its alias, where it has one."""
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}/{self.version}"

    def to_json(self) -> dict[str, Any]:
        """Plain values that are this class's arguments."""
        return to_plain(self)


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a dataset is, for people and for the record.

    Attributes:
        title: One line for people.
        task: What is predicted.
        sizes: Number of sequences or windows of the training, validation and test parts.
        steps: Shortest and longest sequence, in steps.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        classes: Class names; empty unless the task is `classify`.
        digest: Digest of the full content of all parts.
        license: Licence of the data.
        split: The rule of the split, in words.
        notes: What loading had to say, warnings among them.
        rows: The training, validation and test part's places in the source, from 0, as ranges such as `0-9,12`: first
            rows of windows, or sequences.
    """

    title: str
    task: TaskKind
    sizes: tuple[int, int, int]
    steps: tuple[int, int]
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    digest: str
    license: str
    split: str
    notes: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return to_plain(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DataFacts:
        """The facts that `to_json` wrote."""
        tuples = ("sizes", "steps", "channels", "targets", "classes", "notes")
        found = {**{name: tuple(plain[name]) for name in tuples}, "rows": tuple(plain.get("rows", ()))}
        return cls(**{**plain, **found, "task": TaskKind(plain["task"])})


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """Everything known of one dataset when its comparison is over; what a report is written from.

    Attributes:
        dataset: Name of the dataset.
        facts: What the dataset is.
        objective: The metric of all scores here.
        arms: Each arm's part, in the order of the sweep.
        baselines: Scores of the models without a recurrent cell.
        verdict: What is decided.
        champion: The exported model; None when nothing was exported.
        trials: All search trials, in the order they were asked.
        scores: Test score of each trial, by its key's text.
        rows: The table that the verdict was made from.
        values: Hyperparameters of each trial, by its key's text.
        explanation: What the selected networks do with the data; None where nobody asked.
    """

    dataset: str
    facts: DataFacts
    objective: Objective
    arms: tuple[ArmResult, ...]
    baselines: tuple[BaselineScore, ...]
    verdict: Verdict
    champion: ChampionInfo | None
    trials: tuple[TrialRecord, ...]
    scores: Mapping[str, float]
    rows: tuple[ScoreRow, ...]
    values: Mapping[str, Mapping[str, Value]]
    explanation: Explanation | None = None

    @property
    def best_baseline(self) -> BaselineScore | None:
        """The baseline with the best test score; None when there is none."""
        if not self.baselines:
            return None
        sign = 1 if self.objective.direction is Direction.MIN else -1
        return min(self.baselines, key=lambda baseline: sign * baseline.test_score)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A sweep as it stands: what `harness report` shows.

    Attributes:
        sweep_id: Its id, also its folder's name.
        name: Its name, also the MLflow experiment's.
        comparisons: Finished comparisons, in order.
        overall: One sentence for all datasets.
        tracking_uri: Where MLflow keeps it, without a password.
        seed: The sweep's seed.
        versions: Versions of the libraries that ran it.
        unfinished: Datasets whose comparison is not over, with why.
        budget: The budget in words, such as `12 trials a family`.
        across: The numbers behind `overall`; None for a single dataset.
        behind: Why MLflow does not hold everything yet; empty when it does.
    """

    sweep_id: str
    name: str
    comparisons: tuple[ComparisonResult, ...]
    overall: str
    tracking_uri: str
    seed: int
    versions: Mapping[str, str]
    unfinished: Mapping[str, str]
    budget: str
    across: Across | None = None
    behind: str = ""
