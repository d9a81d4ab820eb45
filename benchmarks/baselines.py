"""The baselines of eight classification sets beside the figures of issue 16, and those of forecasts and other tasks.

    python benchmarks/baselines.py [DATASET …]

Prints a table in Markdown: each dataset's best baseline by the test score, its time, and the time of all together.
Without names: the eight sets, whose figures are the log loss that 400 random convolution kernels with a linear model
came to before this package had them, and the quickstart's three.
"""

from __future__ import annotations

import argparse
import time

from harness.baselines import score_all
from harness.config import find_dataset
from harness.data import load_dataset

FIGURES = {
    "gun_point": 0.017,
    "italy_power_demand": 0.159,
    "arrow_head": 0.512,
    "osu_leaf": 0.329,
    "basic_motions": 0.001,
    "digits": 0.078,
    "watch_movements": 0.474,
    "mnist1d": 0.134,
}
QUICKSTART = ("japanese_vowels", "vic_elec", "adding_50")


def row(name: str, seconds: float | None) -> str:
    """A dataset's line of the table."""
    config = find_dataset(name).config
    assert config is not None
    data = load_dataset(config)
    started = time.process_time()
    scores, skipped = score_all(data, seconds)
    took = time.process_time() - started
    best_score = data.objective.best(score.test_score for score in scores)
    best = next(score for score in scores if score.test_score == best_score)
    figure = f"{FIGURES[name]:.3f}" if name in FIGURES else ""
    left_out = ", ".join(one.name for one in skipped)
    cells = (name, data.objective.metric, figure, f"{best.test_score:.4g}", best.name, f"{best.fit_seconds:.1f}")
    return f"| {' | '.join(cells)} | {took:.1f} | {left_out} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Score the baselines of some datasets.")
    parser.add_argument("datasets", nargs="*", default=[*FIGURES, *QUICKSTART])
    parser.add_argument("--seconds", type=float, default=10.0, help="for all baselines of a dataset [10]")
    parser.add_argument("--all", action="store_true", help="however long it takes")
    options = parser.parse_args()
    import sklearn.ensemble  # noqa: F401 - or the first dataset's seconds would be those of the import

    print("| dataset | metric | figure | best | baseline | its seconds | all, seconds | skipped |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.datasets:
        print(row(name, None if options.all else options.seconds), flush=True)


if __name__ == "__main__":
    main()
