"""What a Python program holds, as a plain pandas table or plain arrays; what is ambiguous is refused with the way out.

Other libraries' objects are known by what they can do, so that none of them has to be installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.errors import DataError, UsageError, nearest

if TYPE_CHECKING:
    import pandas as pd

Arrays = dict[str, npt.NDArray[Any]]

CHANNELS_PER_STEP = 4
"""From so many times more channels than steps on an array is asked whether its channels come first."""

_CONVERSIONS = (
    ("toPandas", "X.toPandas()"),
    ("collect_schema", "X.collect().to_pandas()"),
    ("as_numpy_iterator", "x, y = zip(*X.unbatch().as_numpy_iterator()), then list(x) and np.array(y)"),
    ("compute", "X.compute()"),
    ("toarray", "X.toarray()"),
    ("to_list", "X.to_list()"),
)
"""What only objects of other libraries can do → what makes of them something that is read here."""


def taken(x: Any) -> Any:
    """What stands for a program's data: pandas tables for tables of other libraries, else what was given.

    Args:
        x: Anything: a table of pandas, Polars, Arrow or Hugging Face, arrays, a list of arrays.

    Raises:
        DataError: It holds no data yet, or several tables; the message says what makes one of it.
    """
    import pandas as pd

    if isinstance(x, pd.Series):
        return x.to_frame("y" if x.name is None else str(x.name))
    if isinstance(x, pd.DataFrame | np.ndarray) or (isinstance(x, Sequence) and not isinstance(x, str)):
        return x
    kind = f"X is a {type(x).__module__.partition('.')[0]} {type(x).__name__}"
    if isinstance(x, Mapping):
        some = next(iter(x), "train")
        raise DataError(f"{kind} of {', '.join(map(str, x)) or 'nothing'}: expected one table or array: X[{some!r}]")
    if isinstance(x, Iterator):
        raise DataError(f"{kind}, which can be read once: expected arrays: list(X)")
    if callable(convert := getattr(x, "to_pandas", None)) and getattr(x, "ndim", 2) <= 2:
        try:
            return taken(_with_names(convert(), getattr(x, "features", None)))
        except DataError:
            raise
        except Exception as error:  # whatever the other library does
            raise DataError(f"{kind}: to_pandas() failed: {' '.join(str(error).split())}") from None
    for ability, conversion in _CONVERSIONS:
        if hasattr(x, ability) and not hasattr(x, "__array__"):
            raise DataError(f"{kind}: expected arrays or a table: {conversion}")
    if getattr(x, "requires_grad", False):
        raise DataError(f"{kind} with gradients: expected an array: X.detach().cpu().numpy()")
    return x


def _with_names(made: Any, features: Any) -> Any:
    """A table with the names of classes where Hugging Face's holds their numbers; -1, which is no class, is missing."""
    for column, feature in features.items() if isinstance(features, Mapping) else ():
        names = getattr(feature, "names", None)
        if names and hasattr(feature, "int2str") and made[column].dtype.kind in "if":
            made = made.assign(**{column: made[column].map(dict(enumerate(names)))})
    return made


def plain_table(x: pd.DataFrame, roles: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, str]]:
    """A table with all that it holds in columns, its index too, unless that only numbers the rows.

    Args:
        x: The table.
        roles: Keys of `[task]`, of which `id` and `time` say what an index without a name is.

    Returns:
        The table, and what its index says that `roles` does not: `time`, the column of an index of times.

    Raises:
        DataError: Two columns have one name, the levels of an index mean nothing yet, or cells hold more than a value.
    """
    import pandas as pd

    table = pd.DataFrame(x)  # of other libraries' own kinds of table, too
    if table.columns.nlevels > 1:
        raise DataError(
            f"X: its columns have {table.columns.nlevels} levels of names: expected one: "
            'X.columns = ["_".join(map(str, names)) for names in X.columns]'
        )
    found: dict[str, str] = {}
    if isinstance(table.index, pd.MultiIndex):
        table = _levels_as_columns(table, roles)
    else:
        table, found = _index_as_column(table, roles)
    table = table.set_axis([str(name) for name in table.columns], axis=1)
    if twice := next(iter(table.columns[table.columns.duplicated()]), None):
        raise DataError(f"X: two columns are called {twice!r}: expected each name once")
    for name in table:
        if isinstance(table[name].dtype, pd.PeriodDtype):
            table[name] = table[name].dt.to_timestamp()
        elif isinstance(cell := next(iter(table[name].dropna()), None), (*_NESTED, pd.Series)):
            raise DataError(
                f"X: cells of column {name!r} hold a {type(cell).__name__} each: expected a value a cell; sequences "
                f"are handed over as list(X[{name!r}]), with their answers as y"
            )
    return table, found


