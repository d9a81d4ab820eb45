"""How often the verdicts' rule names a false winner, and a true one, on the recorded trials: a table in Markdown.

Every family of every table in `benchmarks/recorded` plays itself, for R of 1, 3, 5, 10 searches of n of 10, 20, 40
trials; then with one side made worse by 20 % and 50 %. What must hold: the mean share of false winners is at most 5 %,
and no cell's one-sided lower bound, adjusted by Holm over all cells, exceeds 5 %. Leaves with 1 where it does not.

    python benchmarks/false_winners.py                      # all ways of deciding: an hour on two cores
    python benchmarks/false_winners.py --replays 100        # a look
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from calibrate import LEVEL, Cell, Share, calibrate, lower_bounds

from harness.cli.stats import read_csv
from harness.records import Objective, ScoreRow
from harness.stats.levels import ERROR_CLAIMED, INTERIM_REPLICATES, MINIMUM_REPLICATES, interim_replicates
from harness.stats.table import read_columns

RECORDED = Path(__file__).parent / "recorded"
REPLICATES, TRIALS, SHIFTS = (1, 3, 5, 10), (10, 20, 40), (0.2, 0.5)
WAYS = {
    "random": "pooled trials (way a)",
    "bayesian": "replicates (way b)",
    "random until decided": "pooled trials (way a), through the interim analyses of `--until-decided`",
    "bayesian until decided": "replicates (way b), through the interim analyses of `--until-decided`",
}


@dataclass(frozen=True)
class Job:
    """One size of one family of one dataset and one shift: what a process does at a time."""

    rows: tuple[ScoreRow, ...]
    objective: Objective
    way: str
    replicates: int
    trials: int
    shift: float
    replays: int

    @property
    def key(self) -> str:
        """What the job is called among those that are done."""
        first = self.rows[0]
        size = f"R={self.replicates} n={self.trials} shift={self.shift:g} x{self.replays}"
        return f"{self.way} | {first.dataset} {first.family} | {size}"

    def run(self) -> tuple[str, Cell]:
        oracle, interim, _ = self.way.partition(" ")
        cells = calibrate(
            self.rows,
            {self.rows[0].dataset: self.objective},
            replicates=[self.replicates],
            trials=[self.trials],
            shifts=[self.shift] if self.shift else [],
            alike=not self.shift,
            oracle=oracle,
            interims=interim_replicates(oracle) if interim else (),
            replays=self.replays,
        )
        return self.key, next(iter(cells))


def jobs_of(
    tables: Iterable[Path], way: str, shifts: tuple[float, ...], replays: int, shifted_replays: int
) -> list[Job]:
    """Every size of every family of every table; by replicates from three on, at the last interim analysis."""
    jobs = []
    oracle, interim, _ = way.partition(" ")
    for path in tables:
        table = read_columns(read_csv(path), compared=False)
        for dataset, family in dict.fromkeys((row.dataset, row.family) for row in table.rows):
            rows = tuple(row for row in table.rows if (row.dataset, row.family) == (dataset, family))
            sizes = itertools.product((INTERIM_REPLICATES,) if interim else REPLICATES, TRIALS)
            jobs += [
                Job(rows, table.objectives[dataset], way, replicates, trials, shift, count)
                for replicates, trials in sizes
                for shift, count in ((0.0, replays), *((shift, shifted_replays) for shift in shifts))
                if oracle == "random" or replicates >= MINIMUM_REPLICATES
            ]
    return jobs


def done_before(path: Path | None) -> dict[str, Cell]:
    """The jobs that a file of finished ones holds."""
    if path is None or not path.exists():
        return {}
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {plain["key"]: _cell(plain["cell"]) for plain in lines}


def _cell(plain: dict[str, Any]) -> Cell:
    shares = {name: Share(**plain[name]) for name in ("named", "wrong")}
    return Cell(**{**plain, **shares, "interim_replicates": tuple(plain["interim_replicates"])})


def played(jobs: Sequence[Job], pool: Executor, kept: Path | None) -> list[Cell]:
    """The cells of all jobs, those done before read from the file, the others added to it."""
    done = done_before(kept)
    waiting = [job for job in jobs if job.key not in done]
    # The longest first, so that no core waits at the end.
    waiting.sort(key=lambda job: -job.replicates * job.trials * job.replays)
    for number, (key, cell) in enumerate(pool.map(Job.run, waiting), start=1):
        done[key] = cell
        if kept:
            with kept.open("a", encoding="utf-8") as file:
                print(json.dumps({"key": key, "cell": asdict(cell)}), file=file)
        if sys.stderr.isatty():
            print(f"{number} of {len(waiting)}", file=sys.stderr, end="\r")
    return [done[job.key] for job in jobs]


def holds(cells: Sequence[Cell]) -> tuple[list[float], float, bool]:
    """Holm's lower bound of each A/A cell, the mean share of false winners, and whether both are as claimed."""
    shares = [cell.false_winners for cell in cells]
    bounds = lower_bounds(shares)
    mean = sum(share.value for share in shares) / len(shares)
    return bounds, mean, mean <= ERROR_CLAIMED and max(bounds) <= ERROR_CLAIMED


