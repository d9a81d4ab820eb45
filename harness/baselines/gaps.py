"""Gaps that a network is told of by channels of their own, filled for models that know no such thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.data import Part, Sealed, SequenceData
from harness.data.arrays import Floats


def without_gaps(data: SequenceData) -> SequenceData:
    """The dataset with each missing input as the last value before it in its sequence, else the training part's mean.

    Args:
        data: The dataset; as it is where its card lets no value be missing.
    """
    if not data.scaling.fills_gaps:
        return data
    mean = np.nanmean(data.train.x, axis=(0, 1)).astype(np.float32)
    train, validation, test = (_filled(part, mean) for part in (data.train, data.validation, data.test.open()))
    return replace(data, train=train, validation=validation, test=Sealed(test))


def _filled(part: Part, mean: Floats) -> Part:
    known = ~np.isnan(part.x)
    before = np.maximum.accumulate(np.where(known, np.arange(part.x.shape[1])[None, :, None], -1), axis=1)
    last = np.take_along_axis(part.x, np.maximum(before, 0), axis=1)
    return replace(part, x=np.where(before < 0, mean, last).astype(np.float32))
