"""What follows a series: its next values, by the network that wins a comparison of families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from harness.data.in_memory import series_table, taken
from harness.sklearn.base import EstimatorError, SequenceEstimator, as_value_errors
from harness.sklearn.inputs import hold_channels
from harness.sklearn.windows import windows_of


class SequenceForecaster(SequenceEstimator):
    """The next values of a series, by the network that wins a comparison of families.

    Rows are time steps, in their order: split them by time, as `TimeSeriesSplit` does. `score` is R² over all windows
    of the rows that it is given.

    Args:
        horizon_steps (int): Rows to forecast.
        lookback_steps (int): Rows that a network sees; None guesses them from the rhythm of the rows, as
            `harness datasets new` does.
        target (str | list of str): Columns of a table to forecast; None where X is one series, or y is given.
        others: Those of `SequenceEstimator`; `options` has the other keys of a forecast, such as
            `{"time": "at", "season_steps": 24}`.
    """

    def __init__(
        self,
        *,
        horizon_steps: int = 1,
        lookback_steps: int | None = None,
        target: str | Sequence[str] | None = None,
        families: Sequence[Any] | Mapping[str, Any] = ("lstm", "gru"),
        trials: int | None = 20,
        epochs: int | None = None,
        seeds: int = 5,
        metric: str | None = None,
        random_state: Any = None,
        store: str | Path | None = None,
        verbose: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.horizon_steps = horizon_steps
        self.lookback_steps = lookback_steps
        self.target = target
        more: dict[str, Any] = {"random_state": random_state, "store": store, "verbose": verbose, "options": options}
        super().__init__(families=families, trials=trials, epochs=epochs, seeds=seeds, metric=metric, **more)

    def fit(self, X: Any, y: Any = None) -> SequenceForecaster:  # noqa: N803 - as scikit-learn calls it
        """Compare the families on a series.

        Args:
            X: A series (rows,), an array (rows, columns) or a table, in the order of time.
            y: The target (rows,), where X does not hold it; then X's columns alone are inputs.

        Raises:
            ValueError: They do not fit each other, or a parameter is wrong.
            HarnessError: The comparison failed.
        """
        table = self._table(X, alone=y is None, fit=True)
        asked = {"horizon_steps": self.horizon_steps, "lookback_steps": self.lookback_steps, "target": self.target}
        if y is not None:
            if len(y) != len(table):
                raise EstimatorError(f"y has {len(y)} rows: expected {len(table)}, as X has")
            table = table.assign(y=column_or_1d(y, dtype=np.float64, warn=True))
            asked |= {"target": ["y"], "features": [*map(str, table.columns.drop("y"))]}
        elif self.target is None:
            asked["target"] = [str(table.columns[0])] if table.shape[1] == 1 else None
        self._compare(table, None, "forecast", **asked)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """What follows the last row of X.

        Args:
            X: As for `fit`, at least `champion_.description.steps` rows; or windows (n, steps, columns).

        Returns:
            A table with times for a table; else an array (horizon_steps,), or (horizon_steps, targets) of several; for
            windows with an axis of windows first.
        """
        check_is_fitted(self)
        with as_value_errors():
            if not isinstance(X, pd.DataFrame) and np.ndim(X) == 3:
                return _of_one_target(self.champion_.predict(np.asarray(X)))
            found = self.champion_.predict_frame(self._table(X, alone=self._alone))
        if isinstance(X, pd.DataFrame):
            return found
        return _of_one_target(found[[*self.champion_.description.targets]].to_numpy())

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """R² of the forecasts of every window of X's rows, the mean over targets.

        Args:
            X: As for `fit`, with rows for a window and what follows it.
            y: The target, where X does not hold it.

        Raises:
            ValueError: There are too few rows, or a column is missing.
        """
        check_is_fitted(self)
        table = self._table(X, alone=self._alone and y is None)
        if y is not None:
            table = table.assign(y=column_or_1d(y))
        with as_value_errors():
            windows = windows_of(self.champion_.description, table)
            forecast = self.champion_.predict(windows.x, future=windows.future)
        flat = (one.reshape(-1, one.shape[-1]) for one in (windows.truth, forecast))
        return float(r2_score(*flat))

    @property
    def _alone(self) -> bool:
        """Whether the model knows the series by `y` alone."""
        return self.champion_.description.channels == ("y",)

    def _table(self, X: Any, *, alone: bool, fit: bool = False) -> pd.DataFrame:  # noqa: N803
        """Rows as a table, with the columns that were learnt from."""
        if isinstance(X, pd.DataFrame | pd.Series):  # whose columns have names that the model knows
            table = pd.DataFrame(taken(X))
            if fit:
                self.n_features_in_ = table.shape[1]
            return table
        rules: dict[str, Any] = {"ensure_2d": False, "ensure_all_finite": "allow-nan", "ensure_min_samples": 1 + fit}
        with as_value_errors():
            table = series_table(check_array(X, input_name="X", estimator=self, **rules), alone=alone)
        hold_channels(self, table.shape[1], fit)
        return table


def _of_one_target(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values[..., 0] if values.shape[-1] == 1 else values
