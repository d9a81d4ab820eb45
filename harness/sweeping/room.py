"""Disk: how much a sweep will take, and stopping before there is none."""

from __future__ import annotations

from pathlib import Path

from harness.disk import free_bytes
from harness.errors import DiskError

LEAST_FREE_BYTES = 5_000_000
"""Free space below which no trial is begun: what ends must still find room in the journal."""

# Measured on sweeps of 1 to 30 epochs: rows of MLflow's database and of the journal for a trial and for each of its
# epochs; an empty database; reports, figures and cards of a comparison in MLflow, and the report beside the journal.
_TRIAL_BYTES, _EPOCH_BYTES, _STORE_BYTES, _COMPARISON_BYTES = 16_000, 700, 2_000_000, 2_500_000
_WEIGHT_BYTES, _CHAMPION_COPIES = 4, 3  # the sweep's own, MLflow's, and one while it is written


def comparison_bytes(fits: int, epochs: int, parameters: int, kept: int) -> int:
    """About what one comparison takes at its largest.

    Args:
        fits: Trials and confirmations.
        epochs: Epochs of each.
        parameters: Weights of a network; those of the largest count.
        kept: Networks whose weights are on the disk at the same time.
    """
    weights = parameters * _WEIGHT_BYTES * (kept + _CHAMPION_COPIES)
    return fits * (_TRIAL_BYTES + epochs * _EPOCH_BYTES) + _COMPARISON_BYTES + weights


def sweep_bytes(comparisons: list[int]) -> int:
    """About what a sweep takes, MLflow's database included."""
    return _STORE_BYTES + sum(comparisons)


def require_room(folder: Path, bytes_needed: int = LEAST_FREE_BYTES) -> None:
    """Refuse to go on where the disk is nearly full.

    Raises:
        DiskError: Less is free; the message says how much, and how much is needed.
    """
    free = free_bytes(folder)
    if free < bytes_needed:
        raise DiskError(
            f"{folder}: {free / 1e6:.1f} MB of disk are free, {bytes_needed / 1e6:.1f} MB are needed to go on: make "
            "room, then the same command goes on"
        )
