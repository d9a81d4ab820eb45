"""A cell of the user's against a GRU: searched, resumed, decided; its champion loads only with the file it names."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.config import make_plan
from harness.errors import ConfigError, ExportError, UsageError
from harness.executors import InProcessExecutor
from harness.export.artifact import CODE_FILE, read_description
from harness.journal import EventKind, Journal
from harness.records import SweepResult, TrialRecord
from harness.store import Store
from harness.sweeps.events import SweepEvent
from harness.sweeps.explain import explain
from harness.sweeps.plan import SweepHeader, resolve
from harness.sweeps.prepare import Resuming
from harness.sweeps.register import choose
from harness.sweeps.runner import run_sweep, synchronise

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Swept:
    """A finished sweep of a builder's family against tiny_gru."""

    project: Path
    store: Store
    result: SweepResult
    said: list[SweepEvent]

    @property
    def folder(self) -> Path:
        return self.store.sweeps / self.result.sweep_id

    def header(self, family: str) -> SweepHeader:
        return header(self.project, family)


def header(project: Path, family: str) -> SweepHeader:
    plan = {"name": "own", "datasets": ("tiny_adding",), "families": (family, "tiny_gru"), "trials": 2, "epochs": 2}
    return resolve(make_plan({**plan, "patience_epochs": 2, "seeds": 0, "seed": 5, "workers": 1}), [project])


def write_family(project: Path, name: str, file: str, function: str) -> None:
    shutil.copy(HERE / file, project / file)
    (project / f"{name}.toml").write_text(f'name = "{name}"\nbuild = "{file}:{function}"\n')


def swept(project: Path, family: str) -> Swept:
    store, said = Store(project / "mlruns", f"sqlite:///{project / 'mlruns' / 'mlflow.db'}"), list[SweepEvent]()
    result = run_sweep(header(project, family), store, InProcessExecutor(), said.append)
    return Swept(project, store, result, said)


