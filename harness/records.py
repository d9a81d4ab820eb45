"""The frozen records that travel between modules.

They hold plain values (and know how to become JSON and come back), import nothing of the package but its errors, and
decide nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Value: TypeAlias = bool | int | float | str
"""The value of one hyperparameter."""


class TaskKind(StrEnum):
    """What is predicted."""

    FORECAST = "forecast"
    CLASSIFY = "classify"
    REGRESS = "regress"


class Direction(StrEnum):
    """Which scores are better."""

    MIN = "min"
    MAX = "max"


class Phase(StrEnum):
    """Why a model was trained: to find hyperparameters, or to show the spread of the ones found."""

    SEARCH = "search"
    CONFIRMATION = "confirmation"


class TrialStatus(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    FAILED = "failed"


class FailureKind(StrEnum):
    """Why a trial has no score."""

    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    KILLED = "killed"
    BUG = "bug"


class Outcome(StrEnum):
    """The three answers a verdict can give."""

    WINNER = "winner"
    PRACTICALLY_EQUAL = "practically_equal"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric by which trials are chosen and families compared.

    Attributes:
        metric: Name of the metric, a key of `harness.metrics.METRICS`.
        direction: Whether lower or higher scores are better.
        unit: Unit of the score for people, such as `MWh`; empty for a pure number.
    """

    metric: str
    direction: Direction
    unit: str = ""

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` is strictly better than score `b`."""
        return a < b if self.direction is Direction.MIN else a > b


@dataclass(frozen=True, slots=True)
class Arm:
    """A contestant: one family, or one of two searches of the same family.

    Attributes:
        name: What the arm is called in tables: the family's name, or `lstm-1`, `lstm-2` where a family plays itself.
        family: The family whose search space it uses.
    """

    name: str
    family: str


@dataclass(frozen=True, slots=True)
class TrialKey:
    """Which training this is, unique within a sweep.

    Attributes:
        dataset: Name of the dataset.
        arm: Name of the arm.
        replicate: Number of the replicate, from 1.
        phase: Search or confirmation.
        number: Number of the trial within its search, or of the confirmation within its arm, from 1.
    """

    dataset: str
    arm: str
    replicate: int
    phase: Phase
    number: int

    def __str__(self) -> str:
        return f"{self.dataset}/{self.arm}/r{self.replicate}/{self.phase.value}/{self.number:04d}"

    @classmethod
    def parse(cls, text: str) -> TrialKey:
        """The key that `str` wrote."""
        dataset, arm, replicate, phase, number = text.rsplit("/", 4)
        return cls(dataset, arm, int(replicate[1:]), Phase(phase), int(number))


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """A trial to be trained: everything a worker needs to know apart from the cards.

    Attributes:
        key: Which trial.
        family: Family of the recurrent cell.
        values: The hyperparameters' values.
        seed: Seed of initial weights, batch order and dropout.
        epochs: The most epochs to train.
        patience_epochs: Epochs without a better validation score after which training ends.
    """

    key: TrialKey
    family: str
    values: Mapping[str, Value]
    seed: int
    epochs: int
    patience_epochs: int

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return {**_plain(self), "key": str(self.key)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TrialRequest:
        """The request that `to_json` wrote."""
        return cls(**{**plain, "key": TrialKey.parse(plain["key"])})


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What became of a trial, with no word of the test part.

    Attributes:
        key: Which trial.
        status: Completed or failed.
        validation_score: Score of the best epoch on the validation part, in the objective's unit; None when failed.
        best_epoch: Epoch of that score, from 1; 0 when failed.
        epochs: Epochs trained.
        train_losses: Loss of each epoch on the training part, as optimised (scaled units).
        validation_scores: Validation score of each epoch.
        parameters: Number of trainable weights.
        recurrent_parameters: Number of those in recurrent layers.
        gradient_steps: Batches whose gradient was applied.
        fit_seconds: Training and validation, compiling apart.
        compile_seconds: Tracing and compiling; 0 when a compiled function was used again.
        started_at: Seconds since 1970 at which the worker began.
        kernel: How the epochs ran, such as `xla-epoch` or `tf-epoch`.
        failure: Why there is no score; None when completed.
        message: The failure in one line; empty when completed.
        traceback: The failure's traceback; empty when there is none.
    """

    key: TrialKey
    status: TrialStatus
    validation_score: float | None = None
    best_epoch: int = 0
    epochs: int = 0
    train_losses: tuple[float, ...] = ()
    validation_scores: tuple[float, ...] = ()
    parameters: int = 0
    recurrent_parameters: int = 0
    gradient_steps: int = 0
    fit_seconds: float = 0.0
    compile_seconds: float = 0.0
    started_at: float = 0.0
    kernel: str = ""
    failure: FailureKind | None = None
    message: str = ""
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads; non-finite numbers become None."""
        return {**_plain(self), "key": str(self.key)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TrialRecord:
        """The record that `to_json` wrote."""
        failure = plain.get("failure")
        return cls(
            **{
                **plain,
                "key": TrialKey.parse(plain["key"]),
                "status": TrialStatus(plain["status"]),
                "failure": FailureKind(failure) if failure else None,
                "train_losses": _floats(plain.get("train_losses", ())),
                "validation_scores": _floats(plain.get("validation_scores", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class SealedScore:
    """A trial's score on the test part, kept apart from its `TrialRecord` until the dataset's last search has closed.

    Attributes:
        key: Which trial.
        test_score: Score of the best epoch's weights on the test part, in the objective's unit.
    """

    key: TrialKey
    test_score: float

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return {"key": str(self.key), "test_score": self.test_score}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SealedScore:
        """The score that `to_json` wrote."""
        return cls(TrialKey.parse(plain["key"]), float(plain["test_score"]))


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row of the table that verdicts are made from.

    Attributes:
        dataset: Name of the dataset.
        family: Name of the arm (the family, unless a family plays itself).
        replicate: Number of the replicate, from 1.
        trial: Number of the trial within its search, from 1.
        validation: Validation score; None when the trial failed.
        test: Test score; None when the trial failed.
        parameters: Number of trainable weights; None when unknown.
        fit_seconds: Seconds of training; None when unknown.
        status: Completed or failed.
    """

    dataset: str
    family: str
    replicate: int
    trial: int
    validation: float | None
    test: float | None
    parameters: int | None = None
    fit_seconds: float | None = None
    status: TrialStatus = TrialStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class BaselineScore:
    """Score of a model without a recurrent cell.

    Attributes:
        name: Such as `seasonal naive` or `ridge on the lags`.
        validation_score: On the validation part, in the objective's unit.
        test_score: On the test part, in the objective's unit.
        fit_seconds: Seconds of fitting and predicting.
    """

    name: str
    validation_score: float
    test_score: float
    fit_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values that are this class's arguments."""
        return _plain(self)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What one arm spent on one dataset, in every currency.

    Attributes:
        asked: Trials asked for.
        distinct: Different sets of hyperparameters among them.
        completed: Trials with a score.
        failed: Failures by kind.
        epochs: Epochs trained.
        gradient_steps: Batches whose gradient was applied.
        fit_seconds: Seconds of training, compiling apart.
        compile_seconds: Seconds of tracing and compiling.
        parameters: Smallest, median and largest number of trainable weights.
        kernels: Trials by the kernel that ran them.
    """

    asked: int = 0
    distinct: int = 0
    completed: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    epochs: int = 0
    gradient_steps: int = 0
    fit_seconds: float = 0.0
    compile_seconds: float = 0.0
    parameters: tuple[int, int, int] = (0, 0, 0)
    kernels: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values that are this class's arguments."""
        return _plain(self)


@dataclass(frozen=True, slots=True)
class Pair:
    """How two families compare on one dataset.

    Attributes:
        first: One family.
        second: The other.
        difference: How much better the first's expected test score is, in the metric's units.
        low: Lower end of the difference's interval.
        high: Upper end of the difference's interval.
        p: Two-sided p of no difference, adjusted by Holm over the pairs of the dataset.
        outcome: One of the three answers, for this pair alone.
        family: The better one; None unless the outcome is `winner`.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    outcome: Outcome
    family: str | None

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Pair:
        """The pair that a verdict's `to_json` wrote."""
        numbers = ("difference", "low", "high", "p")
        return cls(
            **{
                **plain,
                **{name: _float(plain[name]) for name in numbers},
                "outcome": Outcome(plain["outcome"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided for one dataset, with the numbers behind it.

    Differences are `b` minus `a` in the test metric's units, turned so that a positive one says `families[0]` is
    better.

    Attributes:
        dataset: Name of the dataset.
        outcome: One of the three answers.
        family: The winner's name; None unless the outcome is `winner`.
        families: The arms compared: two in the order given; three or more by expected score, best first.
        trials: Budget n: what is decided is the expected test score of the best of n trials by validation.
        completed: Completed trials of each family.
        expected: Expected test score of each family's search of that budget.
        difference: How much better the first family's expected score is than the second's (of three or more:
            the best against the runner-up, as for `low`, `high` and `probabilities`).
        low: Lower end of the difference's interval.
        high: Upper end of the difference's interval.
        level: Level of that interval, such as 0.98.
        region: Half-width of the region of practical equivalence, in the metric's units.
        probabilities: Probability that the first is better, that they are practically equal, that the second is
            better; they sum to 1.
        method: How it was decided, in a few words.
        withheld_because: Reasons for which no winner may be named; any one makes the outcome `undecided`.
        qualified_because: Reasons to read a verdict with care, such as no cell beating the best baseline.
        recommended: The family to use when practically equal: the cheaper one; None otherwise.
        cheaper_because: Why that one is cheaper; empty otherwise.
        more_trials: Estimate of how many more completed trials a family, beyond those there are, would
            probably decide; None when decided, withheld or not to be had.
        shuffled: Share of random exchanges of trials between the two families that differ as much as they do;
            None where the interval holds zero and it was not asked.
        pairs: Every pair of families, with p-values adjusted by Holm over the pairs of this dataset.
    """

    dataset: str
    outcome: Outcome
    family: str | None
    families: tuple[str, ...]
    trials: int
    completed: Mapping[str, int]
    expected: Mapping[str, float]
    difference: float
    low: float
    high: float
    level: float
    region: float
    probabilities: tuple[float, float, float]
    method: str
    withheld_because: tuple[str, ...] = ()
    qualified_because: tuple[str, ...] = ()
    recommended: str | None = None
    cheaper_because: str = ""
    more_trials: int | None = None
    shuffled: float | None = None
    pairs: tuple[Pair, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads; non-finite numbers become None."""
        return {**_plain(self), "pairs": [_plain(pair) for pair in self.pairs]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_json` wrote."""
        lists = ("families", "withheld_because", "qualified_because")
        numbers = ("difference", "low", "high")
        return cls(
            **{
                **plain,
                **{name: tuple(plain[name]) for name in lists},
                **{name: _float(plain[name]) for name in numbers},
                "outcome": Outcome(plain["outcome"]),
                "expected": {name: _float(value) for name, value in plain["expected"].items()},
                "probabilities": _floats(plain["probabilities"]),
                "pairs": tuple(Pair.from_json(pair) for pair in plain.get("pairs", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class PairAcross:
    """What two families are to each other over all datasets of a decision.

    Attributes:
        first: One family.
        second: The other.
        wins: Datasets on which the first beats the second.
        ties: Datasets on which they are practically equal.
        losses: Datasets on which the second beats the first.
        undecided: The other datasets.
        datasets: Datasets whose differences the two tests use: those with nothing withheld.
        signed_rank: Probability that over datasets like these the first is better, that they are practically
            equal, that the second is better (Benavoli et al. 2017); None when refused.
        wilcoxon_p: Two-sided p of Wilcoxon's signed-rank test, adjusted by Holm over the pairs; None when
            refused.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    undecided: int
    datasets: int
    signed_rank: tuple[float, float, float] | None = None
    wilcoxon_p: float | None = None


