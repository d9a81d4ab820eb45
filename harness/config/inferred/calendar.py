"""Cycles of the calendar that the rows of a table go round, for the inputs of a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.config.inferred.rhythm import cycles_of
from harness.config.times import TICKS, Clock, is_dated, read_times, time_column

if TYPE_CHECKING:
    import pandas as pd


def calendar_of(frame: pd.DataFrame, time: str | Sequence[str], clock: Clock) -> tuple[str, ...]:
    """Keys of `[encoding] calendar` that are worth an input; none where times are no dates.

    Args:
        frame: A table, or one series of a panel.
        time: Its column or columns of times.
        clock: How they are read; of no stated format it is decided.

    Raises:
        DataError: The times cannot be read.
    """
    stamps = time_column(frame, time)
    read = read_times(stamps, clock.decided(stamps, str(stamps.name))).dropna()
    if not is_dated(read):
        return ()
    cycles = cycles_of(np.unique(read.astype("int64").to_numpy() / TICKS))
    # A column that is called as a channel of the calendar would be taken for it.
    return tuple(one for one in cycles if not {f"{one}_sine", f"{one}_cosine"} & {*map(str, frame.columns)})
