"""The site's hook: files from outside docs/ are pages, links lead to them, and every command has its help."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import typer.main
import yaml

from harness.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


class _Loader(yaml.SafeLoader):
    """MkDocs's own tags are of no matter here."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
CONFIG = yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hook", DOCS / "site.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for one in (nav if isinstance(nav, list) else nav.values()) for page in pages(one)]


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    """Strict: links and their anchors, pages that are in no menu, public names without their docstrings."""
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "harness.compare" in (tmp_path / "api.html").read_text(encoding="utf-8")


def test_the_menu_has_every_page_once(site: ModuleType) -> None:
    ours = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    above = [place for place in site.ABOVE.values() if place.endswith(".md")]
    assert sorted(pages(CONFIG["nav"])) == sorted([*ours, *above, "commands.md"])


@pytest.mark.parametrize(
    ("place", "text", "becomes"),
    [
        ("index.md", "[a](docs/data.md#times)", "[a](data.md#times)"),
        ("index.md", "![p](docs/pictures/report.png)", "![p](pictures/report.png)"),
        ("speed.md", "[r](../benchmarks/RESULTS.md)", "[r](benchmarks/RESULTS.md)"),
        ("formats/csv.md", "[d](../data.md)", "[d](../data.md)"),
        ("benchmarks/README.md", "[d](../docs/verdicts.md)", "[d](../verdicts.md)"),
        ("index.md", "[w](https://example.org/x)", "[w](https://example.org/x)"),
        ("team.md", "```sh user\nls\n```", "```sh\nls\n```"),
    ],
)
def test_links_lead_where_files_are_on_the_site(site: ModuleType, place: str, text: str, becomes: str) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri=place))
    assert site.on_page_markdown(text, page=page) == becomes


def test_every_command_is_in_the_reference(site: ModuleType) -> None:
    heads = re.findall(r"^##+ (harness.*)$", site.commands(), re.M)
    command = typer.main.get_command(app)
    names = {name for name, below in command.commands.items() if not below.hidden}  # type: ignore[attr-defined]
    assert {head.split()[1] for head in heads if " " in head} == names
    assert "harness datasets new" in heads
    assert "--until-decided" in site.commands()
