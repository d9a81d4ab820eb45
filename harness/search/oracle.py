"""Keras Tuner's oracles as a plain ask and tell, in memory; a Bayesian one is restored without a fit an ask.

A fit at 500 trials takes 0.8 s, and a replay of as many asks minutes. An ask whose answer is known leaves two things
behind: fifty drawn starting points, and the fitted process, which the next ask looks at only where trials are running.

An oracle is deterministic in its seed and the order of calls, so a journal of asks and tells is all that a resume
needs; Keras Tuner's own files (written in place, and broken by a kill between two writes) are never made.

Keras Tuner is imported by the first oracle (`library`): a report of a sweep, or a refusal, does not need it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from threadpoolctl import ThreadpoolController

from harness.config.space import SearchSpace, fill
from harness.records import Objective, Value
from harness.search.library import load_oracles

STARTING_POINTS = 50
"""Drawn at every ask that is answered from the process: `num_restarts` of Keras Tuner 1.4.8."""

_KNOWN = ("COMPLETED", "RUNNING")


def recalling(base: Any) -> Any:
    """A Bayesian oracle of Keras Tuner's that can be told what it answered.

    Args:
        base: `keras_tuner.oracles.BayesianOptimizationOracle`.
    """

    class Recalling(base):  # type: ignore[misc]
        def __init__(self, **arguments: Any) -> None:
            self.trials: dict[str, Any] = {}
            self.ongoing_trials: dict[str, Any] = {}
            super().__init__(**arguments)
            self.recalled: Mapping[str, Any] | None = None
            self._compared = False
            self._owed: list[tuple[dict[str, Any], dict[str, Any]]] = []

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            values, self.recalled = self.recalled, None
            completed = sum(trial.status == "COMPLETED" for trial in self.trials.values())
            learned = completed >= max(3 * len(self._nonfixed_space()), 3)
            # The first answer of the process is given in earnest, to be compared with the journal's.
            if values is not None and learned and self._compared:
                self._random_state.uniform(size=(STARTING_POINTS, len(self._nonfixed_space())))
                self._owe()
                return {"status": "RUNNING", "values": dict(values)}
            if learned:
                self._compared = True
                self._pay()
            answer: dict[str, Any] = super().populate_space(trial_id)
            return answer

        def _owe(self) -> None:
            """Put off a fit on what has ended and what is running now."""
            if not self.ongoing_trials:  # then it looks at no fit before it
                self._owed.clear()
            known = {name: trial for name, trial in self.trials.items() if trial.status in _KNOWN}
            self._owed.append((known, dict(self.ongoing_trials)))

        def _pay(self) -> None:
            """Do the fits that were put off, where the next one looks at them: it guesses how running trials end."""
            trials, running = self.trials, self.ongoing_trials
            for then in self._owed if running else ():
                self.trials, self.ongoing_trials = then
                x, y = (np.nan_to_num(values, posinf=0, neginf=0) for values in self._vectorize_trials())
                self.gpr.fit(x, y)
            self.trials, self.ongoing_trials = trials, running
            self._owed.clear()

    return Recalling


_COMPLETED, _FAILED, _RUNNING, _IDLE = "COMPLETED", "FAILED", "RUNNING", "IDLE"
_KINDS = {
    "random": "RandomSearchOracle",
    "bayesian": "BayesianOptimizationOracle",
    "hyperband": "HyperbandOracle",
    "grid": "GridSearchOracle",
}
ADAPTIVE = ("bayesian", "hyperband", "tpe")
"""Oracles whose next answer depends on how trials before it ended."""

FACTOR = 3
"""Hyperband's: a rung keeps a third of its trials and trains them three times as long."""


class Waiting:
    """The answer of an oracle that can't say what is next before a running trial has ended."""


@dataclass(frozen=True, slots=True)
class Point:
    """A trial as an oracle asks for it.

    Attributes:
        values: The hyperparameters' values.
        epochs: Epochs that the training comes to; None leaves them to the plan.
        continues: Number of the trial that it goes on with, from 1; None begins a new one.
        begins_after: Epochs that the trials before were to train.
    """

    values: dict[str, Value]
    epochs: int | None = None
    continues: int | None = None
    begins_after: int = 0


class Builder(Protocol):
    """What a random search learns a builder's names from, as one of Keras Tuner's own does."""

    def begin(self, oracle: Any) -> None:
        """Tell Keras Tuner's oracle of the names that are known before the first trial."""

    def meet(self, oracle: Any, hp: Any) -> None:
        """Tell it of the names that a trial asks for, and add their values to the trial's `HyperParameters`."""


