"""What `[task]` of a dataset's config may say: a model a task, with the metrics that it can be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from harness.config.sources import Column, Columns, Config, Count, CountOrZero
from harness.records import Direction
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
Times = (
    Annotated[
        Column | Annotated[tuple[Column, ...], Field(min_length=2)],
        Field(description='a column, or a list of columns such as ["date", "time"]'),
    ]
    | None
)
Layout = Annotated[Literal["long", "wide"], Field(description='"long" (a row a step) or "wide" (a row a sequence)')]
MetricDirection = Annotated[Direction, Field(description="min or max")] | None
ClassWeight = Annotated[Literal["balanced"], Field(description='"balanced"')] | None


class ForecastTask(Config):
    """Predict the targets' next `horizon_steps` values from the features' last `lookback_steps` values.

    Attributes:
        target: Columns that are predicted.
        features: Columns known up to now; without them every column of numbers is one.
        known_covariates: Columns known in advance, such as holidays and planned prices: inputs over the lookback and
            over the horizon. They need not be among the features.
        id: Column that tells the series of a panel apart: no window crosses from one to another.
        time: Column of times; or a list of columns, such as date and time of day, or year, month and day, whose texts
            make the time together.
        on_duplicates: What becomes of rows of one time: `error` refuses them, `first` and `last` keep one of them,
            `mean` takes the mean of each column.
        max_gap_steps: The most steps that a window may leap over between two rows. Without it one step, and a week's
            days where a series of days leaves out days of every week.
        lookback_steps: Steps that go in.
        horizon_steps: Steps that are predicted.
        window_stride: Rows from one window to the next.
        window_grid: The row that strides are counted from: `part`, each part's first one; or `series`, that of the
            series, so that windows of all parts begin at the same places of a season that the stride has a factor in
            common with, such as the same hours of a day.
        last_rows: How many rows of each series are used, the last ones; all where it is not given.
        lookbacks: Lookbacks that trials of the shipped families choose from, the longest being `lookback_steps`, by
            which windows are cut: each predicts the same targets. None leaves no choice.
        season_steps: Steps of a season, for the baselines; a list of several, the shortest first.
        metric: The objective.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        unit: Unit of the targets.
        categorical: Columns of categories that are inputs, whether `features` names them or not: a channel a category
            of the training part, 1 where it holds.
    """

    kind: Literal["forecast"]
    target: Annotated[
        tuple[Column, ...], Field(min_length=1, description='a list of at least one column, such as ["y"]')
    ]
    features: Columns = ()
    known_covariates: Columns = ()
    id: Column | None = None
    time: Times = None
    on_duplicates: Literal["error", "first", "last", "mean"] = "error"
    max_gap_steps: Count | None = None
    lookback_steps: Count
    horizon_steps: Count = 1
    lookbacks: tuple[Count, ...] = ()
    window_stride: Count = 1
    window_grid: Literal["part", "series"] = "part"
    last_rows: Count | None = None
    season_steps: Annotated[tuple[Count, ...], Field(min_length=1)] | Count | None = None
    metric: NumberMetric = "mae"
    direction: MetricDirection = None
    unit: str = ""
    categorical: Columns = ()

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps of the seasons, the shortest first."""
        if self.season_steps is None:
            return ()
        return (self.season_steps,) if isinstance(self.season_steps, int) else self.season_steps


class SequencesTask(Config):
    """What tasks of whole sequences and of their steps say alike.

    Attributes:
        kind: The task.
        features: Columns or channels that go in; without them every one of numbers that plays no other part.
        id: Column that groups rows into sequences.
        time: Column that orders a sequence's rows, or a list of columns, as for a forecast.
        window_steps: The most steps of a sequence; longer ones are cut into pieces of so many.
        window_stride: Steps from one piece to the next; `window_steps` where it is not given.
        categorical: As for `ForecastTask`.
        text: Column of a table whose cells are texts, a row a sequence; blanks at a text's ends are left out.
        token: Column of a table whose cells are tokens, a row a step of the sequence that `id` names.
        tokens: What of a text is a step.
        vocabulary_size: The most tokens that are told apart, the most frequent of the training part; all others are one
            unknown token.
        least_count: How often the training part must hold a token for it to be told apart.
    """

    kind: str
    features: Columns = ()
    id: Column | None = None
    time: Times = None
    window_steps: Count | None = None
    window_stride: Count | None = None
    categorical: Columns = ()
    text: Column | None = None
    token: Column | None = None
    tokens: Literal["characters", "words"] = "characters"
    vocabulary_size: Vocabulary = 2000
    least_count: Count = 1