_NESTED = (list, tuple, dict, np.ndarray)


def _levels_as_columns(table: pd.DataFrame, roles: Mapping[str, Any]) -> pd.DataFrame:
    names = list(table.index.names)
    if None in names:
        raise DataError(
            f"X: of the {len(names)} levels of its index some have no name: expected X.index.names = "
            f"[{', '.join(repr(name or 'id') for name in names)}] or the like"
        )
    if both := next((name for name in names if name in table.columns), None):
        raise DataError(f"X: {both!r} is a column and a level of the index: expected one: X.droplevel({both!r})")
    if not roles.get("id"):
        *first, last = names
        raise DataError(
            f"X: its index has the levels {', '.join(map(str, names))}: expected the one that tells the sequences "
            f"apart, such as id={str(first[0])!r}, time={str(last)!r}"
        )
    return table.reset_index()


def _index_as_column(table: pd.DataFrame, roles: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, str]]:
    import pandas as pd

    index, asked = table.index, roles.get("time")
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    numbers = isinstance(index, pd.RangeIndex) and index.name is None
    if numbers and asked is not None and asked not in table.columns:
        raise UsageError(f"time = {asked!r}: no such column in X. {nearest(str(asked), map(str, table.columns))}")
    named = index.name is not None or (asked is not None and asked not in table.columns)
    times = isinstance(index, pd.DatetimeIndex)
    if not named and not times and pd.api.types.is_integer_dtype(index.dtype):  # rows of a larger table
        return table.reset_index(drop=True), {}
    wanted = asked if asked is not None and asked not in table.columns else index.name
    name = str("time" if wanted is None else wanted)
    if name in table.columns:
        raise DataError(f"X: {name!r} is a column and its index: expected one: X.reset_index(drop=True)")
    found = {"time": name} if times and not asked else {}
    return table.set_axis(index, axis=0).reset_index(names=name), found


def series_table(x: Any, alone: bool) -> pd.DataFrame:
    """The rows of a forecast as a table: `y`, or `x1`, `x2` … where there are several or `y` is handed over apart.

    Args:
        x: Values (rows,) or (rows, columns), in the order of time.
        alone: Whether the target is among them.

    Raises:
        DataError: They have another shape.
    """
    import pandas as pd

    values = plain_array(x, "X")
    if values.ndim not in (1, 2) or not values.size:
        raise DataError(f"X has shape {values.shape}: expected a series (rows,) or (rows, columns) to forecast")
    wide = values.reshape(len(values), -1)
    names = ["y"] if wide.shape[1] == 1 and alone else [f"x{number + 1}" for number in range(wide.shape[1])]
    return pd.DataFrame(wide, columns=names)


def sequence_arrays(x: Any, y: Any, lengths: Any, groups: Any, channels_first: bool | None) -> Arrays:
    """Sequences and their answers as the arrays of an NPZ.

    Args:
        x: An array (sequences, steps, channels) or (sequences, steps), or a list of arrays (steps, channels).
        y: Answers, one a sequence or one a step.
        lengths: Real steps of each sequence; None where all have all.
        groups: Each sequence's group; None where there are none.
        channels_first: Whether channels come before steps; None where that shows.

    Returns:
        `x` (sequences, steps, channels), `y`, and `lengths` and `groups` where there are any.

    Raises:
        DataError: They have another shape, an answer is missing, or it does not show which axis is the steps'.
    """
    if isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1:
        x = list(x)  # as NumPy holds sequences of different lengths
    if isinstance(x, Sequence) and not isinstance(x, str):
        x, lengths = padded(x, channels_first)
    else:
        x = _steps_first(plain_array(x, "X"), y, lengths, channels_first)
    if x.ndim != 3 or x.dtype.kind not in "biuf" or not x.size:
        raise DataError(
            f"X: {x.dtype} of shape {x.shape}: expected numbers (sequences, steps, channels) or (sequences, steps)"
        )
    answers = _answers(y)
    if answers.shape[:1] != (len(x),):
        raise DataError(f"y has shape {answers.shape}: expected {len(x)} answers, one a sequence of X")
    extra = {"lengths": lengths, "groups": groups}
    named = {key: np.asarray(value) for key, value in extra.items() if value is not None}
    return {"x": x, "y": answers, **{k: v.astype(np.str_) if v.dtype == object else v for k, v in named.items()}}


