"""Handwritten digits inside scikit-learn: 1,797 images of 8 × 8, read row by row."""

from __future__ import annotations

import numpy as np

from harness.data.raw import Sequences


def read_digits() -> Sequences:
    """8 steps of 8 channels each, ink from 0 to 16; the classes are the ten digits."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = np.asarray(found.images, np.float32)
    n, steps, width = x.shape
    channels = tuple(f"column_{number + 1}" for number in range(width))
    lengths = np.full(n, steps, np.int32)
    return Sequences("scikit-learn digits", x, lengths, np.asarray(found.target), channels, lambda at: f"image {at}")
