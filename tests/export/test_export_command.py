"""`harness export`, called as a user does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.models import FORMATS, export
from harness.errors import ExportError, HarnessError, UsageError
from harness.export.formats import Format

APP = typer.Typer()
APP.command()(export)


def _run(*arguments: object) -> Any:
    return CliRunner().invoke(APP, [str(argument) for argument in arguments])


def test_a_folder_is_written_and_named(regress: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = _run(regress.folder, "--format", "onnx")
    assert result.exception is None, result.exception
    assert result.stdout == "sums-onnx\n"
    assert "model.onnx" in result.stderr
    assert "in its own runtime 9 rows differ by at most" in result.stderr
    assert (tmp_path / "sums-onnx" / "model.onnx").is_file()
    again = _run(regress.folder, "--format", "onnx")
    assert isinstance(again.exception, UsageError)
    assert "--to sums-onnx: expected a new or an empty folder" in str(again.exception)


def test_the_command_offers_every_format() -> None:
    assert tuple(FORMATS) == tuple(kind.value for kind in Format)


@pytest.mark.parametrize(
    ("arguments", "kind", "phrase"),
    [
        (("--format", "onx"), UsageError, "expected one of keras, saved-model, onnx, litert. Did you mean onnx?"),
        (("--format", ""), UsageError, "expected one of keras"),
        (("--to", "file"), UsageError, "--to file: expected a folder, got a file"),
        (("--to", "file/below"), ExportError, "file/below: cannot be written"),
    ],
)
def test_wrong_use(
    regress: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    kind: type[HarnessError],
    phrase: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = _run(regress.folder, *arguments)
    assert isinstance(result.exception, kind), result.exception
    assert phrase in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_champion(tmp_path: Path) -> None:
    result = _run(tmp_path, "--to", tmp_path / "out")
    assert isinstance(result.exception, UsageError)
    assert "expected a champion's folder" in str(result.exception)
