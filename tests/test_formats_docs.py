"""Every page of docs/formats is run: its Python, its commands with what they print, its configs.

In a page's `console` blocks `…` stands for any text, and alone in a line for any lines. A `toml` block holds keys of
the config that `harness datasets new` wrote before it; where there is none, it is written to `datasets/`.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.config import DatasetConfig, lookup
from harness.errors import HarnessError

FOLDER = Path(__file__).parents[1] / "docs" / "formats"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The language and the text of each block of code."""
    for found in re.finditer(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M):
        yield found[1], found[2]


def run(command: str) -> str:
    """What a command prints, standard error first; its error as the command line says it."""
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    if result.exception is not None and not isinstance(result.exception, SystemExit | HarnessError):
        raise result.exception
    error = f"harness: {result.exception}\n" if isinstance(result.exception, HarnessError) else ""
    return result.stderr + result.stdout + error


def fits(shown: str, said: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, said) is not None


def check_console(text: str) -> None:
    for session in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, shown = session.partition("\n")
        said = run(command)
        assert fits(shown, said), f"$ {command}\n{said}"


def check_config(text: str) -> None:
    config = tomllib.loads(text)
    DatasetConfig.model_validate(config)
    path = Path("datasets") / f"{config['name']}.toml"
    if path.exists():
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        for key, value in config.items():
            there = {name: written[key].get(name) for name in value} if isinstance(value, dict) else written[key]
            assert there == value, path.read_text(encoding="utf-8")
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def check_python(text: str, names: dict[str, Any]) -> None:
    """Run it, or write it to the file that its first line names, as a loader's."""
    if named := re.match(r"# (\w+\.py)\n", text):
        Path(named[1]).write_text(text, encoding="utf-8")
    else:
        exec(compile(text, "page", "exec"), names)


def check_bash(text: str) -> None:
    """Commands that need a champion: their options are there."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)[1:]
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0, line


def checks() -> dict[str, Callable[[str], None]]:
    """What is done with a block, by its language; the Python of a page shares its names."""
    python = partial(check_python, names={"__name__": "page"})
    return {"console": check_console, "toml": check_config, "python": python, "bash": check_bash}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page.stem == "excel":
        pytest.importorskip("openpyxl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    ours = lookup.builtin_folder  # without the built-in datasets a name is found sooner
    monkeypatch.setattr(lookup, "builtin_folder", lambda kind: Path("none") if kind == "datasets" else ours(kind))
    found = list(blocks(page))
    assert {"python", "console", "toml"} <= {language for language, _ in found}
    check = checks()
    for language, text in found:
        check[language](text)


def test_the_list_of_pages_names_each() -> None:
    listed = re.findall(r"\]\((\w+\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(set(listed)) == [page.name for page in PAGES]


def test_links_lead_to_files() -> None:
    for page in FOLDER.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)", page.read_text(encoding="utf-8")):
            assert (FOLDER / link).is_file(), f"{page.name}: {link}"


def test_what_is_compared() -> None:
    assert fits("a\n…\nb …\n", "a\nx\ny\nb 12\n")
    assert fits("a\n…\n", "a\n")
    assert not fits("a\nb\n", "a\nx\nb\n")
