"""The champion's test log loss beside that of the code before, at equal seconds and at each side's defaults.

    git worktree add --detach ../before a2b394a         # 0.1.0
    python benchmarks/against_before.py --before ../before
    python benchmarks/against_before.py gun_point digits --before ../before --seeds 1 2 3 4 5 --rows rows.jsonl
    python benchmarks/against_before.py us_flu coffee --before ../before --data ../shared/data/atlas

For each dataset and seed three sweeps run one after the other, each from the command line: this code with its defaults;
the other checkout with `--minutes` for as long as that took, five minutes at most; and the other checkout with its
defaults. None trains fresh seeds, which change no champion. With `--trials` the defaults of both sides take fewer. Rows
are kept as they end, and the same call goes on where it was cut short. All sets are swept by log loss, forecasts by
mean absolute error.

Ten further sets (`FURTHER`) say whether what was chosen on the nine holds elsewhere. They are the Atlas's smallest by
rows, five forecasts and five others, of those that both versions can read from one config, which lies in
`cards/further`; their files are looked for below `--data`. They were named before any was run, and nothing is chosen by
them.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from throughput import HARNESS, HERE, code_of

from harness.journal import Journal
from harness.records import ComparisonResult
from harness.store import Store
from harness.sweeps.folders import sweep_ids
from harness.sweeps.results import Results

SETS = (
    "gun_point",
    "italy_power_demand",
    "arrow_head",
    "osu_leaf",
    "basic_motions",
    "digits",
    "watch_movements",
    "mnist1d",
    "japanese_vowels",
)
FURTHER = (
    "us_flu",
    "mndot_speed",
    "aws_elb_requests",
    "opsd_germany",
    "us_births",
    "coffee",
    "face_four",
    "ecg200",
    "robot_wall",
    "trec",
)
WANTED_FURTHER = 0.85
"""The geometric mean over these that is wanted at most."""
CARDS = Path(__file__).parent / "cards" / "further"
AFTER, EQUAL, DEFAULT = "after", "equal", "default"
MOST_MINUTES = 5.0
LEAST_MINUTES = 0.2
WANTED = {EQUAL: 0.7, DEFAULT: 0.6}
"""Geometric means that are wanted at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one sweep came to.

    Attributes:
        dataset: Name of the dataset.
        seed: Of the sweep.
        side: `after`, or `equal` or `default` of the code before.
        trials: Trials of a family that the command gave; None for the defaults.
        test: The champion's test log loss.
        baseline: That of the best baseline by validation; None where none was scored.
        alias: What the champion is called.
        completed: Completed trials of all families.
        seconds: Of the whole command.
    """

    dataset: str
    seed: int
    side: str
    trials: int | None
    test: float
    baseline: float | None
    alias: str
    completed: int
    seconds: float

    @property
    def key(self) -> tuple[str, int, str, int | None]:
        """What no two rows share."""
        return self.dataset, self.seed, self.side, self.trials


def with_metric(checkout: Path, dataset: str, metric: str, folder: Path, data: Path | None = None) -> None:
    """Write a config of a dataset into a folder: a checkout's, with this metric of its task, or a further set's.

    Args:
        checkout: Whose config.
        dataset: The dataset.
        metric: The metric; a further forecast keeps its own.
        folder: Where to.
        data: The folder that holds the further sets' files.
    """
    further = CARDS / f"{dataset}.toml"
    text = (further if further.exists() else checkout / "datasets" / f"{dataset}.toml").read_text()
    text = text.replace('"DATA/', f'"{data}/')
    if 'kind = "forecast"' in text:
        (folder / f"{dataset}.toml").write_text(text)
        return
    task = re.sub(r'(?s)(\[task\].*?\nmetric = )"\w+"', rf'\1"{metric}"', text, count=1)
    (folder / f"{dataset}.toml").write_text(task)


def compared(
    command: Sequence[str], checkout: Path, dataset: str, folder: Path, what: str
) -> tuple[ComparisonResult, float]:
    """Run one sweep with the code of a checkout; what it found on a dataset, and the seconds of the whole command.

    Args:
        command: The command, but for its store, which is made in the folder.
        checkout: Whose code runs.
        dataset: The dataset.
        folder: Where it runs.
        what: Which sweep it is, for the message that ends this script where it fails.
    """
    store = Store(folder / "store", "")
    whole = [*command, "--store", str(store.root)]
    began = time.monotonic()
    done = subprocess.run(whole, cwd=folder, capture_output=True, text=True, env=code_of(checkout), check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        sys.exit(f"{dataset}, {what}: {done.stderr.strip()[-2000:]}")
    (sweep_id,) = sweep_ids(store)
    with Journal.read(store.sweeps / sweep_id) as journal:
        return Results(journal).comparison(dataset), seconds


def swept(
    checkout: Path, dataset: str, seed: int, side: str, budget: Sequence[str], trials: int | None, data: Path | None
) -> Row:
    """Sweep a dataset with the code of a checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with_metric(checkout, dataset, "log_loss", folder, data)
        command = [*HARNESS, "sweep", dataset, "--cards", str(folder)]
        command += ["--seed", str(seed), "--confirmations", "0", "--quiet", *budget]
        result, seconds = compared(command, checkout, dataset, folder, f"seed {seed}, {side}")
    assert result.champion is not None
    best, completed = result.best_baseline, sum(family.usage.completed for family in result.families)
    baseline = None if best is None else best.test_score
    champion = result.champion
    return Row(dataset, seed, side, trials, champion.test_score, baseline, champion.alias, completed, round(seconds, 1))


