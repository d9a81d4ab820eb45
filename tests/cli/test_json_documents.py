"""What commands print with --json is what docs/formats/commands.schema.json says, for every command that has it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer

from harness.cli.app import app

FOLDER = Path(__file__).parents[2] / "docs"
SCHEMAS = json.loads((FOLDER / "formats" / "commands.schema.json").read_text(encoding="utf-8"))

READING = (
    "watch",
    "report",
    "leaderboard",
    "atlas status",
    "verify",
    "trials",
    "doctor",
    "models list",
    "models show my",
    "models compare my/1 my/1",
    "predict my my.csv",
    "sweeps list",
    "sweeps show",
    "datasets list",
    "datasets show my",
    "datasets check my",
    "datasets fetch my",
    "spaces list",
    "spaces show lstm",
    "spaces check lstm",
    "spaces diff lstm gru",
)
WRITING = (
    "export my --to exported",
    "models promote my/1",
    "datasets new my.csv --target level --time at --name again",
    "spaces new mine --from lstm",
)
TRAINING = ("explain", "models refit my")


def of_command(name: str) -> Any:
    """The schema of a command, such as `models list`."""
    return jsonschema.Draft202012Validator({**SCHEMAS, "$ref": f"#/$defs/{name}"})


def named(words: str) -> str:
    """The command that a line begins with."""
    return max((name for name in SCHEMAS["$defs"] if f"{words} ".startswith(f"{name} ")), key=len)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, (*path, name))
        elif not found.hidden:
            yield " ".join((*path, name)), found


def test_every_command_that_prints_json_has_a_schema() -> None:
    found = dict(commands(typer.main.get_command(app)))
    printing = {name for name, one in found.items() if any("--json" in parameter.opts for parameter in one.params)}
    assert printing == set(found) - {"serve", "ui"}
    assert printing == {name for name in SCHEMAS["$defs"] if name.islower()}
    tested = {named(line) for line in (*READING, *WRITING, *TRAINING)} | {"sweep", "verdict", "sweeps remove"}
    # Tests of the Atlas have tables for them.
    tested |= {"atlas answer", "atlas rows", "atlas add", "atlas compare", "atlas export"}
    assert printing == tested


def test_the_schemas_are_what_the_records_make() -> None:
    spec = importlib.util.spec_from_file_location("schemas", FOLDER / "schemas.py")
    assert spec is not None
    assert spec.loader is not None
    schemas = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(schemas)
    assert schemas.whole() == SCHEMAS, "run python docs/schemas.py"
    jsonschema.Draft202012Validator.check_schema(SCHEMAS)


def test_a_schema_refuses_what_is_missing_unknown_or_of_another_kind() -> None:
    right = {"name": "my", "version": 1, "alias": "champion", "was": ""}
    assert of_command("models promote").is_valid(right)
    for wrong in ({**right, "version": "1"}, {**right, "more": 1}, {"name": "my"}):
        assert not of_command("models promote").is_valid(wrong)


@pytest.fixture(scope="module")
def copied(first_day: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the first day's folder, to be written into."""
    return Path(shutil.copytree(first_day.folder, tmp_path_factory.mktemp("copied") / "first-day"))


def checked(folder: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, line: str) -> Any:
    monkeypatch.chdir(folder)
    ran = command(*line.split(), "--json")
    assert ran.code == 0, ran.err
    plain = json.loads(ran.out)
    of_command(named(line)).validate(plain)
    assert plain or line.startswith("doctor")
    return plain


@pytest.mark.parametrize("line", READING)
def test_commands_that_read(copied: Path, command: Any, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    checked(copied, command, monkeypatch, line)


@pytest.mark.parametrize("line", WRITING)
def test_commands_that_write(copied: Path, command: Any, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    checked(copied, command, monkeypatch, line)


def test_a_table_from_elsewhere(copied: Path, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied)
    Path("table.csv").write_text(command("trials").out)
    checked(copied, command, monkeypatch, "verdict table.csv")


def test_a_sweep_is_removed(first_day: Any, tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its model and its runs are left out of the copy: what an alias points to is not removed."""
    folder = tmp_path / "mlruns" / "sweeps"
    shutil.copytree(first_day.folder / "mlruns" / "sweeps", folder)
    checked(tmp_path, command, monkeypatch, f"sweeps remove {first_day.sweep_id} --yes")
    assert not os.listdir(folder)


@pytest.mark.slow
@pytest.mark.parametrize("line", TRAINING)
def test_commands_that_train(copied: Path, command: Any, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    checked(copied, command, monkeypatch, line)


@pytest.mark.slow
def test_a_sweep(copied: Path, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "sweep my --trials 2 --epochs 1 --seeds 1 --workers 1 --seed 9"
    found = checked(copied, command, monkeypatch, line)
    (answer,) = found["verdicts"].values()
    assert answer["recommendation"]["use"] in ("model", "either", "baseline")
    assert found["champions"]["my"]["name"] == "my"
