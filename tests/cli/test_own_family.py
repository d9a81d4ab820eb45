"""`harness sweep --family FILE.py:function`, as the Python API takes a builder."""

from __future__ import annotations

from pathlib import Path

from harness.cli.sweep import _families
from harness.config import find_space
from harness.config.given import given_families
from harness.store import Store
from harness.user_code import load_function

BUILDER = "def mine(hp):\n    return None\n"


def test_a_builder_becomes_a_search_space(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models.py").write_text(BUILDER)
    store = Store(tmp_path / "mlruns", "sqlite://")
    lstm, mine = _families(["lstm", "models.py:mine"], store)["families"]
    assert lstm == "lstm"
    made = find_space(mine).config
    assert made is not None
    assert made.build == f"{tmp_path / 'models.py'}:mine"
    assert _families(["lstm", "gru"], store) == {}


def test_a_file_that_is_not_there_is_refused(project: Path, command) -> None:
    ran = command("sweep", "tiny_adding", "--config-dir", str(project), "-f", "lstm", "-f", "none.py:mine")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "none.py: no such file: expected one with the function mine" in ran.err


def test_code_that_a_program_named_is_not_a_configs(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(BUILDER)
    given_families(["lstm", "own.py:mine"])
    load_function(f"{tmp_path / 'own.py'}:mine")
    assert capsys.readouterr().err == "running own.py, whose mine you named\n"


def test_a_worker_runs_code_in_silence(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("HARNESS_WORKER", "1")
    (tmp_path / "silent.py").write_text(BUILDER)
    load_function(f"{tmp_path / 'silent.py'}:mine")
    assert capsys.readouterr().err == ""