class ClassifyTask(SequencesTask):
    """Name the class of a whole sequence.

    Where the source is a table `target` is needed, and `id`, which groups its rows into sequences, or `text`, or
    `layout = "wide"`. Sequences that are longer than `window_steps` are cut into pieces, each with the sequence's
    class; a sequence's pieces stay in one part.

    Attributes:
        target: Column of a table that holds the class.
        layout: `long`: a row a step, grouped by `id`. `wide`: a row a sequence of one channel, whose steps are the
            `features`, in their order, or all columns of numbers that play no other part.
        metric: The objective.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        class_weight: `balanced` weighs errors on rare classes as much as those on frequent ones, in training.
    """

    kind: Literal["classify"]
    target: Column | None = None
    layout: Layout = "long"
    metric: ClassMetric = "accuracy"
    direction: MetricDirection = None
    class_weight: ClassWeight = None


class RegressTask(SequencesTask):
    """Predict one number for a whole sequence. A table's columns and `window_steps` are as for classify.

    Attributes:
        target: Column of a table that holds the number.
        layout: As for classify.
        metric: The objective.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        unit: Unit of the targets.
    """

    kind: Literal["regress"]
    target: Column | None = None
    layout: Layout = "long"
    metric: NumberMetric = "mse"
    direction: MetricDirection = None
    unit: str = ""


class LabelTask(SequencesTask):
    """Say something of every step of a sequence: its class, or yes and no for each of several labels.

    Attributes:
        target: Columns of a table that hold the answers: one of classes, or, where `multi_label`, any of 0 and 1. A
            table without an `id` is one sequence.
        multi_label: Whether each target is a yes or no of its own.
        ahead_steps: How many steps after its input an answer stands; from 1 on the answers of one step may be the
            inputs of a later one, as in music, where the targets are the channels themselves.
        last_rows: How many rows of the table are used, the last ones.
        metric: The objective; `accuracy`, or `nll` where `multi_label`.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        class_weight: `balanced` weighs errors on rare classes as much as those on frequent ones, in training.
        least_count: As for other tasks; 2, so that what the unknown token means is learnt from words that are rare.
    """

    kind: Literal["label"]
    target: Columns = ()
    multi_label: bool = False
    ahead_steps: CountOrZero = 0
    last_rows: Count | None = None
    metric: LabelMetric
    direction: MetricDirection = None
    class_weight: ClassWeight = None
    least_count: Count = 2

    @model_validator(mode="before")
    @classmethod
    def _usual_metric(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("metric") is None:
            return {**values, "metric": "nll" if values.get("multi_label") else "accuracy"}
        return values


class NextTokenTask(Config):
    """Say which token comes next, at every step: a character, a word, or an event of a log.

    Attributes:
        tokens: What of a text is a step.
        vocabulary_size: The most tokens that are told apart, the most frequent of the training part; all others are one
            unknown token.
        window_steps: The most steps of a sequence; longer texts are cut into pieces of so many.
        window_stride: Steps from one piece to the next; `window_steps` where it is not given.
        metric: The objective.
        direction: Whether low or high scores are better; for a metric of one's own alone.
        text: Column of a table whose cells are texts, a row a sequence.
        token: Column of a table whose cells are tokens, such as the events of a log, a row a step.
        id: Column that groups rows into sequences, such as a log's cases; without it all rows are one.
        time: Column that orders a sequence's rows.
        least_count: How often the training part must hold a token for it to be told apart.
    """

    kind: Literal["next_token"]
    tokens: Literal["characters", "words"] = "characters"
    vocabulary_size: Vocabulary = 2000
    window_steps: Count = 64
    window_stride: Count | None = None
    metric: TokenMetric = "perplexity"
    direction: MetricDirection = None
    text: Column | None = None
    token: Column | None = None
    id: Column | None = None
    time: Column | None = None
    least_count: Count = 1


TaskConfig = Annotated[
    ForecastTask | ClassifyTask | RegressTask | LabelTask | NextTokenTask, Field(discriminator="kind")
]
