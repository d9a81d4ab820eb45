"""Median stopping: what a trial's best score so far must reach, from what the others of its search had reached by then.

The rule of Google Vizier (Golovin et al. 2017, section 3.2.2).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from itertools import accumulate

from harness.records import PRUNING_BEGINS, Direction, Objective, TrialRecord

FEWEST_TRIALS = 5
"""Completed trials of a search before any trial of it is stopped."""


class MedianFloor:
    """By epoch, the best scores so far of a search's completed trials, in order: a trial is added once, and not sorted.

    Args:
        objective: What is optimised.
        ended: Trials that have ended already.
    """

    def __init__(self, objective: Objective, ended: Iterable[TrialRecord] = ()) -> None:
        self._best = min if objective.direction is Direction.MIN else max
        self._completed = 0
        self._reached: list[list[float]] = []
        for record in ended:
            self.add(record)

    def add(self, record: TrialRecord) -> None:
        """Count a trial that has ended, if it has a score; one that was pruned counts with what it had reached."""
        if record.validation_score is None:
            return
        curve = list(accumulate(record.validation_scores, self._best))
        # A trial that stopped improving keeps its best: it would not have become better by going on.
        while len(self._reached) < len(curve):
            self._reached.append(list(self._reached[-1]) if self._reached else [])
        for epoch, scores in enumerate(self._reached):
            insort(scores, curve[min(epoch, len(curve) - 1)])
        self._completed += 1

    @property
    def floor(self) -> tuple[float, ...]:
        """The medians from `PRUNING_BEGINS` on, up to the last epoch of the longest trial.

        Empty while fewer than `FEWEST_TRIALS` have completed.
        """
        if self._completed < FEWEST_TRIALS:
            return ()
        return tuple(map(_median, self._reached[PRUNING_BEGINS - 1 :]))


def _median(ordered: list[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
