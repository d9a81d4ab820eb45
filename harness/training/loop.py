"""The fast training loop: a whole epoch as one compiled function over data held as tensors.

Under `model.fit` a small recurrent network spends most of its time on tracing, `tf.data`, callbacks and random numbers.
Here one function runs all batches of an epoch. It is pure: weights (one flat vector), optimiser state, learning rates,
dropout's masks and the limit of the gradient's norm go in, weights and state come out. So all trials of one structure
share one compiled function, and nothing random is drawn in it.

This module knows arrays and layers; it knows nothing of datasets, trials or scores.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.models import Stack
from harness.models.network import model_of
from harness.records import derive_seed
from harness.training.batches import Block, DataPart, FloatArray
from harness.training.ops import OPTIMIZERS, Loss, compile_cheaply, kernel_of, on_gpu, rates
from harness.training.recurrence import flatten, functional_calls, keras_calls, unflatten


@dataclass(frozen=True, slots=True)
class TrialHyperparameters:
    """What may differ between trials of one structure.

    Attributes:
        learning_rate: Of the optimiser, at the beginning.
        dropout: Share of features dropped after each recurrent layer.
        clip_norm: Largest global norm of a batch's gradient.
        schedule: How the learning rate changes, a key of `SCHEDULES`.
        batches: Of the whole training, which the schedule is spread over.
    """

    learning_rate: float
    dropout: float
    clip_norm: float
    schedule: str = "constant"
    batches: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Where a training is, for another one to go on from.

    Attributes:
        weights: All weights as one vector.
        slots: What the optimiser remembers (vectors, weights).
        batches: Gradient steps so far.
    """

    weights: FloatArray
    slots: FloatArray
    batches: int


class CompiledNetwork:
    """A network of one structure with its compiled epoch and prediction; used again by every trial of that structure.

    Args:
        stack: The layers, not yet built.
        optimizer: Such as `adam`.
        loss: What is minimised.
        batch_size: Sequences a batch.
        xla: Whether to compile the epoch with XLA.
    """

    def __init__(self, stack: Stack, optimizer: str, loss: Loss, batch_size: int, *, xla: bool) -> None:
        if xla:
            compile_cheaply()
        self.stack = stack
        build_layers(stack.weighted, stack)
        self.optimizer = OPTIMIZERS[optimizer]
        self.batch_size = batch_size
        self.kernel = kernel_of(stack.recurrent, xla=xla, gpu=on_gpu())
        self._loss = loss
        self._calls = keras_calls if on_gpu() else functional_calls
        self._weights: Any
        self._slots: Any
        self._begin(flatten([np.zeros(variable.shape) for variable in stack.variables]))
        self._epoch = tf.function(self._run_epoch, jit_compile=xla, autograph=False)
        # Never with XLA: it is called with other numbers of rows, few and large, where the time goes into arithmetic.
        self._predict = tf.function(self._run_predict, autograph=False, reduce_retracing=True)

    @cached_property
    def model(self) -> keras.Model:
        """The Keras model of the stack's layers, with the weights that the layers have."""
        return model_of(self.stack)

    def prepare(self, train: DataPart, validation: DataPart) -> float:
        """Trace and compile for these parts, without training.

        Returns:
            Seconds it took; next to nothing when these shapes were compiled before.
        """
        started = time.perf_counter()
        block = next(iter(train.blocks(np.arange(len(train)), self.batch_size)))
        # No batches: the epoch's loop is compiled but not run.
        self._call_epoch(
            block, 0, self._keep_masks(block, 0.0, np.random.default_rng(0)), TrialHyperparameters(0.0, 0.0, 1.0)
        )
        self._predict(*next(iter(validation.chunks())), self._weights)
        return time.perf_counter() - started

    def reset(self, weights: Sequence[FloatArray]) -> None:
        """Begin a trial: these weights, a fresh optimiser."""
        self._begin(flatten(weights))

    def restore(self, weights: Sequence[FloatArray]) -> None:
        """Put these weights into the network and its layers."""
        self._weights = flatten(weights)
        for variable, weight in zip(self.stack.variables, weights, strict=True):
            variable.assign(weight)

    def weights(self) -> list[FloatArray]:
        """Copies of the weights, in the order of `model.get_weights()`."""
        return unflatten(self.stack, np.array(self._weights))

    def state(self) -> State:
        """Where training is."""
        return State(np.array(self._weights), np.array(self._slots), int(self._done))

    def resume(self, state: State) -> None:
        """Put training back to where it was."""
        self._weights, self._slots, self._done = state.weights, state.slots, np.int32(state.batches)

    def epoch(self, part: DataPart, order: npt.NDArray[Any], seed: int, hyperparameters: TrialHyperparameters) -> float:
        """Train once on every sequence.

        Args:
            part: Training part.
            order: (n,) the sequences' numbers in the order of training; the last batch may be a smaller one.
            seed: Seed of the epoch's dropout masks.
            hyperparameters: What this trial sets.

        Returns:
            Mean of the batches' losses.
        """
        chance, total, batches = np.random.default_rng(seed), 0.0, 0
        for block in part.blocks(order, self.batch_size):
            masks = self._keep_masks(block, hyperparameters.dropout, chance)
            total += float(self._call_epoch(block, block.batches, masks, hyperparameters))
            batches += block.batches
        return total / batches

    def predict(self, part: DataPart) -> FloatArray:
        """Outputs for every sequence of a part: scaled units, or logits."""
        return np.concatenate([self._predict(*chunk, self._weights).numpy() for chunk in part.chunks()])

    def _begin(self, weights: FloatArray) -> None:
        self._weights = weights
        self._slots = np.zeros((self.optimizer.slots, len(weights)), np.float32)
        self._done = np.int32(0)

    def _call_epoch(
        self, block: Block, batches: int, masks: list[FloatArray], hyperparameters: TrialHyperparameters
    ) -> Any:
        rates_of_block = rates(
            hyperparameters.schedule,
            hyperparameters.learning_rate,
            int(self._done),
            len(block.weights),
            hyperparameters.batches,
        )
        # NumPy's numbers become tensors; Python's would be constants, and each new value another compile.
        self._weights, self._slots, total = self._epoch(
            *(block.inputs, block.weights, masks, np.int32(batches)),
            *(self._weights, self._slots, self._done, rates_of_block, np.float32(hyperparameters.clip_norm)),
        )
        self._done += np.int32(batches)
        return total

    def _run_epoch(
        self,
        inputs: tuple[Any, Any, Any, Any],
        row_weights: Any,
        masks: list[Any],
        batches: Any,
        weights: Any,
        slots: Any,
        done: Any,
        rates: Any,
        clip: Any,
    ) -> tuple[Any, Any, Any]:
        def train_batch(number: Any, weights: Any, slots: Any, total: Any) -> tuple[Any, Any, Any, Any]:
            x, lengths, y, future, rows = (tf.gather(one, number) for one in (*inputs, row_weights))
            keep = [tf.gather(mask, number) for mask in masks]
            with tf.GradientTape() as tape:
                tape.watch(weights)
                outputs = self.stack.forward(x, lengths, keep, future, self._calls(self.stack, weights))
                costs, counts = self._loss(y, outputs, lengths)
                loss = tf.reduce_sum(costs * rows) / tf.reduce_sum(counts * rows)
            gradient = _clipped(tape.gradient(loss, weights), clip)
            rate, ordinal = tf.gather(rates, number), done + number + 1
            weights, slots = self.optimizer.step(weights, gradient, slots, rate, ordinal)
            return number + 1, weights, slots, total + loss

        # The number of batches is an input of the loop: as a `range` it would be a constant to XLA, and each number
        # another compile. Not left to autograph, which leaves a file in the temporary folder for every trace.
        begin = (tf.constant(0), weights, slots, tf.constant(0.0))
        _, weights, slots, total = tf.while_loop(lambda number, *_: number < batches, train_batch, begin)
        return weights, slots, total

    def _run_predict(self, x: Any, lengths: Any, future: Any, weights: Any) -> Any:
        keep = [tf.ones((1, 1)) for _ in self.stack.dropouts]
        return self.stack.forward(x, lengths, keep, future, self._calls(self.stack, weights))

    def _keep_masks(self, block: Block, dropout: float, chance: np.random.Generator) -> list[FloatArray]:
        """Dropout's masks of a block, one (batches, batch, features) for each recurrent layer."""
        shapes = [(*block.weights.shape, layer.compute_output_shape((1, 1, 1))[-1]) for layer in self.stack.recurrent]
        if not dropout:
            return [np.ones(shape, np.float32) for shape in shapes]
        kept = np.float32(1.0 / (1.0 - dropout))
        return [(chance.random(shape, np.float32) >= dropout) * kept for shape in shapes]


