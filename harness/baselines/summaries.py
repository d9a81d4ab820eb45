"""Sequences in a few numbers: what a model sees that knows little of their order; and trees that see many of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Clock, Fitted, Numbers, best_of, thinning
from harness.baselines.linear import MOST_COLUMNS
from harness.data import Part, Scaling, SequenceData
from harness.metrics import mask_of, without_padding
from harness.records import TaskKind

_THIRDS = 3

_PIECE_BYTES = 16_000_000
"""Sequences that many summaries are made of at a time, since these make several copies of them."""

TREES = 100

MOST_SPLIT = 10_000_000
"""Training sequences · summaries beyond which trees are grown on every second, third, … sequence."""

_AT_A_TIME = 50
"""Trees grown between two looks at the clock."""

_SHARES = (0.01, 0.05, 0.2)
"""What share of a probability is the class's frequency: trees alone call impossible what they have not seen."""

_SMALLEST_LEAVES = (1, 5)


def summaries(part: Part) -> npt.NDArray[np.float64]:
    """Each channel's mean, standard deviation and last value over the real steps.

    Args:
        part: Sequences.

    Returns:
        (n, 3 · channels): all means, then all deviations, then all last values.
    """
    real = mask_of(part.lengths, part.x.shape[1])
    last = part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)
    return np.concatenate([*_moments(part.x, real), last], axis=1)


def many_summaries(part: Part) -> npt.NDArray[np.float64]:
    """Moments, extremes and changes of each channel, over the real steps and over each third of them.

    Args:
        part: Sequences.

    Returns:
        (n, 25 · channels + 1), the sequence's length last.
    """
    count = -(-part.x.nbytes // _PIECE_BYTES)
    return np.concatenate([_summarised(part.at(piece)) for piece in np.array_split(np.arange(len(part)), count)])


def _summarised(part: Part) -> npt.NDArray[np.float64]:
    steps = np.arange(part.x.shape[1])
    found: list[npt.NDArray[Any]] = [part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)]
    for first, last in ((0, _THIRDS), *((third, third + 1) for third in range(_THIRDS))):
        begin, end = (np.ceil(part.lengths * edge / _THIRDS)[:, None] for edge in (first, last))
        end = np.maximum(end, np.minimum(begin + 1, part.lengths[:, None]))  # of a short sequence, a step at least
        begin = np.minimum(begin, end - 1)
        inside = (steps >= begin) & (steps < end)
        among = inside[..., None]
        both = among[:, 1:] & among[:, :-1]
        changes = np.abs(np.diff(part.x, axis=1)).sum(axis=1, where=both)
        moves = (changes / np.maximum(both.sum(axis=1), 1)).astype(changes.dtype)  # 0 where there is one step alone
        extremes = (
            np.where(among, part.x, np.inf).min(axis=1),
            np.where(among, part.x, -np.inf).max(axis=1),
        )
        began = np.take_along_axis(part.x, begin[..., None].astype(np.int64), axis=1)[:, 0]
        found += [*_moments(part.x, inside), *extremes, moves, began]
    return np.concatenate([*found, part.lengths[:, None]], axis=1).astype(np.float64)


def _moments(x: npt.NDArray[np.generic], real: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation (n, channels) over some steps (n, steps)."""
    among, count = real[..., None], real.sum(axis=1)[:, None].astype(np.float64)
    average = x.sum(axis=1, dtype=np.float64, where=among) / count
    squares = np.square(x - average[:, None, :]).sum(axis=1, where=among) / count
    return average, np.sqrt(squares)


@dataclass(frozen=True, slots=True, eq=False)
class RawSteps:
    """The scaled values themselves, of every second, third, … step where they are many; 0 beyond a sequence's end.

    Attributes:
        scaling: How they are scaled.
        every: How many steps further the next one lies.
    """

    scaling: Scaling
    every: int

    def __call__(self, part: Part) -> npt.NDArray[np.float32]:
        """(n, steps · channels)."""
        given, lengths = part.x[:, :: self.every], -(-part.lengths // self.every)
        scaled = without_padding(self.scaling.scale_inputs(given), lengths)
        return np.asarray(scaled.reshape(len(part), -1), np.float32)


def steps_apart(part: Part) -> int:
    """How many steps further the next one lies that a linear model sees, so that it has at most `MOST_COLUMNS`."""
    _, steps, channels = part.x.shape
    return int(-(-steps * channels // MOST_COLUMNS))


def extra_trees(data: SequenceData, clock: Clock, seed: int) -> Fitted:
    """Extremely randomised trees on many summaries; the validation part chooses the smallest leaf.

    Source: P. Geurts, D. Ernst and L. Wehenkel (2006), "Extremely randomized trees", Machine Learning 63.

    Args:
        data: A dataset of whole sequences.
        clock: The time there is.
        seed: Draws the trees' splits.
    """
    classes = data.task is TaskKind.CLASSIFY
    columns = many_summaries(data.train.at(np.arange(1))).shape[1]
    every, note = thinning(data.train, columns, MOST_SPLIT)
    train = data.train if every == 1 else data.train.at(np.arange(0, len(data.train), every))
    x, held_out = _finite(many_summaries(train)), _finite(many_summaries(data.validation))
    y = train.y if classes else data.scaling.scale_outputs(train.y, train.x).reshape(len(train))
    forests = [_grown(x, y, leaf, clock, seed, classes=classes) for leaf in _SMALLEST_LEAVES]
    frequent: Any = np.bincount(data.train.y, minlength=len(data.classes)) / len(data.train) if classes else np.zeros(0)

    shares = [share * frequent for share in _SHARES] if classes else [np.zeros(0)]
    choices = [Forest(forest, share, data.scaling, data.train.y.shape[1:]) for forest in forests for share in shares]
    best = best_of(data, choices, lambda choice: choice.of_summaries(held_out, data.validation))
    return Fitted(best, note)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees that see many summaries of a sequence.

    Attributes:
        model: scikit-learn's forest.
        beside: What is mixed into the probabilities: the classes' frequencies times their share (classes,); empty for
            numbers.
        scaling: What makes raw units of scaled ones.
        answer: Shape of one answer.
    """

    model: Any
    beside: npt.NDArray[np.float64]
    scaling: Scaling
    answer: tuple[int, ...]

    def __call__(self, part: Part) -> Numbers:
        """Probabilities (n, classes), or numbers in raw units (n, 1)."""
        return self.of_summaries(_finite(many_summaries(part)), part)

    def of_summaries(self, x: Any, part: Part) -> Numbers:
        """The same, of a part's summaries."""
        if not len(self.beside):
            scaled = np.asarray(self.model.predict(x), np.float32).reshape(len(part), *self.answer)
            return self.scaling.restore_outputs(scaled, part.x)
        said = np.zeros((len(part), len(self.beside)))
        said[:, self.model.classes_] = self.model.predict_proba(x)
        return np.asarray((1 - self.beside.sum()) * said + self.beside)


def _grown(x: Any, y: Any, leaf: int, clock: Clock, seed: int, *, classes: bool) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind, columns = (ExtraTreesClassifier, "sqrt") if classes else (ExtraTreesRegressor, 0.33)
    forest = kind(min_samples_leaf=leaf, max_features=columns, random_state=seed, warm_start=True)
    for trees in range(_AT_A_TIME, TREES + 1, _AT_A_TIME):
        clock.check()
        forest.set_params(n_estimators=trees).fit(x, y)
    return forest


def _finite(x: Any) -> Any:
    """Values that fit into the 32 bits that trees split by."""
    most = np.finfo(np.float32).max
    return np.clip(x, -most, most)
