from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

FORECAST = """
[source]
kind = "csv"
path = "rows.csv"

[task]
kind = "forecast"
target = ["y"]
lookback_steps = 24
"""

SPACE = """
layer = "LSTM"

[hyperparameters.units]
type = "Choice"
values = [8, 16]
"""

WriteCard = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_dataset(project: Path) -> WriteCard:
    """Writes a dataset's card: (name, folder, body) → its path."""

    def write(name: str, folder: str = "datasets", body: str = FORECAST) -> Path:
        return _write(project / folder / f"{name}.toml", f'name = "{name}"\n{body}')

    return write


@pytest.fixture
def write_space(project: Path) -> WriteCard:
    """Writes a search space's card: (name, body, folder) → its path. A shared part gets no name."""

    def write(name: str, body: str = SPACE, folder: str = "search_spaces") -> Path:
        head = "" if name.startswith("_") else f'name = "{name}"\n'
        return _write(project / folder / f"{name}.toml", head + body)

    return write


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
