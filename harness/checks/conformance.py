"""What every family must do, ours and the user's: `harness spaces check NAME --run`.

A family is built for every kind of problem, with the smallest and the largest choices of its search space, and held
to the contract of `harness.models.families`. The data is drawn by chance and takes no part in any sweep.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.space import Hyperparameter, SearchSpace, cannot
from harness.errors import HarnessError
from harness.export.artifact import read_model, write_model
from harness.models import Network, NetworkShape, family_of
from harness.models.adapt import custom_layers, example
from harness.models.discover import discovered
from harness.models.network import setting
from harness.models.shape import as_model_takes
from harness.records import Answer, TaskKind, Value
from harness.training.batches import TensorPart
from harness.training.cache import trainer_of
from harness.training.loop import TrialHyperparameters
from harness.user_code import classes_of, file_of

_REGRESS = NetworkShape(TaskKind.REGRESS, 6, 2, masked=False, outputs=1, horizon_steps=1)

PROBLEMS: Mapping[str, NetworkShape] = {
    "regress": _REGRESS,
    "regress, lengths differ": replace(_REGRESS, masked=True),
    "forecast": replace(_REGRESS, task=TaskKind.FORECAST, horizon_steps=3, outputs=2, target_channels=(0, 1)),
    "forecast, known covariates": replace(
        _REGRESS, task=TaskKind.FORECAST, horizon_steps=3, known_channels=1, target_channels=(0,)
    ),
    "classify": replace(_REGRESS, task=TaskKind.CLASSIFY, outputs=3),
    "classify, lengths differ": replace(_REGRESS, task=TaskKind.CLASSIFY, outputs=3, masked=True),
    "classify tokens": replace(_REGRESS, task=TaskKind.CLASSIFY, outputs=3, masked=True, channels=1, vocabulary=7),
    "label": replace(_REGRESS, task=TaskKind.LABEL, outputs=3, masked=True),
    "several labels": replace(_REGRESS, task=TaskKind.LABEL, outputs=2, masked=True, multi_label=True),
    "next token": replace(
        _REGRESS, task=TaskKind.NEXT_TOKEN, outputs=7, masked=True, channels=1, vocabulary=7, knows_future=False
    ),
}
"""A problem of every kind, by what it is called."""

ROWS, BATCH, EPOCHS, RATE = 24, 8, 6, 1e-2
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a family does not do as it must.

    Attributes:
        problem: The kind of problem, a key of `PROBLEMS`.
        values: The hyperparameters.
        what: What it does instead.
    """

    problem: str
    values: Mapping[str, Value]
    what: str


def check_family(
    space: SearchSpace, problems: Mapping[str, NetworkShape] = PROBLEMS
) -> Iterator[tuple[str, list[Finding]]]:
    """Hold a family to its contract; a builder of the user's is run.

    Args:
        space: Its search space; of a builder the one in its file.
        problems: Kinds of problems.

    Yields:
        Each kind of problem, with what is wrong there: nothing where all is right, or where the family says that it
        cannot do such problems.
    """
    # Of one function for each network TensorFlow says that it is traced too often.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    for name, shape in problems.items():
        if cannot(space, shape.task):
            yield name, []
            continue
        try:
            searched = space if space.build is None else discovered(shape, space, gaussian=False)
            smallest, largest = (extreme(searched, shape, last=last) for last in (False, True))
        except HarnessError as error:
            yield name, [Finding(name, {}, str(error))]
            continue
        # What is wrong with the first is wrong with the second, mostly: it is looked at where the first conforms.
        points = [smallest] if smallest == largest else [smallest, largest]
        found = ([Finding(name, point, what) for what in _check(searched, shape, point)] for point in points)
        yield name, next((findings for findings in found if findings), [])


def extreme(space: SearchSpace, shape: NetworkShape, *, last: bool) -> dict[str, Value]:
    """The first or the last value of every hyperparameter; where steps are not to be read backwards, none that does."""
    found: dict[str, Value] = {}
    for name, one in space.hyperparameters.items():
        if one.parent_name is None or found.get(one.parent_name) in (one.parent_values or ()):
            found[name] = _end(one, last=last)
    if "bidirectional" in space.network.names and not shape.knows_future:
        found["bidirectional"] = False
    return found


