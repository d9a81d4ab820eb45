"""NumPy's files: inputs (n, steps, channels), answers (n,), lengths (n,); pickled ones without a pickle's danger.

A pickle may name any function and have it called. This one finds a handful of NumPy's own names and none else, so that
what a file can make is arrays, numbers, text, lists and dictionaries.

An `.npz` holds plain arrays, never a pickle. An `.npy` may hold a dictionary of arrays, which is a pickle: only a
config that says `kind = "npy"` has it read, by an unpickler that knows nothing but arrays.
"""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import ArraysSource
from harness.data.dataset import Flags, Sequences, Whole, first, narrow, numbered, pad
from harness.data.readers.paths import locate, shown
from harness.data.scaling import Wide
from harness.errors import DataError, nearest
from harness.metrics import without_padding


def _bytes(text: str, encoding: str) -> bytes:
    """Bytes, as pickles of protocol 2 write them: text of Latin-1."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encodes as {encoding[:20]}: expected latin1")
    return text.encode("latin1")


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_FROM_BUFFER = np.empty(0).__reduce_ex__(5)[0]

ADMITTED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("_codecs", "encode"): _bytes,
}
"""Module and name → what a pickle means by it; nothing else is found."""


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"names {module}.{name}: expected NumPy's arrays and nothing else") from None


def read_npy(file: Path, where: str) -> dict[str, Any]:
    """The dictionary of arrays that `numpy.save` pickled into an `.npy`.

    Args:
        file: The file.
        where: The file, as messages name it.

    Raises:
        DataError: It is no such file, or its pickle names anything but arrays.
    """
    with file.open("rb") as stream:
        content = load_object(stream, where)
    if not isinstance(content, dict):
        raise DataError(f"{where}: holds {type(content).__name__}: expected a dictionary of arrays")
    return content


def load_object(stream: IO[bytes], where: str) -> Any:
    """The object in an open `.npy`; an array where it holds a plain one.

    Args:
        stream: The file, open.
        where: The file, as messages name it.

    Raises:
        DataError: It is no such file, or its pickle names anything but arrays.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        if not dtype.hasobject:
            stream.seek(0)
            return np.lib.format.read_array(stream, allow_pickle=False)
        # Text of Python 2 is bytes to Python 3 unless told how to read it.
        content = _ArraysOnly(stream, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise DataError(f"{where}: its pickle {error}") from None
    except (ValueError, EOFError, OSError, TypeError, AttributeError, IndexError, KeyError, MemoryError) as error:
        raise DataError(f"{where}: cannot be read as .npy: {' '.join(str(error).split())}") from None
    if isinstance(content, np.ndarray) and content.shape == () == shape:
        return content.item()
    return content


_NO_ARCHIVE = "is no .npz: expected an archive with x and y (numpy.savez)"
_PICKLE = "holds a pickle, which could run code when opened and is refused: expected plain arrays"


def read_arrays(source: ArraysSource, labelled: bool = True, *, per_step: bool = False) -> Sequences:
    """The sequences of an archive of arrays.

    Args:
        source: The file, and what its arrays are called.
        labelled: Whether answers are wanted.
        per_step: Whether every step has an answer, or several: (n, steps) or (n, steps, answers).

    Raises:
        DataError: The file is missing, has changed, is no such archive, holds a pickle, or its arrays do not
            fit each other.
    """
    where, file = shown(source.path), locate(source.path, source.sha256)
    names = (source.x, *((source.y,) if labelled else ()), *((source.groups,) if source.groups else ()))
    arrays = read_npy(file, where) if source.kind == "npy" else read_plain_arrays(file, where, (*names, source.lengths))
    for name in names:
        if name not in arrays:
            raise DataError(f"{where}: has no array {name!r}. {nearest(name, arrays)}".rstrip())
    return sequences_of(arrays, source, where, labelled, per_step=per_step)


def sequences_of(
    arrays: Mapping[str, Any],
    names: ArraysSource,
    where: str,
    labelled: bool = True,
    *,
    per_step: bool = False,
    before: int = 0,
) -> Sequences:
    """Sequences from arrays by name.

    Args:
        arrays: The arrays; inputs may be a list of arrays (steps, channels) of different lengths.
        names: What they are called.
        where: What messages call them.
        labelled: Whether answers are wanted.
        per_step: Whether every step has an answer, or several.
        before: Sequences of the file before the first one here.

    Raises:
        DataError: The arrays do not fit each other.
    """
    x, lengths = _inputs(arrays, names, where, before)
    y: npt.NDArray[Any] = np.empty(0)
    if labelled and per_step:
        y = _answers_of_steps(np.asarray(arrays[names.y]), x.shape, where, names.y)
    elif labelled:
        y = _answers(np.asarray(arrays[names.y]), len(x), where, names.y)
    groups = _answers(np.asarray(arrays[names.groups]), len(x), where, names.groups) if names.groups else None
    values = without_padding(x, lengths)  # whatever was used as padding, NaN included, is no value
    numbers = narrow(values, lambda at: f"{where}: {names.x}{[before + at[0], *at[1:]]}")
    channels = numbered("channel", x.shape[2])
    return Sequences(where, numbers, lengths, y, channels, lambda at: f"{names.x}[{before + at}]", groups=groups)


def read_plain_arrays(file: Path, where: str, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an `.npz`: those named, and empty ones in the place of others.

    Raises:
        DataError: The file is no such archive, or holds a pickle.
    """
    try:
        with file.open("rb") as stream:  # NumPy leaves a file that it opened itself open when it is no archive
            content = np.load(stream, allow_pickle=False)
            if isinstance(content, np.ndarray):
                raise DataError(f"{where}: holds one array: expected an .npz with x and y (numpy.savez)")
            found = {key: content[key] for key in names if key in content.files}
            # What is not asked for is not read, but a message may offer its name.
            return {key: found.get(key, np.empty(0)) for key in content.files if key in found or key not in names}
    except ValueError as error:
        if "pickle" in str(error).lower():  # which NumPy also says of whatever it does not know
            raise DataError(f"{where}: {_PICKLE if _may_be_pickle(file) else _NO_ARCHIVE}") from None
        raise DataError(f"{where}: cannot be read as .npz: {error}") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where}: cannot be read as .npz; is it cut off? {error}") from None


def _may_be_pickle(file: Path) -> bool:
    """Whether it is an archive, an array, or begins as pickles of today's protocols do."""
    with file.open("rb") as stream:
        return stream.read(4).startswith((b"PK\x03\x04", b"\x93NUM", b"\x80"))


def _inputs(arrays: Mapping[str, Any], names: ArraysSource, where: str, before: int) -> tuple[npt.NDArray[Any], Whole]:
    x = arrays[names.x]
    if isinstance(x, list | tuple) or getattr(x, "dtype", None) == np.object_:
        return _padded(list(x), names.x, where)
    x = np.asarray(x)
    if x.ndim != 3 or not x.size:
        raise DataError(
            f"{where}: {names.x} has shape {x.shape}: expected (sequences, steps, channels), none of them 0"
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: {names.x} holds {x.dtype}: expected numbers")
    return x, _lengths(arrays, x.shape, where, names.lengths, before)


def _padded(pieces: list[Any], name: str, where: str) -> tuple[npt.NDArray[Any], Whole]:
    arrays: list[Wide] = []
    for at, piece in enumerate(pieces):
        try:
            array = np.asarray(piece, np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{where}: {name}[{at}]: expected numbers (steps, channels)") from None
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or not array.size:
            raise DataError(f"{where}: {name}[{at}] has shape {array.shape}: expected (steps, channels), neither 0")
        if arrays and array.shape[1] != arrays[0].shape[1]:
            raise DataError(
                f"{where}: {name}[{at}] has {array.shape[1]} channels: expected {arrays[0].shape[1]}, as in {name}[0]"
            )
        arrays.append(array)
    if not arrays:
        raise DataError(f"{where}: {name} holds no sequence")
    return pad(arrays)


def _lengths(arrays: Mapping[str, Any], shape: tuple[int, ...], where: str, name: str, before: int) -> Whole:
    n, steps, _ = shape
    if arrays.get(name) is None:
        return np.full(n, steps, np.int32)
    lengths = np.asarray(arrays[name])
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{where}: {name} is {lengths.dtype} of shape {lengths.shape}: expected {n} whole numbers, one a sequence"
        )
    bad: Flags = (lengths < 1) | (lengths > steps)
    if bad.any():
        (at,) = first(bad)
        raise DataError(f"{where}: {name}[{before + at}] = {lengths[at]}: expected 1 to {steps}, the steps of x")
    return lengths.astype(np.int32)


def _answers_of_steps(y: npt.NDArray[Any], shape: tuple[int, ...], where: str, name: str) -> npt.NDArray[Any]:
    if y.ndim not in (2, 3) or y.shape[:2] != shape[:2] or not y.size:
        raise DataError(
            f"{where}: {name} has shape {y.shape}: expected ({shape[0]}, {shape[1]}) or ({shape[0]}, {shape[1]}, "
            "answers), a step of x each"
        )
    if y.dtype.kind not in "biufU":
        raise DataError(f"{where}: {name} holds {y.dtype}: expected numbers or text")
    return y


def _answers(y: npt.NDArray[Any], n: int, where: str, name: str) -> npt.NDArray[Any]:
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.shape != (n,):
        raise DataError(f"{where}: {name} has shape {y.shape}: expected {n} values, one a sequence")
    if flat.dtype == np.object_ and all(isinstance(value, str) for value in flat):
        flat = flat.astype(np.str_)
    if flat.dtype.kind not in "biufU":
        raise DataError(f"{where}: {name} holds {flat.dtype}: expected numbers or text")
    return flat
