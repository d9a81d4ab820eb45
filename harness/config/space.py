"""A family's search space: its model, what its hyperparameters may say, and whether two compare fairly.

What Keras Tuner would refuse at the first trial, or quietly read otherwise, is refused when the config is read.
Does not import Keras Tuner: listing configs must stay fast.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from harness.config.dataset import DatasetConfig
from harness.config.errors import fault, toml_text
from harness.config.sources import Config, FunctionName, Name, Number, Plain
from harness.config.spaces.networks import NETWORKS, OF_USER, Layer, NetworkConfig
from harness.config.tasks import ForecastTask
from harness.errors import ConfigError, nearest
from harness.records import TaskKind

OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
SCHEDULES = ("constant", "cosine", "exponential")
SUMMARIES = ("last", "mean", "max")
"""How a recurrent layer's outputs become one vector a sequence."""
_CELLS = tuple(name for name, network in NETWORKS.items() if network.stack)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, float) or _whole(value)


def _count(value: Any) -> bool:
    return _whole(value) and value >= 1


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


KNOWN: Mapping[str, tuple[Callable[[Any], bool], str]] = MappingProxyType(
    {
        "embedding_dim": (_count, "whole numbers of at least 1"),
        "units": (_count, "whole numbers of at least 1"),
        "recurrent_parameters": (_count, "whole numbers of at least 1"),
        "layers": (_count, "whole numbers of at least 1"),
        "bidirectional": (lambda value: isinstance(value, bool), "true or false"),
        "lookback_steps": (_count, "whole numbers of at least 1"),
        "stride_steps": (_count, "whole numbers of at least 1"),
        "summary": (lambda value: value in SUMMARIES, f"one of {', '.join(SUMMARIES)}"),
        "kernel_size": (_count, "whole numbers of at least 1"),
        "cell": (lambda value: value in _CELLS, f"one of {', '.join(_CELLS)}"),
        "dropout": (lambda value: _number(value) and 0 <= value < 1, "shares from 0 to below 1"),
        "learning_rate": (_positive, "numbers greater than 0"),
        "schedule": (lambda value: value in SCHEDULES, f"one of {', '.join(SCHEDULES)}"),
        "optimizer": (lambda value: value in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
        "batch_size": (_count, "whole numbers of at least 1"),
        "clip_norm": (_positive, "numbers greater than 0"),
    }
)
"""The hyperparameters that shipped networks are built and trained from: what accepts a value, and such values in
words."""

TRAINING = ("learning_rate", "schedule", "optimizer", "batch_size", "clip_norm")
"""Those of them that say how a network is trained, whoever built it."""

CAPACITIES: Mapping[str, str] = MappingProxyType({"units": "units", "parameters": "recurrent_parameters"})
"""What a network's size may be declared in, and the hyperparameter that then says it."""

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,100}")

_RANGE = ("min_value", "max_value")
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Choice": (("values",), ("ordered", "default")),
    **dict.fromkeys(("Int", "Float"), (_RANGE, ("step", "sampling", "default"))),
    "Boolean": ((), ("default",)),
    "Fixed": (("value",), ()),
}
"""Type of a hyperparameter → the keys that it needs, and those that it may have besides."""


def _check_name(name: str, layer: str | None) -> None:
    if name == "seed":
        raise fault(("hyperparameters", name), "the seed is never a hyperparameter: luck is averaged, not searched for")
    if layer is None and not _NAME.fullmatch(name):
        raise fault(("hyperparameters",), f"hyperparameter {name!r}: expected letters, digits, '_', '-', '.' and '/'")
    if layer is None or name in (known := (*NETWORKS[layer].names, *TRAINING)):
        return
    if name in KNOWN:
        raise fault(("hyperparameters", name), f'expected no such key with layer = "{layer}", which has no {name}')
    raise fault(("hyperparameters",), f"unknown hyperparameter '{name}'. {nearest(name, known)}")


def _check_arguments(at: tuple[str, ...], hyperparameter: Hyperparameter) -> None:
    kind, given = hyperparameter.type, hyperparameter.arguments()
    needed, optional = _KEYS[kind]
    for key in needed:
        if key not in given:
            raise fault(at, f"missing key '{key}', which type {kind} needs")
    allowed = (*needed, *optional, "parent_name", "parent_values")
    for key in given:
        if key not in allowed:
            raise fault((*at, key), f"expected no such key where type is {kind}. Known: {', '.join(allowed)}")


