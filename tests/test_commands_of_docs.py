"""Every command of README and docs runs, page by page, in one environment that is made as README says.

`make test-docs`: HARNESS_DOCS_TEST=1 makes every plan a tiny one (`harness/config/sweep.py`). A page has a folder and
one Python process of its own. What stands in a page for this test alone is a comment:

    <!-- not run: REASON -->    the next block is not run
    <!-- setup sh               or python; lines that make what the page takes for granted
    ...
    -->

A block with a file's name, after its language or as a first line `# name.py`, is written before anything runs. Servers
are started, asked once, and ended with their page. HARNESS_DOCS_BIN names the `bin` of an environment to take in place
of README's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TAKEN = "HARNESS_DOCS_BIN"
ELSEWHERE = {"docs/team.md": "tests/servers/test_team.py", "docs/formats": "tests/test_formats_docs.py"}
"""Page or folder → the test that runs it."""

MOST_NOT_RUN = 15
BLOCK_SECONDS = 1200
INSTALL = 'pip install --constraint constraints.txt --editable ".[data]"'
SERVER = re.compile(r"harness (serve|ui)\b")
COMMAND = re.compile(r"(\$ |harness |make |pip |python |curl |ray |mlflow )")

_PIECE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>\w*)(?P<file> \S+)?\n(?P<text>.*?)^```$"
    r"|^<!-- setup (?P<setup>sh|python)\n(?P<lines>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)

DRIVER = """
import json, sys, traceback
names = {"__name__": "page"}
for line in sys.stdin:
    file = json.loads(line)
    try:
        exec(compile(open(file).read(), file, "exec"), names)
        end = ""
    except BaseException:
        end = traceback.format_exc()
    print(json.dumps({"end": end}), file=sys.__stderr__, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page: how it is run, or why not."""

    language: str
    text: str
    file: str = ""
    reason: str = ""


def blocks(page: Path) -> list[Block]:
    found = []
    for piece in _PIECE.finditer(page.read_text(encoding="utf-8")):
        if piece["setup"]:
            found.append(Block(piece["setup"], piece["lines"]))
            continue
        named = re.match(r"# (\S+\.(?:py|toml))\n", piece["text"])
        file = (piece["file"] or "").strip() or (named[1] if named else "")
        language = {"bash": "sh"}.get(piece["language"], piece["language"])
        text = piece["text"]
        if language == "console":
            language, text = "sh", typed(text)
        found.append(Block(language, text, file, piece["reason"] or ""))
    return found


def typed(session: str) -> str:
    """What was typed in a session: lines after `$`, up to the end of a quoted text."""
    lines: list[str] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            lines.append(line[2:])
        elif lines and lines[-1].count("'") % 2:
            lines[-1] += f"\n{line}"
    return "\n".join(lines) + "\n"


def pages() -> Iterator[Path]:
    yield README
    for page in sorted((ROOT / "docs").rglob("*.md")):
        name = page.relative_to(ROOT).as_posix()
        if not any(name.startswith(place) for place in ELSEWHERE):
            yield page


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


class Page:
    """A page's folder, its Python process, and its servers."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder, self.count = folder, 0
        self.environment = {**os.environ, "HARNESS_DOCS_TEST": "1", "PATH": path, "BROWSER": "true"}
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "COLUMNS"):
            self.environment.pop(name, None)
        self.servers: list[subprocess.Popen[str]] = []
        self.addresses: dict[str, str] = {}
        self.python: subprocess.Popen[str] | None = None

    def run(self, block: Block) -> None:
        if block.language == "sh":
            self.shell(block.text)
        elif block.language == "python":
            self.execute(block.text)
        elif block.language == "toml" and not block.file:
            tomllib.loads(block.text)

    def shell(self, text: str) -> None:
        waiting: list[str] = []
        for line in [*text.splitlines(), None]:
            if line is None or SERVER.match(line):
                self._bash("\n".join(waiting))
                waiting = []
                if line:
                    self.serve(line)
            else:
                waiting.append(line)

    def _bash(self, text: str) -> None:
        if not text.strip():
            return
        for shown, real in self.addresses.items():
            text = text.replace(shown, real)
        kept = self.folder / ".environment"
        before = f". {kept}\n" if kept.exists() else ""
        script = f"set -e -o pipefail\n{before}{text}\nexport -p > {kept}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, f"{text}\n{done.stderr[-3000:]}"

    def serve(self, line: str) -> None:
        """Start it, wait for the address that it prints, and ask there once."""
        command = line.partition("#")[0].strip()
        server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.servers.append(server)
        assert server.stdout
        address = _address(server.stdout)
        assert address, f"{command}: no address"
        self.addresses["http://127.0.0.1:5000"] = address
        with urlopen(f"{address}/{'ping' if 'serve' in command else ''}", timeout=60) as answer:
            assert answer.status == 200

    def execute(self, text: str) -> None:
        self.count += 1
        file = self.folder / f"block_{self.count}.py"
        file.write_text(text, encoding="utf-8")
        if self.python is None:
            driver = self.folder / ".driver.py"
            driver.write_text(f"if __name__ == '__main__':\n{_indented(DRIVER)}", encoding="utf-8")
            self.python = subprocess.Popen(
                ["python", str(driver)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self.python.stdin
        assert self.python.stderr
        print(json.dumps(str(file)), file=self.python.stdin, flush=True)
        said = []
        for line in self.python.stderr:
            if line.startswith('{"end": '):
                end = json.loads(line)["end"]
                assert not end, f"{text}\n{''.join(said)[-2000:]}\n{end}"
                return
            said.append(line)
        raise AssertionError(f"{text}\n{''.join(said)[-3000:]}")

    def close(self) -> None:
        """End what runs; what a server says at its end is read, so that it never waits for a reader."""
        for server in self.servers:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=60)
            assert server.returncode in (0, 130)
        if self.python:
            self.python.communicate(timeout=60)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


def _address(output: TextIO) -> str:
    until = time.monotonic() + 120
    for line in output:
        if found := re.search(r"http://[\w.]+:\d+", line):
            return found[0]
        if time.monotonic() > until:
            break
    return ""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as somebody clones it."""
    folder = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def path(checkout: Path) -> str:
    """PATH with the environment's commands first; README's own block of commands makes it."""
    taken = os.environ.get(TAKEN)
    if not taken:
        (install,) = [block.text for block in blocks(README) if INSTALL in block.text]
        page = Page(checkout, os.environ["PATH"])
        page.shell(install)
    return os.pathsep.join([taken or str(checkout / ".venv" / "bin"), os.environ["PATH"]])


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("HARNESS_DOCS_TEST") != "1", reason="HARNESS_DOCS_TEST=1 runs it (make test-docs)")
@pytest.mark.parametrize("page", list(pages()), ids=named)
def test_every_command_of_a_page_runs(page: Path, path: str, checkout: Path, tmp_path: Path) -> None:
    readme = page == README
    if readme:
        for name in ("constraints.txt", "pyproject.toml", "Makefile"):
            assert (checkout / name).is_file()
    running = Page(checkout if readme else tmp_path, path)
    begun = time.monotonic()
    try:
        for block in blocks(page):
            if block.file:
                (running.folder / block.file).parent.mkdir(parents=True, exist_ok=True)
                (running.folder / block.file).write_text(block.text, encoding="utf-8")
        for block in blocks(page):
            if not block.file and not block.reason and not (readme and INSTALL in block.text):
                running.run(block)
    finally:
        running.close()
    print(f"{named(page)}: {time.monotonic() - begun:.0f} s", file=sys.stderr)


def test_no_command_hides_in_a_block_that_is_not_run() -> None:
    hidden = [
        f"{named(page)}: {line}"
        for page in pages()
        for block in blocks(page)
        if block.language in ("", "text")
        for line in block.text.splitlines()
        if COMMAND.match(line)
    ]
    assert hidden == []


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    reasons = {f"{named(page)}: {block.reason}" for page in pages() for block in blocks(page) if block.reason}
    left_out = [block for page in pages() for block in blocks(page) if block.reason]
    assert len(left_out) <= MOST_NOT_RUN
    assert reasons


def test_what_runs_elsewhere_has_its_test() -> None:
    for place, test in ELSEWHERE.items():
        assert (ROOT / place).exists()
        assert (ROOT / test).is_file()


def test_the_docs_cap_every_plan_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.config import make_plan
    from harness.errors import UsageError

    def made(**values: Any) -> tuple[Any, ...]:
        plan = make_plan({"datasets": ("any",), **values})
        return plan.trials, plan.minutes, plan.replicates, plan.seeds

    monkeypatch.delenv("HARNESS_DOCS_TEST", raising=False)
    assert made() == (20, None, 1, 5)
    monkeypatch.setenv("HARNESS_DOCS_TEST", "1")
    assert made() == (2, None, 1, 2)
    assert made(trials=1, replicates=5, seeds=0) == (1, None, 2, 0)
    assert made(minutes=30) == (None, 1, 1, 2)
    assert made(oracle="grid") == (None, None, 1, 2)
    with pytest.raises(UsageError, match="--trials"):
        made(trials="many")


def test_what_was_typed_in_a_session() -> None:
    session = "$ harness serve sums\nhttp://127.0.0.1:5000\n$ curl -d '\n{\"a\": 1}'\n"
    assert typed(session) == "harness serve sums\ncurl -d '\n{\"a\": 1}'\n"
