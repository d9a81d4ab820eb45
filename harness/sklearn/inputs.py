"""X as scikit-learn's users have it → sequences of one array with their lengths."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from harness.data.in_memory import is_ragged, padded
from harness.errors import DataError
from harness.sklearn.base import EstimatorError, SequenceEstimator, as_value_errors


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Sequences to learn or to predict from.

    Attributes:
        x: (n, steps, channels), 0 beyond a sequence's length.
        lengths: (n,) real steps; None where all have all.
    """

    x: npt.NDArray[Any]
    lengths: npt.NDArray[Any] | None


def sequences_of(estimator: SequenceEstimator, X: Any, *, fit: bool, gaps: bool) -> Given:  # noqa: N803
    """The sequences of X; `n_features_in_` is set, or held to.

    Args:
        estimator: Who asks.
        X: (n, steps) of one channel, (n, steps, channels), a list of arrays (steps, channels) or (steps,), or a table:
            with an index of two levels a row a step, the first level naming the sequence; else a row a sequence. Steps
            at a sequence's end where no channel has a value (NaN) are padding.
        fit: Whether it is learnt from.
        gaps: Whether values may be missing elsewhere.

    Raises:
        ValueError: It is none of these, or has other channels than were learnt from.
        TypeError: It is a sparse matrix, or holds what is no number.
    """
    rules: dict[str, Any] = {"ensure_all_finite": "allow-nan", "ensure_min_samples": 2 if fit else 1}
    x = pieces_of(X) if isinstance(X, pd.DataFrame) and X.index.nlevels > 1 else X
    if is_ragged(x) and np.ndim(x[0]) > 0:
        with as_value_errors():
            x, lengths = padded(list(x), channels_first=None)
        x[np.arange(x.shape[1]) >= lengths[:, None]] = np.nan
    if isinstance(x, pd.DataFrame) or np.asarray(x).ndim < 3:
        return _without_padding(validate_data(estimator, x, reset=fit, **rules)[:, :, None], gaps)
    x = check_array(x, input_name="X", estimator=estimator, allow_nd=True, **rules)
    if x.ndim != 3:
        raise EstimatorError(f"X has shape {x.shape}: expected (sequences, steps) or (sequences, steps, channels)")
    hold_channels(estimator, x.shape[2], fit)
    return _without_padding(x, gaps)


def pieces_of(frame: pd.DataFrame) -> list[npt.NDArray[Any]]:
    """The sequences of a table with a row a step, in the order in which they begin."""
    groups: Any = frame.groupby(level=0, sort=False)
    pieces: list[tuple[Hashable, pd.DataFrame]] = [*groups]
    try:
        return [piece.to_numpy(np.float64) for _, piece in pieces]
    except (TypeError, ValueError) as error:
        raise EstimatorError(f"X: expected columns of numbers: {' '.join(str(error).split())}") from None


def hold_channels(estimator: SequenceEstimator, channels: int, fit: bool) -> None:
    """Keep the number of channels as `n_features_in_`, or hold new data to it.

    Raises:
        EstimatorError: It is another one.
    """
    if fit:
        estimator.n_features_in_ = channels
    elif channels != estimator.n_features_in_:
        raise EstimatorError(
            f"X has {channels} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input"
        )


def _without_padding(x: npt.NDArray[Any], gaps: bool) -> Given:
    missing = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, np.bool_)
    if not missing.any():
        return Given(x, None)
    real: npt.NDArray[np.bool_] = np.asarray(~missing.all(axis=2))
    lengths = x.shape[1] - real[:, ::-1].argmax(axis=1)
    if not real.any(axis=1).all():
        raise EstimatorError(f"X: sequence {int((~real.any(axis=1)).argmax())} (from 0) has no value but NaN")
    padding = np.arange(x.shape[1]) >= lengths[:, None]
    if not gaps and (missing & ~padding[:, :, None]).any():
        sequence, step, channel = map(int, np.argwhere(missing & ~padding[:, :, None])[0])
        raise EstimatorError(
            f"Input X contains NaN: sequence {sequence}, step {step}, channel {channel} (from 0), and real steps after "
            'it: options={"missing": "interpolate"} fills gaps; at a sequence\'s end NaN is padding'
        )
    if not padding.any():
        return Given(x, None)
    return Given(np.where(padding[:, :, None], 0, x), lengths)


def answers_of(given: Given, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The answers, one a sequence.

    Raises:
        DataError: They are more or fewer.
    """
    if len(y) != len(given.x):
        raise DataError(f"Found input variables with inconsistent numbers of samples: {[len(given.x), len(y)]}")
    return y
