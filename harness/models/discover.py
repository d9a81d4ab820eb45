"""What a builder of the user's asks for: its hyperparameters, found by calling it, as a search space holds them.

As Keras Tuner finds them: called again for each `conditional_scope` that was never active (`BaseTuner`, keras-tuner
1.4.8). Names behind a plain `if` or in a loop, which Keras Tuner meets in the middle of a search, are found by calling
it with each value of a choice and with both ends of a range. What the search space's file declares stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from harness._tensorflow import load_keras_tuner
from harness.config.errors import issue_of
from harness.config.space import Hyperparameter, SearchSpace, fill
from harness.errors import ConfigError, UsageError
from harness.models.builder import build_of_user, call_builder, seeded
from harness.models.padding import padding_note
from harness.models.shape import NetworkShape

MOST_CALLS = 300
"""Calls after which a builder that asks for ever more is given up."""


def discovered(shape: NetworkShape, space: SearchSpace, *, gaussian: bool) -> SearchSpace:
    """The search space with all that its builder asks for.

    Args:
        shape: Inputs and outputs of the network, the builder's `problem`.
        space: The search space as its file says.
        gaussian: Whether this process also needs Keras Tuner's Bayesian oracle.

    Raises:
        UsageError: The builder raises, asks for nothing, or for what a search space cannot hold.
    """
    keras_tuner = load_keras_tuner(gaussian=gaussian)
    hp = _explored(keras_tuner, shape, space)
    found = dict(space.hyperparameters)
    for one in hp.space:
        if one.name not in space.hyperparameters:
            found[one.name] = _declared(one, space.made_of)
    if all(one.type == "Fixed" for one in found.values()):
        raise UsageError(f"{space.made_of}: asks hp for nothing that could be searched: expected hp.Choice, hp.Int, …")
    values = {**space.model_dump(), "hyperparameters": {name: one.model_dump() for name, one in found.items()}}
    try:
        return SearchSpace.model_validate(values)
    except ValidationError as error:
        issue = issue_of(error, SearchSpace, values)
        said = " = ".join(filter(None, (".".join(map(str, issue.keys[1:])), issue.shown)))
        raise ConfigError(": ".join(filter(None, (space.made_of, said, issue.phrase)))) from None


def _explored(keras_tuner: Any, shape: NetworkShape, space: SearchSpace) -> Any:
    """Keras Tuner's hyperparameters once every scope was active, and every value tried that may lead to other names."""
    known, seen = fill(keras_tuner.HyperParameters(), space, fixed=True), set[str]()
    never, once, waiting = list[Any](), list[Any](), [dict[str, Any]()]
    for _ in range(MOST_CALLS):
        if not never and not waiting:
            return known
        hp, wanted = known.copy(), {one.name: one.values[0] for one in never[0]} if never else waiting.pop(0)
        hp.values |= wanted
        hp.ensure_active_values()
        try:
            with seeded(0):
                call_builder(space, hp, shape)
        except UsageError as error:
            given = ", ".join(f"{name} = {value!r}" for name, value in wanted.items())
            raise UsageError(f"{error}{given and f', where {given}'}") from error
        known.merge(hp.space, overwrite=False)
        own = [one.name for one in known.space if one.name not in space.hyperparameters]
        if twice := next((name for name in own if own.count(name) > 1), None):
            raise UsageError(f"{space.made_of}: asks for {twice!r} in two scopes: expected a name of its own in each")
        never, once = _scopes(hp, never, once)
        for one in known.space:
            if one.name not in seen:
                seen.add(one.name)
                # Beside what has led to it: a name in a scope exists there alone.
                scope = {part.name: part.values[0] for part in one.conditions}
                waiting += [{**wanted, **scope, one.name: value} for value in _leading(one)]
    raise UsageError(f"{space.made_of}: asks for new hyperparameters after {MOST_CALLS} calls: expected a fixed set")


def tried(
    shape: NetworkShape, space: SearchSpace, *, gaussian: bool, told: Callable[[str], None] = lambda _: None
) -> SearchSpace:
    """As `discovered`, once a network of its default values was built and fits the problem; what it raises besides.

    Args:
        shape: The problem.
        space: The family's search space.
        gaussian: As for `discovered`.
        told: Called with a warning about the network, where there is one.

    Raises:
        UsageError: The network's inputs, outputs, loss, layers or mask are not the problem's.
    """
    found = discovered(shape, space, gaussian=gaussian)
    defaults = fill(load_keras_tuner(gaussian=gaussian).HyperParameters(), found, fixed=True)
    values = {one.name: defaults.values[one.name] for one in defaults.space if _has(defaults, one)}
    if note := padding_note(build_of_user(shape, found, values), space.made_of):
        told(note)
    return found