def build_layers(layers: Sequence[keras.layers.Layer], stack: Stack) -> None:
    """Build layers like a stack's, each on the shape that the ones before it give.

    Args:
        layers: As many and of the kinds of `stack.weighted`.
        stack: The stack that they belong to, or are like.
    """
    steps = (None, stack.shape.steps)
    shape: tuple[int | None, ...] = steps if stack.embedding else (*steps, stack.shape.width)
    for layer, like in zip(layers, stack.weighted, strict=True):
        if like is stack.head:  # which takes what is known in advance beside the hidden state
            shape = (*shape[:-1], (shape[-1] or 0) + stack.shape.future_width)
        layer.build(shape)
        shape = layer.compute_output_shape(shape)


def initial_weights(stack: Stack, seed: int) -> list[FloatArray]:
    """Fresh initial weights for a built stack, the same for the same seed, whatever else the process has drawn.

    Each initialiser is made again from its own configuration with a seed derived from its place, so that no global
    random state is read or changed.
    """
    fresh = [type(layer).from_config(_seeded(layer.get_config(), seed, layer.name)) for layer in stack.weighted]
    build_layers(fresh, stack)
    return [np.array(variable.numpy()) for layer in fresh for variable in layer.trainable_variables]


def _seeded(config: Any, seed: int, path: str) -> Any:
    """A layer's configuration with a seed of its own for everything that takes one."""
    if not isinstance(config, dict):
        return config
    seeds = {"seed": derive_seed(seed, path)} if "seed" in config else {}
    return {key: _seeded(item, seed, f"{path}.{key}") for key, item in config.items()} | seeds


def _clipped(gradient: Any, clip: Any) -> Any:
    # tf.clip_by_global_norm by another formula, so that an infinite limit means no clipping and not NaN.
    gradient = tf.convert_to_tensor(gradient)
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient)))
    return gradient * tf.minimum(1.0, clip / (norm + 1e-12))
