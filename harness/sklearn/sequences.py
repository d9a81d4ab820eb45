"""An answer for each sequence: a class, or a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from harness.errors import ExportError
from harness.sklearn.base import EstimatorError, SequenceEstimator, as_value_errors
from harness.sklearn.inputs import Given, answers_of, sequences_of


class _OfSequences(SequenceEstimator):
    """What classifier and regressor share."""

    def _fit(self, task: str, given: Given, answers: npt.NDArray[Any]) -> None:
        self._compare(given.x, answers, task, lengths=given.lengths, channels_first=False)

    def _given(self, X: Any, *, fit: bool = False) -> Given:  # noqa: N803
        gaps = self._options.get("missing", "error") != "error"
        return sequences_of(self, X, fit=fit, gaps=gaps)

    def _outputs(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        check_is_fitted(self)
        given = self._given(X)
        with as_value_errors():
            return self.champion_.predict(given.x, given.lengths)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class SequenceClassifier(ClassifierMixin, _OfSequences):  # type: ignore[misc]
    """The class of a sequence, by the network that wins a comparison of families.

    `fit` splits what it is given into training, validation and test part, searches every family with the same budget,
    decides, and keeps the selected model. Parameters are those of `SequenceEstimator`.

    Attributes:
        classes_ (array): The classes, sorted.
    """

    classes_: npt.NDArray[Any]

    def fit(self, X: Any, y: Any) -> SequenceClassifier:  # noqa: N803 - as scikit-learn calls it
        """Compare the families on sequences and their classes.

        Args:
            X: (n, steps) of one channel, (n, steps, channels), a list of arrays (steps, channels) of different
                lengths, or a table: a row a sequence, or with an index of two levels, sequence and step, a row a step.
                Steps at a sequence's end that are NaN in all channels are padding.
            y: Classes (n,).

        Raises:
            ValueError: They do not fit each other, or a parameter is wrong.
            HarnessError: The comparison failed.
        """
        given = self._given(X, fit=True)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        with as_value_errors():
            answers = answers_of(given, y)
        self.classes_ = np.unique(answers)
        if len(self.classes_) < 2:
            raise EstimatorError(f"y holds 1 class, {self.classes_[0]!r}: expected at least 2 classes")
        names = np.array([str(one) for one in self.classes_])
        self._fit("classify", given, names[np.searchsorted(self.classes_, answers)])
        if unknown := sorted({*self.champion_.description.classes} - {*names}):
            raise ExportError(f"the model answers with other classes than y has: {', '.join(unknown)}")
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Probabilities (n, classes), in the order of `classes_`."""
        outputs = self._outputs(X)
        known = [*self.champion_.description.classes]
        places = [known.index(str(one)) if str(one) in known else None for one in self.classes_]
        none = np.zeros(len(outputs), outputs.dtype)
        return np.stack([none if at is None else outputs[:, at] for at in places], axis=1)

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable class of each sequence (n,)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[most_probable])


class SequenceRegressor(RegressorMixin, _OfSequences):  # type: ignore[misc]
    """A number for a sequence, by the network that wins a comparison of families.

    `fit` splits what it is given into training, validation and test part, searches every family with the same budget,
    decides, and keeps the selected model. Parameters are those of `SequenceEstimator`.
    """

    def fit(self, X: Any, y: Any) -> SequenceRegressor:  # noqa: N803
        """Compare the families on sequences and their numbers.

        Args:
            X: As for `SequenceClassifier.fit`.
            y: Numbers (n,).

        Raises:
            ValueError: They do not fit each other, or a parameter is wrong.
            HarnessError: The comparison failed.
        """
        given = self._given(X, fit=True)
        y = column_or_1d(y, dtype=np.float64, warn=True)
        assert_all_finite(y, input_name="y")
        with as_value_errors():
            answers = answers_of(given, y)
        self._fit("regress", given, answers)
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """A number for each sequence (n,), in y's units."""
        return self._outputs(X)[:, 0].astype(np.float64)
