"""What a recurrent network has to beat: the models that a practitioner would try first, without a recurrent cell.

Each is fitted on the training part; the validation part chooses its settings; it is scored on the test part once. They
know data and metrics and nothing of networks.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from harness.baselines import forecasts, sequences, steps
from harness.baselines.base import Candidate, Clock, Fitted, OutOfTime
from harness.baselines.gaps import without_gaps
from harness.cases import joined
from harness.config.dataset import DatasetConfig
from harness.data import SequenceData, cached_dataset, fold_configs
from harness.errors import HarnessError
from harness.records import BaselineScore, SkippedBaseline, TaskKind, derive_seed

_CANDIDATES: Mapping[TaskKind, Callable[[SequenceData, int], Sequence[Candidate]]] = {
    TaskKind.FORECAST: forecasts.forecasters,
    TaskKind.CLASSIFY: sequences.classifiers,
    TaskKind.REGRESS: sequences.regressors,
    TaskKind.LABEL: steps.labellers,
    TaskKind.NEXT_TOKEN: steps.token_guessers,
}


def run(request: Mapping[str, Any]) -> dict[str, Any]:
    """Fit and score the baselines of a dataset, where an executor runs it.

    Args:
        request: `{"dataset": plain values of a DatasetConfig, "seconds": processor time for all of them together}`;
            without `seconds` they take what they need.

    Returns:
        `{"baselines": [plain values of a BaselineScore, …], "skipped": [plain values of a SkippedBaseline, …]}`.

    Raises:
        DataError: The dataset cannot be loaded.
    """
    folds = fold_configs(DatasetConfig.model_validate(request["dataset"]))
    limit = request.get("seconds")
    scored = [score_all(cached_dataset(fold), limit and limit / len(folds)) for fold in folds]
    skipped = {one.name: one for _, several in scored for one in several}
    everywhere = [name for name in (one.name for one in scored[0][0]) if name not in skipped]
    scores = [_mean_of([one for some, _ in scored for one in some if one.name == name]) for name in everywhere]
    return {"baselines": [one.to_json() for one in scores], "skipped": [one.to_json() for one in skipped.values()]}


def _mean_of(scores: Sequence[BaselineScore]) -> BaselineScore:
    """One baseline's mean scores over the divisions of a rolling split."""
    first, *others = scores
    if not others:
        return first
    mean = {name: fmean(getattr(score, name) for score in scores) for name in ("validation_score", "test_score")}
    seconds, cases = sum(score.fit_seconds for score in scores), joined([score.cases for score in scores])
    return BaselineScore(first.name, **mean, fit_seconds=seconds, note=first.note, cases=cases)


def compute(data: SequenceData) -> tuple[BaselineScore, ...]:
    """The scores of all baselines that can be fitted to a dataset, however long it takes."""
    return score_all(data)[0]


def score_all(
    data: SequenceData, seconds: float | None = None
) -> tuple[tuple[BaselineScore, ...], tuple[SkippedBaseline, ...]]:
    """Fit and score the baselines of a dataset, the cheapest first, as far as the time goes.

    Args:
        data: The dataset; its test part is opened for the scores alone.
        seconds: For all of them together; None for as long as they need.

    Returns:
        The scores, and the baselines that were skipped or failed, with why.
    """
    import sklearn.linear_model  # noqa: F401 - here, or the first estimator's seconds would be those of the import

    data, clock = without_gaps(data), Clock(seconds)
    scores, skipped = [], []
    with _quietly_by_one_thread():
        for candidate in _candidates(data):
            try:
                scores.append(_scored(candidate, data, clock)[0])
            except Unscored as why:
                skipped.append(SkippedBaseline(candidate.name, str(why)))
    return tuple(scores), tuple(skipped)


def refit(data: SequenceData, names: Collection[str]) -> tuple[tuple[BaselineScore, Fitted], ...]:
    """Fit some baselines again as a sweep did, with the same seeds, however long it takes.

    Args:
        data: The dataset.
        names: Which baselines; those that cannot be fitted here are left out.

    Returns:
        Each one's scores, and the fitted baseline.
    """
    data, found = without_gaps(data), []
    with _quietly_by_one_thread():
        for candidate in _candidates(data):
            if candidate.name in names:
                with contextlib.suppress(Unscored):
                    found.append(_scored(candidate, data, Clock()))
    return tuple(found)


def _candidates(data: SequenceData) -> Sequence[Candidate]:
    return _CANDIDATES[data.task](data, derive_seed("baselines", data.name))


@contextlib.contextmanager
def _quietly_by_one_thread() -> Iterator[None]:
    """One thread, or sums would be rounded in another order wherever there are more.

    And silence, since of what scikit-learn and SciPy warn here the data checks tell in words of the data's own.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Unscored(Exception):
    """A baseline has no score; the message says why."""


def _scored(candidate: Candidate, data: SequenceData, clock: Clock) -> tuple[BaselineScore, Fitted]:
    """Fit a baseline, and score it on the test part once.

    Raises:
        Unscored: It cannot be fitted here, not in the time that is left, or to this data.
    """
    if candidate.lacks:
        raise Unscored(candidate.lacks)
    began = clock.elapsed
    try:
        clock.check()
        fitted = candidate.fit(clock)
        validation = data.score(data.validation, fitted.predict(data.validation))
        part = data.test.open()
        test, cases = data.score_over_cases(part, np.asarray(fitted.predict(part)))
    except OutOfTime as why:
        raise Unscored(str(why)) from None
    except HarnessError:  # such as a metric of the user's own that cannot be computed
        raise
    except Exception as error:  # whatever a library finds wrong with this data: the sweep goes on
        raise Unscored(f"failed: {type(error).__name__}: {' '.join(str(error).split())}") from error
    if not (math.isfinite(validation) and math.isfinite(test)):
        raise Unscored("its score is not a finite number")
    return BaselineScore(candidate.name, validation, test, clock.elapsed - began, fitted.note, cases), fitted
