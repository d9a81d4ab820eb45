"""Scripts of Keras Tuner's, moved over as docs/from_keras_tuner.md says, are asked the same hyperparameters."""

from __future__ import annotations

import ast
import difflib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness._tensorflow import load_keras_tuner
from harness.config import find_space
from harness.config.given import given_families
from harness.config.space import SearchSpace
from harness.errors import ConfigError
from harness.journal import EventKind, Journal
from harness.models import NetworkShape
from harness.models.discover import AsKerasTuner, discovered
from harness.records import Direction, Objective, TaskKind
from harness.search.oracle import Oracle, Point
from harness.user_code import digest_of

PAGE = Path(__file__).parents[2] / "docs" / "from_keras_tuner.md"
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[:4]
PAIRS = {"function": SCRIPTS[:2], "HyperModel": SCRIPTS[2:]}
SHAPES = {
    "function": NetworkShape(TaskKind.CLASSIFY, 12, 3, masked=False, outputs=2, horizon_steps=1),
    "HyperModel": NetworkShape(TaskKind.REGRESS, 12, 2, masked=False, outputs=1, horizon_steps=1),
}


def definitions(script: str, file: Path) -> Path:
    """A script without its last two lines, which search."""
    file.write_text("\n".join(script.rstrip().splitlines()[:-2]) + "\n")
    return file


def asked_by_keras_tuner(script: str, folder: Path) -> list[dict[str, Any]]:
    """What the script's own tuner asks: its search as it is, with each trial's build and without its training."""
    keras_tuner = load_keras_tuner(gaussian=False)

    base = keras_tuner.RandomSearch

    class WithoutTraining(base):  # type: ignore[misc, valid-type]
        def search(self, *_: Any, **__: Any) -> None:
            self.asked = list[dict[str, Any]]()
            super().search(verbose=0)

        def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
            self._try_build(trial.hyperparameters)
            self.asked.append(dict(trial.hyperparameters.values))
            return 0.5

    class Module:
        RandomSearch = staticmethod(
            lambda *given, **more: WithoutTraining(*given, **more, directory=str(folder), project_name="kt")
        )
        HyperModel = keras_tuner.HyperModel

    tree = ast.parse(script.replace("import keras_tuner\n", ""))
    names: dict[str, Any] = {"__name__": "script", "keras_tuner": Module}
    exec(compile(tree, "script", "exec"), names)
    return list(names["tuner"].asked)


def test_at_most_three_lines_of_a_script_change() -> None:
    assert len(SCRIPTS) == 4
    for before, after in PAIRS.values():
        changed = [
            max(end - begin, until - since)
            for kind, begin, end, since, until in difflib.SequenceMatcher(
                None, before.splitlines(), after.splitlines(), autojunk=False
            ).get_opcodes()
            if kind != "equal"
        ]
        assert sum(changed) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", PAIRS)
def test_random_search_asks_what_keras_tuners_asks(kind: str, tmp_path: Path) -> None:
    before, after = PAIRS[kind]
    expected = asked_by_keras_tuner(before.replace("max_trials=5", "max_trials=8"), tmp_path)
    assert len(expected) == 8
    name = "build_model" if kind == "function" else "Regressor"
    location = f"{definitions(before, tmp_path / 'script.py')}:{name}"
    seed = int(re.search(r'"oracle_seed": (\d+)', after)[1])  # type: ignore[index]
    space = SearchSpace(name="mine", build=location, code_sha256=digest_of(location), oracle_seed=seed)
    builder = AsKerasTuner(SHAPES[kind], space)
    found = discovered(SHAPES[kind], space, gaussian=False)
    oracle = Oracle("random", found, Objective("mae", Direction.MIN), seed, builder=builder)
    asked = [point.values for point in (oracle.ask() for _ in expected) if isinstance(point, Point)]
    assert asked == expected
    assert {name for values in asked for name in values} <= set(found.hyperparameters)


def test_an_oracle_seed_is_read_and_refused_where_it_says_nothing(tmp_path: Path) -> None:
    builders = Path(__file__).with_name("builders.py")
    mine = {"build": f"{builders}:attentive", "oracle_seed": 7}
    families = given_families({"mine": mine})
    assert families
    assert find_space(families.write(tmp_path)[0]).config.oracle_seed == 7
    with pytest.raises(ConfigError, match=r"oracle_seed = 0: expected a whole number greater than 0"):
        given_families({"mine": {**mine, "oracle_seed": 0}})
    beside = given_families({"mine": {**mine, "hyperparameters": {"units": {"type": "Choice", "values": [1, 2]}}}})
    assert beside
    with pytest.raises(ConfigError, match=r"oracle_seed = 7: expected no \[hyperparameters\] beside it"):
        find_space(beside.write(tmp_path)[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", PAIRS)
def test_the_scripts_of_the_page_run(kind: str, tmp_path: Path) -> None:
    before, after = PAIRS[kind]
    script = tmp_path / "script.py"
    script.write_text(after)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    dataset = re.search(r'name="(\w+)"', after)[1]  # type: ignore[index]
    assert done.stdout.startswith(f"{dataset}: ")
    (folder,) = (tmp_path / "mlruns" / "sweeps").glob("*")
    with Journal.read(folder) as journal:
        payloads = [event.payload for event in journal.events(EventKind.ASKED) if "/mine/r1/search/" in event.trial_key]
    asked = [dict(one["values"]) for one in sorted(payloads, key=lambda one: one["key"])][:5]
    expected = asked_by_keras_tuner(before, tmp_path / "kt")
    assert "batch_size" not in expected[0]  # it follows the data where the builder names none, as the page says
    assert {values.pop("batch_size") for values in asked} == {16}
    assert asked == expected
