"""A network trained by its own `fit`: for models with a `train_step`, an optimiser or a loss of their own.

The interface is that of `CompiledNetwork`, so that a trial's budget, patience, best epoch and scores are the same.
What a model is compiled with stays; one that is not compiled gets the loss and the optimiser of every other family.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from harness.models.adapt import gives_probabilities
from harness.models.builder import BuiltNetwork, seeded
from harness.records import Answer
from harness.training.batches import DataPart, FloatArray
from harness.training.forward import taken
from harness.training.loop import State, TrialHyperparameters
from harness.training.ops import rates

KERNEL = "keras-fit"
"""What budget reports call it."""


class FittedNetwork:
    """A network with its own `fit`; used again by every trial of its structure.

    Args:
        network: The network.
        numbers: `mse` or `mae`, the loss of a model that is not compiled where answers are numbers.
        batch_size: Sequences a batch.
        class_weights: What an error on each class weighs; None for 1 all through.
    """

    kernel = KERNEL

    def __init__(
        self, network: BuiltNetwork, numbers: str, batch_size: int, class_weights: npt.NDArray[np.float32] | None
    ) -> None:
        self.network, self.batch_size = network, batch_size
        self._model, self._made = network.model, network.made
        self._class_weights = class_weights
        self._own = bool(getattr(self._made, "compiled", False))
        if not self._own:
            self._made.compile(optimizer=keras.optimizers.Adam(), loss=_loss(network, numbers))
        self._made.optimizer.build(self._made.trainable_variables)
        self._fresh = [np.array(one.numpy()) for one in self._made.optimizer.variables]
        self._done = 0

    def prepare(self, train: DataPart, validation: DataPart) -> float:  # noqa: ARG002
        """Trace its prediction; `fit` traces its own step in the first epoch.

        Returns:
            Seconds it took.
        """
        started = time.perf_counter()
        self._outputs(next(iter(validation.chunks())))
        return time.perf_counter() - started

    def reset(self, weights: Sequence[FloatArray]) -> None:
        """Begin a trial: these weights, a fresh optimiser."""
        self.restore(weights)
        _assign(self._made.optimizer.variables, self._fresh)
        self._done = 0

    def restore(self, weights: Sequence[FloatArray]) -> None:
        """Put these weights into the network."""
        self._model.set_weights(weights)

    def weights(self) -> list[FloatArray]:
        """Copies of the weights, in the order of `model.get_weights()`."""
        return [np.array(one) for one in self._model.get_weights()]

    def state(self) -> State:
        """Where training is: all weights, and all that the optimiser remembers."""
        slots = [np.array(one.numpy()) for one in self._made.optimizer.variables]
        return State(np.zeros(0, np.float32), np.zeros(0, np.float32), self._done, (*self.weights(), *slots))

    def resume(self, state: State) -> None:
        """Put training back to where it was."""
        count = len(self._model.weights)
        self._model.set_weights(state.kept[:count])
        _assign(self._made.optimizer.variables, state.kept[count:])
        self._done = state.batches

    def epoch(self, part: DataPart, order: npt.NDArray[Any], seed: int, hyperparameters: TrialHyperparameters) -> float:
        """Train once on every sequence; see `CompiledNetwork.epoch`."""
        self._seed(seed)
        x, lengths, y, future = part.take(order.astype(np.int32))
        inputs = taken(self.network.shape, (x, lengths, future))
        batches = -(-len(order) // self.batch_size)
        callbacks = [] if self._own else [_Rates(self._made, self._done, batches, hyperparameters)]
        with seeded(seed):
            history = self._made.fit(
                *(inputs, y),
                sample_weight=self._sample_weights(y, lengths),
                batch_size=self.batch_size,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
        self._done += batches
        return float(history.history["loss"][-1])

    def predict(self, part: DataPart) -> FloatArray:
        """Outputs for every sequence of a part: scaled units, or logits."""
        return np.concatenate([self._outputs(chunk) for chunk in part.chunks()])

    def _outputs(self, chunk: tuple[Any, Any, Any]) -> FloatArray:
        return np.asarray(self._model(taken(self.network.shape, chunk), training=False), np.float32)

    def _seed(self, seed: int) -> None:
        """Begin every random layer at a seed of its own, so that an epoch depends on nothing that ran before."""
        chance, kept = np.random.default_rng(seed), {id(one) for one in self._model.non_trainable_weights}
        for one in self._model.non_trainable_variables:
            if id(one) not in kept:
                one.assign(chance.integers(0, 2**32, one.shape, np.uint32).astype(one.dtype))

    def _sample_weights(self, y: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> npt.NDArray[np.float32] | None:
        """What each answer counts: a padded step nothing, a class what the dataset says; None where all count 1."""
        shape = self.network.shape
        weights = None
        if shape.task.per_step:
            weights = (np.arange(y.shape[1]) < lengths[:, None]).astype(np.float32)
        if self._class_weights is not None and shape.answer is Answer.CLASS:
            each = self._class_weights[y]
            weights = each if weights is None else weights * each
        return weights


class _Rates(keras.callbacks.Callback):  # type: ignore[misc]
    """The learning rate of each batch, and the limit of the gradient's norm."""

    def __init__(self, model: keras.Model, done: int, batches: int, hyperparameters: TrialHyperparameters) -> None:
        super().__init__()
        self._optimizer = model.optimizer
        self._optimizer.global_clipnorm = hyperparameters.clip_norm
        self._rates = rates(
            hyperparameters.schedule, hyperparameters.learning_rate, done, batches, hyperparameters.batches
        )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._optimizer.learning_rate = float(self._rates[batch])


def _loss(network: BuiltNetwork, numbers: str) -> keras.losses.Loss:
    outputs = getattr(network.made, "outputs", None)
    logits = not (outputs and gives_probabilities(outputs[0], network.shape))
    match network.shape.answer:
        case Answer.CLASS:
            return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
        case Answer.FLAGS:
            return keras.losses.BinaryCrossentropy(from_logits=logits)
        case Answer.NUMBERS:
            return keras.losses.MeanAbsoluteError() if numbers == "mae" else keras.losses.MeanSquaredError()


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
