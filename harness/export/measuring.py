"""Two models on the same new rows: the version that has an alias, and the one that is to have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data import cached_dataset
from harness.data.seen import unseen
from harness.export.champion import read_seen
from harness.export.loading import load_folder
from harness.export.proving import score_of, score_on
from harness.records.plain import to_plain

if TYPE_CHECKING:
    from harness.export.loading import Champion

FEWEST_CASES = 30
"""Windows or sequences below which two scores say nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What two models score on one test part.

    Attributes:
        total: Cases of the test part: windows or sequences.
        cases: Those that the incumbent was neither trained nor selected on.
        incumbent: The score of the version that has the alias, on those; None where nothing was scored.
        challenger: The score of the version that is to have it, on the same.
        why_not: Why nothing was scored, in a few words; empty where it was, or where too few cases are left.
    """

    total: int = 0
    cases: int = 0
    incumbent: float | None = None
    challenger: float | None = None
    why_not: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return to_plain(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Measured:
        """What `to_json` wrote."""
        return cls(**plain)


def measure(challenger: Champion, folder: Path) -> Measured:
    """Score a model and the one that has its alias on the test rows of the first one's dataset.

    Rows that the other was trained on are left out.

    Args:
        challenger: The model whose dataset it is; it was proved.
        folder: The other's folder.
    """
    try:
        return _measured(challenger, folder)
    except Exception as error:  # whatever an old model does, the new one is as good as it was proved to be
        first = next(iter(str(error).splitlines()), "")
        return Measured(why_not=f"{type(error).__name__}: {first}"[:300])


def _measured(challenger: Champion, folder: Path) -> Measured:
    seen = read_seen(folder)
    if seen is None:
        return Measured(why_not="it does not say which rows it was trained on")
    card = challenger.description.dataset_card
    data = cached_dataset(card)
    part = data.test.open()
    fresh = unseen(data, card, part, seen)
    if fresh is None:
        return Measured(len(part), why_not="its windows or sequences are cut in another way")
    kept = part.at(np.flatnonzero(fresh))
    if len(kept) < FEWEST_CASES:
        return Measured(len(part), len(kept))
    predicted = load_folder(folder).predict(kept.x, kept.lengths, kept.future)
    # By the new one's metric for both: a function of the user's that the old one names may be gone.
    score = score_of(challenger.description, kept.y, predicted, kept.lengths)
    return Measured(len(part), len(kept), score, score_on(challenger, kept))
