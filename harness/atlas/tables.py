"""The tables of the Atlas: what each trained network scored, and what each data set is. One CSV a data set each.

Two folders, `trials` and `datasets`, with a file `NAME.csv` of one data set in each, so that the rows of several
machines come together without a conflict. An empty cell is what is not known; numbers are written so that reading them
gives the same number again. docs/formats/atlas.md describes the columns.
"""

from __future__ import annotations

import csv
import io
import json
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from harness.disk import replace_text
from harness.errors import DataError, nearest
from harness.records import Direction, Phase, TrialStatus, Value

TRIALS, DATASETS = "trials", "datasets"
KINDS: Mapping[Phase, str] = {Phase.SEARCH: "trial", Phase.SEED_REPEAT: "seed"}
"""Why a network was trained → what the column `kind` calls it."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trained network.

    Attributes:
        dataset: Name of the data set.
        family: Name of the family.
        kind: `trial` of a search, or `seed`: the selected hyperparameters with a fresh seed.
        replicate: Number of the search, from 1.
        trial: Number within its search, or of the seed repeat, from 1.
        seed: Of its initial weights, batches and dropout.
        validation: Validation score in the data set's metric; None where it failed.
        test: Test score in the data set's metric; None where it failed.
        parameters: Trainable weights; 0 where it failed before there were any.
        seconds: Of training and validation, compiling apart.
        epochs: Epochs trained.
        hyperparameters: By their names.
        status: `completed` or `failed`.
    """

    dataset: str
    family: str
    kind: str
    replicate: int
    trial: int
    seed: int
    validation: float | None
    test: float | None
    parameters: int
    seconds: float
    epochs: int
    hyperparameters: Mapping[str, Value]
    status: TrialStatus


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One data set of the Atlas. One that failed has its name, the plan and `failure`, and what was known by then.

    Attributes:
        dataset: Its name.
        task: What is predicted.
        source: Who measured the data: what counts as one source.
        collection: Where it was collected with others, such as `UCI`; `single` for none.
        metric: Metric of all its scores.
        direction: Whether low or high scores are better.
        train: Training sequences or windows.
        validation: Validation sequences or windows.
        test: Test sequences or windows.
        length: Steps of the longest sequence, or of a forecast's lookback.
        channels: Input channels; 1 where inputs are tokens.
        classes: Classes of the answers; 0 where there are none.
        baseline: The baseline that validation selects; empty where none was scored.
        baseline_validation: Its validation score.
        baseline_test: Its test score.
        families_verdict: Which family is better: its name, `practically_equal` or `undecided`.
        models_verdict: Whose selected model is better over the test cases: the family, or `undecided`; empty where
            single cases are unknown.
        config_digest: SHA-256 of the data set's config.
        data_digest: Digest of the loaded arrays.
        plan: Version of the plan.
        version: Version of this package.
        cpu: Kinds of processor that trained.
        threads: Threads of each worker; 0 where they were not recorded.
        wall_seconds: From the first look at the data to the end, pauses between two commands left out.
        cpu_seconds: Of all workers, training and compiling, with their threads.
        finished: When it was decided, in UTC, such as `2026-12-01T05:00:00Z`.
        failure: Why there is no result, in one line; empty where there is one.
    """

    dataset: str
    task: str = ""
    source: str = ""
    collection: str = ""
    metric: str = ""
    direction: Direction | None = None
    train: int = 0
    validation: int = 0
    test: int = 0
    length: int = 0
    channels: int = 0
    classes: int = 0
    baseline: str = ""
    baseline_validation: float | None = None
    baseline_test: float | None = None
    families_verdict: str = ""
    models_verdict: str = ""
    config_digest: str = ""
    data_digest: str = ""
    plan: str = ""
    version: str = ""
    cpu: str = ""
    threads: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    finished: str = ""
    failure: str = ""


Row = TypeVar("Row", TrialRow, DatasetRow)


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows of a folder.

    Attributes:
        datasets: The data sets, by name.
        trials: The trained networks of each data set that did not fail.
    """

    datasets: Mapping[str, DatasetRow]
    trials: Mapping[str, tuple[TrialRow, ...]]

    @property
    def complete(self) -> tuple[str, ...]:
        """The data sets with a result."""
        return tuple(name for name, row in self.datasets.items() if not row.failure)


