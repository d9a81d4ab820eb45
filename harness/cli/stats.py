"""`harness verdict` and `harness calibrate`: decide from any table of scores; how often that errs."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import DirectionOption, JsonOption, StoreOption, count_option, number_option, say, say_json
from harness.errors import TableError, UsageError

if TYPE_CHECKING:
    from harness.records import Decision, Objective, ScoreRow
    from harness.stats.calibrate import Cell, Share


def verdict(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE.csv",
            help="One row per trial, with columns dataset, family, replicate, trial, validation, test; optional: "
            "direction, metric, parameters, fit_seconds, status.",
        ),
    ],
    direction: DirectionOption = "min",
    trials: Annotated[
        int | None, count_option("N", "Trials of one search. [a family's trials divided by its replicates]")
    ] = None,
    margin: Annotated[
        float, number_option("X", "Equivalence margin (half-width of the ROPE), in the metric's units. [0]")
    ] = 0.0,
    oracle: Annotated[
        str,
        typer.Option(
            metavar="random|bayesian|hyperband|grid",
            help="Oracle of the searches: random trials are pooled, those of other oracles compared by replicate.",
        ),
    ] = "random",
    level: Annotated[float | None, number_option("P", "Confidence level of the intervals. [0.95]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide from any table of scores which family to use."""
    from harness.stats import decide

    try:
        decision = decide(read_csv(table), direction, trials=trials, margin=margin, oracle=oracle, level=level)
    except TableError as problem:
        raise TableError(f"{table}: {problem}") from None
    if as_json:
        say_json(decision.to_json())
    else:
        say(as_text(decision))


def as_text(decision: Decision) -> str:
    """The decision for a terminal: each dataset's sentence, its numbers, and the one for all datasets."""
    from harness.stats import across_lines, explain, headline

    blocks = [
        "\n".join((headline(verdict), *(f"  {line}" for line in explain(verdict))))
        for verdict in decision.verdicts.values()
    ]
    if decision.across:
        blocks.append("\n".join((f"overall: {decision.overall}", *map("  {}".format, across_lines(decision.across)))))
    return "\n\n".join(blocks)


