"""A Keras model of the user's → the one form that networks have; what does not fit is refused in one line.

Networks take `x`, `lengths` where sequences differ in length, and `future` where channels are known in advance; they
give scaled numbers or logits. A softmax or sigmoid at the end, which the losses have inside, is taken off, or undone
by its inverse where the model's own training needs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from harness.errors import UsageError
from harness.models.shape import NetworkShape, as_model_takes
from harness.records import Answer

_ENDS = {Answer.CLASS: "softmax", Answer.FLAGS: "sigmoid"}
"""What turns logits into probabilities, by what an answer is made of."""

_LEAST = 1e-7
"""What probabilities are kept away from 0 and 1 by before their logarithm is taken; Keras's own epsilon."""


_WITH_PROBLEM = ": a builder (hp, problem) gets them from problem.make_inputs()"


def adapted(made: Any, shape: NetworkShape, name: str, *, own_training: bool) -> keras.Model:
    """The functional model of a network.

    Args:
        made: What the user's function returned; its weights are made here where it has none yet.
        shape: Inputs and outputs that it has to have.
        name: The function, for messages.
        own_training: Whether the model is trained by its own `fit`, so that its last activation has to stay.

    Returns:
        A model that shares the layers of `made`.

    Raises:
        UsageError: It is no Keras model, or its inputs or outputs are not the problem's.
    """
    if not isinstance(made, keras.Model):
        raise UsageError(f"{name}: returned a {type(made).__name__}, expected a Keras model")
    inputs, outputs = _ends(made, shape, name)
    if lambdas := [layer.name for layer in layers_of(made) if isinstance(layer, keras.layers.Lambda)]:
        raise UsageError(
            f"{name}: {lambdas[0]} is a Lambda layer, which no saved model may bring: expected a layer class"
        )
    outputs = _logits(outputs, shape, own_training=own_training)
    return keras.Model(inputs, _as_answers(outputs, shape, name))


def _ends(made: keras.Model, shape: NetworkShape, name: str) -> tuple[Any, Any]:
    """The model's symbolic inputs, in the problem's order, and its one output."""
    wanted = shape.make_inputs()
    if isinstance(made, keras.Sequential) and not made.built:
        made.build(wanted["x"].shape)
    given = getattr(made, "inputs", None)
    if not given:  # a subclass with a `call` of its own
        inputs = as_model_takes(list(wanted.values()))
        return inputs, _one(made(inputs), name)
    if len(given) != len(wanted):
        missing = list(wanted)[len(given) :]
        why = {"lengths": "sequences differ in length", "future": "channels are known in advance"}
        more = "".join(f"; {one}, since {why[one]}" for one in missing)
        raise UsageError(
            f"{name}: takes {len(given)} inputs, expected {len(wanted)}: {', '.join(wanted)}{more}{_WITH_PROBLEM}"
        )
    named = {tensor.name: tensor for tensor in given}
    ordered = [named[one] for one in wanted] if named.keys() == wanted.keys() else list(given)
    for (which, expected), tensor in zip(wanted.items(), ordered, strict=True):
        if not _fits(tensor.shape, expected.shape):
            got, asked = _sides(tensor.shape), _sides(expected.shape)
            raise UsageError(f"{name}: its input {which} is {got}, expected {asked}")
    return as_model_takes(ordered), _one(made.outputs, name)


def _one(outputs: Any, name: str) -> Any:
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    if len(outputs) != 1 or not hasattr(outputs[0], "shape"):
        raise UsageError(f"{name}: gives {len(outputs)} outputs, expected one")
    return outputs[0]


def _fits(given: Any, wanted: Any) -> bool:
    """Whether a tensor of the wanted shape may come in: a side that is left open takes any."""
    return len(given) == len(wanted) and all(
        one is None or one == other for one, other in zip(given[1:], wanted[1:], strict=True)
    )


def _sides(shape: Any) -> str:
    return f"({', '.join('any' if side is None else str(side) for side in shape[1:])})"


def _logits(outputs: Any, shape: NetworkShape, *, own_training: bool) -> Any:
    """Outputs without the activation that makes probabilities of them."""
    end = _ENDS.get(shape.answer)
    operation = outputs._keras_history.operation
    if end is None or not own_training:
        return _stripped(outputs, operation, end) if end else outputs
    if not gives_probabilities(outputs, shape):
        return outputs
    probabilities = keras.ops.clip(outputs, _LEAST, 1 - _LEAST)
    logs = keras.ops.log(probabilities)
    return logs if end == "softmax" else logs - keras.ops.log(1.0 - probabilities)


