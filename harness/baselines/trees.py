"""Trees: extremely randomised ones on summaries of sequences, boosted ones for forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.baselines.base import Clock, Fitted, Numbers, best_of, thinning
from harness.baselines.summaries import many_summaries
from harness.data import Part, SequenceData
from harness.records import TaskKind

TREES = 100

MOST_SPLIT = 10_000_000
"""Training sequences · summaries beyond which trees are grown on every second, third, … sequence."""

_AT_A_TIME = 50
"""Trees grown between two looks at the clock."""

_SHARES = (0.01, 0.05, 0.2)
"""What share of a probability is the class's frequency: trees alone call impossible what they have not seen."""

_SMALLEST_LEAVES = (1, 5)


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
    frequent = np.bincount(data.train.y, minlength=len(data.classes)) / len(data.train) if classes else np.zeros(0)

    def predict(choice: tuple[Any, float], x: Any, part: Part) -> Numbers:
        forest, share = choice
        if not classes:
            scaled = np.asarray(forest.predict(x), np.float32).reshape(len(part), *data.train.y.shape[1:])
            return data.scaling.restore_outputs(scaled, part.x)
        said = np.zeros((len(part), len(data.classes)))
        said[:, forest.classes_] = forest.predict_proba(x)
        return (1 - share) * said + share * frequent

    choices = [(forest, share) for forest in forests for share in (_SHARES if classes else (0.0,))]
    best = best_of(data, choices, lambda choice: predict(choice, held_out, data.validation))
    return Fitted(lambda part: predict(best, _finite(many_summaries(part)), part), note)


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
