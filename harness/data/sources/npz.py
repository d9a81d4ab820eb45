"""NumPy's `.npz` files: `x` (n, steps, channels), `y` (n,) and, where they differ, `lengths` (n,).

Never a pickle.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.cards.schema import FileSource
from harness.data.arrays import Flags, Whole
from harness.data.raw import Sequences, first, narrow
from harness.data.sources.files import locate, shown
from harness.errors import DataError, nearest

_PICKLE = "holds a pickle, which could run code when opened and is refused: expected plain arrays"


def read_npz(source: FileSource, labelled: bool = True) -> Sequences:
    """The sequences of an archive of arrays.

    Args:
        source: The file.
        labelled: Whether `y` is wanted.

    Raises:
        DataError: The file is missing, has changed, is no such archive, holds a pickle, or its arrays do not
            fit each other.
    """
    where = shown(source.path)
    arrays = _read(locate(source.path, source.sha256), where, ("x", "y") if labelled else ("x",))
    x = arrays["x"]
    if x.ndim != 3 or not x.size:
        raise DataError(f"{where}: x has shape {x.shape}: expected (sequences, steps, channels), none of them 0")
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: x holds {x.dtype}: expected numbers")
    lengths = _lengths(arrays, x.shape, where)
    y = _answers(arrays["y"], len(x), where) if labelled else np.empty(0)
    channels = tuple(f"channel_{number + 1}" for number in range(x.shape[2]))
    padding = np.arange(x.shape[1]) >= lengths[:, None]
    values = np.where(padding[:, :, None], 0, x)  # whatever was used as padding, NaN included, is no value
    numbers = narrow(values, lambda at: f"{where}: x{list(at)}")
    return Sequences(where, numbers, lengths, y, channels, lambda at: f"x[{at}]")


def _read(file: Path, where: str, required: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    try:
        with file.open("rb") as stream:  # NumPy leaves a file that it opened itself open when it is no archive
            content = np.load(stream, allow_pickle=False)
            if isinstance(content, np.ndarray):
                raise DataError(f"{where}: holds one array: expected an .npz with x and y (numpy.savez)")
            for key in required:
                if key not in content.files:
                    raise DataError(f"{where}: has no array {key!r}. {nearest(key, content.files)}".rstrip())
            return {key: content[key] for key in (*required, "lengths") if key in content.files}
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise DataError(f"{where}: {_PICKLE}") from None
        raise DataError(f"{where}: cannot be read as .npz: {error}") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where}: cannot be read as .npz; is it cut off? {error}") from None


def _lengths(arrays: dict[str, npt.NDArray[Any]], shape: tuple[int, ...], where: str) -> Whole:
    n, steps, _ = shape
    if "lengths" not in arrays:
        return np.full(n, steps, np.int32)
    lengths = arrays["lengths"]
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{where}: lengths is {lengths.dtype} of shape {lengths.shape}: expected {n} whole numbers, one a sequence"
        )
    bad: Flags = (lengths < 1) | (lengths > steps)
    if bad.any():
        (at,) = first(bad)
        raise DataError(f"{where}: lengths[{at}] = {lengths[at]}: expected 1 to {steps}, the steps of x")
    return lengths.astype(np.int32)


def _answers(y: npt.NDArray[Any], n: int, where: str) -> npt.NDArray[Any]:
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.shape != (n,):
        raise DataError(f"{where}: y has shape {y.shape}: expected {n} answers, one a sequence of x")
    if flat.dtype.kind not in "biufU":
        raise DataError(f"{where}: y holds {flat.dtype}: expected numbers or text")
    return flat
