"""The tables of the Atlas as other programs read them: one table for autorank, files of results for aeon."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.atlas.tables import DatasetRow, Tables, TrialRow
from harness.disk import replacing
from harness.records import Direction, TrialStatus

SEED, TRIAL = "seed", "trial"


def loss_of(score: float, direction: Direction | None) -> float:
    """A score as a loss, so that lower is better: 1 − score where higher scores are better, as shares of right are."""
    return 1 - score if direction is Direction.MAX else score


def repeats(rows: Sequence[TrialRow], family: str, direction: Direction | None) -> list[float]:
    """Test scores of a family's selected hyperparameters, one a fresh seed; of the selected trial where none was run.

    Args:
        rows: The trained networks of one data set.
        family: The family.
        direction: Which scores are better.
    """
    done = [
        row for row in rows if row.family == family and row.status is TrialStatus.COMPLETED and row.test is not None
    ]
    if seeds := [
        row.test for row in sorted(done, key=lambda row: row.trial) if row.kind == SEED and row.test is not None
    ]:
        return seeds
    best = min if direction is not Direction.MAX else max
    trials = [row for row in done if row.kind == TRIAL and row.validation is not None]
    selected = best(trials, key=lambda row: row.validation or 0.0, default=None)
    return [selected.test] if selected and selected.test is not None else []


def to_autorank(tables: Tables, families: Sequence[str], folder: Path) -> list[Path]:
    """Write `autorank.csv`: a row a data set, a column a family, the mean test loss over seeds; lower is better.

    `autorank.autorank(pandas.read_csv("autorank.csv", index_col=0), order="ascending")` reads it (S. Herbold 2020,
    Journal of Open Source Software 5(48), 2173). A data set on which a family has no score is left out.

    Args:
        tables: The tables.
        families: The families.
        folder: Where to; it is made.

    Returns:
        The files.
    """
    lines: list[list[Any]] = [["dataset", *families]]
    for name, row in _complete(tables):
        scores = [repeats(tables.trials[name], family, row.direction) for family in families]
        if all(scores):
            lines.append([name, *(repr(loss_of(statistics.fmean(its), row.direction)) for its in scores)])
    return [_write(folder / "autorank.csv", lines)]


def to_aeon(tables: Tables, families: Sequence[str], folder: Path) -> list[Path]:
    """Write `FAMILY_METRIC.csv`: a row a data set with this metric, a column a fresh seed, from `Resamples:,0,1,…`.

    As `aeon.benchmarking.results_loaders.get_estimator_results` reads files of results. The columns are seeds of one
    split of the data, not resamples of it.

    Args:
        tables: The tables.
        families: The families.
        folder: Where to; it is made.

    Returns:
        The files.
    """
    written = []
    for metric in sorted({row.metric for _, row in _complete(tables)}):
        for family in families:
            scores = {
                name: repeats(tables.trials[name], family, row.direction)
                for name, row in _complete(tables)
                if row.metric == metric
            }
            most = max(map(len, scores.values()), default=0)
            lines = [["Resamples:", *map(str, range(most))]]
            lines += [[name, *map(repr, its), *[""] * (most - len(its))] for name, its in scores.items() if its]
            written.append(_write(folder / f"{family.upper()}_{metric}.csv", lines))
    return written


EXPORTS: Mapping[str, Callable[[Tables, Sequence[str], Path], list[Path]]] = {"autorank": to_autorank, "aeon": to_aeon}
"""What the tables can be written for."""


def _complete(tables: Tables) -> list[tuple[str, DatasetRow]]:
    return [(name, tables.datasets[name]) for name in tables.complete]


def _write(path: Path, lines: Sequence[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(lines)
    return path