def gives_probabilities(outputs: Any, shape: NetworkShape) -> bool:
    """Whether symbolic outputs end in the activation that makes probabilities of logits."""
    end, operation = _ENDS.get(shape.answer), outputs._keras_history.operation
    return end is not None and end in (_activation(operation), type(operation).__name__.lower())


def _stripped(outputs: Any, operation: Any, end: str) -> Any:
    if type(operation).__name__.lower() == end:  # a layer or an operation of its own
        return operation.input
    if _activation(operation) == end:
        _inner(operation).activation = keras.activations.linear
    return outputs


def _inner(operation: Any) -> Any:
    return getattr(operation, "layer", operation)  # of `TimeDistributed`


def _activation(operation: Any) -> str:
    return str(getattr(getattr(_inner(operation), "activation", None), "__name__", ""))


def _as_answers(outputs: Any, shape: NetworkShape, name: str) -> Any:
    got, wanted = tuple(outputs.shape[1:]), shape.output
    if got == (shape.horizon_steps * shape.outputs,) and len(wanted) == 2 and not shape.task.per_step:
        return shape.as_answers(outputs)
    steps_open = len(got) == len(wanted) == 2 and shape.task.per_step and got[0] is None
    if got != wanted and not (steps_open and got[1] == wanted[1]):
        what = {Answer.CLASS: "one number for each class", Answer.FLAGS: "one number for each label"}
        meaning = what.get(shape.answer, "one number for each target")
        every = " of every step" if shape.task.per_step else " of every step ahead" if len(wanted) == 2 else ""
        expected = _sides((None, *wanted))
        raise UsageError(f"{name}: gives {_sides((None, *got))}, expected {expected}: {meaning}{every}")
    return outputs


def layers_of(model: keras.Model) -> Iterator[Any]:
    """All layers and operations of a model, those inside others too."""
    yield from model._flatten_layers(include_self=False, recursive=True)
    yield from (one for one in getattr(model, "operations", ()) if not isinstance(one, keras.layers.Layer))


def custom_layers(model: keras.Model) -> tuple[str, ...]:
    """Names of the classes in a model that are not Keras's own, so that loading it needs their code."""
    classes = {type(layer) for layer in layers_of(model)}
    return tuple(sorted(one.__name__ for one in classes if one.__module__.partition(".")[0] != "keras"))


def graph_text(model: keras.Model, name: str) -> str:
    """A model's layers and what connects them as text, the same for models that differ in their layers' names alone.

    Raises:
        UsageError: A layer of the user's cannot say what it is made of.
    """
    try:
        text = json.dumps(keras.saving.serialize_keras_object(model)["config"], sort_keys=True, default=str)
    except (NotImplementedError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{name}: a layer cannot be saved: expected get_config in its class: {reason}") from error
    names = dict.fromkeys([model.name, *(one.name for one in layers_of(model))])
    for number, given in enumerate(sorted(names, key=lambda one: (-len(one), list(names).index(one)))):
        text = text.replace(f'"{given}"', f'"#{number}"')
    return text


def require_no_look_ahead(model: keras.Model, shape: NetworkShape, name: str) -> None:
    """Refuse a network that reads later steps, where the answer of a step is what comes after it.

    Shown by trying: other values at the later half of a sequence must leave the outputs of the first half as they are.

    Raises:
        UsageError: They do not.
    """
    if shape.knows_future or not shape.steps or shape.steps < 2:
        return
    chance, half = np.random.default_rng(0), shape.steps // 2
    feed = example(shape, 2, chance)
    before = np.asarray(model(as_model_takes(list(feed.values())), training=False))
    other = example(shape, 2, chance)
    feed["x"] = np.concatenate([feed["x"][:, :half], other["x"][:, half:]], axis=1)
    after = np.asarray(model(as_model_takes(list(feed.values())), training=False))
    if not np.allclose(before[:, :half], after[:, :half], rtol=1e-4, atol=1e-5):
        raise UsageError(
            f"{name}: its outputs change with later steps: expected a network that reads forward, since the "
            "answer of a step is what comes after it"
        )


def example(shape: NetworkShape, rows: int, chance: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    """Inputs of a network by their names, drawn by chance; every sequence as long as it can be."""
    steps = shape.steps or 6
    if shape.vocabulary:
        x = chance.integers(0, shape.vocabulary, (rows, steps)).astype(np.int32)
    else:
        x = chance.normal(size=(rows, steps, shape.width)).astype(np.float32)
    feed = {
        "x": x,
        "lengths": np.full(rows, steps, np.int32),
        "future": chance.normal(size=(rows, shape.horizon_steps, shape.known_channels)).astype(np.float32),
    }
    return {name: feed[name] for name in shape.inputs}