def write_rows(folder: Path, row: DatasetRow, trials: Sequence[TrialRow]) -> bool:
    """Write a data set's two files; files with the same content are left as they are.

    Args:
        folder: The folder of the tables.
        row: The data set.
        trials: Its trained networks; none where it failed.

    Returns:
        Whether anything was written.
    """
    files = {folder / DATASETS: _text(DatasetRow, [row]), folder / TRIALS: _text(TrialRow, trials) if trials else ""}
    written = False
    for home, text in files.items():
        path = home / f"{row.dataset}.csv"
        if not text:
            written |= path.exists()
            path.unlink(missing_ok=True)
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            home.mkdir(parents=True, exist_ok=True)
            replace_text(path, text)
            written = True
    return written


def read_tables(folder: Path) -> Tables:
    """All rows of a folder, by name of the data set.

    Args:
        folder: The folder of the tables; one that is not there has none.

    Raises:
        DataError: A file has other columns, a cell that cannot be read, or a result without trials.
    """
    datasets = {path.stem: _only(path, read_rows(path, DatasetRow)) for path in _files(folder / DATASETS)}
    trials = {path.stem: read_rows(path, TrialRow) for path in _files(folder / TRIALS)}
    for name, row in datasets.items():
        if not row.failure and not trials.get(name):
            raise DataError(f"{folder / TRIALS / name}.csv: expected the trials of {name}, which has a result")
    return Tables(datasets, {name: rows for name, rows in trials.items() if name in datasets})


def read_rows(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of one file.

    Args:
        path: The file.
        kind: What its rows are.

    Raises:
        DataError: It has other columns, or a cell that cannot be read; the message names the file and the line.
    """
    types_of = get_type_hints(kind)
    with path.open(encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream)
        columns = list(lines.fieldnames or ())
        for name in columns:
            if name not in types_of:
                raise DataError(f"{path}: unknown column {name!r}. {nearest(name, types_of)}".rstrip())
        if missing := [name for name in types_of if name not in columns]:
            raise DataError(f"{path}: no column {missing[0]!r}: expected {', '.join(types_of)}")
        return tuple(
            kind(**{name: _read(path, number, name, text, types_of[name]) for name, text in cells.items()})
            for number, cells in enumerate(lines, 2)
        )


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.csv"))


def _only(path: Path, rows: Sequence[DatasetRow]) -> DatasetRow:
    if len(rows) != 1 or rows[0].dataset != path.stem:
        raise DataError(f"{path}: expected one row, of the data set {path.stem}")
    return rows[0]


def _text(kind: type[Row], rows: Iterable[Row]) -> str:
    stream = io.StringIO()
    lines = csv.DictWriter(stream, [field.name for field in fields(kind)], lineterminator="\n")
    lines.writeheader()
    lines.writerows({name: _cell(value) for name, value in asdict(row).items()} for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    return repr(value) if isinstance(value, float) else str(value)


def _read(path: Path, line: int, name: str, text: str | None, kind: Any) -> Any:
    """A cell's value, of the type of its column."""
    if isinstance(kind, types.UnionType):
        if text == "":
            return None
        kind = next(one for one in get_args(kind) if one is not type(None))
    try:
        return json.loads(text or "") if get_origin(kind) is not None else kind(text)
    except (TypeError, ValueError):
        expected = {int: "a whole number", float: "a number"}.get(kind, "a value of its column")
        raise DataError(f"{path}: line {line}, column {name!r}: got {text!r}, expected {expected}") from None
