"""The proof before an alias moves: a registered model gives its test score again in a clean process.

A process of its own, and not a worker, because a worker may be this very process, or one that has trained and
knows custom objects, seeds and caches; here nothing is known but what stands in the folder. `python -P` keeps
the current folder off the import path, so that no file of the user's stands in for a library.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from harness.errors import ExportError

LIMIT_SECONDS = 900


def verify(folder: Path) -> float:
    """The test score that a champion's folder gives in a process that has loaded nothing else.

    Args:
        folder: A champion's folder, as `save_champion` wrote it or the registry handed it out.

    Raises:
        ExportError: It cannot be loaded, or its dataset cannot, or it takes more than 15 minutes.
    """
    command = [sys.executable, "-P", "-m", "harness.export", str(folder)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
            env=quiet,
        )
    except subprocess.TimeoutExpired:
        raise ExportError(f"{folder}: proving the model took more than {LIMIT_SECONDS} s") from None
    if done.returncode != 0:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise ExportError(f"{folder}: the model cannot be proved: {last}")
    return float(json.loads(done.stdout.splitlines()[-1])["test_score"])