def _has(hp: Any, one: Any) -> bool:
    return bool(one.name in hp.values and hp.is_active(one))


class AsKerasTuner:
    """A builder as a search of Keras Tuner's own meets it, name by name, so that it is asked the same.

    A name that a plain `if` or a loop leads to is unknown there until a trial asks for it, and has its default in that
    trial (`BaseTuner._activate_all_conditions` and `Tuner._build_hypermodel`, keras-tuner 1.4.8).

    Args:
        shape: Inputs and outputs of the network, the builder's `problem`.
        space: The family's search space.
    """

    def __init__(self, shape: NetworkShape, space: SearchSpace) -> None:
        self._shape, self._space = shape, space

    def begin(self, oracle: Any) -> None:
        """Tell an oracle of the names that are known before the first trial: those of one call and of all scopes."""
        never, once = list[Any](), list[Any]()
        while True:
            hp = oracle.get_space()
            for one in never[0] if never else ():
                hp.values[one.name] = one.values[0]
            hp.ensure_active_values()
            self._call(hp)
            oracle.update_space(hp)
            never, once = _scopes(hp, never, once)
            if not never:
                return

    def meet(self, oracle: Any, hp: Any) -> None:
        """Tell an oracle of the names that a trial asks for, which join its values."""
        try:
            self._call(hp)
        except UsageError:  # the trial says so when it is trained; a search of Keras Tuner's learns no names of it
            return
        oracle.update_space(hp)

    def _call(self, hp: Any) -> None:
        with seeded(0):
            call_builder(self._space, hp, self._shape)


def _scopes(hp: Any, never: list[Any], once: list[Any]) -> tuple[list[Any], list[Any]]:
    """Scopes that were never active, and those that were, after one more call of a builder."""
    for conditions in hp.active_scopes:
        once += [conditions] if conditions not in once else []
        never = [one for one in never if one != conditions]
    never += [one for one in hp.inactive_scopes if one not in once and one not in never]
    return never, once


def _leading(one: Any) -> list[Any]:
    """The values of a hyperparameter that may lead a builder to other names, its default apart."""
    config, kind = one.get_config(), type(one).__name__
    values = {
        "Choice": config.get("values", ()),
        "Boolean": (False, True),
        "Int": (config.get("min_value"), config.get("max_value")),
    }.get(kind, ())
    return [value for value in dict.fromkeys(values) if value != one.default]


def _declared(one: Any, builder: str) -> Hyperparameter:
    """One of Keras Tuner's hyperparameters as a search space declares it."""
    kind, config = type(one).__name__, one.get_config()
    if one.name.startswith("tuner/"):
        raise UsageError(f"{builder}: asks for {one.name!r}: expected another name: Hyperband's own begin so")
    if config.get("step") is not None and config["step"] <= 0:
        raise UsageError(f"{builder}: asks for {one.name!r} in steps of {config['step']}: expected more than 0")
    given = {key: config[key] for key in ("values", "value", "min_value", "max_value") if config.get(key) is not None}
    if kind in ("Int", "Float"):
        given |= _range(config)
    if kind != "Fixed" and config["default"] not in (config.get("values", [config.get("min_value", False)])[0], None):
        given["default"] = config["default"]
    if one.conditions:
        given |= {"parent_name": one.conditions[-1].name, "parent_values": tuple(one.conditions[-1].values)}
    if "values" in given:
        given["values"] = tuple(given["values"])
    return Hyperparameter.model_validate({"type": kind, **given})


def _range(config: dict[str, Any]) -> dict[str, Any]:
    """Step, sampling and the last value that steps reach, which Keras Tuner takes for the largest."""
    step, sampling, low, high = config["step"], config["sampling"], config["min_value"], config["max_value"]
    given = {} if sampling in (None, "linear") else {"sampling": sampling}
    if step is None or (step == 1 and sampling in (None, "linear")):
        return given
    if sampling in (None, "linear"):
        return {**given, "step": step, "max_value": low + (high - low) // step * step}
    return {**given, "step": step, "max_value": low * step ** int(math.log(high / low, step) + 1e-8)}
