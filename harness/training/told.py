"""What a trial tells of its epochs while it trains, for whoever watches. Nothing is decided by it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from harness.notes import tell

EVERY_SECONDS = 1.0
"""How often a trial tells, at the most: one that is over sooner tells nothing of its epochs."""

MOST_EPOCHS = 500
"""Epochs that a note tells of."""


def worker_name() -> str:
    """The process that trains, such as `4711 on node-3`."""
    return f"{os.getpid()} on {socket.gethostname()}"


class Told:
    """How much of a training was told. Two looks at a clock an epoch."""

    def __init__(self) -> None:
        self._epochs = 0
        self._next = time.monotonic() + EVERY_SECONDS

    def epoch(self, losses: Sequence[float], scores: Sequence[float]) -> None:
        """Tell of the epochs since the last time, unless that was a moment ago.

        Args:
            losses: Training loss of each epoch so far.
            scores: Validation score of each.
        """
        if time.monotonic() < self._next:
            return
        until = min(len(losses), self._epochs + MOST_EPOCHS)
        new = slice(self._epochs, until)
        if tell({"after": self._epochs, "losses": list(losses[new]), "scores": list(scores[new])}):
            self._epochs = until
        self._next = time.monotonic() + EVERY_SECONDS
