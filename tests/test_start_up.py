"""Light commands stay light: what they load, seen from a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "keras_tuner", "mlflow", "pandas", "sklearn", "scipy", "matplotlib")
LIGHT = {
    "import harness": "import harness",
    "harness --help": "from harness.cli import main; sys.argv = ['harness', '--help']; main()",
    "harness sweep --help": "from harness.cli import main; sys.argv = ['harness', 'sweep', '--help']; main()",
    "harness datasets list": "from harness.cli import main; sys.argv = ['harness', 'datasets', 'list']; main()",
    "harness spaces list": "from harness.cli import main; sys.argv = ['harness', 'spaces', 'list']; main()",
}


@pytest.mark.parametrize("code", LIGHT.values(), ids=LIGHT.keys())
def test_loads_nothing_heavy(code: str) -> None:
    script = f"""
import sys
try:
    {code}
except SystemExit as left:
    assert not left.code, left.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
