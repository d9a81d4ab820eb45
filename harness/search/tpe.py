"""Optuna's tree-structured Parzen estimator as the same ask and tell as Keras Tuner's oracles.

Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for Hyper-Parameter Optimization", as Optuna 5 has it: ten random
trials, then the point of the largest ratio of two densities, of the better trials and of the others. Like the others
it is deterministic in its seed and the order of calls, so that a journal of asks and tells is all that a resume needs.

Optuna is an extra, and imported by the first oracle.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

from harness.config.space import Hyperparameter, SearchSpace
from harness.errors import UsageError
from harness.records import Direction, Objective, Value
from harness.search.oracle import Point

TPE = "tpe"


def require_optuna() -> None:
    """Refuse the oracle where its package is not installed.

    Raises:
        UsageError: With the command that installs it.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UsageError("--oracle tpe: needs optuna: pip install 'lstm-gru-harness[optuna]'")


class TpeOracle:
    """One search's source of hyperparameters; see `harness.search.oracle.Oracle`.

    Args:
        space: The family's search space.
        objective: What is optimised.
        seed: The search's seed.
    """

    def __init__(self, space: SearchSpace, objective: Objective, seed: int) -> None:
        require_optuna()
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # a line for every trial
        self._failed = optuna.trial.TrialState.FAIL
        self._space = space
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed % 2**32),
            direction="minimize" if objective.direction is Direction.MIN else "maximize",
        )
        self._trials: list[Any] = []

    def recall(self, values: Mapping[str, Value]) -> None:
        """Nothing: an answer is cheap, and is worked out again."""

    def ask(self) -> Point:
        """The next trial; there is always one more. The n-th point belongs to trial n of the search."""
        self._trials.append(self._study.ask())
        return Point(self._suggested(self._trials[-1]))

    def adopt(self, number: int, values: Mapping[str, Value]) -> None:
        """Take these hyperparameters for trial `number` (from 1), as far as the space has them."""
        self._study.tell(self._trials[number - 1], state=self._failed)
        self._study.enqueue_trial({name: _code(self._space, name, value) for name, value in values.items()})
        self._trials[number - 1] = self._study.ask()
        self._suggested(self._trials[number - 1])

    def tell(self, number: int, score: float | None) -> None:
        """Say how trial `number` (from 1) ended; None, like any score that is not finite, is a failure."""
        if score is None or not math.isfinite(score):
            self._study.tell(self._trials[number - 1], state=self._failed)
        else:
            self._study.tell(self._trials[number - 1], score)

    def _suggested(self, trial: Any) -> dict[str, Value]:
        """Values of all hyperparameters that hold, their parents first."""
        found: dict[str, Value] = {}
        for name, one in self._space.hyperparameters.items():
            if one.parent_name is None or found.get(one.parent_name) in (one.parent_values or ()):
                found[name] = _value(one, _suggestion(trial, name, one))
        return found


def _suggestion(trial: Any, name: str, one: Hyperparameter) -> Any:
    """What Optuna suggests; of reversed logarithms, which it has not, the mirror image."""
    low, high = one.min_value, one.max_value
    if one.type == "Fixed":
        return one.value
    if (values := _listed(one)) is not None:
        return trial.suggest_categorical(name, values)
    logarithmic = one.sampling in ("log", "reverse_log")
    if one.type == "Int":
        return trial.suggest_int(name, low, high, log=logarithmic, **({} if logarithmic else {"step": one.step or 1}))
    return trial.suggest_float(name, low, high, log=logarithmic, **({} if logarithmic else {"step": one.step}))


def _listed(one: Hyperparameter) -> list[Any] | None:
    """The values of a hyperparameter that has few: choices, and steps by a factor, which Optuna has not."""
    if one.type == "Boolean":
        return [False, True]
    if one.values is not None:
        return list(one.values)
    if one.step is None or one.sampling not in ("log", "reverse_log"):
        return None
    assert one.min_value is not None
    assert one.max_value is not None
    count = int(math.log(one.max_value / one.min_value, one.step) + 1e-8) + 1
    values = [one.min_value * one.step**number for number in range(count)]
    return [int(value) for value in values] if one.type == "Int" else values


def _value(one: Hyperparameter, suggestion: Any) -> Any:
    if one.sampling != "reverse_log" or _listed(one) is not None:
        return suggestion
    assert one.min_value is not None
    assert one.max_value is not None
    return one.min_value + one.max_value - suggestion


def _code(space: SearchSpace, name: str, value: Value) -> Any:
    """What Optuna is told for a value: the inverse of `_value`, which is its own."""
    one = space.hyperparameters.get(name)
    return value if one is None else _value(one, value)
