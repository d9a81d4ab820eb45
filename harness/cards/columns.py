"""What a column of a user's table holds: numbers, classes, times. Sees one table, knows no card."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 20


def is_numeric(column: pd.Series[Any]) -> bool:
    """Whether it holds numbers or truth values."""
    from pandas.api import types

    return types.is_numeric_dtype(column)


def is_class(column: pd.Series[Any]) -> bool:
    """Whether its values look like classes: text, truth values or few whole numbers."""
    from pandas.api import types

    if not types.is_numeric_dtype(column) or types.is_bool_dtype(column):
        return True
    return types.is_integer_dtype(column) and column.nunique() <= MOST_CLASSES


def is_constant_within(frame: pd.DataFrame, column: str, group: str) -> bool:
    """Whether a column has one value for each value of another."""
    return bool((frame.groupby(group)[column].nunique(dropna=False) == 1).all())


def rises(frame: pd.DataFrame, column: str, group: str | None) -> bool:
    """Whether a column never falls from one row to the next, within each value of `group` where there is one."""
    if group is None:
        return bool(frame[column].is_monotonic_increasing)
    return all(rows.is_monotonic_increasing for _, rows in frame.groupby(group)[column])


def is_dates(column: pd.Series[Any]) -> bool:
    """Whether it holds dates or times, judged by its beginning."""
    return seconds(column.dropna().head(200)) is not None


def seconds(column: pd.Series[Any]) -> pd.Series[float] | None:
    """Seconds since the first row; None where the column holds anything but dates or times."""
    import pandas as pd

    if is_numeric(column) or not len(column):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pandas warns where it finds no one format
        times = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
        if times.isna().any():
            times = pd.to_datetime(column, errors="coerce", utc=True)
    if times.isna().any():
        return None
    return (times - times.iloc[0]).dt.total_seconds()


def inputs(frame: pd.DataFrame, without: tuple[str | None, ...]) -> tuple[str, ...]:
    """The columns that can be inputs: numbers, apart from those that play another part.

    A column that pandas calls `Unnamed: 0` is mostly the row's number, which measures nothing.
    """
    return tuple(
        name
        for name in frame.columns
        if name not in without and is_numeric(frame[name]) and not name.startswith("Unnamed: ")
    )


def refuse_stray_text(column: pd.Series[Any], where: str) -> None:
    """Refuse a column of numbers with a few words in it: a fault of the table, and no classes.

    Raises:
        UsageError: It is one; the message names the first such row, counted from 1 below the column names.
    """
    import pandas as pd

    strange = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    if 0 < strange.mean() < 0.5:
        row = int(strange.to_numpy().argmax())
        raise UsageError(f"{where}: column {column.name!r}, row {row + 1}: {column.iloc[row]!r}: expected a number")
