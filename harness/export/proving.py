"""Does a saved model give its logged test score again? The one place of export that compares scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.cards.schema import DatasetCard
from harness.data import Part, cached_dataset, load_dataset
from harness.errors import ExportError
from harness.export.batch import Batch
from harness.export.description import Description
from harness.metrics import metric_of
from harness.records import Answer, TaskKind

if TYPE_CHECKING:
    from harness.data.arrays import Values, Whole
    from harness.export.loading import Champion

TOLERANCE = 1e-5


def test_rows(card: DatasetCard) -> tuple[Values, Whole, Values]:
    """The test part of a dataset: what a champion's test score was measured on.

    Args:
        card: The dataset's card.

    Returns:
        x (n, steps, channels) in raw units, lengths (n,), and y: forecast (n, horizon, targets), classes
        (n,), or numbers (n, 1).

    Raises:
        DataError: The data is missing, changed or not what the card says.
    """
    part = load_dataset(card).test.open()
    return part.x, part.lengths, part.y


def test_batch(champion: Champion) -> tuple[Batch, Values]:
    """The test part of a champion's own dataset, as a batch, and the truth.

    Raises:
        DataError: The data is missing, changed or not what the card says.
    """
    part = load_dataset(champion.description.dataset_card).test.open()
    label = "row" if champion.description.task is TaskKind.FORECAST else "sequence"
    return Batch(part.x, part.lengths, label, tuple(part.rows.tolist()), future=part.future), part.y


def score_on(champion: Champion, part: Part) -> float:
    """A champion's score on a part of its dataset, in the objective's unit."""
    prediction = champion.predict(part.x, part.lengths, part.future)
    return score_of(champion.description, part.y, prediction, part.lengths)


def score_again(champion: Champion) -> float:
    """A champion's score on the part that its logged score was measured on.

    Raises:
        DataError: The data is missing, changed or not what the card says.
    """
    data = cached_dataset(champion.description.dataset_card)
    return score_on(champion, data.validation if champion.description.refit else data.test.open())


def score_of(description: Description, truth: Values, prediction: npt.NDArray[np.float32], lengths: Whole) -> float:
    """The objective's score of predictions, padded steps apart.

    Args:
        description: Of the champion that made them.
        truth: As in a `Part`.
        prediction: In original units, or probabilities.
        lengths: Real steps of each sequence (n,).
    """
    metric = metric_of(description.dataset_card.task)
    return metric.of(truth, prediction, lengths if description.task.per_step else None)


def agrees(description: Description, score: float) -> bool:
    """Whether a score is the logged one again: to 1e-5 of it, or to 1e-6 of the targets' spread.

    The second for near-perfect predictions: another kernel adds 32-bit numbers in another order, which is
    more than 1e-5 of a very small error.

    Args:
        description: Whose logged score.
        score: The score to compare with it.
    """
    logged = description.logged_score
    return logged is not None and math.isclose(score, logged, rel_tol=TOLERANCE, abs_tol=_smallest(description))


def require_agreement(description: Description, score: float) -> None:
    """Refuse a model whose score is not the logged one.

    Raises:
        ExportError: The scores differ by more than 1e-5.
    """
    if not agrees(description, score):
        raise ExportError(
            f"{description.trial}: the exported model's {description.scored_part} {description.metric} is {score!r}: "
            f"expected the logged {description.logged_score!r}, to 1e-5"
        )


def _smallest(description: Description) -> float:
    if description.answer is not Answer.NUMBERS:
        return TOLERANCE
    scale = max(description.scaling["output_scale"])
    return 1e-6 * (scale**2 if description.metric == "mse" else scale)
