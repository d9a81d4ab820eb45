"""Light commands stay light: what they load, seen from a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness._tensorflow import OWN_PROCESS_VARIABLE

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


@pytest.mark.slow
def test_keras_brings_what_is_not_needed_to_a_user_but_not_to_a_process_of_our_own() -> None:
    """What was left out can be imported afterwards, and a network is trained and saved without it."""
    script = """
import sys
from harness._tensorflow import load_tensorflow
load_tensorflow()
print(*sorted({"matplotlib", "sklearn", "pandas"} & {name for name in sys.modules if sys.modules[name]}))
import pandas, scipy.stats, sklearn.linear_model, matplotlib.pyplot
import keras
model = keras.Sequential([keras.Input((3, 2)), keras.layers.GRU(2), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(keras.ops.ones((4, 3, 2)), keras.ops.ones((4, 1)), verbose=0)
"""
    loaded = []
    for own in ({}, {OWN_PROCESS_VARIABLE: "1"}):
        environment = {name: value for name, value in os.environ.items() if name != OWN_PROCESS_VARIABLE} | own
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        loaded.append(done.stdout.split())
    assert loaded == [["matplotlib", "pandas", "sklearn"], []]
