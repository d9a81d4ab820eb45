"""Predictions → a file, one portion after another; nothing is in its place before the last one is.

Knows tables and arrays, nothing of champions.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.disk import cannot_write
from harness.errors import UsageError
from harness.export.outputs.tables import Predictions
from harness.text import listed

SUFFIXES = (".csv", ".parquet", ".npz")


class Sink(Protocol):
    """Where predictions go."""

    def add(self, predictions: Predictions) -> None:
        """Take some more, in order."""

    def finish(self) -> None:
        """End the file, after the last ones."""

    def release(self) -> None:
        """Close what is open, whether all went well or not."""


def check_output(path: Path, option: str = "--output", suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Refuse a file that could not be written, before any work is done.

    Args:
        path: The file.
        option: What names it.
        suffixes: What it may end in.

    Raises:
        UsageError: Its suffix is unknown, or it is a folder or in none.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {path}: expected a file that ends in {listed(suffixes, 'or')}")
    if path.is_dir():
        raise UsageError(f"{option} {path}: is a folder: expected a file")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {path}: the folder {path.parent} does not exist")


@contextmanager
def written_to(path: Path) -> Iterator[Sink]:
    """A sink whose file is in its place once all went well; until then, what was there before.

    Args:
        path: Where to; its suffix names the format.

    Raises:
        UsageError: It cannot be written.
    """
    place = path.resolve()
    try:
        with tempfile.TemporaryDirectory(prefix=".harness-", dir=place.parent) as folder:
            file = Path(folder, place.name)
            with finished(_SINKS.get(place.suffix.lower(), TextSink)(file)) as sink:
                yield sink
            file.replace(place)
    except OSError as error:
        raise UsageError(f"--output {path}: {cannot_write(error, place.parent)}") from error


@contextmanager
def finished(sink: Sink) -> Iterator[Sink]:
    """The sink, whose file is ended where nothing fails, and closed in any case."""
    try:
        yield sink
        sink.finish()
    finally:
        sink.release()


class TextSink:
    """A table as CSV, or as one list of JSON records.

    Args:
        file: The file.
        json: Whether it is JSON.
    """

    def __init__(self, file: Path, *, json: bool = False) -> None:
        self._stream = file.open("w", encoding="utf-8", newline="")
        self._json, self._started = json, False

    def add(self, predictions: Predictions) -> None:
        """Take some more, in order."""
        if self._json:
            text = predictions.table.to_json(orient="records", date_format="iso", double_precision=15)
            self._stream.write(("," if self._started else "[") + text.strip()[1:-1])
        else:
            predictions.table.to_csv(self._stream, index=False, header=not self._started, lineterminator="\n")
        self._started = True

    def finish(self) -> None:
        """End the file."""
        if self._json:
            self._stream.write("]\n")
        self._stream.flush()

    def release(self) -> None:
        """Close what is open."""
        self._stream.close()


class ParquetSink:
    """A table as Parquet; all of it has the types of its first rows.

    Args:
        file: The file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer: Any = None

    def add(self, predictions: Predictions) -> None:
        """Take some more, in order."""
        import pyarrow
        import pyarrow.parquet

        schema = self._writer.schema if self._writer else None
        table = pyarrow.Table.from_pandas(predictions.table, schema, preserve_index=False)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table)

    def finish(self) -> None:
        """End the file."""
        self.release()

    def release(self) -> None:
        """Close what is open."""
        if self._writer is not None:
            self._writer.close()


class ArraySink:
    """Arrays as NPZ; the longest sequence, and how many there are, is known at the end only.

    Args:
        file: The file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._parts: dict[str, _Parts] = {}
        self._names: dict[str, npt.NDArray[Any]] = {}

    def add(self, predictions: Predictions) -> None:
        """Take some more, in order."""
        self._names = dict(predictions.names)
        for name, values in predictions.arrays.items():
            if name not in self._parts:
                self._parts[name] = _Parts(self._file.with_name(f"{name}.parts"))
            self._parts[name].add(values)

    def finish(self) -> None:
        """End the file."""
        with zipfile.ZipFile(self._file, "w", allowZip64=True) as archive:
            for name, values in self._names.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, values, allow_pickle=False)
            for name, parts in self._parts.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    parts.copy(member)

    def release(self) -> None:
        """Close what is open."""
        for parts in self._parts.values():
            parts.close()


_SINKS: Mapping[str, Callable[[Path], Sink]] = {".npz": ArraySink, ".parquet": ParquetSink}


class _Parts:
    """Arrays of different lengths on disk, which become one, padded with 0."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = file.open("wb")
        self._shapes: list[tuple[int, ...]] = []
        self._types: set[np.dtype[Any]] = set()

    def add(self, values: npt.NDArray[Any]) -> None:
        np.save(self._stream, values, allow_pickle=False)
        self._shapes.append(values.shape)
        self._types.add(values.dtype)

    def copy(self, member: IO[bytes]) -> None:
        """Write them as one `.npy`."""
        self._stream.flush()
        largest = tuple(max(sizes) for sizes in zip(*(shape[1:] for shape in self._shapes), strict=True))
        kind = np.result_type(*self._types)
        header = {
            "descr": np.lib.format.dtype_to_descr(kind),
            "fortran_order": False,
            "shape": (sum(shape[0] for shape in self._shapes), *largest),
        }
        np.lib.format.write_array_header_1_0(member, header)
        with self._file.open("rb") as stream:
            for _ in self._shapes:
                values = np.load(stream, allow_pickle=False)
                missing = [(0, 0), *((0, most - size) for most, size in zip(largest, values.shape[1:], strict=True))]
                member.write(np.pad(values, missing).astype(kind).tobytes())

    def close(self) -> None:
        self._stream.close()
