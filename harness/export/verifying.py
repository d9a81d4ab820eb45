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
from harness.starting import OWN_PROCESS_VARIABLE

LIMIT_SECONDS = 900


class CleanProcess:
    """A process that has loaded nothing but this package and what it needs.

    It gets ready as soon as it is made, while the model that it is to prove may still be on its way. A context manager
    that ends the process when left.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.export"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", OWN_PROCESS_VARIABLE: "1"},
            start_new_session=True,  # what a terminal sends is for this process to decide; it ends with its input
        )

    def score(self, folder: Path) -> float:
        """The logged score that a champion's folder gives again there; once.

        Args:
            folder: A champion's folder, as `save_champion` wrote it or the registry handed it out.

        Raises:
            ExportError: It cannot be loaded, or its dataset cannot, or it takes more than 15 minutes.
        """
        try:
            output, errors = self._process.communicate(str(folder), timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ExportError(f"{folder}: proving the model took more than {LIMIT_SECONDS} s") from None
        if self._process.returncode != 0:
            last = next((line for line in reversed(errors.splitlines()) if line.strip()), "no message")
            raise ExportError(f"{folder}: the model cannot be proved: {last}")
        return float(json.loads(output.splitlines()[-1])["score"])

    def __enter__(self) -> CleanProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def verify(folder: Path) -> float:
    """The logged score, as a champion's folder gives it in a process that has loaded nothing else."""
    with CleanProcess() as process:
        return process.score(folder)
