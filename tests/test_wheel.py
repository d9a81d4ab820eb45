"""The wheel holds everything, and works from another folder, built-in cards included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ("harness", "atlas", "datasets", "search_spaces", "sweeps")


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_module_and_card_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *SHIPPED], cwd=ROOT, capture_output=True, text=True, check=True)
    expected = {name for name in tracked.stdout.split() if "README" not in name}
    for name in expected:
        place = name if name.startswith("harness/") else f"harness/_builtin/{name}"
        assert (wheel / place).is_file(), f"{name} is missing from the wheel"


def test_packages_are_listed_once_each() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in (ROOT / "harness").rglob("*.py")} | {
        ROOT / "harness" / "report" / name for name in ("templates", "vendor")
    }
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert {name for name in listed if "_builtin" not in name} == found


def test_it_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    def harness(*words: str) -> str:
        code = "from harness.cli import main; main()"
        return run(sys.executable, "-P", "-c", code, *words, cwd=tmp_path, PYTHONPATH=str(wheel))

    where = run(
        sys.executable, "-P", "-c", "import harness; print(harness.__file__)", cwd=tmp_path, PYTHONPATH=str(wheel)
    )
    assert where.startswith(str(wheel))
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
