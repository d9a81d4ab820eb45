"""What a card may say: the pydantic models of datasets, search spaces and sweeps.

Unknown keys are refused. Models are frozen; `model_dump(mode="json")` gives the plain values that travel to
workers and `model_validate` reads them back. A field's `description` is what an error says was expected.
Knows no files: `reading` gets at a card's values, `wording` puts its faults into words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from harness.cards.combinations import check_dataset
from harness.cards.faults import fault
from harness.cards.fields import (
    Card,
    Column,
    Columns,
    Count,
    CountOrZero,
    Name,
    Number,
    Plain,
    Seed,
    Share,
)
from harness.cards.hyperparameters import check_capacity, check_hyperparameters
from harness.cards.sources import ArraysSource as ArraysSource
from harness.cards.sources import FileSource as FileSource
from harness.cards.sources import GeneratorSource as GeneratorSource
from harness.cards.sources import KerasSource as KerasSource
from harness.cards.sources import LoaderSource as LoaderSource
from harness.cards.sources import MatSource as MatSource
from harness.cards.sources import SklearnSource as SklearnSource
from harness.cards.sources import Source as Source
from harness.cards.sources import TextSource as TextSource
from harness.cards.sources import TsSource as TsSource
from harness.records import LOOKS, Direction
from harness.user_code import is_function


def _or_own(value: Any, named: ValidatorFunctionWrapHandler) -> Any:
    """A metric's name, or a function of the user's own in the form `file.py:function`."""
    return value if isinstance(value, str) and is_function(value) else named(value)


_Own = (WrapValidator(_or_own), PlainSerializer(str))
NumberMetric = Annotated[Literal["mae", "rmse", "mse"], *_Own]
ClassMetric = Annotated[Literal["accuracy", "balanced_accuracy", "macro_f1", "log_loss"], *_Own]
LabelMetric = Annotated[
    Literal["accuracy", "balanced_accuracy", "macro_f1", "log_loss", "nll", "binary_accuracy", "micro_f1"], *_Own
]
TokenMetric = Annotated[Literal["perplexity", "bits_per_character", "accuracy", "log_loss"], *_Own]
Vocabulary = Annotated[int, Field(ge=3, le=20_000, strict=True, description="a number from 3 to 20000")]
MetricDirection = Annotated[Direction, Field(description="min or max")] | None
ClassWeight = Annotated[Literal["balanced"], Field(description='"balanced"')] | None


# --- datasets -----------------------------------------------------------------------------------------------


class ForecastTask(Card):
    """Predict the targets' next `horizon_steps` values from the features' last `lookback_steps` values.

    Attributes:
        target: Columns that are predicted.
        features: Columns known up to now; without them every column of numbers is one.
        known_covariates: Columns known in advance, such as holidays and planned prices: inputs over the lookback and
            over the horizon. They need not be among the features.
        id: Column that tells the series of a panel apart: no window crosses from one to another.
        time: Column of times.
        lookback_steps: Steps that go in.
        horizon_steps: Steps that are predicted.
        window_stride: Rows from one window to the next.
        last_rows: How many rows of each series are used, the last ones; all where it is not given.
        season_steps: Steps of a season, for the seasonal naive baseline.
        metric: The objective.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        unit: Unit of the targets.
    """

    kind: Literal["forecast"]
    target: Annotated[
        tuple[Column, ...], Field(min_length=1, description='a list of at least one column, such as ["y"]')
    ]
    features: Columns = ()
    known_covariates: Columns = ()
    id: Column | None = None
    time: Column | None = None
    lookback_steps: Count
    horizon_steps: Count = 1
    window_stride: Count = 1
    last_rows: Count | None = None
    season_steps: Count | None = None
    metric: NumberMetric = "mae"
    direction: MetricDirection = None
    unit: str = ""


class ClassifyTask(Card):
    """Name the class of a whole sequence.

    Where the source is a table `target` and `id`, which groups its rows into sequences, are needed.
    `class_weight = "balanced"` weighs errors on rare classes as much as those on frequent ones, in training. Sequences
    that are longer than `window_steps` are cut into pieces of so many steps, `window_stride` from one to the next, each
    with the sequence's class; a sequence's pieces stay in one part. Texts are read as `tokens`, of which
    `vocabulary_size` are told apart, the most frequent of the training part.
    """

    kind: Literal["classify"]
    target: Column | None = None
    features: Columns = ()
    id: Column | None = None
    time: Column | None = None
    window_steps: Count | None = None
    window_stride: Count | None = None
    tokens: Literal["characters", "words"] = "characters"
    vocabulary_size: Vocabulary = 2000
    metric: ClassMetric = "accuracy"
    direction: MetricDirection = None
    class_weight: ClassWeight = None


class RegressTask(Card):
    """Predict one number for a whole sequence. A table's columns and `window_steps` are as for `ClassifyTask`."""

    kind: Literal["regress"]
    target: Column | None = None
    features: Columns = ()
    id: Column | None = None
    time: Column | None = None
    window_steps: Count | None = None
    window_stride: Count | None = None
    metric: NumberMetric = "mse"
    direction: MetricDirection = None
    unit: str = ""


