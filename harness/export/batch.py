"""Sequences as a champion takes them, with the names that their predictions get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.data.arrays import Floats, Values, Whole
from harness.export.stamps import Stamps

ROWS_A_CALL = 256
"""Sequences that a network is called with at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sequences to predict for.

    Attributes:
        x: (n, steps, channels) in raw units, or numbers of tokens (n, steps); 0 beyond a sequence's length.
        lengths: (n,) real steps.
        label: What the sequences' names are, such as the id column.
        names: Name of each sequence.
        stamps: Times of each forecast's steps, where the input had times; else empty.
        future: (n, horizon, known) in raw units, where channels are known in advance.
    """

    x: Values
    lengths: Whole
    label: str
    names: tuple[Any, ...]
    stamps: tuple[Stamps, ...] = ()
    future: Floats | None = None

    @property
    def assumed(self) -> str:
        """What had to be assumed of the times, in one sentence; empty where nothing had."""
        return next((stamps.assumed for stamps in self.stamps if stamps.assumed), "")
