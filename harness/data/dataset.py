"""A dataset before and after loading: raw series, sequences and texts; frozen arrays, the test part sealed.

Knows no files and no configs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from harness.cases import case_scores
from harness.data.scaling import Floats, Scaling
from harness.errors import DataError
from harness.metrics import Metric
from harness.records import Answer, CaseScores, DataFacts, Objective, TaskKind

if TYPE_CHECKING:
    import pandas as pd

Whole: TypeAlias = npt.NDArray[np.int32]
Indices: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Values: TypeAlias = npt.NDArray[Any]
"""Numbers as float32 or float64 (see `narrow`), or numbers of classes or tokens as int32."""

PARTS = ("train", "validation", "test")

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The training, validation or test part.

    Its arrays are read-only, because a process shares them among its trials.

    Attributes:
        x: Inputs (n, steps, channels) in raw units, or numbers of tokens int32 (n, steps); steps beyond a sequence's
            length are 0. Windows of a series may be views of it, of which several hold the same numbers.
        lengths: Real steps of each sequence (n,), from 1.
        y: Forecast: (n, horizon, targets) in raw units. Classify: class numbers, int32 (n,). Regress: (n, 1) in raw
            units. Label: each step's class, int32 (n, steps), or its labels as 0 and 1, float32
            (n, steps, targets). Next token: each step's next token, int32 (n, steps). Steps beyond a sequence's length
            are 0.
        rows: First source row of each window, or place of each sequence in the source (n,), from 0.
        future: What is known in advance, in raw units: (n, horizon, known channels); None where nothing is.
        series: Of several series, which one each window is cut from (n,), from 0; None where there is one.
    """

    x: Values
    lengths: Whole
    y: Values
    rows: Indices
    future: Floats | None = None
    series: Indices | None = None

    def __len__(self) -> int:
        return len(self.x)

    def at(self, places: Indices) -> Part:
        """Some of its sequences, by their places in it (m,)."""
        future = None if self.future is None else self.future[places]
        series = None if self.series is None else self.series[places]
        return Part(self.x[places], self.lengths[places], self.y[places], self.rows[places], future, series)


