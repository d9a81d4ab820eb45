"""The wheel holds everything, and works from another folder, built-in cards included."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("harness", "datasets", "search_spaces", "sweeps", "pyproject.toml", "README.md", "LICENSE")


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, unpacked as pip would lay it."""
    tree, wheels, unpacked = (tmp_path_factory.mktemp(name) for name in ("tree", "wheels", "site"))
    for name in SHIPPED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tree / name)
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(wheels))
    run(sys.executable, "-m", "pip", "wheel", *options, ".", cwd=tree)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


def test_every_module_and_card_is_in_the_wheel(unpacked: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *SHIPPED[:4]], cwd=ROOT, capture_output=True, text=True, check=True)
    expected = {name for name in tracked.stdout.split() if "README" not in name}
    for name in expected:
        place = name if name.startswith("harness/") else f"harness/_builtin/{name}"
        assert (unpacked / place).is_file(), f"{name} is missing from the wheel"


def test_packages_are_listed_once_each() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in (ROOT / "harness").rglob("*.py")} | {ROOT / "harness" / "report" / "templates"}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert {name for name in listed if "_builtin" not in name} == found


def test_it_works_from_another_folder(unpacked: Path, tmp_path: Path) -> None:
    def harness(*words: str) -> str:
        code = "from harness.cli import main; main()"
        return run(sys.executable, "-P", "-c", code, *words, cwd=tmp_path, PYTHONPATH=str(unpacked))

    where = run(
        sys.executable, "-P", "-c", "import harness; print(harness.__file__)", cwd=tmp_path, PYTHONPATH=str(unpacked)
    )
    assert where.startswith(str(unpacked))
    assert {"adding_50", "japanese_vowels", "vic_elec"} <= {
        row["name"] for row in json.loads(harness("datasets", "list", "--json"))
    }
    assert {"lstm", "gru", "rnn"} <= {row["name"] for row in json.loads(harness("spaces", "list", "--json"))}
    assert "1,400 train" in harness("datasets", "check", "adding_50")
    rows = ["t,y,x", *(f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00,{hour % 7},{hour % 5}" for hour in range(400))]
    (tmp_path / "my.csv").write_text("\n".join(rows))
    harness("datasets", "new", "my.csv", "--target", "y", "--time", "t")
    assert (tmp_path / "datasets" / "my.toml").is_file()
    assert "my" in harness("datasets", "check", "my")
