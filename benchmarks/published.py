"""Both families beside what has been published of recurrent networks on the same data, by shipped commands.

    harness datasets fetch music                             # or `--from DIR`, where copies of the files are
    python benchmarks/published.py                           # all that is listed, seed 1
    python benchmarks/published.py jsb_chorales nottingham musedata --seeds 1 2 3 --rows published.jsonl

For each dataset and seed it runs `harness sweep DATASET --config published --minutes M`, the shipped plan of
`sweeps/published.toml`, whose searches take at most M minutes. A family's model is selected by validation alone, and
its test score stands beside the published one, with what keeps the two from being the same experiment. Rows are kept
as they end, and the same call goes on where it was cut short. Leaves with 1 where a family is behind what is published.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from against_before import compared, with_metric
from throughput import HARNESS, HERE

from harness.metrics import METRICS

MINUTES = 18.0
"""Of each search: with what a sweep does before and after it, twenty minutes."""


@dataclass(frozen=True, slots=True)
class Published:
    """What has been published of a dataset.

    Attributes:
        metric: By which metric.
        scores: Score of each family that has one.
        source: Where it is written.
        differs: What keeps our experiment from being the same one; empty where nothing is known to.
    """

    metric: str
    scores: Mapping[str, float]
    source: str
    differs: str = ""


_BAI = "Bai, Kolter and Koltun 2018, arXiv 1803.01271"
PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "jsb_chorales": Published("nll", {"lstm": 8.45, "gru": 8.43}, _BAI),
        "nottingham": Published("nll", {"lstm": 3.29, "gru": 3.35}, _BAI, "tunes in pieces of 256 steps"),
        "musedata": Published(
            "nll", {"lstm": 6.23, "gru": 5.99}, "Chung et al. 2014, arXiv 1412.3555", "pieces of 200 steps"
        ),
        "adding_600": Published("mse", {"lstm": 0.164, "gru": 5.3e-5}, _BAI, "4,000 sequences in place of 50,000"),
        "counting": Published(
            "accuracy", {"lstm": 1.0}, "Weiss, Goldberg and Yahav 2018, arXiv 1805.04908", "a question of three classes"
        ),
        "mnist1d": Published("accuracy", {"gru": 0.91}, "Greydanus and Kobak 2024, arXiv 2011.14439"),
        "cmapss_fd001": Published(
            "rmse", {"lstm": 14.93}, "arXiv 2604.27234, abstract", "windows of engines held out of the training file"
        ),
        "helpdesk_events": Published("accuracy", {"lstm": 0.71}, "Tax et al. 2017, arXiv 1612.02130", "a random split"),
    }
)
"""The figures by dataset; those of the music sets for Nottingham's GRU and MuseData are what issue 16 wants."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one sweep came to.

    Attributes:
        dataset: Name of the dataset.
        seed: Of the sweep.
        minutes: Of its searches, at most.
        scores: Test score of each family's trial that validation selected.
        trials: Completed trials of each family.
        seconds: Of the whole command.
    """

    dataset: str
    seed: int
    minutes: float
    scores: Mapping[str, float]
    trials: Mapping[str, int]
    seconds: float


def swept(dataset: str, seed: int, minutes: float) -> Row:
    """Sweep a dataset by the shipped plan."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [*HARNESS, "sweep", dataset, "--config", "published", "--minutes", str(minutes), "--seed", str(seed)]
        command += ["--offline", "--quiet"]
        if not list(HERE.glob(f"datasets/atlas/{dataset}.toml")):
            with_metric(HERE, dataset, PUBLISHED[dataset].metric, folder)
            command += ["--config-dir", str(folder)]
        result, seconds = compared(command, HERE, dataset, folder, f"seed {seed}")
    families = result.families
    scores = {one.family.name: one.test_score for one in families if one.test_score is not None}
    trials = {one.family.name: one.usage.completed for one in families}
    return Row(dataset, seed, minutes, scores, trials, round(seconds, 1))


def kept(path: Path) -> list[Row]:
    """The rows that a file holds."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def lines(dataset: str, rows: Sequence[Row]) -> list[tuple[str, bool]]:
    """A line of the table for each family, and whether it reaches the published score."""
    published, found = PUBLISHED[dataset], []
    sign = METRICS[published.metric].direction.sign
    for family in dict.fromkeys(name for row in rows for name in row.scores):
        scores = [row.scores[family] for row in rows if family in row.scores]
        mean, known = statistics.fmean(scores), published.scores.get(family)
        reached = known is None or sign * mean <= sign * known
        cells = [
            *(dataset, family, published.metric, "-" if known is None else f"{known:g}", f"{mean:.4g}"),
            ", ".join(f"{score:.4g}" for score in scores),
            *(f"{statistics.fmean(row.trials[family] for row in rows):.0f}", f"{max(row.seconds for row in rows):.0f}"),
            *("yes" if reached else "no", f"{published.source}{'; ' * bool(published.differs)}{published.differs}"),
        ]
        found.append((f"| {' | '.join(cells)} |", reached))
    return found


def main() -> int:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", choices=[[], *PUBLISHED], default=[*PUBLISHED])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of each search")
    parser.add_argument("--rows", type=Path, default=Path("published.jsonl"), help="where rows are kept")
    given = parser.parse_args()
    rows = [row for row in kept(given.rows) if row.minutes == given.minutes]
    for seed in given.seeds:
        for dataset in given.datasets:
            if not any((row.dataset, row.seed) == (dataset, seed) for row in rows):
                rows.append(swept(dataset, seed, given.minutes))
                with given.rows.open("a") as file:
                    file.write(json.dumps(asdict(rows[-1])) + "\n")
    print("| dataset | family | metric | published | mean | by seed | trials | seconds | reached | source |")
    print("|---|---|---|---:|---:|---|---:|---:|---|---|")
    table = [
        line
        for dataset in given.datasets
        for line in lines(dataset, [row for row in rows if row.dataset == dataset and row.seed in given.seeds])
    ]
    print("\n".join(text for text, _ in table))
    return 0 if all(reached for _, reached in table) else 1


if __name__ == "__main__":
    sys.exit(main())