class Sealed(Generic[Content]):
    """Keeps the test part out of sight until somebody means to see it.

    `open` is the one way in. Only scoring in `training`, `baselines` and `export` may call it; a test looks
    for other callers. Printing it shows nothing of what is inside.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Content) -> None:
        self._content = content

    def open(self) -> Content:
        """What is inside."""
        return self._content

    def __repr__(self) -> str:
        return "Sealed(…)"


@dataclass(frozen=True, slots=True, eq=False)
class SequenceData:
    """A dataset, ready to train on.

    Attributes:
        name: The config's name.
        task: What is predicted.
        objective: The metric that trials are chosen by.
        train: The training part.
        validation: The validation part.
        test: The test part, sealed.
        scaling: Statistics of the training part.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        classes: Class names, by class number; empty unless an answer is one class.
        masked: Whether the sequences' lengths differ.
        horizon_steps: Steps of a forecast; 1 for other tasks.
        seasons: Steps of the seasons that the config names, the shortest first.
        target_channels: Place of each target among the channels, -1 where a target is no input; forecasts
            only.
        facts: What the dataset is, for people and for the record.
        metric: The objective's metric: how predictions are scored.
        multi_label: Whether each target is a yes or no of its own.
        vocabulary: The tokens, by their numbers; empty where inputs are numbers.
        known: Names of the channels that are known in advance, the last ones of `channels`.
        class_weights: What an error on each class weighs in training (classes,); None for 1 all through.
        knows_future: Whether a step's answer may be made from later steps too; False where the answer is the input of
            a later step.
        time_format: How the times were read, by `[source] time_format` or from all values; empty where there are none.
        series: Ids of the series that windows are cut from, where the config names a column of ids.
    """

    name: str
    task: TaskKind
    objective: Objective
    train: Part
    validation: Part
    test: Sealed[Part]
    scaling: Scaling
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    masked: bool
    horizon_steps: int
    seasons: tuple[int, ...]
    target_channels: tuple[int, ...]
    facts: DataFacts
    metric: Metric
    multi_label: bool = False
    vocabulary: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    class_weights: Floats | None = None
    knows_future: bool = True
    time_format: str = ""
    series: tuple[str, ...] = ()

    @property
    def season_steps(self) -> int | None:
        """Steps of the shortest season, where the config names one."""
        return self.seasons[0] if self.seasons else None

    @property
    def answer(self) -> Answer:
        """What an answer is made of."""
        return Answer.of(self.task, self.multi_label)

    def score(self, part: Part, prediction: npt.ArrayLike) -> float:
        """The objective's score of predictions for a part, padded steps apart.

        Args:
            part: The part.
            prediction: Of `part.y`'s shape in raw units, or probabilities: of classes (…, classes) where the answer is
                one, else of each label.
        """
        return self.metric.of(part.y, prediction, part.lengths if self.task.per_step else None)

    def score_over_cases(self, part: Part, prediction: npt.NDArray[Any]) -> tuple[float, CaseScores | None]:
        """The same score, and what it is made of over the part's cases; arguments as for `score`.

        Returns:
            The score, which may be non-finite, and its parts; None for those where there are too few cases.
        """
        whole = self.score(part, prediction)
        overlap = self._overlap(part)
        return whole, case_scores(lambda rows: self.score(part.at(rows), prediction[rows]), len(part), whole, overlap)

    def cases_apart(self, part: Part) -> int:
        """How many windows of a part share no step of what they predict; all sequences of other tasks."""
        return -(-len(part) // self._overlap(part))

    def _overlap(self, part: Part) -> int:
        """How many neighbouring windows predict some of the same steps; 1 of sequences, which stand alone."""
        steps = np.diff(part.rows)
        between = int(np.median(steps[steps > 0])) if (steps > 0).any() else 0
        return -(-self.horizon_steps // between) if self.task is TaskKind.FORECAST and between else 1


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One long series, a row a time step.

    Attributes:
        where: The file, as messages name it.
        values: (rows, columns), NaN where a value is missing; nothing is infinite.
        columns: Names of the columns.
        first_row: Rows of the source that were left out before the first one here.
        features: Which columns are inputs, in the order of the channels.
        notes: What reading had to say.
        calendar: Which of the features were made from the times.
        known: Which of the features are known in advance, the last ones: those of the calendar among them.
        breaks: Rows before which a gap in time lies that no window may span, rising.
        places: Which row of the table each came from, from 0, where they are sorted or thinned; None for all in order.
        time_format: How its times were read.
        name: Its id in the table; 0 where there are no others.
        stamps: The time of each row as the table writes it (rows,); None where it has none.
    """

    where: str
    values: Floats
    columns: tuple[str, ...]
    first_row: int
    features: tuple[str, ...]
    notes: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    breaks: Indices = field(default_factory=lambda: np.empty(0, np.int64))
    places: Indices | None = None
    time_format: str = ""
    name: Any = 0
    stamps: pd.Series[Any] | None = None

    def pick(self, names: tuple[str, ...], rows: slice = slice(None)) -> Floats:
        """The named columns (rows, names), in that order; a view where they are all of them."""
        values = self.values[rows]
        return values if names == self.columns else values[:, [self.columns.index(name) for name in names]]

    def place(self, at: tuple[int, ...]) -> str:
        """What messages call the value at (row, column)."""
        row = at[0] if self.places is None else int(self.places[at[0]])
        return f"{self.where}: column {self.columns[at[1]]!r}, row {self.first_row + row + 1}"


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Many sequences, each with one answer.

    Attributes:
        where: The file, as messages name it.
        x: (n, steps, channels), NaN where a value is missing, 0 beyond a sequence's length; nothing is
            infinite.
        lengths: Real steps (n,), from 1.
        y: Answers (n,) as they came: text, whole numbers, truth values or numbers; empty where none were
            asked for.
        channels: Names of the channels.
        name_of: Number of a sequence, from 0 → what messages call it, such as `id 'a7'`.
        own_parts: How many of the sequences, from the first one on, are the source's own train and test, or train,
            validation and test part; empty when it has none.
        notes: What reading had to say.
        groups: What each sequence belongs to (n,), such as a person; None where nothing is said of it.
        time_format: How the times that order a sequence's rows were read; empty where there are none.
    """

    where: str
    x: Floats
    lengths: Whole
    y: npt.NDArray[Any]
    channels: tuple[str, ...]
    name_of: Callable[[int], str]
    own_parts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    groups: npt.NDArray[Any] | None = None
    time_format: str = ""

    def place(self, at: tuple[int, ...]) -> str:
        """What messages call the value at (sequence, step, channel)."""
        return f"{self.where}: {self.name_of(at[0])}, channel {self.channels[at[2]]!r}, step {at[1] + 1}"


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Many texts, or a single long one; tokens are made of them once it is known which of them are trained on.

    Attributes:
        where: The file, as messages name it.
        texts: The texts.
        y: Each text's label (n,), as text; empty where none were asked for.
        name_of: Number of a text, from 0 → what messages call it, such as `line 7`.
        own_parts: As in `Sequences`.
        notes: What reading had to say.
        groups: As in `Sequences`.
    """

    where: str
    texts: tuple[str, ...]
    y: npt.NDArray[Any]
    name_of: Callable[[int], str]
    own_parts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    groups: npt.NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TokenSequences:
    """Many sequences of tokens, or a single long one; numbers are made of them once it is known which are trained on.

    Attributes:
        where: The file, as messages name it.
        tokens: Each sequence's tokens; one at least.
        y: Each sequence's answer (n,), or each token's label (n, longest), as text; empty where none were asked for.
        channel: What a step is, such as `words`.
        name_of: Number of a sequence, from 0 → what messages call it, such as `line 7`.
        own_parts: As in `Sequences`.
        notes: What reading had to say.
        groups: As in `Sequences`.
        time_format: As in `Sequences`.
    """

    where: str
    tokens: tuple[tuple[str, ...], ...]
    y: npt.NDArray[Any]
    channel: str
    name_of: Callable[[int], str]
    own_parts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    groups: npt.NDArray[Any] | None = None
    time_format: str = ""

    @property
    def lengths(self) -> Whole:
        """Tokens of each sequence (n,)."""
        return np.array([len(sequence) for sequence in self.tokens], np.int32)