def markdown(oracle: str, cells: Sequence[Cell]) -> tuple[str, bool]:
    """The table of one way, and whether what must hold does."""
    alike = [cell for cell in cells if not cell.shift]
    shifts = sorted({cell.shift for cell in cells if cell.shift})
    shifted = {(*_size(cell), cell.shift): cell for cell in cells if cell.shift}
    bounds, mean, held = holds(alike)
    interim = bool(alike[0].interim_replicates)
    heads = [
        "dataset",
        "family",
        "recorded",
        "at most R" if interim else "R",
        "n",
        "false winners",
        "lower bound (Holm)",
    ]
    heads += [f"power, {100 * shift:g} %" for shift in shifts] + ["wrong family" for _ in shifts[:1]]
    heads += ["searches taken"] if interim else []
    lines = [f"### {WAYS[oracle]}", "", _piped(heads), _piped(["---", "---", *["---:"] * (len(heads) - 2)])]
    for cell, bound in zip(alike, bounds, strict=True):
        others = [shifted[*_size(cell), shift] for shift in shifts]
        row = [*map(str, _size(cell)), _shown(cell.false_winners), f"{100 * bound:.2f} %"]
        row.insert(2, str(cell.recorded))
        row += [_shown(other.named) for other in others]
        row += [f"{100 * max(other.wrong.value for other in others):.1f} %"] if others else []
        row += [", ".join(f"{one.searches:.1f}" for one in (cell, *others))] if interim else []
        lines.append(_piped(row))
    replays = alike[0].false_winners.replays
    lines += [
        "",
        f"{replays:,} replays a cell; shares with Wilson's {100 * LEVEL:g} % interval. Mean share of false winners "
        f"{100 * mean:.2f} %, highest lower bound {100 * max(bounds):.2f} %: "
        f"{'at most' if held else 'NOT at most'} {100 * ERROR_CLAIMED:g} % as claimed.",
        "",
    ]
    return "\n".join(lines), held


def _size(cell: Cell) -> tuple[str, str, int, int]:
    return cell.dataset, cell.family, cell.replicates, cell.trials


def _shown(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", type=Path, help="[every table in benchmarks/recorded]")
    parser.add_argument("--replays", type=int, default=1000, help="replays of each cell of two alike [1000]")
    parser.add_argument("--shifted-replays", type=int, help="replays of each cell with a shift [as many]")
    parser.add_argument("--way", choices=list(WAYS), action="append", help="[all]")
    parser.add_argument("--shift", type=float, action="append", help="[0.2, 0.5]")
    parser.add_argument("--no-shift", action="store_true", help="false winners only")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="file of finished cells, to go on from")
    chosen = parser.parse_args()
    tables = chosen.tables or sorted(RECORDED.glob("*.csv"))
    if not tables:
        sys.exit(f"{RECORDED}: holds no table; make them with benchmarks/record_trials.py")
    shifts = () if chosen.no_shift else tuple(chosen.shift or SHIFTS)
    all_held = True
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as pool:
        for way in chosen.way or WAYS:
            jobs = jobs_of(tables, way, shifts, chosen.replays, chosen.shifted_replays or chosen.replays)
            text, held = markdown(way, played(jobs, pool, chosen.keep))
            print(text, flush=True)
            all_held = all_held and held
    sys.exit(0 if all_held else 1)


if __name__ == "__main__":
    main()
