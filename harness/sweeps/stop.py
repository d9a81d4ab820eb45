"""What ends a sweep early: Ctrl-C and SIGTERM, once to stop soon and twice at once; a disk that runs full.

A closed terminal, and an output that nobody reads any more, count as the first.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from harness.disk import free_bytes
from harness.errors import DiskError


def end_signals() -> tuple[signal.Signals, ...]:
    """Ctrl-C, a service manager's SIGTERM, and a closed terminal's SIGHUP unless `nohup` has it ignored."""
    hung_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *hung_up)


@contextmanager
def handling(handler: Callable[[int, Any], None], *numbers: signal.Signals) -> Iterator[None]:
    """Have these signals handled so within the block; only in the main thread, which is where Python hears them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)


def interrupt(*_: object) -> NoReturn:
    """What a signal's handler does to have all blocks left: temporary folders and children go.

    Raises:
        KeyboardInterrupt: Always.
    """
    raise KeyboardInterrupt


GRACE_SECONDS = 10.0
"""How long what is running may take to end after the first signal."""


@dataclass(slots=True)
class Stop:
    """Whether the user wants an end.

    Attributes:
        wanted: Nothing new is to be begun; what runs has `GRACE_SECONDS`.
        at_once: Not even a report is to be written any more.
    """

    wanted: bool = False
    at_once: bool = False

    def ask(self) -> None:
        """Want an end, within `handling_signals`; asking again changes nothing."""
        if self.wanted:
            return
        self.wanted = True
        if threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def check(self) -> None:
        """Between two steps.

        Raises:
            KeyboardInterrupt: An end is wanted.
        """
        if self.wanted:
            raise KeyboardInterrupt


@contextmanager
def handling_signals() -> Iterator[Stop]:
    """Hear Ctrl-C, SIGTERM and SIGHUP for as long as a sweep runs.

    The first only asks for an end; a second, or the end of the grace, raises KeyboardInterrupt wherever the main thread
    is. Python hears signals in the main thread alone: in another one nothing changes.
    """
    stop = Stop()

    def hear(number: int, _: object) -> None:
        if not stop.wanted:
            stop.ask()
        # The kernel and the shell both send SIGHUP when a terminal is closed: nobody has asked twice.
        elif number != signal.SIGHUP:
            stop.at_once = number != signal.SIGALRM
            raise KeyboardInterrupt

    with handling(hear, *end_signals(), signal.SIGALRM):
        try:
            yield stop
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.setitimer(signal.ITIMER_REAL, 0)


LEAST_FREE_BYTES = 5_000_000
"""Free space below which no trial is begun: what ends must still find room in the journal."""

# Measured on sweeps of 1 to 30 epochs: rows of MLflow's database and of the journal for a trial and for each of its
# epochs; an empty database; reports, figures and configs of a comparison in MLflow, and the report beside the journal.
_TRIAL_BYTES, _EPOCH_BYTES, _STORE_BYTES, _COMPARISON_BYTES = 16_000, 700, 2_000_000, 2_500_000
_WEIGHT_BYTES, _CHAMPION_COPIES = 4, 3  # the sweep's own, MLflow's, and one while it is written


def comparison_bytes(fits: int, epochs: int, parameters: int, kept: int) -> int:
    """About what one comparison takes at its largest.

    Args:
        fits: Trials and seed repeats.
        epochs: Epochs of each.
        parameters: Weights of a network; those of the largest count.
        kept: Networks whose weights are on the disk at the same time.
    """
    weights = parameters * _WEIGHT_BYTES * (kept + _CHAMPION_COPIES)
    return fits * (_TRIAL_BYTES + epochs * _EPOCH_BYTES) + _COMPARISON_BYTES + weights


def sweep_bytes(comparisons: list[int]) -> int:
    """About what a sweep takes, MLflow's database included."""
    return _STORE_BYTES + sum(comparisons)


def require_disk_space(folder: Path, bytes_needed: int = LEAST_FREE_BYTES) -> None:
    """Refuse to go on where the disk is nearly full.

    Raises:
        DiskError: Less is free; the message says how much, and how much is needed.
    """
    free = free_bytes(folder)
    if free < bytes_needed:
        raise DiskError(
            f"{folder}: {free / 1e6:.1f} MB of disk are free, {bytes_needed / 1e6:.1f} MB are needed to continue: make "
            "room, then run the same command again"
        )
