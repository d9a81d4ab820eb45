"""What stands beside a saved model, in `champion.json`: all that is needed to use it and to trace it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cards.schema import DatasetCard
from harness.errors import ExportError
from harness.places import place_around
from harness.records import Answer, Direction, Objective, TaskKind, Value

FILE = "champion.json"


@dataclass(frozen=True, slots=True)
class Description:
    """A champion's description.

    Attributes:
        name: Name of the dataset, also the registered model's.
        title: The dataset in one line.
        task: What is predicted.
        family: Family of its recurrent cell.
        arm: Arm that it came from.
        sweep_id: Sweep that it came from.
        trial: Key of its trial.
        seed: Seed of that trial.
        values: Its hyperparameters.
        metric: Name of the objective's metric.
        direction: Whether low or high scores are better.
        unit: Unit of the score; empty for a pure number.
        test_score: The logged score on the test part; None for a refitted model, which nobody has tested.
        channels: Names of the input channels, in order.
        targets: Names of what is predicted.
        classes: Class names, by class number; empty unless an answer is one class.
        masked: Whether sequences may differ in length.
        steps: Steps of every sequence; None where they may differ.
        horizon_steps: Steps of a forecast; 1 for other tasks.
        scaling: Means and standard deviations that are built into the model.
        digest: Digest of the data.
        license: Licence of the data.
        card: The dataset's card.
        space: The family's search space.
        inputs: Shape of each of the model's inputs, -1 where it is free.
        output: Shape of its output.
        requirements: Packages that load the model.
        versions: Versions that trained it.
        evidence: The comparison behind it: verdict, scores, budget, as plain values; empty where there was none.
        multi_label: Whether each target is a yes or no of its own.
        vocabulary: The tokens, by their numbers, of which the first stands for all unknown ones; empty where inputs are
            numbers.
        known: Names of the channels known in advance, the last ones of `channels`.
        refit: Whether it was trained again on training and validation parts.
        seen_score: A refitted model's score on the validation part, which it was trained on: it tells that a model is
            the same one, and nothing of how good it is. None for others.
    """

    name: str
    title: str
    task: TaskKind
    family: str
    arm: str
    sweep_id: str
    trial: str
    seed: int
    values: Mapping[str, Value]
    metric: str
    direction: Direction
    unit: str
    test_score: float | None
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    masked: bool
    steps: int | None
    horizon_steps: int
    scaling: Mapping[str, tuple[float, ...]]
    digest: str
    license: str
    card: Mapping[str, Any]
    space: Mapping[str, Any]
    inputs: Mapping[str, tuple[int, ...]]
    output: tuple[int, ...]
    requirements: tuple[str, ...]
    versions: Mapping[str, str]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    multi_label: bool = False
    vocabulary: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    refit: bool = False
    seen_score: float | None = None

    @property
    def logged_score(self) -> float | None:
        """The score by which a model is known again: on the test part; a refitted one's on the validation part."""
        return self.seen_score if self.refit else self.test_score

    @property
    def scored_part(self) -> str:
        """The part of that score, in a word."""
        return "validation" if self.refit else "test"

    @property
    def answer(self) -> Answer:
        """What an answer is made of."""
        return Answer.of(self.task, self.multi_label)

    @property
    def objective(self) -> Objective:
        """The metric of its score."""
        return Objective(self.metric, self.direction, self.unit)

    @property
    def dataset_card(self) -> DatasetCard:
        """The dataset's card, as it was when the model was trained.

        Raises:
            ExportError: It is not a card, or not one of this version's.
        """
        try:
            return DatasetCard.model_validate(self.card)
        except ValueError as error:
            first = " ".join(str(error).split())[:300]
            raise ExportError(f"{FILE} of {self.trial}: card = {{…}}: not a dataset's card here: {first}") from error

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Description:
        """The description that `to_json` wrote."""
        lists = ("channels", "targets", "classes", "output", "requirements")
        later = ("vocabulary", "known")  # which the first version's descriptions lack
        return cls(
            **{
                **plain,
                **{name: tuple(plain[name]) for name in lists},
                **{name: tuple(plain.get(name, ())) for name in later},
                "task": TaskKind(plain["task"]),
                "direction": Direction(plain["direction"]),
                "inputs": {name: tuple(shape) for name, shape in plain["inputs"].items()},
                "scaling": {name: tuple(numbers) for name, numbers in plain["scaling"].items()},
            }
        )


def read_description(folder: Path) -> Description:
    """The description in a saved champion's folder; the data of one in a store that was moved is where it lies now.

    Raises:
        ExportError: There is none, or it is damaged.
    """
    file = folder / FILE
    try:
        plain, place = json.loads(file.read_text(encoding="utf-8")), place_around(folder)
        if place:
            plain |= {"card": place.files(plain["card"]), "space": place.files(plain["space"])}
        return Description.from_json(plain)
    except FileNotFoundError:
        raise ExportError(f"{folder}: expected a champion's folder, got one without {FILE}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{file}: is not a champion's description: {type(error).__name__}: {error}") from error


_SHAPE = ("channels", "targets", "classes", "multi_label", "vocabulary", "known", "horizon_steps")


def unlike(model: Description, other: Description) -> str:
    """Why one model's scores on the other's data could not be compared with the other's; empty where they can.

    Args:
        model: The model that is to predict.
        other: The one whose data it is.

    Returns:
        What differs, with both values, such as `metric mse and mae`.
    """
    for name in ("task", "metric", "direction", "unit", *_SHAPE):
        one, two = getattr(model, name), getattr(other, name)
        if one != two:
            return f"{name.replace('_', ' ')} {_words(one)} and {_words(two)}"
    if model.steps not in (None, other.steps):
        return f"steps {model.steps} and {'any number' if other.steps is None else other.steps}"
    return ""


def _words(value: object) -> str:
    names = [str(one) for one in value] if isinstance(value, tuple) else [str(value)]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return (", ".join(names[:6]) or "none") + more
