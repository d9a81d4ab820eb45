"""From a card to many sequences: the one place that knows which module reads which kind of source."""

from __future__ import annotations

from harness.cards.schema import (
    ArraysSource,
    ClassifyTask,
    DatasetCard,
    FileSource,
    GeneratorSource,
    KerasSource,
    LoaderSource,
    MatSource,
    RegressTask,
    SklearnSource,
    TextSource,
    TsSource,
)
from harness.data.generators import GENERATORS
from harness.data.raw import Sequences
from harness.data.sources.arrays import read_arrays
from harness.data.sources.digits import read_digits
from harness.data.sources.grouped import read_grouped
from harness.data.sources.keras import read_keras
from harness.data.sources.loader import read_loaded
from harness.data.sources.ts import read_ts
from harness.errors import DataError


def read_sequences(card: DatasetCard, task: ClassifyTask | RegressTask) -> Sequences:
    """The sequences that a card names.

    Args:
        card: The dataset's card.
        task: Its task.

    Raises:
        DataError: They are missing, have changed or are not what the card says.
    """
    match card.source:
        case GeneratorSource() as source:
            return GENERATORS[source.generator](source)
        case TsSource() as source:
            return read_ts(source)
        case ArraysSource() as source:
            return read_arrays(source)
        case SklearnSource():
            return read_digits()
        case KerasSource() as source:
            return read_keras(source)
        case LoaderSource() as source:
            return read_loaded(source, task, card.split.group)
        case FileSource() as source:
            return read_grouped(source, task, card.split.group)
        case TextSource() | MatSource():
            raise DataError(f"{card.name}: text is not read yet")
