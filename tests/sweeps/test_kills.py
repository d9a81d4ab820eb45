"""The kill test in its short form: real sweeps, killed three times; the long form is `benchmarks/faults.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).parents[2] / "benchmarks" / "faults.py"


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--server",)], ids=["local store", "tracking server"])
def test_nothing_is_lost_or_done_twice(options: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, str(FAULTS), "--kills", "3", *options], capture_output=True, text=True, check=False
    )
    last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    assert re.fullmatch(r"kills 3, sweeps [1-9], lost 0, doubled 0", last), done.stderr
    assert done.returncode == 0