def finite(values: npt.NDArray[Any], place: Callable[[tuple[int, ...]], str]) -> npt.NDArray[Any]:
    """Numbers as they came, none of them infinite or too large for the 32 bits that networks compute with.

    Args:
        values: Numbers; NaN where a value is missing.
        place: Index of a value → the file and place that a message names.

    Raises:
        DataError: A number is infinite, or too large.
    """
    with np.errstate(over="ignore"):
        bad = np.isinf(values.astype(np.float32, copy=False))
    if bad.any():
        at = first(bad)
        raise DataError(f"{place(at)}: {values[at]:g}: expected a finite number, at most 3.4e38 in size")
    return values


_PIECE_BYTES = 16_000_000


def pieces_of(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Sequences (n, …) so many at a time that a copy of them is small beside what overlapping windows would take."""
    size = max(1, len(values) * _PIECE_BYTES // max(values.nbytes, 1))
    for start in range(0, len(values), size):
        yield values[start : start + size]


def each_once(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The steps of sequences (n, steps, channels) as rows; those that views of a series share, once."""
    apart = x.strides[0] // max(x.strides[1], 1)
    if len(x) < 2 or apart >= x.shape[1]:
        return x.reshape(-1, x.shape[2])
    return np.concatenate([x[:, :apart].reshape(-1, x.shape[2]), x[-1, apart:]])


def first(flags: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Index of the first flag that is up."""
    return tuple(int(part) for part in np.unravel_index(int(flags.argmax()), flags.shape))


def pad(pieces: Sequence[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], Whole]:
    """Sequences of different lengths as one array, padded with 0 at the end.

    Args:
        pieces: Arrays (steps, …), steps at will.

    Returns:
        x (n, longest, …) and lengths (n,).
    """
    lengths = np.array([len(piece) for piece in pieces], np.int32)
    kind = np.result_type(*{piece.dtype for piece in pieces})
    x = np.zeros((len(pieces), int(lengths.max()), *pieces[0].shape[1:]), kind)
    for row, piece in zip(x, pieces, strict=True):
        row[: len(piece)] = piece
    return x, lengths


def numbered(word: str, count: int) -> tuple[str, ...]:
    """Names of what has none of its own, such as `channel_1`, `channel_2`."""
    return tuple(f"{word}_{number}" for number in range(1, count + 1))
