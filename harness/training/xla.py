"""When XLA is used, and with which settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import metadata

import keras
import tensorflow as tf

XLA_SMALLEST_WORK = 8_000
"""Gradient steps × sequence steps × layers of one trial from which XLA's compile is paid back: it takes 0.6 s more than
tracing and saves 0.04 ms a sequence step and layer, and most structures are trained more than once."""

_SETTINGS = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
_OTHERS = ("--xla_cpu", "--xla_backend")
_KNOWN_TO = "2.21."


def xla_pays(steps: int, layers: int, gradient_steps: int) -> bool:
    """Whether XLA is worth its compile for a trial of this size; never with a GPU, where cuDNN's kernels are faster.

    It depends neither on the family, so that none is compiled where another is not, nor on the number of units: from
    16 to 256 a compile takes as long.

    Args:
        steps: Length of the sequences.
        layers: Number of layers.
        gradient_steps: Batches of all epochs of one trial.
    """
    return gradient_steps * steps * layers >= XLA_SMALLEST_WORK and not on_gpu()


def on_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def kernel_of(layers: Sequence[keras.layers.Layer], *, xla: bool, gpu: bool) -> str:
    """What runs the recurrent layers, by the name that ledgers call it.

    Args:
        layers: A network's recurrent layers, with Keras's default activations.
        xla: Whether the epoch is compiled with XLA.
        gpu: Whether TensorFlow sees a GPU; there Keras takes cuDNN's kernels for LSTM and GRU, which have one, and its
            own loop for a `SimpleRNN`.
    """
    inner = [one.forward_layer if isinstance(one, keras.layers.Bidirectional) else one for one in layers]
    if gpu and all(isinstance(one, (keras.layers.LSTM, keras.layers.GRU)) for one in inner):
        return "cudnn"
    return "xla-epoch" if xla else "tf-epoch"


def compile_cheaply() -> None:
    """Have XLA compile in half the time, for code that runs as fast, unless this process has compiled already.

    Most of such a function's time goes into products of matrices, which are library calls whatever the compiler does.
    Does nothing where the user has settings of their own, or with a TensorFlow of another version: XLA ends the
    process when it meets a setting that it does not know.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if metadata.version("tensorflow").startswith(_KNOWN_TO) and not any(name in flags for name in _OTHERS):
        os.environ["XLA_FLAGS"] = f"{flags} {_SETTINGS}".strip()
