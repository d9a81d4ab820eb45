"""The signals by which a user, a service manager or a closed terminal asks for an end. Knows nothing of the package."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


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
