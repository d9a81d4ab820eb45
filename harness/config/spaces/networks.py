"""The networks that a search space's `layer` may name: which hyperparameters each is built from, which tasks it can do.

Imports neither Keras nor TensorFlow; `harness.models` says what each is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from harness.records import TaskKind

Layer: TypeAlias = Literal["LSTM", "GRU", "SimpleRNN", "MinGRU", "TCN", "ConvAttention", "DLinear"]
"""Keras's recurrent layers, `harness.models.cells`, and the networks of `harness.models.shipped`."""

_ONE_ANSWER = frozenset({TaskKind.CLASSIFY, TaskKind.REGRESS, TaskKind.FORECAST})


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What is known of a network before it is built.

    Attributes:
        names: Hyperparameters that it is built from; those of training come on top.
        tasks: What it can predict.
        why: Why not the others, for people.
        stack: Whether it is a stack of one of Keras's recurrent layers, so that its states are known.
        own_past: Whether it predicts each target from that target's past, which has to be among its inputs.
    """

    names: tuple[str, ...]
    tasks: frozenset[TaskKind] = frozenset(TaskKind)
    why: str = ""
    stack: bool = False
    own_past: bool = False


_SIZES = ("embedding_dim", "units", "recurrent_parameters", "layers", "dropout", "lookback_steps")
_STACK = NetworkConfig((*_SIZES, "bidirectional", "stride_steps", "summary"), stack=True)

NETWORKS: Mapping[str, NetworkConfig] = MappingProxyType(
    {
        "LSTM": _STACK,
        "GRU": _STACK,
        "SimpleRNN": _STACK,
        "MinGRU": NetworkConfig(_SIZES),
        "TCN": NetworkConfig((*_SIZES, "kernel_size")),
        "ConvAttention": NetworkConfig(
            (*_SIZES, "kernel_size", "cell"), _ONE_ANSWER, "its attention pools all steps into one answer"
        ),
        "DLinear": NetworkConfig(
            ("kernel_size", "lookback_steps"),
            frozenset({TaskKind.FORECAST}),
            "it continues each target's own past",
            own_past=True,
        ),
    }
)
"""Each network by its `layer`."""

OF_USER = NetworkConfig(())
"""What is known of a network of the user's."""