def is_ragged(x: Any) -> bool:
    """Whether a list, or an array of objects, holds sequences that do not all have the same shape."""
    if not (isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1)):
        return False
    return len({np.shape(sequence) for sequence in x}) > 1


def padded(x: Sequence[Any], channels_first: bool | None) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Sequences of different lengths as one array.

    Args:
        x: Arrays (steps, channels), or (steps,) of one channel.
        channels_first: Whether each is (channels, steps).

    Returns:
        (n, steps, channels), 0 beyond a sequence's length; and the lengths (n,).

    Raises:
        DataError: One is empty or has another shape, or they have different channels.
    """
    pieces = [np.asarray(plain_array(piece, "X"), np.float64) for piece in x]
    if not pieces or any(piece.ndim not in (1, 2) or not piece.size for piece in pieces):
        raise DataError("X: expected arrays (steps, channels), none of them empty")
    pieces = [piece[:, None] if piece.ndim == 1 else piece.T if channels_first else piece for piece in pieces]
    if len({piece.shape[1] for piece in pieces}) > 1:
        same = not channels_first and len({piece.shape[0] for piece in pieces}) == 1
        cure = ", or channels_first=True where each is (channels, steps)" if same else ""
        raise DataError(f"X: expected arrays of the same channels{cure}")
    lengths = np.array([len(piece) for piece in pieces])
    padded = np.zeros((len(pieces), int(lengths.max()), pieces[0].shape[1]))
    for number, piece in enumerate(pieces):
        padded[number, : len(piece)] = piece
    return padded, lengths


def _steps_first(x: npt.NDArray[Any], y: Any, lengths: Any, channels_first: bool | None) -> npt.NDArray[Any]:
    """An array with its axes in the order (sequences, steps, channels)."""
    if x.ndim == 2:  # one channel, as scikit-learn has its X
        return x[:, :, None]
    if x.ndim != 3 or channels_first is False:
        return x
    if channels_first:
        return x.transpose(0, 2, 1)
    _, steps, channels = x.shape
    turned = "X.transpose(0, 2, 1), or channels_first=True"
    per_step = np.shape(y)[1:2] == (channels,) != (steps,) and len(np.shape(y)) == 2
    if per_step or (lengths is not None and steps < np.max(np.asarray(lengths), initial=0) <= channels):
        what = "y has an answer for each of" if per_step else "lengths are of"
        raise DataError(
            f"X has shape {x.shape}, and {what} its last axis: expected (sequences, steps, channels): {turned}"
        )
    if steps > 1 and channels >= CHANNELS_PER_STEP * steps:
        raise DataError(
            f"X has shape {x.shape}: {steps} steps of {channels} channels, or {steps} channels of {channels} steps? "
            "channels_first=False or channels_first=True says which"
        )
    return x


def plain_array(x: Any, name: str) -> npt.NDArray[Any]:
    """An array; what a masked one hides is missing, not the number underneath."""
    if isinstance(x, np.ma.MaskedArray):
        return np.ma.filled(x.astype(np.float64), np.nan) if np.ma.is_masked(x) else np.asarray(x)
    try:
        return np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{name}: cannot be read as an array: {' '.join(str(error).split())}") from None


def _answers(y: Any) -> npt.NDArray[Any]:
    import pandas as pd

    hidden = np.ma.getmaskarray(y) if isinstance(y, np.ma.MaskedArray) else None
    answers = plain_array(np.ma.getdata(y) if hidden is not None else y, "y")
    if isinstance(y, list | tuple) and answers.dtype.kind == "U":  # as they were, before NumPy made text of them
        answers = plain_array(np.array(y, object), "y")
    alone = answers.dtype == object or (answers.ndim == 1 and answers.dtype.kind == "f")
    missing = hidden if hidden is not None else pd.isna(answers) if alone else np.zeros(1, np.bool_)
    if missing.any():
        at = tuple(int(part) for part in np.argwhere(missing)[0])
        raise DataError(f"y: the answer at {', '.join(map(str, at))} (from 0) is missing: leave that sequence out")
    return _named(answers) if answers.dtype == object else answers


def _named(answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Answers as text, where each of them has a name of its own."""
    names: dict[str, Any] = {}
    for answer in answers.flat:
        if type(names.setdefault(str(answer), answer)) is not type(answer):
            one, other = names[str(answer)], answer
            raise DataError(
                f"y: the answers {one!r} ({type(one).__name__}) and {other!r} ({type(other).__name__}) would have one "
                "name: expected answers of one type"
            )
    return answers.astype(np.str_)