def _end(one: Hyperparameter, *, last: bool) -> Value:
    if one.type == "Boolean":
        return last
    ends = one.values or ((one.value, one.value) if one.type == "Fixed" else (one.min_value, one.max_value))
    found = ends[-1 if last else 0]
    assert found is not None  # a search space that was validated has them
    return found


def _check(space: SearchSpace, shape: NetworkShape, values: Mapping[str, Value]) -> Iterator[str]:
    """What is wrong with one network, a line each; the first check that fails to run ends it."""
    try:
        network = family_of(space).build(shape, values).build()
        case = _Case(space, network, values, _part(shape, np.random.default_rng(0)))
        for check in _CHECKS:
            yield from check(case)
    except HarnessError as error:
        yield str(error)
    except Exception as error:  # whatever a layer of the user's does
        yield f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _part(shape: NetworkShape, chance: np.random.Generator) -> TensorPart:
    """Data of a problem whose answers follow from the inputs, so that there is something to learn."""
    feed = example(shape, ROWS, chance)
    x, steps = feed["x"], shape.steps or 0
    lengths = chance.integers(2, steps + 1, ROWS).astype(np.int32) if shape.masked else np.full(ROWS, steps, np.int32)
    one = x.astype(float) / max(1, shape.vocabulary) if x.ndim == 2 else x[:, :, 0]
    signal = one if shape.task.per_step else one[:, 0]
    match shape.answer:
        case Answer.NUMBERS:
            y = np.repeat(signal.reshape(ROWS, 1), shape.horizon_steps * shape.outputs, axis=1)
            y = y.reshape(ROWS, *(side or 1 for side in shape.output)).astype(np.float32)
        case Answer.CLASS:
            y = np.clip((signal - signal.min()) / (np.ptp(signal) + 1e-9) * shape.outputs, 0, shape.outputs - 1)
            y = y.astype(np.int32)
        case Answer.FLAGS:
            y = np.stack([signal > place / 4 for place in range(shape.outputs)], axis=-1).astype(np.float32)
    if shape.masked and x.ndim == 3:
        x = np.where(np.arange(steps)[None, :, None] < lengths[:, None, None], x, 0.0).astype(np.float32)
    return TensorPart.of(x, lengths, y, feed.get("future"))


@dataclass(frozen=True, slots=True)
class _Case:
    """What a check looks at: a network of these hyperparameters, and data of its problem."""

    space: SearchSpace
    network: Network
    values: Mapping[str, Value]
    part: TensorPart

    @property
    def shape(self) -> NetworkShape:
        return self.network.shape

    def outputs(self, network: Network | None = None, x: Any = None) -> Any:
        """Those of the case's network or of another one, for the data's sequences or for others."""
        import tensorflow as tf  # loaded by now, and quietly

        network, part = network or self.network, self.part
        named = {"x": part.x if x is None else tf.convert_to_tensor(x), "lengths": part.lengths, "future": part.future}
        inputs = [named[name] for name in network.shape.inputs]
        return np.asarray(network.model(as_model_takes(inputs), training=False))

    def real(self, outputs: Any) -> Any:
        """Of each step's outputs those of real steps; all others as they are."""
        if not self.shape.task.per_step:
            return outputs
        return outputs[np.arange(outputs.shape[1]) < np.array(self.part.lengths)[:, None]]


def _differ(one: Any, other: Any) -> bool:
    return not np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _gives_its_shape(case: _Case) -> Iterator[str]:
    found, wanted = case.outputs().shape, (ROWS, *case.shape.output)
    if found != wanted:
        yield f"gives {found}, expected {wanted}"


def _begins_by_its_seed(case: _Case) -> Iterator[str]:
    network = case.network
    first, same, other = (network.initial_weights(seed) for seed in (1, 1, 2))
    if [one.shape for one in first] != [tuple(one.shape) for one in network.model.weights]:
        yield "its initial weights are not those of its model, in order"
    if not all(np.array_equal(one, two) for one, two in zip(first, same, strict=True)):
        yield "its initial weights differ for one seed"
    if all(np.array_equal(one, two) for one, two in zip(first, other, strict=True)):
        yield "its initial weights are the same for every seed"


