"""NumPy's pickled files, without the danger of a pickle: an unpickler that admits arrays and plain values only.

A pickle may name any function and have it called. This one finds a handful of NumPy's own names and none else, so that
what a file can make is arrays, numbers, text, lists and dictionaries.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np

from harness.errors import DataError


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
