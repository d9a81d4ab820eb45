"""How the learning rate changes over a training: Keras's schedules as arrays of one rate a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

END_OF_EXPONENTIAL = 0.01
"""The share of the learning rate that `exponential` comes to at the end of a training."""


def _constant(progress: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.ones_like(progress)


def _cosine(progress: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Loshchilov and Hutter 2017, equation 5, without restarts; Keras's `CosineDecay`."""
    return 0.5 * (1.0 + np.cos(np.pi * progress))


def _exponential(progress: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keras's `ExponentialDecay`, to `END_OF_EXPONENTIAL` at the end."""
    return np.asarray(END_OF_EXPONENTIAL**progress)


SCHEDULES: Mapping[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "constant": _constant,
    "cosine": _cosine,
    "exponential": _exponential,
}


def rates(schedule: str, learning_rate: float, done: int, batches: int, total: int) -> FloatArray:
    """The learning rate of each of the next batches.

    Args:
        schedule: A key of `SCHEDULES`.
        learning_rate: At the beginning of the training.
        done: Batches trained so far.
        batches: How many rates.
        total: Batches of the whole training, if no stopping ends it; 0 where the schedule is constant.
    """
    progress = np.clip((done + np.arange(batches)) / max(1, total), 0.0, 1.0)
    return (learning_rate * SCHEDULES[schedule](progress)).astype(np.float32)
