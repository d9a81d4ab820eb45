"""What a program hands to `predict` that is no batch yet: one sequence alone, sequences of different lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.times import time_names
from harness.data.in_memory import is_ragged, padded, plain_table
from harness.errors import DataError
from harness.export.artifact import Description

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Handed:
    """Arrays with an axis of sequences, whatever was handed in.

    Attributes:
        x: (n, steps, channels), or tokens (n, steps); as it was given where it is neither, for a check to refuse.
        lengths: (n,) real steps; None where all are real.
        future: (n, horizon, known); None where nothing is known in advance.
        alone: Whether it was one sequence, whose answer has no axis of sequences.
    """

    x: Any
    lengths: Any
    future: Any
    alone: bool = False


def handed(description: Description, x: Any, lengths: Any = None, future: Any = None) -> Handed:
    """A batch of what a program holds.

    Args:
        description: Of the champion that is to predict.
        x: A batch; a list of sequences (steps, channels) or (steps,) of different lengths; one sequence (steps,
            channels); or of one channel, sequences (n, steps) or one sequence (steps,).
        lengths: Real steps, one a sequence; a number for one sequence.
        future: What is known in advance, (n, horizon, known), or (horizon, known) for one sequence.

    Raises:
        DataError: It may be one sequence or several, or lengths are given beside sequences that have their own.
    """
    if is_ragged(x) and not description.vocabulary:
        if lengths is not None:
            raise DataError("lengths: expected none beside a list of sequences, which have their own")
        return Handed(*padded(list(x), channels_first=None), future)
    values = np.asarray(x)
    if _is_one(description, values):
        sequence = values[None, :, None] if values.ndim == 1 and not description.vocabulary else values[None]
        known = future if future is None else np.asarray(future)[None] if np.ndim(future) == 2 else future
        return Handed(sequence, lengths if lengths is None else np.atleast_1d(lengths), known, alone=True)
    if values.ndim == 2 and len(description.channels) == 1 and not description.vocabulary:
        values = values[:, :, None]
    return Handed(values, lengths, future)


def with_index(description: Description, frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its index as columns, where that holds the times or ids that the champion's config names.

    Raises:
        DataError: A level of the index has no name, or the name of a column.
    """
    task = description.dataset_config.task
    time, group = getattr(task, "time", None), getattr(task, "id", None)
    wanted = {*time_names(time), *([group] if group else [])} - {*frame.columns}
    if not wanted or (frame.index.nlevels == 1 and frame.index.name is None and frame.index.dtype.kind in "iu"):
        return frame
    return plain_table(frame, {"id": group, **({"time": time} if isinstance(time, str) else {})})[0]


def _is_one(description: Description, values: npt.NDArray[Any]) -> bool:
    if description.vocabulary:
        return values.ndim == 1
    if len(description.channels) > 1:
        return values.ndim == 2 and values.shape[1] == len(description.channels)
    if values.ndim != 2 or values.shape[1] != 1 or values.shape[0] == 1 or description.steps == 1:
        return values.ndim == 1
    if description.steps is None:
        count = values.shape[0]
        raise DataError(
            f"x: {values.shape}: one sequence of {count} steps, or {count} sequences of one step? expected x[None] or "
            "x[:, None]"
        )
    return True