def kept(path: Path) -> dict[tuple[str, int, str, int | None], Row]:
    """The rows that a file holds."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [Row(**json.loads(line)) for line in lines]
    return {row.key: row for row in rows}


def measure(dataset: str, seed: int, before: Path, trials: int | None, rows: Path, data: Path | None = None) -> None:
    """Run what of the three sweeps the file has not, and keep each as it ends."""
    given = ["--trials", str(trials)] if trials else []
    for side in (AFTER, DEFAULT, EQUAL):
        known = kept(rows)
        if (dataset, seed, side, trials) in known:
            continue
        budget = given
        if side == EQUAL:
            minutes = known[dataset, seed, AFTER, trials].seconds / 60
            budget = ["--minutes", f"{min(max(minutes, LEAST_MINUTES), MOST_MINUTES):.3f}"]
        row = swept(HERE if side == AFTER else before, dataset, seed, side, budget, trials, data)
        with rows.open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")
        print(f"{dataset}, seed {seed}, {side}: {row.test:.4g} in {row.seconds:.0f} s", file=sys.stderr, flush=True)


def ratio_of(rows: Mapping[tuple[str, int, str, int | None], Row], dataset: str, side: str) -> float:
    """The geometric mean over seeds of this code's log loss divided by the other's; NaN where there is none."""
    pairs = [
        (row.test, rows[dataset, seed, side, trials].test)
        for (name, seed, its, trials), row in rows.items()
        if name == dataset and its == AFTER and (dataset, seed, side, trials) in rows
    ]
    return math.exp(statistics.fmean(math.log(after / before) for after, before in pairs)) if pairs else math.nan


def table(rows: Mapping[tuple[str, int, str, int | None], Row], side: str) -> list[str]:
    """The table of one side of the code before, in Markdown."""
    fewer = "".join(f", {trials} trials a family" for trials in {trials for *_, trials in rows} if trials)
    title = {EQUAL: "at equal seconds", DEFAULT: "at each side's defaults"}[side] + fewer
    heads = ("dataset", "seeds", "before", "trials, seconds", "after", "trials, seconds", "ratio", "alias")
    lines = [f"**{title}**", "", f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|---:|---:|---|"]
    ratios = []
    for dataset in dict.fromkeys(name for name, *_ in rows):
        pairs = [
            (row, rows[dataset, row.seed, side, row.trials])
            for row in rows.values()
            if row.dataset == dataset and row.side == AFTER and (dataset, row.seed, side, row.trials) in rows
        ]
        if not pairs:
            continue
        ratios.append(ratio_of(rows, dataset, side))
        after, before = zip(*pairs, strict=True)
        cells = [dataset, str(len(pairs)), *_cells(before), *_cells(after), f"{ratios[-1]:.2f}"]
        lines.append(f"| {' | '.join(cells)} | {', '.join(sorted({row.alias for row in after}))} |")
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        wanted = WANTED_FURTHER if {name for name, *_ in rows} <= {*FURTHER} else WANTED[side]
        lines += ["", f"geometric mean {title}: {mean:.2f} over {len(ratios)} sets (wanted: at most {wanted})"]
    return lines


def _cells(rows: Sequence[Row]) -> list[str]:
    means = [statistics.fmean(getattr(row, name) for row in rows) for name in ("test", "completed", "seconds")]
    return [f"{means[0]:.4g}", f"{means[1]:.0f}, {means[2]:.0f}"]


def main() -> None:
    """Measure what is missing, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=[*SETS])
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the code before")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--trials", type=int, help="of a family, on both sides [the defaults]")
    parser.add_argument("--rows", type=Path, default=Path("against_before.jsonl"), help="where rows are kept")
    parser.add_argument("--data", type=Path, help="folder with the files of the further sets")
    given = parser.parse_args()
    data = given.data and given.data.resolve()
    before = given.before.resolve()
    for seed in given.seeds:
        for dataset in given.datasets:
            measure(dataset, seed, before, given.trials, given.rows, data)
    wanted = {key: row for key, row in kept(given.rows).items() if key[0] in given.datasets and key[3] == given.trials}
    for side in (EQUAL, DEFAULT):
        print("\n".join([*table(wanted, side), ""]))


if __name__ == "__main__":
    main()