def read_csv(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, as text.

    Python's own reader, for it takes no cell for something else: a dataset called `NA` stays one.

    Raises:
        TableError: The file cannot be read, has no header, names a column twice or has a row of another
            length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
    except OSError as problem:
        raise TableError(f"cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise TableError("is not text in UTF-8: expected a CSV file") from None
    except csv.Error as problem:
        raise TableError(f"is no CSV file: {problem}") from None
    if not lines:
        raise TableError("is empty: expected a header and one row a trial")
    header = [name.strip() for name in lines[0]]
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise TableError(f"header: {', '.join(map(repr, twice))} appears twice: expected each column once")
    for row, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise TableError(f"row {row}: {len(line)} cells: expected {len(header)}, as in the header")
    return {name: [line[place] for line in lines[1:]] for place, name in enumerate(header)}


ORACLES = ("random", "bayesian")


def calibrate(
    source: Annotated[
        str,
        typer.Argument(metavar="SWEEP|TABLE.csv", help="Id of a sweep, or a table as `harness verdict` reads."),
    ],
    replays: Annotated[int, typer.Option(metavar="N", help="Replays of each cell.")] = 1000,
    replicates: Annotated[
        list[int] | None,
        typer.Option(metavar="R", help="Searches of either side; may be repeated. [as recorded]", show_default=False),
    ] = None,
    trials: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Trials of a search; may be repeated. [as recorded]", show_default=False),
    ] = None,
    shift: Annotated[
        list[float] | None,
        typer.Option(
            metavar="X",
            help="Share by which one side is made worse; may be repeated. [0.2, 0.5]",
            show_default=False,
        ),
    ] = None,
    oracle: Annotated[
        str,
        typer.Option(
            metavar="random|bayesian", help="Decide by pooled trials, or by replicates as for adaptive searches."
        ),
    ] = "random",
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Add replicates at the looks of `harness sweep --until-decided`; leave --replicates out.",
        ),
    ] = False,
    direction: Annotated[
        str, typer.Option(metavar="min|max", help="Which scores are better, where a table has no such column.")
    ] = "min",
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay recorded random trials of one family as two, and count false winners and true ones.

    Each family of each dataset plays itself, with its trials drawn afresh with replacement; then with one side made
    worse by each shift. Shares come with Wilson's 95 % intervals.
    """
    from harness.records import INTERIM_REPLICATES
    from harness.stats.calibrate import SHIFTS
    from harness.stats.calibrate import calibrate as replay

    if oracle not in ORACLES:
        raise UsageError(f"--oracle {oracle}: expected random or bayesian")
    if until_decided and replicates:
        raise UsageError(f"--replicates {replicates[0]}: expected none beside --until-decided, whose looks are fixed")
    rows, objectives = _recorded(source, direction, store)
    cells = replay(
        rows,
        objectives,
        replicates=replicates or [_recorded_replicates(rows)],
        trials=trials or [_recorded_trials(rows)],
        shifts=shift or SHIFTS,
        oracle=oracle,
        interim_replicates=INTERIM_REPLICATES if until_decided else (),
        replays=replays,
        seed=seed,
    )
    if as_json:
        say_json([cell.to_json() for cell in cells])
        return
    for cell in cells:
        typer.echo(line(cell))


def line(cell: Cell) -> str:
    """One cell for people."""
    from harness.stats.wording import clean

    size = f"R={' '.join(map(str, cell.interim_replicates)) or cell.replicates} n={cell.trials}"
    who = f"{cell.dataset} {cell.family} ({cell.recorded} trials), {size}"
    power = cell.power
    if power is None:
        return clean(f"{who}: false winners {_share(cell.false_winners)}")
    return clean(f"{who}, shift {100 * cell.shift:g} %: power {_share(power)}, wrong {_share(cell.false_winners)}")


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def _recorded(source: str, direction: str, store: Path | None) -> tuple[Sequence[ScoreRow], Mapping[str, Objective]]:
    if source.endswith(".csv") or Path(source).is_file():
        return _of_table(Path(source), direction)
    return _of_sweep(source, store)


def _of_table(path: Path, direction: str) -> tuple[Sequence[ScoreRow], Mapping[str, Objective]]:
    from harness.stats.table import read_columns

    try:
        table = read_columns(read_csv(path), direction, compared=False)
    except TableError as problem:
        raise TableError(f"{path}: {problem}") from None
    return table.rows, table.objectives


def _of_sweep(sweep: str, store: Path | None) -> tuple[Sequence[ScoreRow], Mapping[str, Objective]]:
    from harness.cli.report import read_result
    from harness.journal import Journal
    from harness.store import find_store
    from harness.sweeps.folders import find_sweep_folder

    place = find_store(store)
    with Journal.read(find_sweep_folder(place, sweep)) as journal:
        searched_by = journal.plan["plan"]["oracle"]
    if searched_by != "random":
        raise UsageError(
            f"{sweep}: searched by {searched_by}: its trials depend on one another; expected a random search's, "
            "whose trials can be drawn afresh"
        )
    result = read_result(place, sweep)
    if not result.comparisons:
        raise UsageError(f"{sweep}: no comparison is finished yet; go on with --resume {sweep}")
    rows = [row for comparison in result.comparisons for row in comparison.rows]
    return rows, {comparison.dataset: comparison.objective for comparison in result.comparisons}


def _recorded_replicates(rows: Sequence[ScoreRow]) -> int:
    """The most replicates that a family of a dataset has."""
    searches: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        searches.setdefault((row.dataset, row.family), set()).add(row.replicate)
    return max(len(its) for its in searches.values())


def _recorded_trials(rows: Sequence[ScoreRow]) -> int:
    """The trials of the longest search."""
    counts: dict[tuple[str, str, int], int] = {}
    for row in rows:
        key = (row.dataset, row.family, row.replicate)
        counts[key] = counts.get(key, 0) + (row.validation is not None)
    return max(counts.values())
