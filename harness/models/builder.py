"""A family of the user's: `build_model(hp)` or `build_model(hp, problem)` in a file that a search space names.

The function gets Keras Tuner's `HyperParameters` and, where it takes one, a `NetworkShape`; it returns a Keras model,
compiled or not. What it returns is brought to the one form that all networks have: inputs `x`, `lengths` and `future`
as the problem has them, scaled numbers or logits as outputs. Whatever does not fit is refused in one line.
"""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from harness._tensorflow import load_keras_tuner
from harness.config.space import OPTIMIZERS, TRAINING, SearchSpace, fill
from harness.errors import UsageError
from harness.models.adapt import adapted, graph_text, require_no_look_ahead
from harness.models.shape import NetworkShape, Training
from harness.records import Answer, Value
from harness.user_code import load_function

OVERRIDES = ("train_step", "fit", "compute_loss", "make_train_function")
"""What of Keras's training a model may replace by its own."""

LOSSES: Mapping[str, str] = {
    "sparsecategoricalcrossentropy": "entropy",
    "categoricalcrossentropy": "entropy",
    "binarycrossentropy": "entropy",
    "meansquarederror": "mse",
    "mse": "mse",
    "meanabsoluteerror": "mae",
    "mae": "mae",
}
"""Losses of Keras's that the compiled epoch has, without `_` and capitals, and what they are called there."""


@dataclass(frozen=True)
class BuiltNetwork:
    """A network of the user's. A `Network`, as `families` asks for.

    Attributes:
        shape: Inputs and outputs.
        model: The functional model: scaled inputs in, scaled outputs or logits out.
        made: What the function returned, which shares the model's layers; what `fit` is called on.
        again: Builds it afresh, its initial weights from a seed.
        training: How it trains.
        structure: What networks must share to share a compiled function.
    """

    shape: NetworkShape
    model: keras.Model
    made: keras.Model
    again: Callable[[int], keras.Model]
    training: Training
    structure: Hashable

    @property
    def variables(self) -> list[Any]:
        """Trainable variables."""
        return list(self.model.trainable_variables)

    @property
    def units(self) -> int:
        """It has no one size: 0."""
        return 0

    @cached_property
    def recurrent_parameters(self) -> int:
        """Weights in Keras's recurrent layers."""
        layers = self.model._flatten_layers(include_self=False, recursive=True)
        return sum(int(layer.count_params()) for layer in layers if isinstance(layer, keras.layers.RNN))

    def build(self) -> BuiltNetwork:
        """It has weights already."""
        return self

    def initial_weights(self, seed: int) -> list[npt.NDArray[np.float32]]:
        """Fresh weights in the order of `model.get_weights()`."""
        return [np.array(weight) for weight in self.again(seed).get_weights()]


def build_of_user(shape: NetworkShape, space: SearchSpace, values: Mapping[str, Value]) -> BuiltNetwork:
    """The network that the user's function makes of these hyperparameters.

    Args:
        shape: Inputs and outputs, the function's `problem`.
        space: The family's search space.
        values: Values of the hyperparameters.

    Raises:
        UsageError: The function cannot be loaded or fails, asks for hyperparameters that the space has not, or returns
            what does not fit the problem.
    """

    def make(seed: int) -> tuple[Any, keras.Model, keras.Model, Training]:
        with seeded(seed):
            hp = _known(space, values)
            made = call_builder(space, hp, shape)
            training = _training_of(made)
            model = adapted(made, shape, space.made_of, own_training=not training.compiled)
            _require_loss(made, shape, space.made_of)
            return hp, made, model, training

    hp, made, model, training = make(0)
    require_no_look_ahead(model, shape, space.made_of)
    # The graph, and what the function asked for: a layer may hold a value that its configuration leaves out. What the
    # compiled epoch takes as its input is left out; a model's own training may hold that, too.
    inputs = TRAINING if training.compiled else ()
    asked = sorted((name, value) for name, value in values.items() if name in hp.asked and name not in inputs)
    graph = graph_text(model, space.made_of)
    structure = (space.build, space.code_sha256, graph, str(asked), training.why_fit, training.loss)
    return BuiltNetwork(shape, model, made, lambda seed: make(seed)[2], training, structure)


def recent(shape: NetworkShape, space: SearchSpace, values: Mapping[str, Value]) -> BuiltNetwork:
    """As `build_of_user`, but the same network again for the same request shortly before: to be looked at only."""
    return _recent(shape, space.model_dump_json(), json.dumps(dict(values)))


@lru_cache(maxsize=2)
def _recent(shape: NetworkShape, space: str, values: str) -> BuiltNetwork:
    return build_of_user(shape, SearchSpace.model_validate_json(space), json.loads(values))


def call_builder(space: SearchSpace, hp: Any, shape: NetworkShape) -> Any:
    """What the user's function returns.

    Args:
        space: The search space that names it.
        hp: Keras Tuner's `HyperParameters`.
        shape: Inputs and outputs of the network.

    Raises:
        UsageError: It raises, asks for a hyperparameter that was not asked for when the sweep began, or changes the
            numbers that Keras computes in.
    """
    with _same_numbers(space.made_of):
        return _call(space, hp, shape)


