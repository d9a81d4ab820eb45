"""Baselines of labels and of next tokens: an answer for each step.

Only real steps are counted; what is said of padded steps is never looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Candidate, Clock, Fitted, Numbers, Predict, answers, at_once, best_of, everywhere
from harness.baselines.linear import MOST_COLUMNS
from harness.baselines.ngrams import back_off
from harness.baselines.tokens import ByToken, class_of_token, logistic_on_neighbours
from harness.data import Part, Scaling, SequenceData
from harness.metrics import at_real_steps
from harness.records import Answer

MOST_WEIGHED = 20_000_000
"""Training steps · columns · answers beyond which a linear model is fitted on every second, third, … step."""

NEIGHBOURS = 4
"""Further steps that a linear model of steps sees: on both sides, or all before where no later one may be looked at."""

_PENALTIES = (0.1, 10.0)
"""What a linear model's squared weights cost, beside a sum over all training steps."""

_SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
"""What share of a guess comes from the token before, the rest from plain frequencies."""


def labellers(data: SequenceData, _: int) -> Sequence[Candidate]:
    """The baselines of labels, the cheapest first.

    Args:
        data: The dataset.
    """
    if data.vocabulary and data.answer is Answer.CLASS:
        return [
            at_once("majority class", class_shares, data),
            at_once("classes of the token", class_of_token, data),
            Candidate("n-grams with back-off", lambda clock: back_off(data, len(data.classes), clock)),
            at_once("logistic regression on tokens beside", logistic_on_neighbours, data),
        ]
    frequent = [at_once("majority class", class_shares, data)]
    if data.answer is Answer.FLAGS:
        frequent = [at_once("frequency of each label", label_shares, data)]
        if set(data.targets) <= set(data.channels):
            frequent.append(at_once("each label given its present value", label_given_itself, data))
    return [
        *frequent,
        Candidate("logistic regression on the step", lambda clock: logistic_of_steps(data, 0, clock)),
        Candidate("logistic regression on steps beside", lambda clock: logistic_of_steps(data, NEIGHBOURS, clock)),
    ]


def token_guessers(data: SequenceData, _: int) -> Sequence[Candidate]:
    """The baselines of next tokens, the cheapest first.

    Args:
        data: The dataset.
    """
    return [
        at_once("token frequencies", unigram, data),
        at_once("frequencies after the present token", bigram, data),
        Candidate("n-grams with back-off", lambda clock: back_off(data, len(data.vocabulary), clock)),
    ]


def class_shares(data: SequenceData) -> Predict:
    """Each class as probable as it is frequent among the training part's steps."""
    counts = np.bincount(answers(data.train), minlength=len(data.classes))
    shares = counts / counts.sum()
    return lambda part: everywhere(part, shares)


def label_shares(data: SequenceData) -> Predict:
    """Each label as probable as it is frequent among the training part's steps: a marginal Bernoulli."""
    shares = answers(data.train).mean(axis=0, dtype=np.float64)
    return lambda part: everywhere(part, shares)


def label_given_itself(data: SequenceData) -> Predict:
    """Each label as probable as it is frequent after its own present value: a Markov chain a label.

    Counts begin at the label's frequency in all (one step's worth), so that what never occurred is not impossible.
    """
    places = [data.channels.index(name) for name in data.targets]
    true = answers(data.train).astype(np.float64)
    now = at_real_steps(data.train.x, data.train.lengths)[:, places] > 0
    shares = true.mean(axis=0)
    after = np.stack([((true * (now == on)).sum(0) + shares) / ((now == on).sum(0) + 1) for on in (False, True)])
    return lambda part: np.where(part.x[:, :, places] > 0, after[1], after[0])