@pytest.fixture(scope="module")
def mingru(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Swept:
    project = write_project(tmp_path_factory.mktemp("own"))
    write_family(project, "mingru", "mingru.py", "build_model")
    return swept(project, "mingru")


def records(swept: Swept) -> dict[str, list[TrialRecord]]:
    found: dict[str, list[TrialRecord]] = {}
    with Journal.read(swept.folder) as journal:
        for event in journal.events(EventKind.ENDED):
            record = TrialRecord.from_json(event.payload)
            found.setdefault(record.key.family, []).append(record)
    return found


@pytest.mark.slow
def test_a_cell_in_a_file_is_swept_against_gru(mingru: Swept) -> None:
    (comparison,) = mingru.result.comparisons
    assert {family.family.name for family in comparison.families} == {"mingru", "tiny_gru"}
    ended = records(mingru)
    assert [len(ended[name]) for name in ("mingru", "tiny_gru")] == [2, 2]
    assert {record.kernel for record in ended["mingru"]} <= {"tf-epoch", "xla-epoch"}
    assert all(0 < record.recurrent_parameters < record.parameters for record in ended["mingru"])
    plan = SweepHeader.from_json(Journal.read(mingru.folder).plan)
    assert list(plan.spaces["mingru"].hyperparameters) == ["units", "layers", "learning_rate", "dropout"]
    assert len(plan.spaces["mingru"].code_sha256) == 64


@pytest.mark.slow
def test_the_same_command_resumes_and_a_changed_file_is_named(mingru: Swept) -> None:
    how = Resuming(mingru.result.sweep_id)
    again = run_sweep(mingru.header("mingru"), mingru.store, InProcessExecutor(), lambda _: None, resume=how)
    assert again.comparisons == mingru.result.comparisons
    file = mingru.project / "mingru.py"
    text = file.read_text()
    try:
        file.write_text(text + "\n# another day\n")
        with pytest.raises(UsageError, match=r"code_sha256 was .*, is .*--accept-changes"):
            run_sweep(mingru.header("mingru"), mingru.store, InProcessExecutor(), lambda _: None, resume=how)
    finally:
        file.write_text(text)


@pytest.mark.slow
def test_explaining_leaves_out_what_it_cannot_look_into_and_says_so(mingru: Swept) -> None:
    said = list[SweepEvent]()
    look = partial(explain, mingru.store, mingru.result.sweep_id, (), InProcessExecutor())
    (found,) = look(said.append)
    assert {cell.name for cell in found.cells} == {"tiny_gru", "rnn"}
    why = "mingru is not looked into: build_model builds it, which --code mingru.py lets run"
    assert any(why in str(one) for one in said)
    other = mingru.project / "other.py"
    other.write_text("")
    with pytest.raises(UsageError, match=r"other\.py: is not the file that is meant"):
        look(said.append, again=True, code=[other])
    (found,) = look(said.append, again=True, code=[mingru.project / "mingru.py"])
    assert {cell.name: cell.respect_to for cell in found.cells} == {
        "mingru": "inputs",
        "tiny_gru": "states",
        "rnn": "states",
    }
    assert found.cells[0].after != found.cells[0].before


@pytest.mark.slow
def test_syncing_runs_no_code_of_the_users(mingru: Swept, tmp_path: Path) -> None:
    """The champion of a sweep that was run offline waits for the sweep's own command."""
    store, said = Store(tmp_path / "mlruns", f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}"), list[SweepEvent]()
    done = run_sweep(mingru.header("mingru"), store, InProcessExecutor(), lambda _: None, offline=True)
    chosen = choose(done.comparisons[0])
    assert chosen is not None
    assert chosen[0].family.space == "mingru"
    behind = synchronise(store, done.sweep_id, InProcessExecutor(), said.append).behind
    assert "champions not registered: tiny_adding" in behind
    assert any("mingru.py:build_model, which syncing does not run" in str(one) for one in said)
    how = Resuming(done.sweep_id)
    again = run_sweep(mingru.header("mingru"), store, InProcessExecutor(), lambda _: None, resume=how)
    assert again.comparisons[0].champion is not None


def test_listing_and_showing_run_no_code_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise SystemExit('it ran')\n")
    (tmp_path / "bad.toml").write_text('name = "bad"\nbuild = "bad.py:build_model"\n')
    code = "import sys; from harness.cli.app import app\n"
    for command in (["list"], ["show", "bad"], ["check", "bad"]):
        code += f"app(['spaces', *{command}, '--config-dir', {str(tmp_path)!r}], standalone_mode=False)\n"
    code += "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("bad.py:build_model") == 2
    assert "bad: valid" in done.stdout


def test_a_family_has_a_layer_or_a_builder_whose_file_is_there(tmp_path: Path) -> None:
    from harness.config import find_space

    (tmp_path / "both.toml").write_text('name = "both"\nlayer = "GRU"\nbuild = "a.py:f"\n[hyperparameters]\n')
    with pytest.raises(ConfigError, match=r'both.toml: build = ".*: expected either layer or build'):
        find_space(str(tmp_path / "both.toml"))
    (tmp_path / "gone.toml").write_text('name = "gone"\nbuild = "a.py:f"\n')
    with pytest.raises(ConfigError, match=r"gone.toml: build: .*a.py: no such file"):
        find_space(str(tmp_path / "gone.toml"))


def test_a_champion_with_code_loads_only_with_the_file_of_its_digest(alone: Path, tmp_path: Path) -> None:
    folder, file = alone / "champion", alone / "mingru.py"
    description = read_description(folder)
    assert (description.code, len(description.code_sha256)) == ("mingru.py", 64)
    assert (folder / CODE_FILE).read_text() == file.read_text()
    with pytest.raises(ExportError, match=r"holds layers of mingru.py .*--code mingru.py, or load\(…, code=…\)"):
        harness.load(folder)
    other = tmp_path / "mingru.py"
    other.write_text("raise SystemExit('it ran')\n")
    with pytest.raises(UsageError, match="is not the file that is meant: its SHA-256 is"):
        harness.load(folder, code=other)
    loaded = harness.load(folder, code=file)
    assert np.isfinite(loaded.predict(np.zeros((2, 6, 2), np.float32))).all()


def test_loading_runs_no_code_that_lies_on_the_import_path(alone: Path) -> None:
    """A file of the module's name in the current folder, and the one that the plan names, stay unread."""
    code = (
        "import sys; sys.path.insert(0, '.'); import harness\n"
        "from harness.errors import ExportError\n"
        "try: harness.load('champion')\n"
        "except ExportError as error: print(error)\n"
        "assert not any('mingru' in (getattr(one, '__file__', '') or '') for one in list(sys.modules.values()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=alone)
    assert done.returncode == 0, done.stderr
    assert "holds layers of mingru.py" in done.stdout
    assert "running" not in done.stderr


@pytest.mark.slow
def test_a_builder_of_keras_layers_gives_a_champion_that_loads_everywhere(
    tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    project = write_project(tmp_path)
    write_family(project, "attentive", "builders.py", "attentive")
    done = swept(project, "attentive")
    (comparison,) = done.result.comparisons
    assert comparison.champion is not None
    described = json.loads((Path(comparison.champion.path) / "champion.json").read_text())
    assert described["code"] == ""
    assert harness.load(Path(comparison.champion.path)).info()["trial"] == comparison.champion.trial


@pytest.mark.slow
def test_a_model_with_a_train_step_of_its_own_is_trained_by_fit_in_the_same_budget(
    tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    project = write_project(tmp_path)
    write_family(project, "own_step", "builders.py", "with_own_step")
    done = swept(project, "own_step")
    ended = records(done)["own_step"]
    assert [record.kernel for record in ended] == ["keras-fit", "keras-fit"]
    assert all(record.epochs == 2 and record.best_epoch in (1, 2) for record in ended)
    assert "the model's own fit: 2 trials" in html.unescape((done.folder / "report.html").read_text())


def test_a_builder_that_fails_at_once_starts_nothing(tmp_path: Path, write_project: Callable[[Path], Path]) -> None:
    project = write_project(tmp_path)
    write_family(project, "broken", "builders.py", "raises")
    with pytest.raises(UsageError, match=r"builders\.py:raises: raised RuntimeError: no model of 1 units"):
        swept(project, "broken")
    assert not (project / "mlruns" / "sweeps").exists()
