"""The last steps of loading any dataset: freeze the arrays, describe them, seal the test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.cards.schema import DatasetCard, ForecastTask
from harness.data.arrays import Floats, Part, Sealed, SequenceData
from harness.data.facts import digest, say_rows
from harness.data.guards import refuse_leaks, warnings_of
from harness.data.scaling import Scaling
from harness.data.splits import rule_of
from harness.errors import DataError
from harness.metrics import at_real_steps, metric_of, objective_of
from harness.records import DataFacts, TaskKind


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A dataset's parts and what is known of them; the attributes are those of `SequenceData`.

    Attributes:
        parts: The training, validation and test part.
        scaling: Statistics of the training part.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        split: The split in words.
        notes: What loading had to say.
        classes: Class names, where an answer is one class.
        multi_label: Whether each target is a yes or no of its own.
        vocabulary: The tokens, where inputs are tokens.
        known: Channels that are known in advance.
        looks_ahead: Whether a step's answer may be made from later steps too.
    """

    parts: Sequence[Part]
    scaling: Scaling
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    split: str
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    multi_label: bool = False
    vocabulary: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    looks_ahead: bool = True


def finish(card: DatasetCard, loaded: Loaded) -> SequenceData:
    """Freeze, describe and seal.

    Args:
        card: The dataset's card.
        loaded: What was loaded.
    """
    for part in loaded.parts:
        for array in (part.x, part.lengths, part.y, part.rows, part.future):
            if array is not None:
                array.flags.writeable = False
    train, validation, test = loaded.parts
    _guard(card, loaded)
    lengths = np.concatenate([part.lengths for part in loaded.parts])
    forecast = card.task if isinstance(card.task, ForecastTask) else None
    channels = loaded.channels
    places = tuple(channels.index(name) if name in channels else -1 for name in loaded.targets) if forecast else ()
    return SequenceData(
        name=card.name,
        task=TaskKind(card.task.kind),
        objective=objective_of(card.task),
        train=train,
        validation=validation,
        test=Sealed(test),
        scaling=loaded.scaling,
        channels=channels,
        targets=loaded.targets,
        classes=loaded.classes,
        masked=bool(lengths.min() != lengths.max()),
        horizon_steps=forecast.horizon_steps if forecast else 1,
        season_steps=forecast.season_steps if forecast else None,
        target_channels=places,
        facts=_facts(card, loaded, (int(lengths.min()), int(lengths.max()))),
        metric=metric_of(card.task),
        multi_label=loaded.multi_label,
        vocabulary=loaded.vocabulary,
        known=loaded.known,
        class_weights=_class_weights(card, loaded),
        looks_ahead=loaded.looks_ahead,
    )


def _facts(card: DatasetCard, loaded: Loaded, steps: tuple[int, int]) -> DataFacts:
    # A vocabulary is no list of classes for people; how large it is is said in a note.
    classes = () if loaded.classes == loaded.vocabulary else loaded.classes
    train, validation, test = loaded.parts
    names = (loaded.channels, loaded.targets, loaded.classes)
    return DataFacts(
        title=card.title or card.name,
        task=TaskKind(card.task.kind),
        sizes=(len(train), len(validation), len(test)),
        steps=steps,
        channels=loaded.channels,
        targets=loaded.targets,
        classes=classes,
        digest=digest(loaded.parts, (*names, loaded.vocabulary) if loaded.vocabulary else names),
        license=card.license,
        split=loaded.split,
        notes=(*loaded.notes, *_warnings(card, loaded)),
        rows=tuple(say_rows(part.rows) for part in loaded.parts),
    )


def _guard(card: DatasetCard, loaded: Loaded) -> None:
    task = card.task
    if getattr(task, "id", None) is not None and isinstance(task, ForecastTask):
        return  # a panel's rows are counted within each series
    if rule_of(card) == "time" and not isinstance(task, ForecastTask):
        return  # one sequence is in all parts, its steps in one each
    window = task.lookback_steps + task.horizon_steps if isinstance(task, ForecastTask) else None
    try:
        refuse_leaks(loaded.parts, loaded.scaling, window)
    except DataError as error:
        raise DataError(f"{card.name}: {error}") from None


def _warnings(card: DatasetCard, loaded: Loaded) -> list[str]:
    forecast = isinstance(card.task, ForecastTask)
    channels = loaded.channels
    places = [channels.index(name) if name in channels else -1 for name in loaded.targets] if forecast else []
    classes = () if loaded.multi_label else loaded.classes
    return warnings_of(loaded.parts, channels, loaded.targets, classes, places)


def _class_weights(card: DatasetCard, loaded: Loaded) -> Floats | None:
    """scikit-learn's `balanced`: answers / (classes × answers of the class), of the training part's real steps."""
    if getattr(card.task, "class_weight", None) is None:
        return None
    train = loaded.parts[0]
    answers = at_real_steps(train.y, train.lengths) if TaskKind(card.task.kind).per_step else train.y
    counts = np.bincount(answers, minlength=len(loaded.classes))
    return (len(answers) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)
