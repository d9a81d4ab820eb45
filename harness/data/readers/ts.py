"""Files of sequences in formats of their own: `.ts` of the UEA and UCR archives, and MATLAB's cell arrays.

Read here and not with sktime, whose reader takes seconds to import and hands back nested pandas tables. The
format: `#` lines are comments, `@` lines a header, and below `@data` a line holds a sequence: channels
divided by `:`, their values by `,`, `?` for a missing one, and the class or target after the last `:`.

MATLAB's are read by SciPy, which reads arrays and runs no code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import MatSource, TsSource
from harness.data.dataset import Sequences, finite, numbered, pad
from harness.data.readers.paths import locate, shown
from harness.data.scaling import Wide
from harness.errors import DataError, UsageError, nearest
from harness.text import counted

Row = tuple[int, Wide, str]
"""A line's number, its sequence (steps, channels) and its answer."""


def read_ts(source: TsSource) -> Sequences:
    """The sequences of both files, the archive's train part first; answers are text.

    Args:
        source: The two files.

    Raises:
        DataError: A file is missing or breaks the format, or the two have different channels.
    """
    train = _read(source.train, source.train_sha256)
    test = _read(source.test, source.test_sha256)
    width, other = train[0][1].shape[1], test[0][1].shape[1]
    if width != other:
        raise DataError(
            f"{shown(source.test)}: has {counted(other, 'channel')}: expected {width}, as in {shown(source.train)}"
        )
    files = ((source.train, train), (source.test, test))
    names = [f"{shown(path)}, line {line}" for path, rows in files for line, _, _ in rows]
    x, lengths = pad([piece for _, rows in files for _, piece, _ in rows])
    numbers = finite(x, lambda at: f"{names[at[0]]}, channel {at[2] + 1}, step {at[1] + 1}")
    y: npt.NDArray[np.str_] = np.array([answer for _, rows in files for _, _, answer in rows], dtype=np.str_)
    parts = (len(train), len(test))
    return Sequences(
        *(shown(source.train), numbers, lengths, y, numbered("channel", width)), lambda at: names[at], own_parts=parts
    )


def pair_of(file: Path) -> tuple[Path, Path]:
    """The train and test file of a pair, of which one is named.

    Raises:
        UsageError: The other one is not beside it.
    """
    for own, other in (("TRAIN", "TEST"), ("TEST", "TRAIN"), ("train", "test"), ("test", "train")):
        if own in file.stem:
            head, _, tail = file.name.rpartition(own)
            beside = file.with_name(f"{head}{other}{tail}")
            if beside.exists():
                return (file, beside) if own.lower() == "train" else (beside, file)
    raise UsageError(f"{file}: expected a pair of files beside each other, NAME_TRAIN.ts and NAME_TEST.ts")


def _read(path: str, sha256: str | None) -> list[Row]:
    where = shown(path)
    header: dict[str, list[str]] = {}
    rows: list[Row] = []
    below = False
    for number, line in _lines(path, sha256):
        place = f"{where}, line {number}"
        if below:
            piece, answer = _parsed(line, header, place)
            if rows and piece.shape[1] != (expected := rows[0][1].shape[1]):
                raise DataError(
                    f"{place}: {counted(piece.shape[1], 'channel')}: expected {expected}, as in line {rows[0][0]}"
                )
            rows.append((number, piece, answer))
        elif line.startswith("@"):
            tag, *rest = line[1:].split()
            below = tag.lower() == "data"
            header[tag.lower()] = rest
        else:
            raise DataError(f"{place}: expected a header line such as @problemName, then @data")
    if not rows:
        raise DataError(f"{where}: has no sequence below {'@data' if below else 'its header, and no @data line'}")
    return rows


def _lines(path: str, sha256: str | None) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(locate(path, sha256).read_bytes().splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith((b"#", b"%")):  # comments are in any encoding
            continue
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{shown(path)}, line {number}: byte {line[error.start]:#04x} is not UTF-8") from None


def _parsed(line: str, header: dict[str, list[str]], place: str) -> tuple[Wide, str]:
    """A line's sequence (steps, channels) and answer."""
    if header.get("timestamps", ["false"])[0].lower() == "true":
        raise DataError(f"{place}: @timeStamps true: expected values without time stamps")
    *channels, answer = line.split(":")
    if not channels:
        raise DataError(f"{place}: expected channels and, after the last ':', the class or target")
    classes = header.get("classlabel", [])[1:]
    if classes and answer.strip() not in classes:
        raise DataError(
            f"{place}: class {answer.strip()[:40]!r}: expected one of {', '.join(classes)}, as in @classLabel"
        )
    columns = [_values(text, f"{place}, channel {order}") for order, text in enumerate(channels, start=1)]
    for order, column in enumerate(columns, start=1):
        if len(column) != len(columns[0]):
            raise DataError(
                f"{place}, channel {order}: {counted(len(column), 'step')}: expected {len(columns[0])}, as in channel 1"
            )
    return np.stack(columns, axis=1), answer.strip()


def _values(text: str, place: str) -> Wide:
    fields = [field.strip() for field in text.split(",")]
    try:
        return np.array([np.nan if field == "?" else float(field) for field in fields])
    except ValueError as error:
        raise DataError(
            f"{place}: {str(error).removeprefix('could not convert string to float: ')}: expected numbers"
        ) from None


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
            raise DataError(
                f"{where}: {name} has {counted(piece.shape[1], 'channel')}: expected {width}, as the first has"
            )
    x, lengths = pad(pieces)
    numbers = finite(x, lambda at: f"{where}: {names[at[0]]}, channel {at[2] + 1}, step {at[1] + 1}")
    sizes = tuple(len(part) for part in parts)
    channels = numbered("channel", width)
    if width == 88:  # a piano
        channels = tuple(f"key_{LOWEST_KEY + number}" for number in range(width))
    return Sequences(where, numbers, lengths, np.empty(0), channels, lambda at: names[at], own_parts=sizes)


def _variables(file: Path, where: str) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content: dict[str, Any] = loadmat(file)
    except NotImplementedError:
        raise DataError(f"{where}: is of MATLAB 7.3: expected an earlier format (save -v7)") from None
    except (MatReadError, ValueError, TypeError, OSError, EOFError, IndexError, KeyError) as error:
        phrase = " ".join(str(error).split())
        raise DataError(f"{where}: cannot be read as a MATLAB file; is it cut off? {phrase}") from None
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