@contextmanager
def _same_numbers(name: str) -> Iterator[None]:
    """Undo what a builder, or its file, sets of Keras's for all networks after it; a builder that does is refused."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy().name
    try:
        yield
    finally:
        now = keras.config.dtype_policy().name
        if changed := keras.config.floatx() != floatx or now != policy:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)
    if changed:
        raise UsageError(f"{name}: sets Keras's dtype policy to {now}: expected {policy}, which all families train in")


def _call(space: SearchSpace, hp: Any, shape: NetworkShape) -> Any:
    assert space.build is not None  # else it is no user's
    function, name = load_function(space.build, space.code_sha256), space.made_of
    try:
        if isinstance(function, type):  # a `HyperModel`
            if "fit" in vars(function):
                raise UsageError(
                    f"{name}: its fit is its own: expected what it does in the model's train_step, and batch_size "
                    "among the hyperparameters"
                )
            function = function().build
        elif not callable(function):  # a `HyperModel` that the file makes
            function = function.build
        _require_signature(function, name)
        return function(hp, shape) if _takes_problem(function) else function(hp)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code does
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise UsageError(f"{name}: raised {type(error).__name__}: {first[:300]}".rstrip(": ")) from error


def _require_signature(function: Callable[..., Any], name: str) -> None:
    for is_of, kind in (
        (inspect.iscoroutinefunction, "an async function"),
        (inspect.isgeneratorfunction, "a generator"),
    ):
        if is_of(function):
            raise UsageError(f"{name}: is {kind}: expected a plain function that returns a Keras model")
    taken = inspect.signature(function)
    for arguments in (("hp",), ("hp", "problem")):
        try:
            taken.bind(*arguments)
        except TypeError:
            continue
        return
    raise UsageError(f"{name}: takes {taken}, expected (hp) or (hp, problem)")


def _takes_problem(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return sum(one.default is one.empty for one in positional) > 1 or any(one.name == "problem" for one in positional)


def _known(space: SearchSpace, values: Mapping[str, Value]) -> Any:
    """Keras Tuner's hyperparameters with these values; a name that the space has not is refused."""
    base = load_keras_tuner(gaussian=False).HyperParameters

    class Known(base):  # type: ignore[misc, valid-type]
        sealed = False

        def _retrieve(self, hyperparameter: Any) -> Any:
            self.asked.add(hyperparameter.name)
            return super()._retrieve(hyperparameter)

        def get(self, name: str) -> Any:
            self.asked.add(self._get_name(name))
            return super().get(name)

        def _register(self, hyperparameter: Any, overwrite: bool = False) -> Any:
            if self.sealed and hyperparameter.name not in space.hyperparameters:
                raise UsageError(
                    f"{space.made_of}: asks for the hyperparameter {hyperparameter.name!r}, which it did not ask for "
                    "when the sweep began: expected the same names in every call, or conditional_scope"
                )
            return super()._register(hyperparameter, overwrite)

    hp = Known()
    hp.asked = set[str]()
    fill(hp, space, fixed=True)
    hp.sealed, hp.values, hp.asked = True, dict(values), set[str]()
    return hp


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Have Keras's initialisers draw from a seed, and Python and NumPy go on afterwards as if nothing was drawn."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)  # from which Keras gives a seed to each initialiser that has none
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _overridden(made: Any) -> list[str]:
    """What of Keras's training a model has in a way of its own."""
    return [name for name in OVERRIDES if getattr(type(made), name, None) is not getattr(keras.Model, name)]


def _training_of(made: Any) -> Training:
    if own := _overridden(made):
        return Training(f"its {own[0]} is its own")
    if not getattr(made, "compiled", False):
        return Training()
    optimizer, loss = made.optimizer, _loss_of(made)
    name = type(optimizer).__name__.lower()
    given, usual = optimizer.get_config(), type(optimizer)().get_config()
    changed = [key for key in usual if key not in ("learning_rate", "name") and given.get(key) != usual[key]]
    if name not in OPTIMIZERS or changed or loss is None or isinstance(given["learning_rate"], dict):
        return Training("it was compiled with an optimiser or a loss of its own")
    rate = float(given["learning_rate"])
    return Training("", {"optimizer": name, "learning_rate": rate}, "" if loss == "entropy" else loss)


def _require_loss(made: Any, shape: NetworkShape, name: str) -> None:
    """Refuse a loss of Keras's that is for other answers than the problem's."""
    if _overridden(made) or not getattr(made, "compiled", False):
        return
    kind, numbers = _kind_of_loss(made.loss), shape.answer is Answer.NUMBERS
    if kind and (kind == "entropy") is numbers:
        expected = "mse, mae or none, since numbers" if numbers else "cross-entropy or none, since classes"
        given = made.loss if isinstance(made.loss, str) else getattr(made.loss, "name", made.loss)
        raise UsageError(f"{name}: was compiled with the loss {given}, expected {expected} are predicted")


def _kind_of_loss(loss: Any) -> str | None:
    """What the compiled epoch calls the like of a loss, whatever its settings; None for one of the user's."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return LOSSES.get(name.lower().replace("_", ""))


def _loss_of(made: keras.Model) -> str | None:
    """What the compiled epoch calls a model's loss; None where it has not its like."""
    loss = made.loss
    if isinstance(loss, keras.losses.Loss):
        given, usual = loss.get_config(), type(loss)().get_config()
        if any(given.get(key) != usual[key] for key in usual if key not in ("from_logits", "name")):
            return None
    return _kind_of_loss(loss)
