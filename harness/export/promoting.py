"""Moving an alias by hand, and two versions side by side: both ask the models themselves, not what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.data import Part, load_dataset
from harness.errors import DataError, ExportError, UsageError
from harness.export.aliases import Holder, holder, instead_of
from harness.export.description import Description, read_description, unlike
from harness.export.loading import Champion
from harness.export.proving import agrees, score_of
from harness.export.verifying import verify
from harness.records import Direction
from harness.store import Store
from harness.tracking.registry import ALIASES, Registered, move_alias, one_at_a_time, resolve

if TYPE_CHECKING:
    from harness.data.arrays import Values


def promote(reference: str, alias: str, store: Store, *, untested: bool = False) -> tuple[Registered, str]:
    """Let an alias mean a version, once it gave its logged score again in a clean process; also where it gets worse.

    Args:
        reference: The version: `name/3`, or any other that `resolve` takes.
        alias: `champion` or `candidate`.
        store: Which store.
        untested: Whether a model that nobody has tested may have it.

    Returns:
        The version, and what the alias meant until now, in words with both logged scores; empty where nothing else.

    Raises:
        UsageError: The reference or the alias is unknown, or the model is untested and that is not asked for.
        ExportError: The model gives another score than the logged one; no alias is moved.
    """
    if alias not in ALIASES:
        raise UsageError(f"--alias {alias}: expected {' or '.join(ALIASES)}")
    registered = resolve(store, reference)
    description, name = read_description(registered.path), f"{registered.name}/{registered.version}"
    if description.refit and not untested:
        raise UsageError(
            f"model {name}: nobody has tested it, since it was trained on the validation part too: say --untested"
        )
    score = verify(registered.path)
    if not agrees(description, score):
        raise ExportError(
            f"model {name}: in a clean process its {description.scored_part} {description.metric} is {score!r}, "
            f"expected the logged {description.logged_score!r}; no alias was moved"
        )
    with one_at_a_time(store):
        before = holder(store, registered.name, alias)
        if before and not before.own:
            raise UsageError(f"model {name}: @{alias} is {before.reference}, somebody else's: no sweep made it")
        move_alias(store, registered.name, registered.version, alias)
    return registered, instead_of(before, Holder(name, description, registered.path))


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two models on the same test rows.

    Attributes:
        names: What they are called.
        descriptions: What they are.
        scores: Their scores, in the objective's unit.
        better: How much better the second's score is; negative when it is worse.
        rows: How many test rows.
        first_better: Share of the rows on which the first alone has the better score.
        second_better: Share of the rows on which the second alone has it.
    """

    names: tuple[str, str]
    descriptions: tuple[Description, Description]
    scores: tuple[float, float]
    better: float
    rows: int
    first_better: float
    second_better: float


def compare(first: Champion, second: Champion) -> SideBySide:
    """Score two models on the test rows of the first one's dataset.

    Raises:
        UsageError: They do not predict the same of the same.
        DataError: The data is missing, changed or not what the card says.
    """
    _require_alike(first, second)
    description = first.description
    data = load_dataset(description.dataset_card)
    if data.facts.digest != description.digest:
        raise DataError(
            f"{description.name}: the data changed: digest {data.facts.digest}, expected {description.digest}"
        )
    part = data.test.open()
    predictions = [champion.predict(part.x, part.lengths, part.future) for champion in (first, second)]
    scores = [score_of(description, part.y, predicted, part.lengths) for predicted in predictions]
    rows = [_row_scores(description, part, predicted) for predicted in predictions]
    sign = 1 if description.direction is Direction.MIN else -1
    gains = sign * (rows[0] - rows[1])  # positive where the second is better
    return SideBySide(
        (first.where, second.where),
        (first.description, second.description),
        (scores[0], scores[1]),
        sign * (scores[0] - scores[1]),
        len(part),
        float((gains < 0).mean()),
        float((gains > 0).mean()),
    )


def _require_alike(first: Champion, second: Champion) -> None:
    if what := unlike(second.description, first.description):
        raise UsageError(
            f"{second.where} and {first.where}: expected models of the same task on the same data, got {what}"
        )


def _row_scores(description: Description, part: Part, predicted: Values) -> Values:
    """Each row's own score; nan where a single row has none."""
    one = [np.array([at]) for at in range(len(part))]
    scores = [score_of(description, part.y[at], predicted[at], part.lengths[at]) for at in one]
    return np.array(scores, np.float32)