class Oracle:
    """One search's source of hyperparameters.

    Args:
        kind: `random`, `bayesian`, `hyperband` or `grid`.
        space: The family's search space.
        objective: What is optimised.
        seed: The search's seed; not 0, which Keras Tuner reads as none.
        epochs: The most epochs of a trial, which Hyperband's rungs follow from.
        builder: What names are learnt from where random search is to ask what one of Keras Tuner's own asks.
    """

    def __init__(
        self,
        kind: str,
        space: SearchSpace,
        objective: Objective,
        seed: int,
        epochs: int = 1,
        builder: Builder | None = None,
    ) -> None:
        # Fixed values are added here and kept from Keras Tuner: it would count them as dimensions, and its Bayesian
        # oracle draws three random trials a dimension before it begins to learn. A builder declares its own.
        self._fixed = {
            name: hyperparameter.value
            for name, hyperparameter in space.hyperparameters.items()
            if hyperparameter.type == "Fixed" and hyperparameter.value is not None and builder is None
        }
        keras_tuner = load_oracles(gaussian=kind == "bayesian")
        self._builder, known = builder, keras_tuner.HyperParameters()
        make = getattr(keras_tuner.oracles, _KINDS[kind])
        self._learns = kind in ADAPTIVE
        self._forgets = kind == "random" and builder is None
        self._recalls = kind == "bayesian"
        if self._recalls:  # nobody can do anything about what its fits say of their convergence
            warnings.filterwarnings("ignore", category=UserWarning, module=r"sklearn\.")
        self._oracle = (recalling(make) if self._recalls else make)(
            objective=keras_tuner.Objective("score", objective.direction.value),
            **({"max_epochs": epochs, "factor": FACTOR} if kind == "hyperband" else {"max_trials": None}),
            hyperparameters=known if self._builder else fill(known, space),
            allow_new_entries=self._builder is not None,
            tune_new_entries=self._builder is not None,
            seed=seed,
        )
        self._oracle.verbose = 0
        self._oracle.save = _nothing
        self._oracle._save_trial = _nothing
        # It goes through all trials at the end of each; failures are counted by the scheduler.
        self._oracle._check_consecutive_failures = _nothing
        self._asked = 0
        if self._builder:
            self._builder.begin(self._oracle)
        # The Gaussian process has small matrices: more than one thread makes it four times slower beside busy workers.
        # Looking for the libraries that have threads takes 4 ms, so it is done once, and not where nothing needs it.
        self._threads = ThreadpoolController() if kind == "bayesian" else None

    def recall(self, values: Mapping[str, Value]) -> None:
        """Say what the next `ask` was answered before.

        An oracle whose answers are dear takes the word for it, save for those that it draws at random and the first
        after them; the others work theirs out, and whoever asks can compare.
        """
        if self._recalls:
            own = {hyperparameter.name for hyperparameter in self._oracle.hyperparameters.space}
            self._oracle.recalled = {name: value for name, value in values.items() if name in own}

    def ask(self) -> Point | Waiting | None:
        """The next trial; None when there is no more.

        The n-th point belongs to trial n of the search.
        """
        # One id a trial: Keras Tuner gives the same trial again to an id that has one in flight.
        with self._threads.limit(limits=1) if self._threads else nullcontext():
            trial = self._oracle.create_trial(f"slot-{self._asked + 1}")
        if trial.status == _IDLE:
            return Waiting()
        if trial.status != _RUNNING:
            return None
        self._asked += 1
        if self._builder:
            self._builder.meet(self._oracle, trial.hyperparameters)
        if not self._learns:
            self._end(trial, 0.0)  # Keras Tuner's grid goes on from trials that have ended alone
        values = dict(trial.hyperparameters.values)
        own = {name: values.pop(name) for name in list(values) if name.startswith("tuner/")}
        past = own.get("tuner/trial_id")
        number = None if past is None else int(past) + 1
        return Point({**values, **self._fixed}, own.get("tuner/epochs"), number, own.get("tuner/initial_epoch", 0))

    def adopt(self, number: int, values: Mapping[str, Value]) -> None:
        """Take these hyperparameters for trial `number` (from 1), as far as the space has them."""
        own = self._oracle.trials[f"{number - 1:04d}"].hyperparameters.values
        own.update({name: value for name, value in values.items() if name in own})

    def tell(self, number: int, score: float | None) -> None:
        """Say how trial `number` (from 1) ended; None, like any score that is not finite, is a failure.

        An oracle that does not learn has no use for it.
        """
        if self._learns:
            self._end(self._oracle.trials[f"{number - 1:04d}"], score)

    def _end(self, trial: Any, score: float | None) -> None:
        # Keras Tuner would take inf for COMPLETED, and its Gaussian process -inf for the best loss.
        if score is None or not math.isfinite(score):
            trial.status = _FAILED
        else:
            self._oracle.update_trial(trial.trial_id, {"score": score})
            trial.status = _COMPLETED
        self._oracle.end_trial(trial)
        if self._forgets:  # Keras Tuner keeps a copy of the space with each trial: 4 KB, of which nothing is read again
            values = SimpleNamespace(values=trial.hyperparameters.values)
            self._oracle.trials[trial.trial_id] = SimpleNamespace(hyperparameters=values)


def _nothing(*_: Any, **__: Any) -> None:
    """In place of Keras Tuner's writing of files: 1 ms a trial instead of 33 ms at 10,000 trials."""


def scheduled(kind: str, space: SearchSpace, objective: Objective, epochs: int) -> tuple[int, int]:
    """How many trials an oracle asks for that sets the number itself, and how many epochs they come to.

    Found by asking it, with scores that are all equal.

    Args:
        kind: `hyperband` or `grid`.
        space: The family's search space.
        objective: What is optimised.
        epochs: The most epochs of a trial.
    """
    oracle, trials, total, until = Oracle(kind, space, objective, 1, epochs), 0, 0, dict[int, int]()
    while isinstance(point := oracle.ask(), Point):
        trials += 1
        until[trials] = point.epochs or epochs
        total += until[trials] - until.get(point.continues or 0, 0)
        oracle.tell(trials, 0.0)
    return trials, total
