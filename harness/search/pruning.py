"""Median stopping: what a trial must have reached after each epoch to go on.

The rule of Google Vizier (Golovin et al. 2017, section 3.2.2) on the best score so far: a trial ends when its best is
worse than the median of what the completed trials of its own search had reached by then. It hears nothing from other
trials while it runs; what it must reach is settled when it is asked for, and stands in the journal.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import accumulate

from harness.records import PRUNING_BEGINS, Direction, Objective, TrialRecord

FEWEST_TRIALS = 5
"""Completed trials of a search before any trial of it is stopped."""


def median_floor(ended: Sequence[TrialRecord], objective: Objective) -> tuple[float, ...]:
    """By epoch, from `PRUNING_BEGINS` on, the median of the best scores so far.

    Args:
        ended: The search's trials that have ended. Those that were pruned count with what they had reached.
        objective: What is optimised.

    Returns:
        One number an epoch, up to the last of the longest trial; empty while too few trials have completed.
    """
    completed = [record for record in ended if record.validation_score is not None]
    if len(completed) < FEWEST_TRIALS:
        return ()
    best = min if objective.direction is Direction.MIN else max
    curves = [list(accumulate(record.validation_scores, best)) for record in completed]
    longest = max(len(curve) for curve in curves)
    # A trial that stopped improving keeps its best: it would not have become better by going on.
    reached = [[curve[min(epoch, len(curve) - 1)] for curve in curves] for epoch in range(longest)]
    return tuple(statistics.median(at) for at in reached[PRUNING_BEGINS - 1 :])