def _check_choice(at: tuple[str, ...], hyperparameter: Hyperparameter) -> None:
    values = hyperparameter.values or ()
    types = {type(value) for value in values}
    if not values:
        raise fault((*at, "values"), "expected at least one value")
    # Keras Tuner takes booleans for the whole numbers 1 and 0.
    if bool in types:
        raise fault((*at, "values"), 'expected type = "Boolean" for true and false')
    # Keras Tuner refuses to mix types: 0 beside 0.5 as well.
    if len(types) > 1:
        raise fault((*at, "values"), "expected values of one type (0.0 beside 0.5, say, and not 0)")
    if len(set(values)) < len(values):
        raise fault((*at, "values"), "expected each value once")
    if hyperparameter.ordered and str in types:
        raise fault((*at, "ordered"), "expected false: text has no order")
    if hyperparameter.default is not None and hyperparameter.default not in values:
        raise fault((*at, "default"), "expected one of the values")


def _check_range(at: tuple[str, ...], hyperparameter: Hyperparameter) -> None:
    low, high, step = hyperparameter.min_value, hyperparameter.max_value, hyperparameter.step
    assert low is not None
    assert high is not None
    default = hyperparameter.default
    if hyperparameter.type == "Int":
        for key, number in (("min_value", low), ("max_value", high), ("step", step), ("default", default)):
            if number is not None and not _whole(number):
                raise fault((*at, key), "expected a whole number where type is Int")
    if low > high:
        raise fault((*at, "min_value"), f"expected at most max_value = {high}")
    if default is not None and not (_number(default) and low <= default <= high):  # type: ignore[operator]
        raise fault((*at, "default"), f"expected a number from {low} to {high}")
    logarithmic = hyperparameter.sampling in ("log", "reverse_log")
    if logarithmic and low <= 0:
        expected = f'expected a number greater than 0 where sampling = "{hyperparameter.sampling}"'
        raise fault((*at, "min_value"), expected)
    if step is not None:
        _check_step(at, low, high, step, logarithmic)


def _check_step(at: tuple[str, ...], low: float, high: float, step: float, logarithmic: bool) -> None:
    least = 1 if logarithmic else 0
    if step <= least:
        raise fault((*at, "step"), f"expected a number greater than {least}")
    # Keras Tuner's own arithmetic: in floating point 0.5 // 0.1 is 4, so that 0.5 would never be tried.
    steps = int(math.log(high / low, step) + 1e-8) if logarithmic else (high - low) // step
    last = low * step**steps if logarithmic else low + steps * step
    if not math.isclose(last, high, rel_tol=1e-9, abs_tol=1e-12):
        raise fault(
            (*at, "max_value"),
            f"Keras Tuner's steps of {step} from {low} end at {last:g}; "
            f"expected max_value = {last:g}, or a Choice of values",
        )


def _check_values(name: str, hyperparameter: Hyperparameter) -> None:
    accepts, expected = KNOWN[name]
    if hyperparameter.type == "Boolean" and not accepts(True):
        raise fault(("hyperparameters", name, "type"), f"expected {name} to be {expected}")
    for key in ("values", "value", *_RANGE):
        given = getattr(hyperparameter, key)
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None and not accepts(value):
                raise fault(("hyperparameters", name, key), f"expected {name} to be {expected}")


def _check_parent(name: str, space: Mapping[str, Hyperparameter]) -> None:
    at, child = ("hyperparameters", name), space[name]
    if child.parent_name is None and child.parent_values is None:
        return
    if child.parent_name is None or not child.parent_values:
        raise fault(at, "expected both parent_name and parent_values, or neither")
    names = list(space)
    if child.parent_name not in space:
        raise fault((*at, "parent_name"), f"unknown hyperparameter. {nearest(child.parent_name, set(names) - {name})}")
    # Keras Tuner knows only the parents that were declared before.
    if names.index(child.parent_name) >= names.index(name):
        raise fault((*at, "parent_name"), f"expected {child.parent_name} to stand before {name}")
    parent = space[child.parent_name]
    possible = {"Boolean": (True, False), "Fixed": (parent.value,)}.get(parent.type, parent.values)
    if possible is not None and (strange := [value for value in child.parent_values if value not in possible]):
        raise fault((*at, "parent_values"), f"{strange[0]} is not a value of {child.parent_name}")