@dataclass(frozen=True, slots=True)
class Across:
    """What is to be said over several datasets.

    Attributes:
        wins: Datasets that each family wins against every other.
        practically_equal: Datasets with that outcome.
        undecided: Datasets with that outcome.
        pairs: Every pair of families.
        average_ranks: Mean rank of each family by expected test score, 1 the best; empty when refused.
        friedman_p: p of Friedman's test that all families rank alike; None when refused.
        critical_difference: Difference of average ranks beyond which Nemenyi's test tells two families apart
            at 5 %; None when refused.
        refused: Tests that were not made, each with its reason.
    """

    wins: Mapping[str, int]
    practically_equal: int
    undecided: int
    pairs: tuple[PairAcross, ...]
    average_ranks: Mapping[str, float]
    friedman_p: float | None
    critical_difference: float | None
    refused: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values of all fields."""
        return {**_plain(self), "pairs": [_plain(pair) for pair in self.pairs]}


@dataclass(frozen=True, slots=True)
class Decision:
    """All that is decided from one table of scores.

    Attributes:
        verdicts: Verdict of each dataset, by its name.
        overall: One sentence for all datasets, which says no more than the verdicts do.
        across: The numbers behind that sentence; None for a single dataset.
    """

    verdicts: Mapping[str, Verdict]
    overall: str
    across: Across | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values of everything decided; non-finite numbers become None."""
        return {
            "overall": self.overall,
            "verdicts": {name: verdict.to_json() for name, verdict in self.verdicts.items()},
            "across": self.across.to_json() if self.across else None,
        }


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
        name: Registered name, the dataset's.
        version: Registered version.
        alias: `champion` when it beats the best baseline, else `candidate`.
        family: Family of its cell.
        arm: Arm it came from.
        trial: Key of its trial.
        why: Why this family's model was exported, in one sentence.
        test_score: Its logged test score, which the registered model gave again in a clean process.
        path: Folder of the saved model.
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

    def to_json(self) -> dict[str, Any]:
        """Plain values that are this class's arguments."""
        return _plain(self)


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
        notes: What loading had to say.
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

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return _plain(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DataFacts:
        """The facts that `to_json` wrote."""
        tuples = ("sizes", "steps", "channels", "targets", "classes", "notes")
        return cls(**{**plain, **{name: tuple(plain[name]) for name in tuples}, "task": TaskKind(plain["task"])})


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
        tracking_uri: Where MLflow keeps it.
        seed: The sweep's seed.
        versions: Versions of the libraries that ran it.
        unfinished: Datasets whose comparison is not over, with why.
        budget: The budget in words, such as `12 trials a family`.
        across: The numbers behind `overall`; None for a single dataset.
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


def derive_seed(*parts: object) -> int:
    """A seed from whatever names what it is for.

    Hashing the names, rather than adding numbers, keeps neighbouring seeds apart; 0 is left out because Keras Tuner
    reads it as "no seed".

    Args:
        parts: Such as the sweep's seed, the dataset, the arm, the replicate and the trial.

    Returns:
        A whole number from 1 to 2³¹ - 1.
    """
    text = "\x1f".join(str(part) for part in parts)
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return number % (2**31 - 1) + 1


def _plain(record: Any) -> dict[str, Any]:
    return {name: _plain_value(getattr(record, name)) for name in _names(record)}


def _names(record: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(record)]


def _plain_value(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain_value(item) for item in value]
    return value


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(_float(value) for value in values)
