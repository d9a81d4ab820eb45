"""What the README tells people to type is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

import harness
from harness.cli.app import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:\w*)\n(.*?)```", README, flags=re.S)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if re.match(r"(\.venv/bin/)?harness ", line)]


def parse(line: str) -> str:
    """The full name of the command that a line means, parsed by the command line itself without running it."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    context = command.make_context("harness", words, resilient_parsing=False)
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, words, parent=context)
    return str(context.command_path)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_parses(line: str) -> None:
    assert line.split("harness ", 1)[1].startswith(parse(line).removeprefix("harness "))


@pytest.mark.parametrize("line", ["harness swep x", "harness sweep x --famly lstm", "harness sweeps lst"])
def test_a_command_that_is_not_there_does_not_parse(line: str) -> None:
    with pytest.raises(typer.BadParameter.__bases__[0], match="No such"):
        parse(line)


def test_there_are_commands_to_parse() -> None:
    assert len(COMMANDS) >= 12


def test_the_make_targets_are_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M)
    named = {match for line in LINES for match in re.findall(r"^make ([a-z-]+)", line)}
    assert {"sweep", "test"} <= named <= set(targets)


def test_the_files_it_links_to_are_there() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).is_file(), link


def test_the_python_names_are_public() -> None:
    code = "\n".join(block for block in BLOCKS if "import harness" in block)
    assert set(re.findall(r"harness\.(\w+)\(", code)) <= set(harness.__all__)


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert len(pinned) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line) for line in pinned)
