"""Any table of scores, whoever made it, as the rows that deciding takes: checked cell by cell.

Duck-typed: a pandas table or a mapping of lists. A cell may hold text (from a CSV file) or a number; an empty
text and NaN both mean that nothing is there. Rows are counted from 1 in messages, without the header.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar, cast

from harness.errors import TableError, nearest
from harness.records import CaseScores, Decision, Direction, Objective, Phase, ScoreRow, Terms, TrialStatus, Verdict
from harness.stats.decision import best_baseline_test, decide_rows, over_all
from harness.stats.levels import RULE, interim_analysis, interim_replicates
from harness.stats.recommendation import answered, selected_of
from harness.stats.test_set import Cases
from harness.text import listed, printable

REQUIRED = ("dataset", "family", "replicate", "trial", "validation", "test")
OPTIONAL = ("direction", "metric", "parameters", "fit_seconds", "status")
WHOLE = ("phase", "cases", "terms")
"""Columns of the table of a whole sweep: whether a row is a searched trial or a seed repeat, its test score taken apart
over test cases, and what its dataset is decided by, on one row of each; the last two as JSON of their records.
"""
ORACLES = ("random", "bayesian", "tpe", "hyperband", "grid")

_MINIMUM_ROWS = 2

_KNOWN = {
    **dict.fromkeys(("mae", "rmse", "mse", "log_loss"), Direction.MIN),
    **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), Direction.MAX),
}  # metrics whose direction is no matter of opinion: a table of accuracies read as losses names the worse family

Columns = Mapping[str, Sequence[object]]
T = TypeVar("T")
W = TypeVar("W", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class SeedRepeat:
    """A retraining of a selected trial's hyperparameters with a fresh seed.

    Attributes:
        key: Family, replicate and number of the retraining.
        test: Its test score.
        cases: The same over test cases; None where single cases are unknown.
    """

    key: tuple[str, int, int]
    test: float
    cases: CaseScores | None


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """A checked table.

    Attributes:
        rows: One row a searched trial.
        objectives: Metric and direction of each dataset.
        terms: What each dataset is decided by, where the table says so.
        cases: Scores over test cases of each dataset's searched trials, where the table has them.
        seed_repeats: Each dataset's seed repeats, by family.
    """

    rows: tuple[ScoreRow, ...]
    objectives: Mapping[str, Objective]
    terms: Mapping[str, Terms] = field(default_factory=dict)
    cases: Mapping[str, Cases] = field(default_factory=dict)
    seed_repeats: Mapping[str, Sequence[SeedRepeat]] = field(default_factory=dict)


def decide(
    table: Any,
    direction: str = "min",
    *,
    trials: int | None = None,
    margin: float | Mapping[str, float] | None = None,
    oracle: str | None = None,
    level: float | None = None,
    region: float | Mapping[str, float] | None = None,
) -> Decision:
    """Decide from any table of scores which family is better on each dataset, how surely, and whose model to use.

    The table that `harness trials SWEEP` prints gives the sweep's own verdict again.

    Args:
        table: A pandas table, or a mapping of lists, with the columns `dataset`, `family`, `replicate`,
            `trial`, `validation`, `test` and, optionally, `direction`, `metric`, `parameters`, `fit_seconds`,
            `status`; that of a whole sweep has `phase`, `cases` and `terms` besides.
        direction: Whether lower (`min`) or higher (`max`) scores are better, where the table has no such
            column.
        trials: Budget n of one search; by default the table's, or the completed trials of a family divided by its
            replicates.
        margin: Half-width of the equivalence margin in the metric's units, for all datasets or
            each one's; by default the table's, or 0.
        oracle: What searched: `random` pools all trials; the others compare
            replicates; by default the table's, or `random`.
        level: Level of the intervals; 0.95 by default.
        region: The name of `margin` in 0.1.0, for one more version.

    Returns:
        The decision: `decision.verdicts[dataset].recommendation` says what to use, `.outcome` is one of three words,
        `.family` the winner's name, and `decision.overall` speaks for all datasets.

    Raises:
        TableError: The table cannot be decided from; the message names the row or the dataset.
    """
    if oracle is not None and oracle not in ORACLES:
        raise TableError(f"oracle = {oracle!r}: expected one of {', '.join(ORACLES)}. {nearest(oracle, ORACLES)}")
    read = read_columns(columns_of(table), direction)
    margin = margin if region is None else region
    margins = dict(margin) if isinstance(margin, Mapping) else dict.fromkeys(read.objectives, margin)
    for dataset, width in margins.items():
        if width is not None and not (math.isfinite(width) and width >= 0):
            raise TableError(f"margin = {width} of {printable(dataset)}: expected a number of at least 0")
    if trials is not None:
        _check_budget(read.rows, trials)
    verdicts = {}
    for dataset in read.objectives:
        known, width = read.terms.get(dataset) or _bare(read.rows, dataset), margins.get(dataset)
        terms = replace(
            known,
            trials=known.trials if trials is None else trials,
            oracle=known.oracle if oracle is None else oracle,
            margin=known.margin if width is None else width,
        )
        verdicts[dataset] = _decide(read, dataset, terms, level)
    return over_all(verdicts, {dataset: terms.digest for dataset, terms in read.terms.items() if terms.digest})


def _bare(rows: Sequence[ScoreRow], dataset: str) -> Terms:
    """What a dataset is decided by where the table does not say."""
    its = [row for row in rows if row.dataset == dataset]
    counts = Counter((row.family, row.status is TrialStatus.COMPLETED) for row in its)
    replicates = {name: len({row.replicate for row in its if row.family == name}) for name, _ in counts}
    budget = min(counts[name, True] // count for name, count in replicates.items())
    return Terms(tuple(sorted(replicates)), max(1, budget), "random", margin=0.0, rule=RULE)


def _decide(read: ScoreTable, dataset: str, terms: Terms, level: float | None) -> Verdict:
    """One dataset's verdict, with what to use where the rule knows of that."""
    rows = [row for row in read.rows if row.dataset == dataset]
    objective, cases = read.objectives[dataset], read.cases.get(dataset, {})
    replicates, looks = max(row.replicate for row in rows), interim_replicates(terms.oracle, terms.rule)
    if terms.until_decided and replicates not in looks:
        raise TableError(
            f"{printable(dataset)}: {replicates} replicates: expected {listed(looks, 'or')}, until decided"
        )
    best = best_baseline_test(terms.baselines, objective, terms.rule)
    verdict = decide_rows(
        rows,
        objective=objective,
        margins={dataset: terms.margin},
        trials=terms.trials,
        oracle=terms.oracle,
        level=level,
        families=terms.families,
        baselines={} if best is None else {dataset: best},
        reasons_to_abstain={dataset: terms.reasons_to_abstain},
        warnings={dataset: terms.warnings},
        interim=interim_analysis(replicates, looks) if terms.until_decided else None,
        cases={dataset: cases},
        rule=terms.rule,
        prior=terms.prior,
    ).verdicts[dataset]
    if terms.rule == 1:
        return verdict
    repeats = sorted(read.seed_repeats.get(dataset, ()), key=lambda one: one.key)
    selected = {
        name: replace(
            one,
            seed_scores=[repeat.test for repeat in repeats if repeat.key[:2] == one.key[:2]],
            seed_cases=[repeat.cases for repeat in repeats if repeat.key[:2] == one.key[:2]],
        )
        for name, one in selected_of(rows, objective).items()
    }
    adaptive = terms.oracle != "random"
    return answered(
        verdict, selected, rows, objective=objective, baselines=terms.baselines, cases=cases, adaptive=adaptive
    )


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
    every = [_row(columns, index) for index in range(len(columns["dataset"]))]
    phases = [_cell(columns, index, "phase", partial(_word, kind=Phase), Phase.SEARCH) for index in range(len(every))]
    if Phase.SEARCH not in phases:
        raise TableError("no rows: expected one row a trial")
    _check_unique(every, phases)
    rows = [row for row, phase in zip(every, phases, strict=True) if phase is Phase.SEARCH]
    if compared:
        _check_families(rows)
    try:
        default = _word(direction, Direction)
    except ValueError as problem:
        raise TableError(f"direction = {_shown(direction)}: expected {problem}") from None
    cases: dict[str, dict[tuple[str, int, int], CaseScores]] = {}
    repeats: dict[str, list[SeedRepeat]] = {}
    for index, (row, phase) in enumerate(zip(every, phases, strict=True)):
        known = _cell(columns, index, "cases", _cases, None)
        key = (row.family, row.replicate, row.trial)
        if phase is Phase.SEED_REPEAT and row.test is not None:
            repeats.setdefault(row.dataset, []).append(SeedRepeat(key, row.test, known))
        elif known:
            cases.setdefault(row.dataset, {})[key] = known
    terms, objectives = _terms(columns, every, rows), _objectives(columns, every, default)
    objectives |= {dataset: replace(objectives[dataset], unit=its.unit) for dataset, its in terms.items()}
    return ScoreTable(tuple(rows), objectives, terms, cases, repeats)


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
    searched = _cell(columns, index, "phase", partial(_word, kind=Phase), Phase.SEARCH) is Phase.SEARCH
    spare = () if searched else (None,)  # no verdict is made from how a seed repeat validates
    return ScoreRow(
        dataset=_cell(columns, index, "dataset", _name),
        family=_cell(columns, index, "family", _name),
        replicate=_cell(columns, index, "replicate", _whole),
        trial=_cell(columns, index, "trial", _whole),
        validation=_cell(columns, index, "validation", _finite, *spare) if completed else None,
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


def _record(kind: Any, value: object) -> Any:
    """A record from its JSON, as `harness trials` writes it."""
    try:
        return kind.from_json(json.loads(str(value)))
    except Exception:  # whatever is wrong with a cell from outside, it is not that record
        raise ValueError("what `harness trials` writes there") from None


def _cases(value: object) -> CaseScores:
    """Scores over test cases from their JSON."""
    found = _record(CaseScores, value)
    whole = all(isinstance(number, int) and number >= 1 for number in (found.cases, found.block))
    if not (whole and found.values and all(map(math.isfinite, found.values))):
        raise ValueError("what `harness trials` writes there")
    return cast(CaseScores, found)


def _terms(columns: Columns, every: Sequence[ScoreRow], rows: Sequence[ScoreRow]) -> dict[str, Terms]:
    """What each dataset is decided by, where one of its rows says so."""
    found: dict[str, Terms] = {}
    for index, row in enumerate(every):
        terms = _cell(columns, index, "terms", partial(_record, Terms), None)
        if terms is None:
            continue
        families = {one.family for one in rows if one.dataset == row.dataset}
        if not _sound(terms, families) or found.setdefault(row.dataset, terms) != terms:
            raise TableError(
                f"row {index + 1}: terms: expected what `harness trials` writes for {printable(row.dataset)}"
            )
    return found


def _sound(terms: Terms, families: set[str]) -> bool:
    """Whether a record from outside holds what its types say, and is about these families."""
    texts = (
        *terms.families,
        *terms.reasons_to_abstain,
        *terms.warnings,
        *(one.name for one in terms.baselines),
        terms.unit,
        terms.digest,
    )
    numbers = (*(one.test_score for one in terms.baselines), *([] if terms.margin is None else [terms.margin]))
    return (
        set(terms.families) == families
        and terms.oracle in ORACLES
        and isinstance(terms.trials, int)
        and terms.trials >= 1
        and terms.rule in range(1, RULE + 1)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(number, float) for number in numbers)
        and (terms.margin is None or 0 <= terms.margin < math.inf)
    )


def _check_unique(rows: Sequence[ScoreRow], phases: Sequence[Phase]) -> None:
    seen: dict[tuple[str, str, int, int, Phase], int] = {}
    for index, (row, phase) in enumerate(zip(rows, phases, strict=True), start=1):
        key = (row.dataset, row.family, row.replicate, row.trial, phase)
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