def logistic_of_steps(data: SequenceData, beside: int, clock: Clock) -> Fitted:
    """Logistic regression on a step's values and those of steps beside it, of all classes or all labels together.

    The validation part chooses the penalty by the objective.

    Args:
        data: A dataset of labels, whose inputs are numbers.
        beside: Further steps that are seen.
        clock: The time there is.
    """
    from sklearn.neural_network import MLPClassifier

    seen = StepsBeside.of(data, beside)
    x, y = at_real_steps(seen(data.train), data.train.lengths), answers(data.train)
    every = -(-len(x) * x.shape[1] * max(len(data.classes), len(data.targets)) // MOST_WEIGHED)
    kept = np.arange(0, len(x), every)
    if data.answer is Answer.CLASS:  # the first step of each class that thinning lost: columns are the class numbers
        classes, firsts = np.unique(y, return_index=True)
        kept = np.append(kept, firsts[~np.isin(classes, y[kept])])
    # Without hidden layers it is a logistic regression, and one for all labels together.
    models, seconds = [], 0.0
    for penalty in _PENALTIES:
        clock.check(seconds)
        began = clock.elapsed
        model = MLPClassifier((), solver="lbfgs", alpha=penalty, max_iter=100, random_state=0)
        models.append(model.fit(x[kept], y[kept]))
        seconds = clock.elapsed - began

    made = [LinearSteps(seen, model, len(data.classes)) for model in models]
    best = best_of(data, made, lambda model: model(data.validation))
    return Fitted(best, "" if every == 1 else f"fitted on one training step in {every}")


@dataclass(frozen=True, slots=True, eq=False)
class LinearSteps:
    """Probabilities at each step whose logits are linear in the step's values and those of steps beside it.

    Attributes:
        seen: What goes in.
        model: scikit-learn's network without hidden layers.
        classes: How many classes there are, where an answer is one; 0 for labels.
    """

    seen: StepsBeside
    model: Any
    classes: int

    def __call__(self, part: Part) -> Numbers:
        """(n, steps, classes), or (n, steps, labels)."""
        x = self.seen(part)
        said = np.asarray(self.model.predict_proba(x.reshape(-1, x.shape[2])))
        if self.classes > said.shape[1]:
            said = _spread(said, self.model.classes_, self.classes)
        return said.reshape(*x.shape[:2], -1)


def _spread(said: Numbers, classes: npt.NDArray[Any], count: int) -> Numbers:
    """Probabilities of some classes as those of all."""
    wide = np.zeros((len(said), count))
    wide[:, classes] = said
    return wide


@dataclass(frozen=True, slots=True, eq=False)
class StepsBeside:
    """Each step's scaled values and those of steps beside it, 0 where there are none.

    Attributes:
        scaling: How they are scaled.
        before: Steps before it that are seen.
        after: Steps after it.
    """

    scaling: Scaling
    before: int
    after: int

    @classmethod
    def of(cls, data: SequenceData, beside: int) -> StepsBeside:
        """Of so many steps on both sides together, fewer where there are many channels."""
        width = data.scaling.scale_inputs(data.train.x[:1]).shape[2]
        beside = min(beside, max(0, MOST_COLUMNS // (4 * width) - 1))
        after = beside // 2 if data.knows_future else 0
        return cls(data.scaling, beside - after, after)

    def __call__(self, part: Part) -> npt.NDArray[np.float32]:
        """(n, steps, columns): the values of each step together, the earliest first."""
        scaled = self.scaling.scale_inputs(part.x)
        real = np.arange(scaled.shape[1]) < part.lengths[:, None]
        wide = np.pad(np.where(real[..., None], scaled, 0), ((0, 0), (self.before, self.after), (0, 0)))
        places, steps = range(self.before + self.after + 1), scaled.shape[1]
        return np.concatenate([wide[:, place : place + steps] for place in places], axis=2, dtype=np.float32)


def unigram(data: SequenceData) -> Predict:
    """Each token as probable as it is frequent in the training part, one more each."""
    shares = _token_shares(data)
    return lambda part: everywhere(part, shares)


def bigram(data: SequenceData) -> ByToken:
    """Each token as probable as it is frequent after the present one, mixed with its frequency in all.

    Source of the mixture: F. Jelinek and R. L. Mercer (1980), "Interpolated estimation of Markov source parameters from
    sparse data". The validation part chooses the share.
    """
    size = len(data.vocabulary)
    pairs = at_real_steps(data.train.x, data.train.lengths).astype(np.int64) * size + answers(data.train)
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    seen, shares = counts.sum(axis=1, keepdims=True), _token_shares(data)
    following = np.where(seen > 0, counts / np.maximum(seen, 1), shares)
    tables = [ByToken((share * following + (1 - share) * shares).astype(np.float32)) for share in _SHARES]
    return best_of(data, tables, lambda table: table(data.validation))


def _token_shares(data: SequenceData) -> npt.NDArray[np.float32]:
    counts = np.bincount(answers(data.train), minlength=len(data.vocabulary)) + 1.0
    return np.asarray(counts / counts.sum(), np.float32)
