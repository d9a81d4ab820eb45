"""From a card to sequences with an answer at every step: which module reads which kind of source."""

from __future__ import annotations

from dataclasses import replace

from harness.cards.schema import (
    ArraysSource,
    DatasetCard,
    FileSource,
    GeneratorSource,
    LabelTask,
    LoaderSource,
    MatSource,
)
from harness.data.generators import GENERATORS
from harness.data.raw import Sequences
from harness.data.sources.arrays import read_arrays
from harness.data.sources.files import shown
from harness.data.sources.grouped import label_rows
from harness.data.sources.loader import read_loaded
from harness.data.sources.mat import read_mat
from harness.data.sources.tables import read_table
from harness.errors import DataError, nearest


def read_steps(card: DatasetCard, task: LabelTask) -> Sequences:
    """The sequences that a card names, with the channels that it asks for.

    Args:
        card: The dataset's card.
        task: Its task.

    Returns:
        Sequences whose `y` is (n, steps) or (n, steps, answers), or empty where the answers are the channels.

    Raises:
        DataError: They are missing, have changed or are not what the card says.
    """
    match card.source:
        case GeneratorSource() as source:
            return _with_channels(GENERATORS[source.generator](source), task)
        case MatSource() as source:
            return _with_channels(read_mat(source), task)
        case ArraysSource() as source:
            return _with_channels(read_arrays(source, per_step=True), task)
        case LoaderSource() as source:
            return read_loaded(source, task, card.split.group)
        case FileSource() as source:
            return label_rows(read_table(source), task, shown(source.path), card.split.group)
        case source:
            raise DataError(f"{card.name}: a source of kind {source.kind} has no answer at every step")


def _with_channels(raw: Sequences, task: LabelTask) -> Sequences:
    """The channels that the card asks for; the answers, where they are channels, stay as they are."""
    names = task.features
    for name in names:
        if name not in raw.channels:
            raise DataError(f"{raw.where}: has no channel {name!r} ([task] features). {nearest(name, raw.channels)}")
    if not names or names == raw.channels:
        return raw
    y = raw.y if raw.y.size else raw.x
    x = raw.x[:, :, [raw.channels.index(name) for name in names]]
    return replace(raw, x=x, y=y, channels=names)
