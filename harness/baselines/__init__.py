"""What a recurrent network has to beat: models of one line of NumPy or one estimator of scikit-learn.

Each is fitted on the training part; where one has a setting, the validation part chooses it. They know data
and metrics and nothing of networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.baselines import estimators
from harness.config.dataset import DatasetConfig
from harness.data import SequenceData, cached_dataset, fold_configs
from harness.records import BaselineScore, TaskKind

_FITS: Mapping[TaskKind, Callable[[SequenceData], Iterator[estimators.Baseline]]] = {
    TaskKind.FORECAST: estimators.forecasters,
    TaskKind.CLASSIFY: estimators.classifiers,
    TaskKind.REGRESS: estimators.regressors,
    TaskKind.LABEL: estimators.labellers,
    TaskKind.NEXT_TOKEN: estimators.token_guessers,
}


def run(request: Mapping[str, Any]) -> dict[str, Any]:
    """Fit and score all baselines of a dataset, where an executor runs it.

    Args:
        request: `{"dataset": plain values of a DatasetConfig}`.

    Returns:
        `{"baselines": [plain values of a BaselineScore, …]}`.

    Raises:
        DataError: The dataset cannot be loaded.
    """
    folds = [compute(cached_dataset(fold)) for fold in fold_configs(DatasetConfig.model_validate(request["dataset"]))]
    return {"baselines": [_mean_of(scores).to_json() for scores in zip(*folds, strict=True)]}


def _mean_of(scores: Sequence[BaselineScore]) -> BaselineScore:
    """One baseline's mean scores over the divisions of a rolling split."""
    if len(scores) == 1:
        return scores[0]
    mean = {name: fmean(getattr(score, name) for score in scores) for name in ("validation_score", "test_score")}
    return BaselineScore(scores[0].name, **mean, fit_seconds=sum(score.fit_seconds for score in scores))


def compute(data: SequenceData) -> tuple[BaselineScore, ...]:
    """Fit and score all baselines that the task has.

    Args:
        data: The dataset; its test part is opened for the score alone.
    """
    import sklearn.linear_model  # noqa: F401 - here, or the first estimator's seconds would be those of the import

    data = estimators.without_gaps(data)
    scores = []
    started = time.perf_counter()
    for baseline in _FITS[data.task](data):
        validation, test = (data.score(part, baseline.predict(part)) for part in (data.validation, data.test.open()))
        now = time.perf_counter()
        scores.append(BaselineScore(baseline.name, validation, test, now - started))
        started = now
    return tuple(scores)
