"""Any table of scores, whoever made it, as the rows that deciding takes: checked cell by cell.

Duck-typed: a pandas table or a mapping of lists. A cell may hold text (from a CSV file) or a number; an empty
text and NaN both mean that nothing is there. Rows are counted from 1 in messages, without the header.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from harness.errors import TableError, nearest
from harness.records import Decision, Direction, Objective, ScoreRow, TrialStatus
from harness.stats.decision import decide_rows
from harness.stats.recommendation import with_recommendations
from harness.text import printable

REQUIRED = ("dataset", "family", "replicate", "trial", "validation", "test")
OPTIONAL = ("direction", "metric", "parameters", "fit_seconds", "status")
ORACLES = ("random", "bayesian", "hyperband", "grid")

_MINIMUM_ROWS = 2

_KNOWN = {
    **dict.fromkeys(("mae", "rmse", "mse", "log_loss"), Direction.MIN),
    **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), Direction.MAX),
}  # metrics whose direction is no matter of opinion: a table of accuracies read as losses names the worse family

Columns = Mapping[str, Sequence[object]]
T = TypeVar("T")
W = TypeVar("W", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """A checked table.

    Attributes:
        rows: One row a trial.
        objectives: Metric and direction of each dataset.
    """

    rows: tuple[ScoreRow, ...]
    objectives: Mapping[str, Objective]


def decide(
    table: Any,
    direction: str = "min",
    *,
    trials: int | None = None,
    margin: float | Mapping[str, float] = 0.0,
    oracle: str = "random",
    level: float | None = None,
    region: float | Mapping[str, float] | None = None,
) -> Decision:
    """Decide from any table of scores which family is better on each dataset, and how surely.

    Args:
        table: A pandas table, or a mapping of lists, with the columns `dataset`, `family`, `replicate`,
            `trial`, `validation`, `test` and, optionally, `direction`, `metric`, `parameters`, `fit_seconds`,
            `status`.
        direction: Whether lower (`min`) or higher (`max`) scores are better, where the table has no such
            column.
        trials: Budget n of one search; by default the completed trials of a family divided by its replicates.
        margin: Half-width of the equivalence margin in the metric's units, for all datasets or
            each one's.
        oracle: What searched: `random` pools all trials; `bayesian`, `hyperband` and `grid` compare
            replicates.
        level: Level of the intervals; 0.95 by default.
        region: The name of `margin` in 0.1.0, for one more version.

    Returns:
        The decision: `decision.verdicts[dataset].outcome` is one of three words, `.family` the winner's name,
        and `decision.overall` speaks for all datasets.

    Raises:
        TableError: The table cannot be decided from; the message names the row or the dataset.
    """
    if oracle not in ORACLES:
        raise TableError(f"oracle = {oracle!r}: expected one of {', '.join(ORACLES)}. {nearest(oracle, ORACLES)}")
    read = read_columns(columns_of(table), direction)
    margin = margin if region is None else region
    margins = dict(margin) if isinstance(margin, Mapping) else dict.fromkeys(read.objectives, margin)
    for dataset, width in margins.items():
        if not (math.isfinite(width) and width >= 0):
            raise TableError(f"margin = {width} of {printable(dataset)}: expected a number of at least 0")
    if trials is not None:
        _check_budget(read.rows, trials)
    decision = decide_rows(
        read.rows,
        objective=read.objectives,
        margins=margins,
        trials=trials,
        oracle=oracle,
        level=level,
        families=sorted({row.family for row in read.rows}),
    )
    return with_recommendations(decision, read.rows, read.objectives)


def columns_of(table: Any) -> Columns:
    """The table's columns as lists.

    Raises:
        TableError: It is no table, or two columns have one name.
    """
    if isinstance(table, Mapping):
        return {str(name): list(values) for name, values in table.items()}
    if not hasattr(table, "columns"):
        raise TableError(f"table: a {type(table).__name__}: expected a pandas table or a mapping of lists")
    names = [str(name) for name in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TableError(f"columns: {printable(', '.join(twice))} appear twice: expected each once")
    return {str(name): table[name].tolist() for name in table.columns}


def read_columns(columns: Columns, direction: str = "min", *, compared: bool = True) -> ScoreTable:
    """Check a table and turn it into rows.

    Args:
        columns: The table's columns, all of one length.
        direction: Direction where the table has no such column.
        compared: Whether families are to be compared: then there must be two of them, the same on every dataset.

    Returns:
        The rows with the objective of each dataset.

    Raises:
        TableError: A column is missing, a cell is not what its column holds, a trial appears twice, families
            lack datasets, or there is nothing to compare.
    """
    _check_columns(columns)
    rows = [_row(columns, index) for index in range(len(columns["dataset"]))]
    if not rows:
        raise TableError("no rows: expected one row a trial")
    _check_unique(rows)
    if compared:
        _check_families(rows)
    try:
        default = _word(direction, Direction)
    except ValueError as problem:
        raise TableError(f"direction = {_shown(direction)}: expected {problem}") from None
    return ScoreTable(tuple(rows), _objectives(columns, rows, default))


def _check_columns(columns: Columns) -> None:
    others = [name for name in columns if name not in REQUIRED]
    for name in REQUIRED:
        if name not in columns:
            hint = printable(nearest(name, others))
            raise TableError(f"column {name!r} is missing: expected {', '.join(REQUIRED)}. {hint}".rstrip())
    if len(lengths := sorted({len(values) for values in columns.values()})) > 1:
        raise TableError(f"columns: lengths {lengths}: expected the same of all")


def _row(columns: Columns, index: int) -> ScoreRow:
    status = _cell(columns, index, "status", partial(_word, kind=TrialStatus), TrialStatus.COMPLETED)
    completed = status is TrialStatus.COMPLETED
    return ScoreRow(
        dataset=_cell(columns, index, "dataset", _name),
        family=_cell(columns, index, "family", _name),
        replicate=_cell(columns, index, "replicate", _whole),
        trial=_cell(columns, index, "trial", _whole),
        validation=_cell(columns, index, "validation", _finite) if completed else None,
        test=_cell(columns, index, "test", _finite) if completed else None,
        parameters=_cell(columns, index, "parameters", _whole, None),
        fit_seconds=_cell(columns, index, "fit_seconds", _at_least_zero, None),
        status=status,
    )


_REQUIRED = object()


def _cell(columns: Columns, index: int, name: str, read: Callable[[object], T], missing: Any = _REQUIRED) -> Any:
    """One cell, read; `missing` where the column or the cell is empty and may be."""
    if name not in columns:
        return missing
    value = columns[name][index]
    if missing is not _REQUIRED and name not in ("status", "direction") and _empty(value):
        return missing
    try:
        return read(value)
    except ValueError as problem:
        raise TableError(f"row {index + 1}: {name} = {_shown(value)}: expected {problem}") from None


def _empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or str(value) in ("nan", "<NA>", "NaT")  # asked of pandas' NA `!=` is no answer


def _shown(value: object) -> str:
    text = printable(str(value))
    return f"{text[:60]!r}" if isinstance(value, str) else text[:60]


def _name(value: object) -> str:
    if _empty(value):
        raise ValueError("a name")
    return str(value).strip()


def _number(expected: str, allowed: Callable[[float], bool]) -> Callable[[object], float]:
    """What reads a cell as a number that is allowed."""

    def read(value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]  # what cannot be read raises
        except (TypeError, ValueError):
            number = math.nan
        if not allowed(number):
            raise ValueError(expected)
        return number

    return read


_finite = _number("a finite score in a completed row", math.isfinite)
_at_least_zero = _number("a number of at least 0", lambda number: 0 <= number < math.inf)
_natural = _number("a whole number of at least 0", lambda number: number >= 0 and number.is_integer())


def _whole(value: object) -> int:
    return int(_natural(value))


def _word(value: object, kind: type[W]) -> W:
    word = "" if _empty(value) else str(value).strip().lower()
    try:
        return kind(word)
    except ValueError:
        raise ValueError(" or ".join(kind)) from None


def _check_unique(rows: Sequence[ScoreRow]) -> None:
    seen: dict[tuple[str, str, int, int], int] = {}
    for index, row in enumerate(rows, start=1):
        key = (row.dataset, row.family, row.replicate, row.trial)
        if first := seen.get(key):
            raise TableError(
                f"rows {first} and {index}: both are trial {row.trial} of replicate {row.replicate} of "
                f"{printable(row.family)} on {printable(row.dataset)}: expected each trial once"
            )
        seen[key] = index


def _check_families(rows: Sequence[ScoreRow]) -> None:
    counts = Counter((row.dataset, row.family) for row in rows)
    every = sorted({family for _, family in counts})
    if len(every) < 2:
        raise TableError(f"column family: only {printable(every[0])!r}: expected at least two families to compare")
    for dataset in dict.fromkeys(dataset for dataset, _ in counts):
        where = f"dataset {printable(dataset)!r}"
        if lacking := [family for family in every if not counts[dataset, family]]:
            names = printable(", ".join(lacking))
            raise TableError(f"{where}: no row of {names}: expected the same families on every dataset")
        for family in every:
            if (count := counts[dataset, family]) < _MINIMUM_ROWS:
                raise TableError(f"{where}: {printable(family)} has {count} row: expected at least {_MINIMUM_ROWS}")


def _objectives(columns: Columns, rows: Sequence[ScoreRow], default: Direction) -> dict[str, Objective]:
    """Direction and metric of each dataset; a column has the word before the argument."""
    found: dict[str, Objective] = {}
    for index, row in enumerate(rows):
        direction = _cell(columns, index, "direction", partial(_word, kind=Direction), default)
        metric = _cell(columns, index, "metric", _name, "")
        before = found.setdefault(row.dataset, Objective(metric, direction))
        for name, got, expected, why in (
            ("metric", metric, before.metric, f"as before on {printable(row.dataset)}"),
            ("direction", direction.value, before.direction.value, f"as before on {printable(row.dataset)}"),
            ("direction", direction.value, _KNOWN.get(metric, direction).value, f"for {printable(metric)}"),
        ):
            if got != expected:
                raise TableError(f"row {index + 1}: {name} = {_shown(got)}: expected {_shown(expected)}, {why}")
    return found


def _check_budget(rows: Sequence[ScoreRow], trials: int) -> None:
    if trials < 1:
        raise TableError(f"trials = {trials}: expected at least 1")
    completed = {(row.dataset, row.family): 0 for row in rows}
    for row in rows:
        completed[row.dataset, row.family] += row.status is TrialStatus.COMPLETED
    (dataset, family), fewest = min(completed.items(), key=lambda item: item[1])
    if trials > fewest:
        who = f"{printable(family)} on {printable(dataset)}"
        raise TableError(f"trials = {trials}: expected at most {fewest}, the completed trials of {who}")
