"""Temperature scaling: how sure a trained classifier may be, by how often it is right on the validation part.

A network that is trained until it makes no error on a small training part goes on to make its answers surer. Guo,
Pleiss, Sun and Weinberger 2017 ("On Calibration of Modern Neural Networks", section 4.2) divide the logits by one
number, fitted on the validation part by its cross entropy: no answer changes. Where a network is right on all of ten
validation sequences that rule lets it be as sure as it likes. So the cross entropy here is to soft targets, as Platt
1999 ("Probabilistic Outputs for Support Vector Machines", section 2.2) has them: what ought to be said of the right
class is not 1 but how often a rule is right that was right in n of n cases. By his uniform prior that is
(n + 1) / (n + 2), Laplace's rule of succession; by Jeffreys' prior (n + 1/2) / (n + 1), which is taken here: it was the
better one on held-out validation data (benchmarks/spaces.md). The other classes share the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.training.batches import FloatArray

LARGEST_TEMPERATURE = 20.0
"""At twenty, ten logits of a usual size are all but the same."""


def temperature_of(logits: npt.NDArray[np.floating], answers: npt.NDArray[np.integer]) -> float:
    """What to divide logits by, so that a classifier is no surer than these answers allow.

    The cross entropy is convex in the inverse temperature (Platt 1999; it is logistic regression with one weight), so
    that its derivative has one zero.

    Args:
        logits: (n, classes), of sequences that the network was not trained on.
        answers: (n,) their classes.

    Returns:
        From 1, where it is not too sure as it is, to `LARGEST_TEMPERATURE`.
    """
    from scipy.optimize import brentq  # here: half a second that a worker's first trial need not wait
    from scipy.special import softmax

    wide, (count, classes) = np.asarray(logits, np.float64), logits.shape
    right = (count + 0.5) / (count + 1.0)
    targets = np.full((count, classes), (1.0 - right) / (classes - 1))
    targets[np.arange(count), answers] = right

    def slope(inverse: float) -> float:
        return float(((softmax(inverse * wide, axis=1) - targets) * wide).sum())

    least = 1.0 / LARGEST_TEMPERATURE
    if slope(1.0) <= 0:
        return 1.0
    return LARGEST_TEMPERATURE if slope(least) >= 0 else 1.0 / float(brentq(slope, least, 1.0))


def divided(weights: Sequence[FloatArray], temperature: float) -> list[FloatArray]:
    """The weights of a shipped network whose logits are divided by a temperature.

    Args:
        weights: In the order of `model.get_weights()`; the last two are kernel and bias of the head, a dense layer
            without activation.
        temperature: The divisor.
    """
    *others, kernel, bias = weights
    return [*others, *((one / temperature).astype(one.dtype) for one in (kernel, bias))]
