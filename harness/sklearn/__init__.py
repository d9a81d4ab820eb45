"""The comparison as estimators of scikit-learn: `fit` searches all families, `predict` asks the model that it selected.

    from harness.sklearn import SequenceClassifier

    model = SequenceClassifier(trials=20).fit(X, y)  # X: (sequences, steps, channels), or a list of arrays
    model.best_family_, model.verdict_, model.predict(X_new)

What fits, what is an input and what is not there: docs/scikit_learn.md.
"""

from harness.sklearn.base import EstimatorError
from harness.sklearn.forecaster import SequenceForecaster
from harness.sklearn.sequences import SequenceClassifier, SequenceRegressor

__all__ = ["EstimatorError", "SequenceClassifier", "SequenceForecaster", "SequenceRegressor"]
