"""MATLAB files with a cell array of sequences for each part, as those of the piano rolls of Boulanger-Lewandowski.

Read by SciPy, which reads arrays and runs no code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.cards.schema import MatSource
from harness.data.arrays import Wide
from harness.data.raw import Sequences, narrow, pad
from harness.data.sources.files import locate, shown
from harness.errors import DataError, nearest

LOWEST_KEY = 21
"""MIDI number of a piano's lowest key."""


def read_mat(source: MatSource) -> Sequences:
    """The sequences of the three parts, in the order train, validation, test; no answers.

    Args:
        source: The file and the names of its variables.

    Raises:
        DataError: The file is missing, has changed, is no such file, lacks a variable, or its sequences have different
            channels.
    """
    where = shown(source.path)
    variables = _variables(locate(source.path, source.sha256), where)
    wanted = (source.train_name, source.validation_name, source.test_name)
    parts = [_cells(variables, name, where) for name in wanted]
    pieces = [piece for part in parts for piece in part]
    names = [
        f"{name}{{{number}}}" for name, part in zip(wanted, parts, strict=True) for number in range(1, len(part) + 1)
    ]
    width = pieces[0].shape[1]
    for name, piece in zip(names, pieces, strict=True):
        if piece.shape[1] != width:
            raise DataError(f"{where}: {name} has {piece.shape[1]} channels: expected {width}, as the first has")
    x, lengths = pad(pieces)
    numbers = narrow(x, lambda at: f"{where}: {names[at[0]]}, channel {at[2] + 1}, step {at[1] + 1}")
    sizes = tuple(len(part) for part in parts)
    return Sequences(where, numbers, lengths, np.empty(0), _channels(width), lambda at: names[at], own_parts=sizes)


def _channels(width: int) -> tuple[str, ...]:
    if width == 88:  # a piano
        return tuple(f"key_{LOWEST_KEY + number}" for number in range(width))
    return tuple(f"channel_{number + 1}" for number in range(width))


def _variables(file: Path, where: str) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content: dict[str, Any] = loadmat(file)
    except NotImplementedError:
        raise DataError(f"{where}: is of MATLAB 7.3: expected an earlier format (save -v7)") from None
    except (MatReadError, ValueError, TypeError, OSError, EOFError, IndexError, KeyError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{where}: cannot be read as a MATLAB file; is it cut off? {said}") from None
    return {name: value for name, value in content.items() if not name.startswith("__")}


def _cells(variables: dict[str, Any], name: str, where: str) -> list[Wide]:
    if name not in variables:
        raise DataError(f"{where}: has no variable {name!r}. {nearest(name, variables)}".rstrip())
    cells: npt.NDArray[Any] = np.ravel(variables[name])
    if cells.dtype != object or not len(cells):
        raise DataError(f"{where}: {name} is no cell array of sequences: expected cells of (steps, channels)")
    for number, cell in enumerate(cells, start=1):
        fits = isinstance(cell, np.ndarray) and cell.ndim == 2 and cell.size and cell.dtype.kind in "biuf"
        if not fits:
            raise DataError(f"{where}: {name}{{{number}}}: expected numbers (steps, channels), none of them 0")
    return [cell.astype(np.float64) for cell in cells]
