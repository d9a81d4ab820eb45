"""Runs a server for as long as its starter lives; then ends all of it, and removes its folder.

A file that is run by its path, `python -I -S supervisor.py FOLDER COMMAND …`; FOLDER goes at the end, `""` is none.
Whoever started it holds the other end of its standard input. A process that is killed cannot end what it started, but
the kernel closes its pipes, however it ends. Imports nothing but Python's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

END_SECONDS = 5
"""How long the server may take to end by itself: what it is answering is answered."""

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main(folder: str, command: Sequence[str]) -> int:
    """Run the command until it ends, standard input is closed, or SIGTERM comes.

    It belongs into a session of its own: at the end it ends its whole process group.

    Args:
        folder: A folder to remove at the end; may be empty.
        command: The server's command.

    Returns:
        The server's exit code; 0 where it was ended.
    """
    # What ends a terminal's jobs is the starter's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    _adopt_orphans()
    code = 0
    try:
        threading.Thread(target=_stop_without_starter, daemon=True).start()
        code = subprocess.Popen(command, stdin=subprocess.DEVNULL).wait()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it goes to the whole group, this process included
        os.killpg(0, signal.SIGTERM)
        ended = _all_ended()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        if not ended:
            os.killpg(0, signal.SIGKILL)  # this process as well: it is the last thing to do
    return code


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _stop_without_starter() -> None:
    # Not through `sys.stdin`, whose lock this thread would hold while the interpreter ends, which then aborts.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _adopt_orphans() -> None:
    """Have workers whose own parent ends come to this process, which so knows when the last one has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _all_ended() -> bool:
    """Whether all children end in time; never where grandchildren cannot be adopted."""
    deadline = time.monotonic() + END_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        return False
    return sys.platform == "linux"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
