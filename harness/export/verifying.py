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
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ExportError
from harness.export.measuring import Measured
from harness.starting import OWN_PROCESS_VARIABLE, settled_environment

LIMIT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Proof:
    """What a clean process found.

    Attributes:
        score: The score that the model gives there.
        measured: What it and another model score on the same rows; None where that was not asked for.
    """

    score: float
    measured: Measured | None


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
            env={**settled_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "3", OWN_PROCESS_VARIABLE: "1"},
            start_new_session=True,  # what a terminal sends is for this process to decide; it ends with its input
        )

    def prove(self, folder: Path, beside: Path | None = None) -> Proof:
        """The logged score that a champion's folder gives again there; once.

        Args:
            folder: A champion's folder, as `save_champion` wrote it or the registry handed it out.
            beside: Folder of another one, to be scored on the same test rows; None for none.

        Raises:
            ExportError: It cannot be loaded, or its dataset cannot, or it takes more than 15 minutes.
        """
        asked = json.dumps({"folder": str(folder), "beside": str(beside) if beside else None})
        try:
            output, errors = self._process.communicate(asked, timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ExportError(f"{folder}: proving the model took more than {LIMIT_SECONDS} s") from None
        if self._process.returncode != 0:
            last = next((line for line in reversed(errors.splitlines()) if line.strip()), "no message")
            raise ExportError(f"{folder}: the model cannot be proved: {last}")
        answer = json.loads(output.splitlines()[-1])
        return Proof(float(answer["score"]), Measured.from_json(answer["measured"]) if answer["measured"] else None)

    def __enter__(self) -> CleanProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def verify(folder: Path) -> float:
    """The logged score, as a champion's folder gives it in a process that has loaded nothing else."""
    with CleanProcess() as process:
        return process.prove(folder).score
