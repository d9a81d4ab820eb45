"""Ctrl-C and SIGTERM: once to stop soon, twice to stop at once. Either way nothing that has ended is lost.

A closed terminal, and an output that nobody reads any more, count as the first.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.signals import end_signals, handling

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
        """Want an end, within `hearing_signals`; asking again changes nothing."""
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
def hearing_signals() -> Iterator[Stop]:
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