def _counts_its_weights(case: _Case) -> Iterator[str]:
    network = case.network
    counted = sum(int(np.prod(one.shape)) for one in network.variables)
    all_weights = sum(int(np.prod(one.shape)) for one in network.model.trainable_variables)
    if counted != all_weights or not 0 <= network.recurrent_parameters <= counted:
        yield f"says {counted} weights, {network.recurrent_parameters} of them recurrent; its model has {all_weights}"


def _leaves_padding_alone(case: _Case) -> Iterator[str]:
    if not case.shape.masked:
        return
    x = np.array(case.part.x)
    real = np.arange(x.shape[1]) < np.array(case.part.lengths)[:, None]
    other = np.where(real if x.ndim == 2 else real[:, :, None], x, 1 if x.ndim == 2 else 9.0).astype(x.dtype)
    if _differ(case.real(case.outputs()), case.real(case.outputs(x=other))):
        yield "its outputs change with what stands at padded steps: expected problem.mask to be used"


def _reaches_every_weight(case: _Case) -> Iterator[str]:
    import tensorflow as tf

    variables = case.network.variables
    with tf.GradientTape() as tape:
        inputs = [getattr(case.part, name) for name in case.shape.inputs]
        outputs = case.network.model(as_model_takes(inputs), training=False)
        worth = tf.reshape(tf.cos(tf.range(tf.size(outputs), dtype=tf.float32)), tf.shape(outputs))
        total = tf.reduce_sum(worth * outputs)
    gradients = tape.gradient(total, [one.value for one in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        if gradient is None or not np.any(np.asarray(tf.convert_to_tensor(gradient))):
            yield f"no gradient reaches {variable.path}"


def _learns(case: _Case) -> Iterator[str]:
    trainer = trainer_of(case.network, str(setting(case.values, "optimizer")), "mse", BATCH, xla=False)
    weights, part = case.network.initial_weights(3), case.part
    trainer.restore(weights)
    if _differ(trainer.predict(part), case.outputs()):
        yield "its outputs in training are not those of its Keras model"
    hyperparameters = TrialHyperparameters(RATE, 0.0, 1.0)

    def losses() -> list[float]:
        trainer.reset(weights)
        return [trainer.epoch(part, np.arange(ROWS), epoch, hyperparameters) for epoch in range(EPOCHS)]

    first, again = losses(), losses()
    if not min(first[1:]) < first[0]:
        yield f"its loss does not fall in {EPOCHS} epochs: {first[0]:.3g}, {first[-1]:.3g}"
    if not np.allclose(first, again, rtol=1e-5):
        yield "trained twice from one seed it has other losses"
    trainer.restore(trainer.weights())


def _loads_again(case: _Case) -> Iterator[str]:
    """The saved model loads with `safe_mode` and gives the same outputs."""
    build, classes = case.space.build, dict[str, type]()
    if build is not None and custom_layers(case.network.model):
        classes = classes_of(file_of(build)[0], case.space.code_sha256)
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        file = Path(folder) / "model.keras"
        write_model(case.network.model, file)
        loaded = read_model(file, classes)
    inputs = [getattr(case.part, name) for name in case.shape.inputs]
    if _differ(np.asarray(loaded(as_model_takes(inputs), training=False)), case.outputs()):
        yield "saved and loaded it gives other outputs: is every argument of its layers in get_config?"


def _reads_any_length(case: _Case) -> Iterator[str]:
    """With open steps, as a champion of sequences of different lengths is built, the same weights give the same."""
    if not case.shape.masked:
        return
    longer = family_of(case.space).build(replace(case.shape, steps=None), case.values)
    longer.model.set_weights(case.network.model.get_weights())
    x = np.concatenate([np.array(case.part.x), np.zeros_like(case.part.x)], axis=1)
    if _differ(case.real(case.outputs(longer, x)), case.real(case.outputs())):
        yield "padded to more steps it gives other outputs"


_CHECKS: tuple[Callable[[_Case], Iterator[str]], ...] = (
    _gives_its_shape,
    _begins_by_its_seed,
    _counts_its_weights,
    _leaves_padding_alone,
    _reaches_every_weight,
    _learns,
    _loads_again,
    _reads_any_length,
)
