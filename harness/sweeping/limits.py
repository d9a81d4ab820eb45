"""What a plan allows: the limits of a trial, and the settings that the searches of a dataset share."""

from __future__ import annotations

from harness.cards.schema import SweepPlan
from harness.engines import machine_mb
from harness.search import Budget, SearchSettings
from harness.sweeping.planning import SweepHeader

LEAST_MEMORY_MB, SHARE_OF_MEMORY = 2000, 0.8


def trial_limits(plan: SweepPlan, workers: int) -> tuple[float | None, int]:
    """The most seconds and megabytes of a trial, the same for every family.

    Where the plan says nothing: as long as it takes, and the worker's share of four fifths of the machine's memory, at
    least 2,000 MB (TensorFlow alone takes 700).
    """
    seconds = plan.trial_minutes * 60 if plan.trial_minutes else None
    return seconds, plan.trial_memory_mb or max(LEAST_MEMORY_MB, round(SHARE_OF_MEMORY * machine_mb() / workers))


def search_settings(header: SweepHeader, workers: int, replicates: int | None = None) -> SearchSettings:
    """What the searches of each dataset share; minutes are divided equally over datasets and replicates.

    Args:
        header: The sweep.
        workers: Trials that can run at the same time.
        replicates: Replicates that a dataset's searches are to come to; by default those of the first look.
    """
    plan = header.plan
    share = plan.minutes * 60 / len(header.datasets) / plan.looks[-1] if plan.minutes else None
    budget = Budget(None if plan.minutes else plan.trials, share)
    return SearchSettings(
        plan.oracle,
        budget,
        replicates or plan.looks[0],
        plan.epochs,
        plan.patience_epochs,
        plan.seed,
        workers,
        plan.prune,
    )