class LabelTask(Card):
    """Say something of every step of a sequence: its class, or yes and no for each of several labels.

    Attributes:
        target: Columns of a table that hold the answers: one of classes, or, where `multi_label`, any of 0 and 1.
        features: Columns that go in.
        id: Column that groups rows into sequences; without it the table is one sequence.
        time: Column that orders a sequence's rows.
        multi_label: Whether each target is a yes or no of its own.
        ahead_steps: How many steps after its input an answer stands; from 1 on the answers of one step may be the
            inputs of a later one, as in music, where the targets are the channels themselves.
        window_steps: The most steps of a sequence; longer ones are cut into pieces of so many.
        window_stride: Steps from one piece to the next; `window_steps` where it is not given.
        last_rows: How many rows of the table are used, the last ones.
        metric: The objective; `accuracy`, or `nll` where `multi_label`.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        class_weight: `balanced` weighs errors on rare classes as much as those on frequent ones, in training.
    """

    kind: Literal["label"]
    target: Columns = ()
    features: Columns = ()
    id: Column | None = None
    time: Column | None = None
    multi_label: bool = False
    ahead_steps: CountOrZero = 0
    window_steps: Count | None = None
    window_stride: Count | None = None
    last_rows: Count | None = None
    metric: LabelMetric
    direction: MetricDirection = None
    class_weight: ClassWeight = None

    @model_validator(mode="before")
    @classmethod
    def _usual_metric(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("metric") is None:
            return {**values, "metric": "nll" if values.get("multi_label") else "accuracy"}
        return values


class NextTokenTask(Card):
    """Say which character or word comes next, at every step.

    Attributes:
        tokens: What a step is.
        vocabulary_size: The most tokens that are told apart, the most frequent of the training part; all others are one
            unknown token.
        window_steps: The most steps of a sequence; longer texts are cut into pieces of so many.
        window_stride: Steps from one piece to the next; `window_steps` where it is not given.
        metric: The objective.
        direction: Whether low or high scores are better; for a metric of one's own alone.
    """

    kind: Literal["next_token"]
    tokens: Literal["characters", "words"] = "characters"
    vocabulary_size: Vocabulary = 2000
    window_steps: Count = 64
    window_stride: Count | None = None
    metric: TokenMetric = "perplexity"
    direction: MetricDirection = None


TaskCard = Annotated[ForecastTask | ClassifyTask | RegressTask | LabelTask | NextTokenTask, Field(discriminator="kind")]


class SplitCard(Card):
    """How rows or sequences are divided.

    Attributes:
        rule: `time` (contiguous blocks, for forecasts), `rolling` (several such divisions, each later than the one
            before and trained on all that lies before it), `stratified` (classes in equal shares), `shuffled`,
            `group` (whole groups, such as all recordings of a person), or `archive` (the source's own test part,
            validation carved from its train part unless it has one of its own). None picks by task and source.
        validation: Share of the validation part; of a fold's rows for `rolling`.
        test: Share of the test part; ignored by `archive`.
        gap_steps: Extra rows left out between the blocks of a `time` or `rolling` split. Windows never cross a block's
            edge.
        folds: Divisions of a `rolling` split.
        fold: The one division of a `rolling` split that is wanted, from 1; None means all, and the last one where only
            one can be had.
        group: Column with each row's group, for `group` on a table; other sources name theirs in `[source]`.
        seed: Seed of the rules that draw by chance.
    """

    rule: Literal["time", "rolling", "stratified", "shuffled", "group", "archive"] | None = None
    validation: Share = 0.15
    test: Share = 0.15
    gap_steps: CountOrZero = 0
    folds: Annotated[int, Field(ge=2, le=20, strict=True, description="a whole number from 2 to 20")] | None = None
    fold: Count | None = None
    group: Column | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> SplitCard:
        if self.validation + self.test > 0.8:
            raise ValueError(
                f"validation + test = {self.validation + self.test:g}: "
                "expected at most 0.8, so that something is left to train on"
            )
        return self


class EncodingCard(Card):
    """From raw values to what a network sees; it ends up inside the exported model.

    Attributes:
        scaling: `none`, `standard` (mean 0, deviation 1), `robust` (median 0, interquartile range 1), `log` (the log of
            1 + size with its sign, then standard), `difference` (change from step to step, then standard; the answers
            are changes from the last value seen).
        calendar: Channels made from the column of times: each as sine and cosine of its cycle.
    """

    scaling: Literal["none", "standard", "robust", "log", "difference"] = "standard"
    calendar: tuple[Literal["minute", "hour", "weekday", "day", "month", "year"], ...] = ()


class SizeCard(Card):
    """How large a dataset is, for lists that load no data; `harness datasets check` holds it to the truth.

    Attributes:
        rows: Rows of a series, or sequences.
        steps: Steps of every sequence or lookback; shortest and longest where they differ.
        channels: Input channels.
        classes: Classes; 0 where there are none.
        megabytes: Of the file or download; 0 for what is generated.
    """

    rows: Count
    steps: Annotated[tuple[Count, Count], Field(description="a list of two: shortest and longest")] | Count
    channels: Count
    classes: CountOrZero = 0
    megabytes: Annotated[float, Field(ge=0, description="a number of at least 0")] = 0.0

    @property
    def shortest(self) -> int:
        """Steps of the shortest sequence."""
        return self.steps if isinstance(self.steps, int) else self.steps[0]

    @property
    def longest(self) -> int:
        """Steps of the longest sequence."""
        return self.steps if isinstance(self.steps, int) else self.steps[1]


class ReferenceCard(Card):
    """A published score on the dataset.

    Attributes:
        metric: Its metric.
        score: The score.
        model: What reached it.
        source: Where that is written.
        note: How far the score can be compared with ours.
    """

    metric: Annotated[str, Field(min_length=1, description="the name of a metric")]
    score: Number
    model: Annotated[str, Field(min_length=1, description="what reached the score")]
    source: Annotated[str, Field(min_length=1, description="where the score is written")]
    note: str = ""


class DatasetCard(Card):
    """A dataset: where its sequences are, what is predicted, how it is split.

    Attributes:
        name: Its name, the file's stem.
        title: One line for people.
        license: Licence of the data.
        homepage: Address that tells of it.
        citation: What to cite.
        suites: Names under which it can be swept together with others.
        size: How large it is.
        reference: A published score.
        source: Where the sequences are.
        task: What is predicted.
        split: How they are divided.
        encoding: From raw values to what a network sees.
        missing: What becomes of gaps: refused, filled on a straight line, or filled with the mean beside a channel that
            says where they were.
        smallest_difference: The smallest difference of scores that matters.
    """

    name: Name
    title: str = ""
    license: str = ""
    homepage: str = ""
    citation: str = ""
    suites: tuple[Name, ...] = ()
    size: SizeCard | None = None
    reference: ReferenceCard | None = None
    source: Source
    task: TaskCard
    split: SplitCard = SplitCard()
    encoding: EncodingCard = EncodingCard()
    missing: Literal["error", "interpolate", "mask"] = "error"
    smallest_difference: Annotated[float, Field(ge=0, strict=True, description="a number of at least 0")] | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> DatasetCard:
        check_dataset(self)
        return self


# --- search spaces ------------------------------------------------------------------------------------------


class Hyperparameter(Card):
    """One hyperparameter; the keys are the arguments of Keras Tuner's `HyperParameters.<type>`."""

    type: Literal["Choice", "Int", "Float", "Boolean", "Fixed"]
    values: tuple[Plain, ...] | None = None
    value: Plain | None = None
    ordered: Annotated[bool, Field(strict=True)] | None = None
    min_value: Number | None = None
    max_value: Number | None = None
    step: Number | None = None
    sampling: Literal["linear", "log", "reverse_log"] | None = None
    default: Plain | None = None
    parent_name: str | None = None
    parent_values: tuple[Plain, ...] | None = None
    reason: Annotated[str, Field(min_length=1, description="why only this family has it")] | None = None

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of Keras Tuner's method, apart from the name."""
        return self.model_dump(exclude={"type", "reason"}, exclude_none=True)


class SpaceCard(Card):
    """The search space of a family, with what it `extends` already merged in."""

    name: Name
    title: str = ""
    layer: Literal["LSTM", "GRU", "SimpleRNN"]
    capacity: Literal["units", "parameters"] = "units"
    hyperparameters: Annotated[dict[str, Hyperparameter], Field(min_length=1)]

    @model_validator(mode="after")
    def _hyperparameters_make_sense(self) -> SpaceCard:
        check_hyperparameters(self.hyperparameters)
        check_capacity(self.capacity, self.hyperparameters)
        return self


class SpaceFile(Card):
    """What one file of a search space may say, before what it `extends` is merged in."""

    name: Name | None = None
    title: str = ""
    extends: Annotated[str, Field(min_length=1, description="the name or path of a card")] | None = None
    layer: Literal["LSTM", "GRU", "SimpleRNN"] | None = None
    capacity: Literal["units", "parameters"] | None = None
    hyperparameters: dict[str, Hyperparameter] = Field(default_factory=dict)


# --- sweeps -------------------------------------------------------------------------------------------------


SCHEDULED = ("hyperband", "grid")
"""Oracles that set the number of trials themselves."""


RegisteredName = Annotated[
    str,
    Field(
        pattern=r"^(\{dataset\}|[A-Za-z0-9])(\{dataset\}|[A-Za-z0-9_.-])*$",
        max_length=80,
        description="a name of letters, digits, `_`, `.` and `-`, at most 80, in which {dataset} is the dataset's name",
    ),
]


class SweepPlan(Card):
    """What one launch does: the keys of a sweep's TOML file, and the options of `harness sweep`.

    The budget is either `trials` or `minutes`; with `minutes` alone `trials` is None. Hyperband and grid search set the
    number of trials themselves; both are None then.
    """

    name: Name = "sweep"
    datasets: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(min_length=1, description="a list of at least one dataset"),
    ]
    families: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(min_length=2, description="at least two families; one named twice plays itself"),
    ] = ("lstm", "gru")
    oracle: Literal["random", "bayesian", "hyperband", "grid"] = "random"
    trials: Count | None = 20
    minutes: Annotated[float, Field(gt=0, strict=True, description="a number greater than 0")] | None = None
    epochs: Count = 30
    patience_epochs: Count = 5
    prune: Annotated[bool, Field(strict=True)] = False
    replicates: Count = 1
    until_decided: Annotated[bool, Field(strict=True)] = False
    confirmations: CountOrZero = 3
    workers: Count | None = None
    trial_minutes: Annotated[float, Field(gt=0, strict=True, description="a number greater than 0")] | None = None
    trial_memory_mb: Count | None = None
    seed: Seed = 1
    register_as: RegisteredName | None = None

    @model_validator(mode="before")
    @classmethod
    def _minutes_stand_for_trials(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        if values.get("minutes") is not None or values.get("oracle") in SCHEDULED:
            return {"trials": None, **values}
        return values

    @model_validator(mode="after")
    def _one_budget(self) -> SweepPlan:
        if self.oracle in SCHEDULED:
            for name, number in (("trials", self.trials), ("minutes", self.minutes)):
                if number is not None:
                    raise fault((name,), f"expected none with oracle = {self.oracle}, which sets the number itself")
            if self.prune and self.oracle == "hyperband":
                raise fault(("prune",), "expected false with oracle = hyperband, which stops trials itself")
            return self._checked()
        if self.minutes is not None and self.trials is not None:
            raise fault(("minutes",), f"expected no minutes where trials = {self.trials} is given, or no trials")
        if self.minutes is None and self.trials is None:
            raise fault((), "expected a budget: trials or minutes")
        return self._checked()

    def _checked(self) -> SweepPlan:
        if self.until_decided and self.replicates != 1:
            looks = f"{', '.join(map(str, LOOKS[:-1]))} and {LOOKS[-1]}"
            raise fault(("replicates",), f"expected none beside until_decided, which looks at {looks} of them")
        if twice := sorted({name for name in self.datasets if self.datasets.count(name) > 1}):
            raise fault(("datasets",), f"expected each dataset once, got {', '.join(twice)} twice")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """Replicates at which the verdict is looked at; each but the last only until it is decided."""
        return LOOKS if self.until_decided else (self.replicates,)
