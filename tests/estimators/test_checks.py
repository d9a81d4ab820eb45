"""scikit-learn's own checks of estimators, with a stub in place of training; which do not apply, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from harness.sklearn import SequenceClassifier, SequenceForecaster, SequenceRegressor

TIME = "rows are steps in time: others, or in another order, are another series"

NOT_MET: dict[type, dict[str, str]] = {
    SequenceClassifier: {},
    SequenceRegressor: {},
    SequenceForecaster: {
        "check_methods_sample_order_invariance": TIME,
        "check_methods_subset_invariance": TIME,
        "check_estimators_nan_inf": "a series may begin later: rows before its first value are left out",
        "check_fit1d": "a series is one-dimensional",
        "check_fit2d_predict1d": "a series is one-dimensional: it is refused by its number of columns",
    },
}
"""Checks that an estimator does not meet, and why."""

PARAMETERS: dict[type, dict[str, Any]] = {SequenceForecaster: {"lookback_steps": 1}}
"""The checks' tables are too short for a lookback to be guessed."""


def checks_of(kind: Any) -> dict[str, Any]:
    return {_name(check): check for _, check in estimator_checks_generator(kind())}


def _name(check: Any) -> str:
    extra = "".join(f"({key}={value})" for key, value in getattr(check, "keywords", {}).items())
    return f"{getattr(check, 'func', check).__name__}{extra}"


CASES = [pytest.param(kind, name, id=f"{kind.__name__}-{name}") for kind in NOT_MET for name in checks_of(kind)]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_check(kind: Any, name: str, stubbed: Callable[..., Any]) -> None:
    estimator, check = stubbed(kind, **PARAMETERS.get(kind, {})), checks_of(kind)[name]
    if name in NOT_MET[kind]:
        with pytest.raises((AssertionError, IndexError, ValueError)):
            check(estimator)
    else:
        check(estimator)


def test_every_check_that_is_not_met_exists() -> None:
    assert all({*names} <= {*checks_of(kind)} for kind, names in NOT_MET.items())
