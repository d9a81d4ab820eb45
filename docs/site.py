"""What MkDocs does for the site beside reading docs/: files from above it become pages, and the commands a reference.

README.md is the site's first page, so that nothing is said twice; `harness --help` and those of all commands are
commands.md. MkDocs calls the functions by their names (`hooks` in mkdocs.yml).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ABOVE = {
    "README.md": "index.md",
    **{name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE")},
    "atlas/README.md": "atlas_plan.md",
    **{f"benchmarks/{path.name}": f"benchmarks/{path.name}" for path in (ROOT / "benchmarks").glob("*.md")},
}
"""Files outside docs/ → where they stand on the site."""

_LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)]*)?\))")
_FENCE = re.compile(r"^(```\w+) .*$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for source, place in ABOVE.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    files.append(File.generated(config, "commands.md", content=commands()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """The text with links that lead where its files are on the site, and without what names a block for a test."""
    sources = {place: source for source, place in ABOVE.items()}
    place = page.file.src_uri
    source = sources.get(place, f"docs/{place}")
    return _FENCE.sub(r"\1", _LINK.sub(lambda link: f"{link[1]}{_moved(link[2], source, place)}{link[3]}", markdown))


def _moved(link: str, source: str, place: str) -> str:
    """A link of a file of the repository as one between pages of the site."""
    wanted = (ROOT / source).parent.joinpath(link).resolve()
    if not wanted.is_relative_to(ROOT):
        return link
    name = wanted.relative_to(ROOT).as_posix()
    goal = ABOVE.get(name) or name.removeprefix("docs/")
    return os.path.relpath(goal, Path(place).parent).replace(os.sep, "/")


def commands() -> str:
    """The help of every command, from the command line itself."""
    import typer.main

    from harness.cli.app import app

    parts = [
        "# Commands\n",
        "What `--help` prints, made from the code. Exit codes: 0 done, 1 failed, 2 wrong use, 3 done but for data that"
        " is not on this machine, 130 interrupted, 141 nobody reads the output any more.\n",
    ]
    for path, text in _helps(typer.main.get_command(app), "harness", None):
        parts.append(f"{'##' if path.count(' ') < 2 else '###'} {path}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, path: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = command.make_context(path.rsplit(" ", 1)[-1], [], parent=parent, resilient_parsing=True)
    context.terminal_width = context.max_content_width = 100
    yield path, command.get_help(context)
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        if not below.hidden:
            yield from _helps(below, f"{path} {name}", context)
