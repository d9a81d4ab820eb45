"""One picture of a dataset: a few sequences, lengths, answers, and where the split falls.

Draws the training and validation part alone; of the test part only its places in the source are shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.dataset import SequenceData
from harness.disk import cannot_write
from harness.errors import UsageError
from harness.metrics import at_real_steps
from harness.records import TaskKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"train": "#4477aa", "validation": "#ccaa33", "test": "#bb5566"}
MOST_SEQUENCES, MOST_CHANNELS, MOST_CLASSES = 3, 6, 30


def draw(data: SequenceData, path: Path) -> None:
    """Write the picture as a PNG.

    Args:
        data: The dataset.
        path: Where to; ends in `.png`.

    Raises:
        UsageError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if path.suffix.lower() != ".png":
        raise UsageError(f"--plot {path}: expected a file that ends in .png")
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{data.name}: {data.facts.title}")
    (sequences, lengths), (answers, split) = figure.subplots(2, 2)
    _sequences(data, sequences)
    _lengths(data, lengths)
    _answers(data, answers)
    _split(data, split)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise UsageError(f"--plot {path}: {cannot_write(error, path.parent)}") from None


def _sequences(data: SequenceData, axes: Axes) -> None:
    train, count = data.train, min(MOST_SEQUENCES, len(data.train))
    places = np.linspace(0, len(train) - 1, count).astype(int)
    if data.vocabulary:
        axes.axis("off")
        joined = "" if data.channels == ("characters",) else " "
        for line, place in enumerate(places):
            text = joined.join(data.vocabulary[number] for number in train.x[place, : train.lengths[place]])
            axes.text(0, 0.9 - line * 0.3, repr(text[:70]), family="monospace", fontsize=7, parse_math=False)
        axes.set_title(f"{count} training texts")
        return
    moving = np.argsort(-np.nanstd(train.x, axis=(0, 1)), kind="stable")  # a key that is never struck shows nothing
    shown = np.sort(moving[:MOST_CHANNELS]) if len(data.channels) > MOST_CHANNELS else np.arange(len(data.channels))
    values = (train.x[places] - data.scaling.input_mean) / data.scaling.input_scale
    for number, place in enumerate(places):
        steps = np.arange(train.lengths[place]) + number * (train.x.shape[1] + 1)
        for colour, channel in enumerate(shown):
            label = data.channels[channel] if number == 0 else None
            axes.plot(steps, values[number, : train.lengths[place], channel], f"C{colour}", lw=0.9, label=label)
    some = f"; {len(shown)} of {len(data.channels)} channels" if len(shown) < len(data.channels) else ""
    axes.set_title(f"{count} training sequences, side by side, scaled{some}")
    axes.set_xlabel("step")
    legend = axes.legend(fontsize=7, loc="upper right")
    for entry in legend.get_texts():
        entry.set_parse_math(False)  # names of columns may hold a dollar sign


def _lengths(data: SequenceData, axes: Axes) -> None:
    low, high = data.facts.steps
    parts = {"train": data.train.lengths, "validation": data.validation.lengths}
    bins: Any = np.arange(low, high + 2, max((high - low) // 30, 1)) - 0.5  # whole steps
    axes.hist(list(parts.values()), bins=bins, color=[COLOURS[name] for name in parts], label=list(parts))
    axes.set_title("lengths" if high > low else f"lengths: all {low} steps")
    axes.set_xlabel("steps")
    axes.legend(fontsize=7)


def _answers(data: SequenceData, axes: Axes) -> None:
    step = data.task.per_step
    found = {
        name: at_real_steps(part.y, part.lengths) if step else part.y
        for name, part in (("train", data.train), ("validation", data.validation))
    }
    if data.classes and not data.multi_label:
        counts = {name: np.bincount(y.reshape(-1), minlength=len(data.classes)) for name, y in found.items()}
        order = np.argsort(-counts["train"], kind="stable")[:MOST_CLASSES]
        if len(order) == len(data.classes):
            order = np.arange(len(order))  # in their own order where all are shown
        _bars(axes, {name: count[order] for name, count in counts.items()}, [data.classes[at] for at in order])
        axes.set_title(
            f"{len(data.classes)} classes" + (f", the {len(order)} commonest" if len(data.classes) > len(order) else "")
        )
    elif data.multi_label:
        shares = {name: y.reshape(-1, y.shape[-1]).mean(axis=0) for name, y in found.items()}
        for name, share in shares.items():
            axes.plot(share, color=COLOURS[name], label=name)
        axes.set_title("share of steps with each label")
        axes.legend(fontsize=7)
    else:
        values = [y[..., 0].reshape(-1) for y in found.values()]
        axes.hist(values, bins=40, density=True, color=[COLOURS[name] for name in found], label=list(found))
        axes.set_title(f"values of {data.targets[0]}", parse_math=False)
        axes.legend(fontsize=7)


def _bars(axes: Axes, counts: dict[str, Any], names: list[str]) -> None:
    places = np.arange(len(names))
    for number, (name, count) in enumerate(counts.items()):
        axes.bar(places + (number - 0.5) * 0.4, count, 0.4, color=COLOURS[name], label=name)
    axes.set_xticks(
        places, [repr(name)[1:-1][:12] for name in names], rotation=90 if len(names) > 12 else 0, fontsize=7
    )
    for tick in axes.get_xticklabels():
        tick.set_parse_math(False)
    axes.legend(fontsize=7)


def _split(data: SequenceData, axes: Axes) -> None:
    for height, (name, phrase) in enumerate(zip(COLOURS, data.facts.rows, strict=True)):
        places = [_span(text) for text in phrase.split(",") if text]
        axes.broken_barh(places, (2.6 - height, 0.8), color=COLOURS[name])
    axes.set_yticks([3, 2, 1], [f"{name}: {size:,}" for name, size in zip(COLOURS, data.facts.sizes, strict=True)])
    axes.set_xlabel("first row of each window" if data.task is TaskKind.FORECAST else "place in the source")
    axes.set_title("where the split falls")


def _span(phrase: str) -> tuple[float, float]:
    low, _, high = phrase.partition(":")[0].partition("-")
    return float(low), float(high or low) - float(low) + 1
