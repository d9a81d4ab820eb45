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
from harness.data.dataset import Flags, Sequences, Whole, finite, first, numbered, pad
from harness.data.readers.paths import locate, shown
from harness.data.scaling import Wide
from harness.errors import DataError, nearest
from harness.metrics import without_padding
from harness.text import counted


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


_TURN = "{0} = {0}.transpose(0, 2, 1)"
MOST_CHANNELS = 64
"""Channels beyond which nobody is asked whether they come first."""

_INPUTS_AS = "X"
"""What many programs, as scikit-learn's examples, call the inputs."""

_NO_ARCHIVE = "is no .npz: expected an archive with x and y (numpy.savez)"
_PICKLE = "holds a pickle, which could run code when opened and is refused: expected plain arrays"


def read_arrays(
    source: ArraysSource, labelled: bool = True, *, per_step: bool = False, padded: bool = True
) -> Sequences:
    """The sequences of an archive of arrays.

    Args:
        source: The file, and what its arrays are called.
        labelled: Whether answers are wanted.
        per_step: Whether every step has an answer, or several: (n, steps) or (n, steps, answers).
        padded: As for `sequences_of`.

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
    return sequences_of(arrays, source, where, labelled, per_step=per_step, padded=padded)


def sequences_of(
    arrays: Mapping[str, Any],
    names: ArraysSource,
    where: str,
    labelled: bool = True,
    *,
    per_step: bool = False,
    before: int = 0,
    padded: bool = True,
) -> Sequences:
    """Sequences from arrays by name.

    Args:
        arrays: The arrays; inputs may be a list of arrays (steps, channels) of different lengths.
        names: What they are called.
        where: What messages call them.
        labelled: Whether answers are wanted.
        per_step: Whether every step has an answer, or several.
        before: Sequences of the file before the first one here.
        padded: Whether steps at the ends without a value in any channel are padding, where no lengths are given.

    Raises:
        DataError: The arrays do not fit each other.
    """
    x, lengths, notes = _inputs(arrays, names, where, before, padded=padded)
    y: npt.NDArray[Any] = np.empty(0)
    if labelled and per_step:
        y = _answers_of_steps(_unmasked(arrays[names.y]), x.shape, where, names)
    elif labelled:
        y = _answers(_unmasked(arrays[names.y]), len(x), where, names.y)
    groups = _answers(np.asarray(arrays[names.groups]), len(x), where, names.groups) if names.groups else None
    values = without_padding(x, lengths)  # whatever was used as padding, NaN included, is no value
    if notes:  # lengths that were found: what is padding in all sequences is none of theirs
        longest = int(lengths.max())
        values, y = values[:, :longest], y[:, :longest] if labelled and per_step else y
    numbers = finite(values, lambda at: f"{where}: {names.x}{[before + at[0], *at[1:]]}")
    notes = (*notes, *_say_axes(values, names, arrays))
    channels = numbered("channel", x.shape[2])
    return Sequences(
        *(where, numbers, lengths, y, channels, lambda at: f"{names.x}[{before + at}]"), notes=notes, groups=groups
    )


def read_plain_arrays(file: Path, where: str, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an `.npz`: those named, and empty ones in the place of others; `X` is `x` where there is no `x`.

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
            others = {key: np.empty(0) for key in content.files if key not in names}
            if "x" in names and "x" not in found and _INPUTS_AS in others:
                others.pop(_INPUTS_AS)
                found["x"] = content[_INPUTS_AS]
            return {**found, **others}
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


def _inputs(
    arrays: Mapping[str, Any], names: ArraysSource, where: str, before: int, *, padded: bool
) -> tuple[npt.NDArray[Any], Whole, tuple[str, ...]]:
    x = arrays[names.x]
    if isinstance(x, list | tuple) or getattr(x, "dtype", None) == np.object_:
        return *_padded(list(x), names.x, where), ()
    x = _unmasked(x)
    if x.ndim != 3 or not x.size:
        one = f"; of one channel: {names.x}[:, :, None]" if x.ndim == 2 else ""
        raise DataError(
            f"{where}: {names.x} has shape {x.shape}: expected (sequences, steps, channels), none of them 0{one}"
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: {names.x} holds {x.dtype}: expected numbers")
    if arrays.get(names.lengths) is None and padded and x.dtype.kind == "f" and np.isnan(x[:, -1]).all(axis=1).any():
        lengths = _ends(x, names.x, where, before)
        note = (
            f"{int(lengths.min()):,} to {int(lengths.max()):,} steps: those at the ends without any value are padding"
        )
        return x, lengths, (note,)
    return x, _lengths(arrays, x.shape, where, names, before), ()


def _unmasked(values: Any) -> npt.NDArray[Any]:
    """An array; what is masked in it is missing."""
    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    return np.ma.filled(values.astype(np.result_type(values, np.float32)), np.nan)


def _ends(x: npt.NDArray[Any], name: str, where: str, before: int) -> Whole:
    """Steps up to the last one that has a value in some channel (n,)."""
    some = ~np.isnan(x).all(axis=2)
    if not (told := some.any(axis=1)).all():
        raise DataError(f"{where}: {name}[{before + first(~told)[0]}] has no value: expected one step at least")
    ends: Whole = (x.shape[1] - some[:, ::-1].argmax(axis=1)).astype(np.int32)
    return ends


def _say_axes(x: npt.NDArray[Any], names: ArraysSource, arrays: Mapping[str, Any]) -> tuple[str, ...]:
    """A note where few steps of many channels change less from channel to channel than from step to step."""
    n, steps, channels = x.shape
    if arrays.get(names.lengths) is not None or not 1 < steps <= MOST_CHANNELS or channels < 4 * steps:
        return ()
    some = x[:: -(-n // 200)].astype(np.float64)
    along, across = (np.nanmean(np.abs(np.diff(some, axis=axis))) for axis in (1, 2))
    if not across < along / 2:
        return ()
    return (
        f"warning: {steps} steps of {channels} channels, which change less from channel to channel than from step to "
        f"step: are channels first? {_TURN.format(names.x)}",
    )


def _padded(pieces: list[Any], name: str, where: str) -> tuple[npt.NDArray[Any], Whole]:
    arrays: list[Wide] = []
    for at, piece in enumerate(pieces):
        try:
            array = np.asarray(_unmasked(piece), np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{where}: {name}[{at}]: expected numbers (steps, channels)") from None
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or not array.size:
            raise DataError(f"{where}: {name}[{at}] has shape {array.shape}: expected (steps, channels), neither 0")
        if arrays and array.shape[1] != arrays[0].shape[1]:
            raise DataError(
                f"{where}: {name}[{at}] has {counted(array.shape[1], 'channel')}: expected {arrays[0].shape[1]}, as in "
                f"{name}[0]"
            )
        arrays.append(array)
    if not arrays:
        raise DataError(f"{where}: {name} holds no sequence")
    return pad(arrays)


def _lengths(arrays: Mapping[str, Any], shape: tuple[int, ...], where: str, names: ArraysSource, before: int) -> Whole:
    n, steps, channels = shape
    name = names.lengths
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
        turn = f"; channels first? {_TURN.format(names.x)}" if steps < lengths.max() <= channels else ""
        raise DataError(f"{where}: {name}[{before + at}] = {lengths[at]}: expected 1 to {steps}, the steps of x{turn}")
    return lengths.astype(np.int32)


def _answers_of_steps(y: npt.NDArray[Any], shape: tuple[int, ...], where: str, names: ArraysSource) -> npt.NDArray[Any]:
    if y.ndim not in (2, 3) or y.shape[:2] != shape[:2] or not y.size:
        turned = y.ndim in (2, 3) and y.shape[:2] == (shape[0], shape[2])
        turn = f"; {names.x} has channels first: {_TURN.format(names.x)}" if turned else ""
        raise DataError(
            f"{where}: {names.y} has shape {y.shape}: expected ({shape[0]}, {shape[1]}) or ({shape[0]}, {shape[1]}, "
            f"answers), a step of x each{turn}"
        )
    if y.dtype.kind not in "biufU":
        raise DataError(f"{where}: {names.y} holds {y.dtype}: expected numbers or text")
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
