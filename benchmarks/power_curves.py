"""Draws what `false_winners.py --keep FILE` counted: how often a true difference is named, against the replicates.

python benchmarks/power_curves.py FILE docs/power.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path

from calibrate import Cell
from false_winners import TRIALS, done_before
from matplotlib.figure import Figure

from harness.report.axes import APPEARANCES as STYLES

WANTED = {0.2: (((5, 20), 0.45), ((10, 10), 0.80)), 0.5: (((5, 20), 0.95),)}
"""The shares that are claimed for (replicates, trials), by shift."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="what false_winners.py kept")
    parser.add_argument("target", type=Path, help="the picture, .svg")
    chosen = parser.parse_args()
    cells = [cell for key, cell in done_before(chosen.source).items() if key.startswith("random |") and cell.shift]
    datasets = sorted({cell.dataset for cell in cells})
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    panels = figure.subplots(len(WANTED), len(TRIALS), sharex=True, sharey=True)
    for row, (shift, claims) in enumerate(WANTED.items()):
        for column, trials in enumerate(TRIALS):
            axes = panels[row, column]
            axes.set_title(f"shift {100 * shift:g} %, n = {trials}", fontsize=10)
            for place, dataset in enumerate(datasets):
                for family, line in (("lstm", "-"), ("gru", "--")):
                    mine = [
                        c for c in cells if (c.dataset, c.family, c.trials, c.shift) == (dataset, family, trials, shift)
                    ]
                    draw(axes, sorted(mine, key=lambda cell: cell.replicates), place, line, f"{dataset}, {family}")
            for (replicates, wanted), share in claims:
                if wanted == trials:
                    axes.plot([replicates], [100 * share], "k_", markersize=22, markeredgewidth=2, label="wanted")
            axes.grid(True, alpha=0.2)
    for axes in panels[-1]:
        axes.set_xlabel("replicates R of n trials")
        axes.set_xticks([1, 3, 5, 10])
        axes.set_xlim(0.4, 11)  # room for the marks at R = 10
    for axes in panels[:, 0]:
        axes.set_ylabel("named, % of replays")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=9)
    counts = sorted({cell.named.replays for cell in cells})
    figure.suptitle(f"Pooled trials, {' to '.join(map(str, counts))} replays a point", fontsize=11)
    figure.savefig(chosen.target, metadata={"Date": None})


def draw(axes: object, cells: list[Cell], place: int, line: str, label: str) -> None:
    look = STYLES[place % len(STYLES)]
    xs, ys = [cell.replicates for cell in cells], [100 * cell.named.value for cell in cells]
    # The first ones are drawn wider, so that they show under those that lie on them, as many do at 100 %.
    width, size = max(1.2, 3.0 - place * 0.6), max(4.0, 8.0 - place * 1.4)
    axes.plot(  # type: ignore[attr-defined]
        xs,
        ys,
        color=look.color,
        marker=look.marker,
        markersize=size,
        linewidth=width,
        linestyle=line,
        label=label,
    )


if __name__ == "__main__":
    main()