class Hyperparameter(Config):
    """One hyperparameter; the keys are the arguments of Keras Tuner's `HyperParameters.<type>`.

    `when = {layers = 2}`, or `when = {layers = [2, 3]}`, has it searched where another one has such a value, as
    `parent_name` and `parent_values` do; elsewhere its default holds.
    """

    type: Literal["Choice", "Int", "Float", "Boolean", "Fixed"]
    values: tuple[Plain, ...] | None = None
    value: Plain | None = None
    ordered: Annotated[bool, Field(strict=True)] | None = None
    min_value: Number | None = None
    max_value: Number | None = None
    step: Number | None = None
    sampling: Literal["linear", "log", "reverse_log"] | None = None
    default: Plain | None = None
    parent_name: str | None = None
    parent_values: tuple[Plain, ...] | None = None
    when: dict[str, Plain | tuple[Plain, ...]] | None = None
    reason: Annotated[str, Field(min_length=1, description="why only this family has it")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _when_names_a_parent(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("when") is None:
            return values
        when, others = values["when"], {key: value for key, value in values.items() if key != "when"}
        if not isinstance(when, Mapping) or len(when) != 1:
            raise fault(("when",), "expected one hyperparameter and its values, such as {layers = [2, 3]}")
        if others.get("parent_name") is not None or others.get("parent_values") is not None:
            raise fault(("when",), "expected either when, or parent_name and parent_values")
        ((name, given),) = when.items()
        return {**others, "parent_name": name, "parent_values": given if isinstance(given, list | tuple) else [given]}

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of Keras Tuner's method, apart from the name."""
        return self.model_dump(exclude={"type", "reason"}, exclude_none=True)


Builder = Annotated[FunctionName, Field(description="a file and a function, such as my_model.py:build_model")]

OracleSeed = Annotated[int, Field(strict=True, gt=0, description="a whole number greater than 0")]

ByData: TypeAlias = Literal["lookback_steps", "stride_steps", "summary", "bidirectional"]
"""Hyperparameters whose values `harness.config.spaces.sized` finds for each dataset."""


class SearchSpace(Config):
    """The search space of a family, with what it `extends` already merged in.

    Its networks are made of a `layer`, or by the user's `build` (`file.py:function`, the path absolute). `code_sha256`
    is the digest of that function's file as the config was read, so that a plan holds it. Of `by_data` each dataset
    says which values there are.
    """

    name: Name
    title: str = ""
    layer: Layer | None = None
    build: Builder | None = None
    code_sha256: str = ""
    oracle_seed: OracleSeed | None = None
    capacity: Literal["units", "parameters"] = "units"
    by_data: tuple[ByData, ...] = ()
    hyperparameters: dict[str, Hyperparameter] = Field(default_factory=dict)

    @property
    def made_of(self) -> str:
        """What its networks are made of, in a word: the layer, or the user's function without the file's folder."""
        return self.layer or str(self.build).rpartition("/")[2]

    @property
    def network(self) -> NetworkConfig:
        """What is known of its networks before they are built."""
        return OF_USER if self.layer is None else NETWORKS[self.layer]

    @model_validator(mode="after")
    def _has_one_builder(self) -> SearchSpace:
        if self.layer is None and self.build is None:
            known = ", ".join(get_args(Layer))
            raise fault((), f"missing key 'layer': expected one of {known}, or build = \"file.py:function\"")
        if self.layer is not None and self.build is not None:
            raise fault(("build",), "expected either layer or build")
        if self.build is not None and self.oracle_seed and not self.code_sha256 and self.hyperparameters:
            raise fault(
                ("oracle_seed",), "expected no [hyperparameters] beside it, which Keras Tuner would not ask for"
            )
        if self.build is not None and self.capacity != "units":
            raise fault(("capacity",), "expected no such key with build: the function sizes its network itself")
        if self.layer is not None and self.capacity != "units" and "units" not in self.network.names:
            raise fault(("capacity",), f'expected no such key with layer = "{self.layer}", which has no units to fit')
        if self.layer is not None and not self.hyperparameters:
            raise fault(("hyperparameters",), "expected at least one")
        return self

    @model_validator(mode="after")
    def _hyperparameters_make_sense(self) -> SearchSpace:
        for name, hyperparameter in self.hyperparameters.items():
            at = ("hyperparameters", name)
            _check_name(name, self.layer)
            _check_arguments(at, hyperparameter)
            if hyperparameter.type == "Choice":
                _check_choice(at, hyperparameter)
            if hyperparameter.type in ("Int", "Float"):
                _check_range(at, hyperparameter)
            if self.layer is not None or name in TRAINING:
                _check_values(name, hyperparameter)
            _check_parent(name, self.hyperparameters)
        return self

    @model_validator(mode="after")
    def _has_one_measure_of_size(self) -> SearchSpace:
        if self.build is not None:
            return self
        wanted = CAPACITIES[self.capacity]
        for other in CAPACITIES.values():
            if other != wanted and other in self.hyperparameters:
                raise fault(("hyperparameters", other), f'expected {wanted} where capacity = "{self.capacity}"')
        if self.capacity == "parameters" and wanted not in self.hyperparameters:
            raise fault(("hyperparameters",), f'expected {wanted} among them where capacity = "{self.capacity}"')
        return self


class SearchSpaceFile(Config):
    """What one file of a search space may say, before what it `extends` is merged in.

    Attributes:
        name: Its name, the file's stem; what `harness sweep --family` takes.
        title: One line for people.
        extends: Another search space, whose keys hold where this one has none.
        layer: Keras's recurrent layer, or another shipped network.
        build: In place of `layer`: a function of yours, `build_model(hp)` or `build_model(hp, problem)`, that makes the
            network. Where `hyperparameters` are left out, those that it asks `hp` for are searched.
        oracle_seed: Seed of the oracle's first search, as `keras_tuner.RandomSearch(seed=…)` takes it. Where it is left
            out the seed follows from the sweep's, the dataset's name and the family's.
        by_data: Hyperparameters whose values follow the dataset, unless `hyperparameters` names them: lookbacks that a
            forecast's config lists, strides of long sequences, summaries and both directions where a sequence has one
            answer.
        capacity: What sets a layer's size: its units, or the weights of all recurrent layers (of other networks all
            between inputs and head), from which units follow.
        hyperparameters: Name → a type of Keras Tuner's `HyperParameters` with its arguments.
    """

    name: Name | None = None
    title: str = ""
    extends: Annotated[str, Field(min_length=1, description="the name or path of a search space")] | None = None
    layer: Layer | None = None
    build: Builder | None = None
    oracle_seed: OracleSeed | None = None
    capacity: Literal["units", "parameters"] | None = None
    by_data: tuple[ByData, ...] | None = None
    hyperparameters: dict[str, Hyperparameter] = Field(default_factory=dict)


def fill(hyperparameters: Any, space: SearchSpace, *, fixed: bool = False) -> Any:
    """Declare a search space to Keras Tuner.

    Args:
        hyperparameters: Its `HyperParameters`.
        space: The search space.
        fixed: Whether fixed values are declared too, which an oracle would count as dimensions.

    Returns:
        `hyperparameters` again.
    """
    for name, hyperparameter in space.hyperparameters.items():
        if fixed or hyperparameter.type != "Fixed":
            arguments = hyperparameter.arguments()
            arguments = {key: list(item) if isinstance(item, tuple) else item for key, item in arguments.items()}
            getattr(hyperparameters, hyperparameter.type)(name, **arguments)
    return hyperparameters


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two search spaces say differently.

    Attributes:
        key: Such as `layer` or `hyperparameters.units`.
        first: What the first says, as TOML; None when it says nothing.
        second: What the second says.
    """

    key: str
    first: str | None
    second: str | None


def differences(first: SearchSpace, second: SearchSpace) -> list[Difference]:
    """All that two search spaces say differently, names and titles apart."""
    keys = ("layer", "build", "capacity", "oracle_seed")
    given = [Difference(key, *(_plain(getattr(one, key)) for one in (first, second))) for key in keys]
    found = [one for one in given if one.first != one.second]
    names = dict.fromkeys((*first.hyperparameters, *second.hyperparameters))
    if first.build or second.build:  # what a builder asks for shows when it is called
        names = dict.fromkeys(name for name in first.hyperparameters if name in second.hyperparameters)
    for name in names:
        one, other = first.hyperparameters.get(name), second.hyperparameters.get(name)
        if one != other:
            found.append(Difference(f"hyperparameters.{name}", _as_text(one), _as_text(other)))
    return found


def check_shared(spaces: Sequence[SearchSpace]) -> None:
    """Hold families that are to be compared to one set of hyperparameters, as far as their networks have them.

    A builder of the user's has its own.

    Raises:
        ConfigError: A family lacks a hyperparameter that another has without a `reason` on its config.
    """
    shared = [space for space in spaces if space.layer is not None]
    for space in shared:
        by_data = [name for name in space.by_data if name not in space.hyperparameters]
        for other in shared:
            known = {*other.by_data, *other.hyperparameters}
            if lacking := [name for name in by_data if name not in known and _may_have(other, name)]:
                raise ConfigError(
                    f"search space {other.name}: by_data lacks {', '.join(lacking)}, which {space.name} has: expected "
                    "the same in every family"
                )
        for name, hyperparameter in space.hyperparameters.items():
            without = [one.name for one in shared if name not in one.hyperparameters and _may_have(one, name)]
            if without and hyperparameter.reason is None:
                raise ConfigError(
                    f"search space {space.name}: [hyperparameters.{name}] missing key 'reason': "
                    f"why {space.name} has {name} and {', '.join(without)} has not"
                )


def _may_have(space: SearchSpace, name: str) -> bool:
    return name in (*space.network.names, *TRAINING)


def cannot(space: SearchSpace, task: TaskKind) -> str:
    """Why a family's networks cannot do a task, in a line; empty where they can."""
    network = space.network
    if task in network.tasks:
        return ""
    able = ", ".join(kind.value for kind in TaskKind if kind in network.tasks)
    return f"search space {space.name}: {space.layer} cannot do {task.value}: expected {able}, since {network.why}"


def check_tasks(dataset: DatasetConfig, spaces: Sequence[SearchSpace]) -> None:
    """Refuse networks that cannot do a dataset's task.

    Raises:
        ConfigError: A search space is of one, or of one that needs targets among its inputs, which they are not.
    """
    for space in spaces:
        if why := cannot(space, TaskKind(dataset.task.kind)):
            raise ConfigError(f"{dataset.name}: {why}")
        if not space.network.own_past or not isinstance(dataset.task, ForecastTask):
            continue
        inputs = (*dataset.task.features, *dataset.task.known_covariates)
        if strange := [name for name in dataset.task.target if dataset.task.features and name not in inputs]:
            raise ConfigError(
                f"{dataset.name}: search space {space.name}: {space.network.why}: expected {strange[0]!r} "
                "among the features"
            )


def check_reads_forward(dataset: DatasetConfig, spaces: Sequence[SearchSpace]) -> None:
    """Refuse bidirectional layers where a step's answer is what comes after it: read backwards, they would see it.

    Raises:
        ConfigError: A search space may ask for one.
    """
    task = dataset.task
    if not (task.kind == "next_token" or (task.kind == "label" and task.ahead_steps)):
        return
    for space in spaces:
        asked = space.hyperparameters.get("bidirectional")
        if asked is not None and (asked.type == "Boolean" or asked.value is True):
            raise ConfigError(
                f"search space {space.name}: [hyperparameters.bidirectional] {in_words(asked)}: expected false for "
                f"{dataset.name}, whose answers are what comes next: a layer that reads backwards would see them"
            )


def in_words(given: Hyperparameter) -> str:
    """A hyperparameter in one line, such as `Choice [16, 32, 64]` or `Float 0.0003 to 0.03, log`."""
    if given.type == "Choice":
        text = f"Choice {toml_text(given.values, longest=None)}"
    elif given.type == "Fixed":
        text = f"Fixed {toml_text(given.value)}"
    elif given.type == "Boolean":
        text = "Boolean"
    else:
        step = f" in steps of {given.step}" if given.step is not None else ""
        sampling = f", {given.sampling}" if given.sampling not in (None, "linear") else ""
        text = f"{given.type} {given.min_value} to {given.max_value}{step}{sampling}"
    if given.parent_name is not None:
        text += f", where {given.parent_name} is one of {toml_text(given.parent_values)}"
    return text


def _plain(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _as_text(hyperparameter: Hyperparameter | None) -> str | None:
    return None if hyperparameter is None else toml_text(hyperparameter.model_dump(exclude_none=True), longest=None)
