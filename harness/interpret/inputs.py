"""The inputs of any network: how the loss's gradient with respect to them changes with the distance from the last step.

What is no stack of recurrent layers has no states that are known, or none at all; what it reads of the past shows in
the gradient with respect to the steps of its input. Source: K. Simonyan, A. Vedaldi and A. Zisserman (2014), "Deep
inside convolutional networks: visualising image classification models and saliency maps", ICLR workshop, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.interpret.explain import Numbers, last_loss
from harness.models import Network
from harness.training.batches import TensorPart
from harness.training.forward import ModelForward
from harness.training.ops import Loss


def input_norms(network: Network, weights: Sequence[npt.NDArray[np.float32]], part: TensorPart, loss: Loss) -> Numbers:
    """Norm of the gradient of each sequence's loss with respect to the step so many before its last.

    Args:
        network: The network, whose inputs are numbers.
        weights: Those that are looked at, in the order of `model.get_weights()`.
        part: The batch, scaled.
        loss: What is minimised; where every step has an answer, at a sequence's last step.

    Returns:
        (batch, steps - 1) at distance 1, 2, …; NaN beyond a sequence's first step, 0 where a step is not read.
    """
    forward = ModelForward(network)
    vector, state = forward.pack(weights)
    with tf.GradientTape() as tape:
        tape.watch(part.x)
        outputs = forward.predict((part.x, part.lengths, part.future), vector, state)
        # Sequences know nothing of each other: the gradient of the sum holds the gradient of each.
        total = tf.reduce_sum(last_loss(network, loss, part, outputs))
    gradient = tape.gradient(total, part.x, unconnected_gradients="zero").numpy().astype(float)
    norms, lengths = np.sqrt(np.square(gradient).sum(axis=2)), part.lengths.numpy()
    distances = np.arange(1, norms.shape[1])
    places = lengths[:, None] - 1 - distances[None, :]
    found = np.take_along_axis(norms, np.maximum(places, 0), axis=1)
    return np.where(places >= 0, found, np.nan)
