"""The fast training loop: a whole epoch as one compiled function over data held as tensors.

Under `model.fit` a small recurrent network spends most of its time on tracing, `tf.data`, callbacks and random numbers.
Here one function runs all batches of an epoch, dropout's masks are drawn once an epoch outside the loop over batches
(inside it they cost as much as the network), and everything that changes from trial to trial (weights, optimiser
state, learning rate, dropout rate, clipping, seeds) is an input. So all trials of one structure share one compiled
function.

This module knows arrays and layers; it knows nothing of datasets, trials or scores.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.models import Stack
from harness.models.building import model_of
from harness.records import derive_seed
from harness.training.losses import Loss

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int32]

XLA_LARGEST_STEP_UNITS = 20_000
"""Steps × units up to which XLA is faster on a CPU. Beyond it the time goes into arithmetic, where XLA gains nothing
(100 steps × 64 units: 1.5 times faster with it; 400 × 128: 0.9 times)."""

XLA_SMALLEST_WORK = 25_000
"""Gradient steps × sequence steps × layers of one trial from which XLA's compile is paid back: it takes 2.5 s more than
tracing (3.1 against 0.6 s), and saves 0.03 to 0.09 ms a sequence step and layer."""

PREDICT_ROWS = 512
"""Sequences predicted at once."""


@dataclass(frozen=True, slots=True)
class TensorPart:
    """One part of a dataset in scaled units, as tensors that stay where they are for all trials of a worker.

    Attributes:
        x: (n, steps, channels) float32, or tokens (n, steps) int32.
        lengths: (n,) int32.
        y: Forecast (n, horizon, targets) or regression (n, targets) float32, classes (n,) int32; a class of each step
            (n, steps) int32, labels of each step (n, steps, targets) float32.
        future: (n, horizon, known channels) float32; (n, 0, 0) where nothing is known in advance.
    """

    x: Any
    lengths: Any
    y: Any
    future: Any

    @classmethod
    def of(
        cls, x: npt.NDArray[Any], lengths: IntArray, y: npt.NDArray[Any], future: FloatArray | None = None
    ) -> TensorPart:
        """Tensors of these arrays."""
        if future is None:
            future = np.zeros((len(x), 0, 0), np.float32)
        return cls(*(tf.constant(array) for array in (x, lengths, y, future)))


@dataclass(frozen=True, slots=True)
class Knobs:
    """What may differ between trials of one structure.

    Attributes:
        learning_rate: Of the optimiser.
        dropout: Share of features dropped after each recurrent layer.
        clip_norm: Largest global norm of a batch's gradient.
    """

    learning_rate: float
    dropout: float
    clip_norm: float


class CompiledNetwork:
    """A network of one structure with its compiled epoch and prediction; used again by every trial of that structure.

    Args:
        stack: The layers, not yet built.
        optimizer: Such as `adam`.
        loss: What is minimised.
        batch_size: Sequences a batch.
        xla: Whether to compile with XLA.
    """

    def __init__(self, stack: Stack, optimizer: str, loss: Loss, batch_size: int, *, xla: bool) -> None:
        self.stack = stack
        self.model = model_of(stack)
        self.optimizer = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": 1e-3}})
        self.optimizer.build(stack.variables)
        self.batch_size = batch_size
        self.kernel = "xla-epoch" if xla else "tf-epoch"
        self._loss = loss
        self._epoch = tf.function(self._run_epoch, jit_compile=xla, autograph=False)
        self._predict = tf.function(self._run_predict, jit_compile=xla, autograph=False)

    def prepare(self, train: TensorPart, validation: TensorPart) -> float:
        """Trace and compile for these parts, without training.

        Returns:
            Seconds it took; next to nothing when these shapes were compiled before.
        """
        started = time.perf_counter()
        order, weights = self._batches(np.arange(train.x.shape[0]))
        # No batches: the epoch's loop is compiled but not run.
        self._call_epoch(train, order, weights, 0, 0, Knobs(0.0, 0.0, 1.0))
        self._predict(*_rows(validation, 0, _chunk(validation)))
        return time.perf_counter() - started

    def reset(self, weights: Sequence[FloatArray], learning_rate: float) -> None:
        """Begin a trial: these weights, a fresh optimiser."""
        self.restore(weights)
        for variable in self.optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
        self.optimizer.learning_rate.assign(learning_rate)

    def restore(self, weights: Sequence[FloatArray]) -> None:
        """Put these weights into the network."""
        for variable, weight in zip(self.stack.variables, weights, strict=True):
            variable.assign(weight)

    def weights(self) -> list[FloatArray]:
        """Copies of the weights, in the order of `model.get_weights()`."""
        return [np.array(variable.numpy()) for variable in self.stack.variables]

    def epoch(self, part: TensorPart, order: npt.NDArray[Any], seed: int, knobs: Knobs) -> float:
        """Train once on every sequence.

        Args:
            part: Training part.
            order: (n,) the sequences' numbers in the order of training; the last batch may be a smaller one.
            seed: Seed of the epoch's dropout masks.
            knobs: What this trial sets.

        Returns:
            Mean of the batches' losses.
        """
        batches, weights = self._batches(order)
        steps = batches.shape[0]
        total = self._call_epoch(part, batches, weights, steps, seed, knobs)
        mean: float = float(total) / steps
        return mean

    def predict(self, part: TensorPart) -> FloatArray:
        """Outputs for every sequence of a part: scaled units, or logits."""
        rows, chunk = int(part.x.shape[0]), _chunk(part)
        pieces = [self._predict(*_rows(part, start, chunk)).numpy() for start in range(0, rows, chunk)]
        return np.concatenate(pieces)[:rows]

    def _call_epoch(
        self, part: TensorPart, order: IntArray, weights: FloatArray, steps: int, seed: int, knobs: Knobs
    ) -> Any:
        # NumPy's numbers become tensors; Python's would be constants, and each new value another compile.
        return self._epoch(
            *(part.x, part.lengths, part.y, part.future),
            *(order, weights, np.int32(steps), np.array([seed, 0], np.int32)),
            *(np.float32(knobs.dropout), np.float32(knobs.clip_norm)),
        )

    def _batches(self, order: npt.NDArray[Any]) -> tuple[IntArray, FloatArray]:
        # One shape for all batches: the last is filled up with rows that weigh nothing.
        steps = -(-len(order) // self.batch_size)
        filled = np.zeros(steps * self.batch_size, np.int32)
        weights = np.zeros(steps * self.batch_size, np.float32)
        filled[: len(order)], weights[: len(order)] = order, 1.0
        return filled.reshape(steps, -1), weights.reshape(steps, -1)

    def _run_epoch(
        self,
        x: Any,
        lengths: Any,
        y: Any,
        future: Any,
        order: Any,
        weights: Any,
        steps: Any,
        seed: Any,
        dropout: Any,
        clip: Any,
    ) -> Any:
        masks = self._keep_masks(order, seed, dropout)
        variables = self.stack.variables

        def train_batch(step: Any, total: Any) -> tuple[Any, Any]:
            rows, weight = order[step], weights[step]
            with tf.GradientTape() as tape:
                keep = [mask[step] for mask in masks]
                steps_of = tf.gather(lengths, rows)
                outputs = self.stack.forward(tf.gather(x, rows), steps_of, keep, tf.gather(future, rows))
                costs, counts = self._loss(tf.gather(y, rows), outputs, steps_of)
                loss = tf.reduce_sum(costs * weight) / tf.reduce_sum(counts * weight)
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            self.optimizer.apply(_clipped(gradients, clip), variables)
            return step + 1, total + loss

        # The number of steps is an input of the loop: as a `range` it would be a constant to XLA, and each number
        # another compile. Not left to autograph, which leaves a file in the temporary folder for every trace.
        begin = (tf.constant(0), tf.constant(0.0))
        _, total = tf.while_loop(lambda step, _: step < steps, train_batch, begin)
        return total

    def _run_predict(self, x: Any, lengths: Any, future: Any) -> Any:
        keep = [tf.ones((1, 1)) for _ in self.stack.dropouts]
        return self.stack.forward(x, lengths, keep, future)

    def _keep_masks(self, order: Any, seed: Any, dropout: Any) -> list[Any]:
        masks = []
        for number, layer in enumerate(self.stack.recurrent):
            features = layer.compute_output_shape((1, 1, 1))[-1]
            shape = (*order.shape, features)
            drawn = tf.random.stateless_uniform(shape, seed + tf.constant([0, number]))
            masks.append(tf.cast(drawn >= dropout, tf.float32) / (1.0 - dropout))
        return masks


def initial_weights(stack: Stack, seed: int) -> list[FloatArray]:
    """Fresh initial weights for a built stack, the same for the same seed, whatever else the process has drawn.

    Each initialiser is made again from its own configuration with a seed derived from its place, so that no global
    random state is read or changed.
    """
    weights: list[FloatArray] = []
    steps = (None, stack.shape.steps)
    shape: tuple[int | None, ...] = steps if stack.embedding else (*steps, stack.shape.channels)
    for layer in stack.weighted:
        if layer is stack.head:  # which takes what is known in advance beside the hidden state
            shape = (*shape[:-1], (shape[-1] or 0) + stack.shape.future_width)
        fresh = type(layer).from_config(_seeded(layer.get_config(), seed, layer.name))
        fresh.build(shape)
        shape = layer.compute_output_shape(shape)
        weights.extend(np.array(variable.numpy()) for variable in fresh.trainable_variables)
    return weights


def xla_pays(steps: int, units: int, layers: int, gradient_steps: int) -> bool:
    """Whether XLA is worth its compile for a trial of this size; never with a GPU, where cuDNN's kernels are faster.

    It does not depend on the family, so that none is compiled where another is not.

    Args:
        steps: Length of the sequences.
        units: Units of one layer.
        layers: Number of layers.
        gradient_steps: Batches of all epochs of one trial.
    """
    small_enough = steps * units <= XLA_LARGEST_STEP_UNITS
    work_enough = gradient_steps * steps * layers >= XLA_SMALLEST_WORK
    return small_enough and work_enough and not tf.config.list_physical_devices("GPU")


def _seeded(config: Any, seed: int, path: str) -> Any:
    """A layer's configuration with a seed of its own for everything that takes one."""
    if not isinstance(config, dict):
        return config
    seeds = {"seed": derive_seed(seed, path)} if "seed" in config else {}
    return {key: _seeded(item, seed, f"{path}.{key}") for key, item in config.items()} | seeds


def _clipped(gradients: list[Any], clip: Any) -> list[Any]:
    # tf.clip_by_global_norm by another formula, so that an infinite limit means no clipping and not NaN.
    # An embedding's gradient comes as the rows that were looked up.
    gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients]))
    factor = tf.minimum(1.0, clip / (norm + 1e-12))
    return [gradient * factor for gradient in gradients]


def _chunk(part: TensorPart) -> int:
    return min(int(part.x.shape[0]), PREDICT_ROWS)


def _rows(part: TensorPart, start: int, chunk: int) -> tuple[Any, Any, Any]:
    # The last chunk reads some rows twice, the surplus first… so that every call has the same shape.
    rows = tf.range(start, start + chunk) % part.x.shape[0]
    return tf.gather(part.x, rows), tf.gather(part.lengths, rows), tf.gather(part.future, rows)
