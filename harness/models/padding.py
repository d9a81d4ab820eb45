"""Does a builder's network leave padded steps alone? Looked at before a sweep, with two sequences drawn by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.metrics import at_real_steps
from harness.models.adapt import example
from harness.models.families import Network
from harness.models.shape import NetworkShape, as_model_takes

_TOLERANCE = 1e-4
_OF_ANOTHER_LENGTH = ("cannot unstack", "incompatible shapes", "must be broadcastable", "dimensions must be equal")
"""What TensorFlow says of a mask with other steps than what it masks, in lower case."""


def padding_note(network: Network, name: str) -> str:
    """A warning where outputs change with what stands at padded steps; empty where they do not, or nothing is padded.

    Args:
        network: What the builder made for the problem.
        name: The builder, as messages name it.

    Raises:
        UsageError: The network cannot be called: its mask has another length than what it masks, or a layer fails.
    """
    shape = network.shape
    if not shape.masked:
        return ""
    feed = example(shape, 2, np.random.default_rng(0))
    steps = feed["x"].shape[1]
    lengths = feed["lengths"] = np.array([steps, max(1, steps // 2)], np.int32)
    real = np.arange(steps) < lengths[:, None]
    padded = ~real if shape.vocabulary else ~real[:, :, None]
    said = []
    for value in (0, 1 if shape.vocabulary else 9):
        given = {**feed, "x": np.where(padded, value, feed["x"]).astype(feed["x"].dtype)}
        said.append(_called(network, shape, given, name))
    if shape.task.per_step:
        said = [at_real_steps(one, lengths) for one in said]
    first, other = said
    if np.allclose(first, other, rtol=_TOLERANCE, atol=_TOLERANCE):
        return ""
    return (
        f"warning: {name}: its outputs change with what stands at padded steps: expected, as lengths differ, "
        "problem.mask(inputs) as the mask of its recurrent layers, or problem.last(hidden, inputs)"
    )


def _called(network: Network, shape: NetworkShape, feed: dict[str, Any], name: str) -> Any:
    try:
        return np.asarray(network.model(as_model_takes([feed[one] for one in shape.inputs]), training=False))
    except Exception as error:  # whatever a layer of the user's does
        text = " ".join(str(error).replace("\x1b[1m", "").replace("\x1b[0m", "").split())
        if any(sign in text.lower() for sign in _OF_ANOTHER_LENGTH):
            raise UsageError(
                f"{name}: its mask has other steps than what it masks: expected convolutions and pooling that keep all "
                'steps before a layer with mask=problem.mask(inputs): padding="causal" or padding="same", strides of 1'
            ) from None
        raise UsageError(f"{name}: cannot be called: {type(error).__name__}: {text[:200]}") from error
