"""Ctrl-C and SIGTERM: once to stop soon, twice to stop at once. Either way nothing that has ended is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

    def check(self) -> None:
        """Between two steps.

        Raises:
            KeyboardInterrupt: An end is wanted.
        """
        if self.wanted:
            raise KeyboardInterrupt


@contextmanager
def hearing_signals() -> Iterator[Stop]:
    """Hear Ctrl-C and SIGTERM for as long as a sweep runs.

    The first only sets `wanted`; a second, or the end of the grace, raises KeyboardInterrupt wherever the main thread
    is. Python hears signals in the main thread alone: in another one nothing changes.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def hear(number: int, _: object) -> None:
        if stop.wanted:
            stop.at_once = number != signal.SIGALRM
            raise KeyboardInterrupt
        stop.wanted = True
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
