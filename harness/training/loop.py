"""The fast training loop: a whole epoch as one compiled function over data held as tensors.

Under `model.fit` a small recurrent network spends most of its time on tracing, `tf.data`, callbacks and random numbers.
Here one function runs all batches of an epoch. It is pure: weights (one flat vector), the network's and the optimiser's
state, learning rates, what is random and the limit of the gradient's norm go in, weights and state come out. So all
trials of one structure share one compiled function, and nothing random is drawn in it.

This module knows arrays and layers; it knows nothing of datasets, trials or scores.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.models import Network
from harness.training.batches import Block, DataPart, FloatArray
from harness.training.forward import forward_of
from harness.training.ops import OPTIMIZERS, Loss, compile_cheaply, rates


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
        kept: The network's own state beside its weights, such as moving means; empty where it has none.
    """

    weights: FloatArray
    slots: FloatArray
    batches: int
    kept: tuple[FloatArray, ...] = ()


class CompiledNetwork:
    """A network of one structure with its compiled epoch and prediction; used again by every trial of that structure.

    Args:
        network: The network, not yet built.
        optimizer: Such as `adam`.
        loss: What is minimised.
        batch_size: Sequences a batch.
        xla: Whether to compile the epoch with XLA.
    """

    def __init__(self, network: Network, optimizer: str, loss: Loss, batch_size: int, *, xla: bool) -> None:
        if xla:
            compile_cheaply()
        self.network = network.build()
        self.optimizer = OPTIMIZERS[optimizer]
        self.batch_size = batch_size
        self._forward = forward_of(network)
        self.kernel = self._forward.kernel(xla=xla)
        self._loss = loss
        self._weights: Any
        self._kept: tuple[Any, ...]
        self._slots: Any
        self._begin([np.zeros(shape, np.float32) for shape in self._forward.shapes])
        self._epoch = tf.function(self._run_epoch, jit_compile=xla, autograph=False)
        # Never with XLA: it is called with other numbers of rows, few and large, where the time goes into arithmetic.
        self._predict = tf.function(self._run_predict, autograph=False, reduce_retracing=True)

    def prepare(self, train: DataPart, validation: DataPart) -> float:
        """Trace and compile for these parts, without training.

        Returns:
            Seconds it took; next to nothing when these shapes were compiled before.
        """
        started = time.perf_counter()
        block = next(iter(train.blocks(np.arange(len(train)), self.batch_size)))
        noise, nothing = self._forward.noise(block, 0.0, np.random.default_rng(0)), TrialHyperparameters(0.0, 0.0, 1.0)
        # No batches: the epoch's loop is compiled but not run.
        try:
            self._call_epoch(block, 0, noise, nothing)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            if self.kernel != "xla-epoch":
                raise
            # A layer holds an operation that XLA has not.
            self.kernel, self._epoch = "tf-epoch", tf.function(self._run_epoch, autograph=False)
            self._call_epoch(block, 0, noise, nothing)
        self._predict(*next(iter(validation.chunks())), self._weights, self._kept)
        return time.perf_counter() - started

    def reset(self, weights: Sequence[FloatArray]) -> None:
        """Begin a trial: these weights, a fresh optimiser."""
        self._begin(weights)

    def restore(self, weights: Sequence[FloatArray]) -> None:
        """Put these weights into the network and its layers."""
        self._weights, self._kept = self._forward.pack(weights)
        self._forward.assign(weights)

    def weights(self) -> list[FloatArray]:
        """Copies of the weights, in the order of `model.get_weights()`."""
        return self._forward.unpack(np.array(self._weights), self._kept)

    def state(self) -> State:
        """Where training is."""
        kept = tuple(np.array(one) for one in self._kept)
        return State(np.array(self._weights), np.array(self._slots), int(self._done), kept)

    def resume(self, state: State) -> None:
        """Put training back to where it was."""
        self._weights, self._slots, self._done = state.weights, state.slots, np.int32(state.batches)
        self._kept = state.kept

    def epoch(self, part: DataPart, order: npt.NDArray[Any], seed: int, hyperparameters: TrialHyperparameters) -> float:
        """Train once on every sequence.

        Args:
            part: Training part.
            order: (n,) the sequences' numbers in the order of training; the last batch may be a smaller one.
            seed: Seed of what is random in the epoch, such as dropout's masks.
            hyperparameters: What this trial sets.

        Returns:
            Mean of the batches' losses.
        """
        chance, total, batches = np.random.default_rng(seed), 0.0, 0
        for block in part.blocks(order, self.batch_size):
            noise = self._forward.noise(block, hyperparameters.dropout, chance)
            total += float(self._call_epoch(block, block.batches, noise, hyperparameters))
            batches += block.batches
        return total / batches

    def predict(self, part: DataPart) -> FloatArray:
        """Outputs for every sequence of a part: scaled units, or logits."""
        return np.concatenate([self._predict(*chunk, self._weights, self._kept).numpy() for chunk in part.chunks()])

    def _begin(self, weights: Sequence[FloatArray]) -> None:
        self._weights, self._kept = self._forward.pack(weights)
        self._slots = np.zeros((self.optimizer.slots, len(self._weights)), np.float32)
        self._done = np.int32(0)

    def _call_epoch(
        self, block: Block, batches: int, noise: list[npt.NDArray[Any]], hyperparameters: TrialHyperparameters
    ) -> Any:
        rates_of_block = rates(
            hyperparameters.schedule,
            hyperparameters.learning_rate,
            int(self._done),
            len(block.weights),
            hyperparameters.batches,
        )
        # NumPy's numbers become tensors; Python's would be constants, and each new value another compile.
        self._weights, self._kept, self._slots, total = self._epoch(
            *(block.inputs, block.weights, noise, np.int32(batches), self._weights, self._kept),
            *(self._slots, self._done, rates_of_block, np.float32(hyperparameters.clip_norm)),
        )
        self._done += np.int32(batches)
        return total

    def _run_epoch(
        self,
        inputs: tuple[Any, Any, Any, Any],
        row_weights: Any,
        noise: list[Any],
        batches: Any,
        weights: Any,
        kept: tuple[Any, ...],
        slots: Any,
        done: Any,
        rates: Any,
        clip: Any,
    ) -> tuple[Any, Any, Any, Any]:
        def train_batch(
            number: Any, weights: Any, kept: tuple[Any, ...], slots: Any, total: Any
        ) -> tuple[Any, Any, tuple[Any, ...], Any, Any]:
            x, lengths, y, future, rows = (tf.gather(one, number) for one in (*inputs, row_weights))
            drawn = [tf.gather(one, number) for one in noise]
            with tf.GradientTape() as tape:
                tape.watch(weights)
                outputs, kept, penalty = self._forward.train((x, lengths, future), weights, kept, drawn)
                costs, counts = self._loss(y, outputs, lengths)
                loss = tf.reduce_sum(costs * rows) / tf.reduce_sum(counts * rows)
                loss = loss if penalty is None else loss + penalty
            gradient = _clipped(tape.gradient(loss, weights), clip)
            rate, ordinal = tf.gather(rates, number), done + number + 1
            weights, slots = self.optimizer.step(weights, gradient, slots, rate, ordinal)
            return number + 1, weights, kept, slots, total + loss

        # The number of batches is an input of the loop: as a `range` it would be a constant to XLA, and each number
        # another compile. Not left to autograph, which leaves a file in the temporary folder for every trace.
        begin = (tf.constant(0), weights, kept, slots, tf.constant(0.0))
        _, *after, total = tf.while_loop(lambda number, *_: number < batches, train_batch, begin)
        return *after, total

    def _run_predict(self, x: Any, lengths: Any, future: Any, weights: Any, kept: tuple[Any, ...]) -> Any:
        return self._forward.predict((x, lengths, future), weights, kept)


def _clipped(gradient: Any, clip: Any) -> Any:
    # tf.clip_by_global_norm by another formula, so that an infinite limit means no clipping and not NaN.
    gradient = tf.convert_to_tensor(gradient)
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient)))
    return gradient * tf.minimum(1.0, clip / (norm + 1e-12))
