"""Linear models whose penalty the validation part chooses: ridge regression and multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Clock, Fitted, Numbers, best_of, thinning
from harness.data import Part, Scaling, SequenceData

Features = Callable[[Any], Any]
"""A part → what goes in (n, columns); sparse where there are many columns."""

Wide = npt.NDArray[np.float64]

MOST_COLUMNS = 2000
"""Columns beyond which steps are thinned: fitting costs their square."""

MOST_BYTES = 200_000_000
"""What a ridge regression's inputs may take; of more of them it is fitted on every second, third, … sequence."""

MOST_WEIGHED = 100_000_000
"""The same of a logistic regression, whose steps cost sequences · columns · classes each."""

_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)
"""Ridge's alphas, for inputs of spread 1 and a penalty beside a sum over all training rows."""

_STRENGTHS = tuple(10.0**power for power in range(-3, 2))
"""Logistic regression's C, from the strongest penalty, at which its path begins, to the weakest: of few sequences that
are far apart, weaker ones only make a model surer than so few allow."""

_HALF = 10.0**0.5
"""By how much more and less C is tried in the end."""

_STEPS = 60
"""The most steps of a fit of logistic regression; the next one on the path goes on from it."""

FEW = 1000
"""Training sequences up to which the validation part is joined by cross-validation in the choice of C: ten sequences
alone would choose by chance."""

_FOLDS = 5
_LATER = 1
"""Weaker penalties that are tried after the best one so far before the path ends."""


def ridge(data: SequenceData, features: Features, clock: Clock, *, standardised: bool = False) -> Fitted:
    """Ridge regression in scaled units whose penalty the validation part chooses by the objective.

    Args:
        data: The dataset.
        features: What goes in: of spread about 1, or sparse, unless it is to be standardised.
        clock: The time there is.
        standardised: Whether dense features are given mean 0 and spread 1 here.
    """
    every, note = thinning(data.train, features(data.train.at(np.arange(1))).data.nbytes, MOST_BYTES)
    train = data.train if every == 1 else data.train.at(np.arange(0, len(data.train), every))
    x, y = features(train), data.scaling.scale_outputs(train.y, train.x).reshape(len(train), -1)
    standard = Standard.of(x) if standardised else None
    x, held_out = prepared(standard, x), prepared(standard, features(data.validation))
    clock.check_work(2 * x.shape[0] * x.shape[1] * min(x.shape))
    models = list(_ridges(x, y) if isinstance(x, np.ndarray) else _sparse_ridges(x, y))
    made = [LinearNumbers(features, standard, *model, data.scaling, data.train.y.shape[1:]) for model in models]
    best = best_of(data, made, lambda model: model.of_prepared(held_out, data.validation))
    return Fitted(best, note)


@dataclass(frozen=True, slots=True, eq=False)
class LinearNumbers:
    """Numbers that are linear in some features of a sequence.

    Attributes:
        features: What goes in.
        standard: How that is standardised; None where it is not.
        weights: (columns, outputs), for outputs in scaled units.
        intercept: (outputs,).
        scaling: What makes raw units of scaled ones.
        answer: Shape of one answer.
    """

    features: Features
    standard: Standard | None
    weights: Wide
    intercept: Wide
    scaling: Scaling
    answer: tuple[int, ...]

    def __call__(self, part: Part) -> Numbers:
        """(n, …) in raw units."""
        return self.of_prepared(prepared(self.standard, self.features(part)), part)

    def of_prepared(self, x: Any, part: Part) -> Numbers:
        """The same, of features that were standardised."""
        scaled = np.asarray(x @ self.weights + self.intercept, np.float32).reshape(len(part), *self.answer)
        return self.scaling.restore_outputs(scaled, part.x)


