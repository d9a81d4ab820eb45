"""Datasets whose inputs may be missing, as models see them that know of no gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.data import Part, Sealed, SequenceData
from harness.data.scaling import Floats


def without_gaps(data: SequenceData) -> SequenceData:
    """The dataset with each missing input as the last value before it in its sequence, else the training part's mean.

    Args:
        data: The dataset; as it is where its config lets no value be missing.
    """
    if not data.scaling.fills_gaps:
        return data
    mean = np.nanmean(data.train.x, axis=(0, 1)).astype(data.train.x.dtype)
    train, validation, test = (_filled(part, mean) for part in (data.train, data.validation, data.test.open()))
    return replace(data, train=train, validation=validation, test=Sealed(test))


def _filled(part: Part, mean: Floats) -> Part:
    known = ~np.isnan(part.x)
    before = np.maximum.accumulate(np.where(known, np.arange(part.x.shape[1])[None, :, None], -1), axis=1)
    last = np.take_along_axis(part.x, np.maximum(before, 0), axis=1)
    return replace(part, x=np.where(before < 0, mean, last).astype(part.x.dtype))