def _ridges(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Iterator[tuple[Wide, Wide]]:
    """Weights and intercept by penalty, all from one decomposition of the smaller of XᵀX and XXᵀ."""
    middle, level = x.mean(axis=0, dtype=np.float64), y.mean(axis=0, dtype=np.float64)
    centred, answers = x - middle, y - level
    inner = len(x) >= x.shape[1]
    values, basis = np.linalg.eigh(centred.T @ centred if inner else centred @ centred.T)
    projected = basis.T @ (centred.T @ answers if inner else answers)
    for penalty in _PENALTIES:
        weights = basis @ (projected / (np.maximum(values, 0) + penalty)[:, None])
        weights = weights if inner else centred.T @ weights
        yield weights, level - middle @ weights


def _sparse_ridges(x: Any, y: npt.NDArray[Any]) -> Iterator[tuple[Wide, Wide]]:
    from sklearn.linear_model import Ridge

    for penalty in _PENALTIES:
        model = Ridge(alpha=penalty).fit(x, y)
        yield np.asarray(model.coef_).reshape(y.shape[1], -1).T, np.atleast_1d(model.intercept_)


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """Features of spread 1, turned into as few as the training part has sequences, which changes no linear model.

    Attributes:
        middle: Mean of each feature (columns,).
        spread: Standard deviation of each, 1 where it is constant (columns,).
        basis: (columns, kept); None where all are kept.
    """

    middle: Wide
    spread: Wide
    basis: Wide | None

    @classmethod
    def of(cls, x: npt.NDArray[Any]) -> Standard:
        """By the features (n, columns) of the training part."""
        wide = x.astype(np.float64)
        middle, spread = wide.mean(axis=0), wide.std(axis=0)
        spread = np.where(spread > 1e-6 * (1 + np.abs(middle)), spread, 1.0)
        basis = None
        if 2 * len(x) < x.shape[1]:
            basis = np.linalg.qr(((wide - middle) / spread).T)[0]
        return cls(middle, spread, basis)

    def __call__(self, x: npt.NDArray[Any]) -> Wide:
        """The features standardised, and turned."""
        scaled = (x - self.middle) / self.spread
        return scaled if self.basis is None else scaled @ self.basis


def logistic(data: SequenceData, features: Features, clock: Clock, seed: int) -> Fitted:
    """Multinomial logistic regression, whose penalty the validation part chooses by log loss.

    Where the training part is small, by the log loss over the validation part and over five held-out fifths of the
    training part together. The class weights of the config are the networks' alone.

    Args:
        data: A dataset of classes.
        features: What goes in: dense, and standardised here, or sparse.
        clock: The time there is.
        seed: Draws the fifths.
    """
    one = features(data.train.at(np.arange(1)))
    every, note = thinning(data.train, min(one.shape[1], len(data.train)) * len(data.classes), MOST_WEIGHED)
    kept = _with_every_class(data.train, every)
    x, y = features(kept), kept.y
    standard = Standard.of(x) if isinstance(x, np.ndarray) else None
    x, held_out = prepared(standard, x), prepared(standard, features(data.validation))
    if isinstance(x, np.ndarray) and len(x) > FEW:
        x = x.astype(np.float32)  # half the time, and more digits than so many sequences settle
    folds = _folds(y, seed) if len(y) <= FEW else []
    paths = [_Path(x, y, held_out, data.validation.y, clock)]
    paths += [_Path(x[inside], y[inside], x[outside], y[outside], clock) for inside, outside in folds]
    losses = dict[float, float]()
    for strength in _STRENGTHS:
        losses[strength] = float(np.mean(np.concatenate([path.losses(strength) for path in paths])))
        best = min(losses, key=losses.__getitem__)
        if strength >= best * 10**_LATER:
            break
    for strength in (best / _HALF, best * _HALF):
        losses[strength] = float(np.mean(np.concatenate([path.losses(strength) for path in paths])))
    model = paths[0].fitted(min(losses, key=losses.__getitem__))
    return Fitted(LinearClasses(features, standard, model), note)


@dataclass(frozen=True, slots=True, eq=False)
class LinearClasses:
    """Probabilities of classes whose logits are linear in some features of a sequence.

    Attributes:
        features: What goes in.
        standard: How that is standardised; None where it is not.
        model: scikit-learn's, of all classes.
    """

    features: Features
    standard: Standard | None
    model: Any

    def __call__(self, part: Part) -> Numbers:
        """(n, classes)."""
        return np.asarray(self.model.predict_proba(prepared(self.standard, self.features(part))))


def prepared(standard: Standard | None, x: Any) -> Any:
    """Features standardised, where they are to be."""
    return x if standard is None else standard(x)


class _Path:
    """Fits with ever weaker penalties, each from the one before.

    Args:
        x: Features (n, columns).
        y: Classes (n,).
        held_out: Features to score.
        true: Their classes.
        clock: The time there is.
    """

    def __init__(self, x: Any, y: Any, held_out: Any, true: Any, clock: Clock) -> None:
        self._x, self._y, self._held_out, self._true, self._clock = x, y, held_out, true, clock
        self._models = dict[float, Any]()
        self._seconds = 0.0  # of the longest fit

    def fitted(self, strength: float) -> Any:
        """The model of one penalty."""
        from sklearn.linear_model import LogisticRegression

        if strength not in self._models:
            self._clock.check(self._seconds)
            began = self._clock.elapsed
            stronger = max((known for known in self._models if known < strength), default=None)
            model = LogisticRegression(max_iter=_STEPS, warm_start=True)
            if stronger is not None:
                model = deepcopy(self._models[stronger])
            self._models[strength] = model.set_params(C=strength).fit(self._x, self._y)
            self._seconds = max(self._seconds, self._clock.elapsed - began)
        return self._models[strength]

    def losses(self, strength: float) -> npt.NDArray[np.floating[Any]]:
        """The log loss of each held-out sequence at one penalty."""
        said = self.fitted(strength).predict_proba(self._held_out)[np.arange(len(self._true)), self._true]
        return np.asarray(-np.log(np.maximum(said, np.finfo(np.float32).eps)))


def _folds(y: npt.NDArray[Any], seed: int) -> list[tuple[Any, Any]]:
    """Places inside and outside of each fifth; none where a class has a single sequence."""
    from sklearn.model_selection import StratifiedKFold

    count = min(_FOLDS, int(np.bincount(y).min()))
    if count < 2:
        return []
    return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))


def _with_every_class(part: Part, every: int) -> Part:
    """Every second, third, … sequence, and the first one of each class that this would lose."""
    if every == 1:
        return part
    kept = np.arange(0, len(part), every)
    classes, firsts = np.unique(part.y, return_index=True)
    return part.at(np.sort(np.append(kept, firsts[~np.isin(classes, part.y[kept])])))
