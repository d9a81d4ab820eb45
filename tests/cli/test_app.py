"""What holds for every command: its help, its exit codes, and wrong use in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import harness
from harness.cli import app as module
from harness.cli.common import OLD_OPTIONS
from harness.errors import ExportError


def every_command() -> list[tuple[str, ...]]:
    top = typer.main.get_command(module.app)
    found = []
    for name, one in top.commands.items():  # type: ignore[attr-defined]
        if one.hidden:
            continue
        found += [(name, inner) for inner in one.commands] if hasattr(one, "commands") else [(name,)]
    return found


def test_the_version(command) -> None:
    ran = command("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"harness {harness.__version__}\n", "")


def test_the_version_with_what_a_bug_report_needs(command) -> None:
    lines = command("--version", "-v").out.splitlines()
    assert lines[0] == f"harness {harness.__version__}"
    names = [line.split()[0] for line in lines[1:]]
    assert names[:5] == ["system", "processor", "cores", "memory", "python"]
    assert {"tensorflow", "keras", "keras-tuner", "mlflow"} <= {*names}
    assert command("-v", "--version").out.splitlines() == lines


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-v", "harness: --verbose: expected it with --version, or after a command that has it"),
        ("-v sweep", "harness: --verbose: expected it with --version, or after a command that has it"),
    ],
)
def test_verbose_by_itself_is_wrong_use(words, line, command) -> None:
    ran = command(*words.split())
    assert (ran.code, ran.out, ran.err) == (2, "", f"{line}\n")


def test_the_help_names_every_command_and_cuts_no_sentence(command) -> None:
    ran = command("--help")
    assert ran.code == 0
    assert {words[0] for words in every_command()} <= set(ran.out.split())
    assert "..." not in ran.out.replace("[ARGS]...", "")


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_a_help_without_types_of_switches(words, command) -> None:
    ran = command(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "<bool>" not in ran.out
    assert "[[" not in ran.out


@pytest.mark.parametrize("words", [(), ("sweeps",), ("datasets",), ("spaces",)], ids=" ".join)
def test_a_command_without_its_word_is_wrong_use_and_gets_the_help(words, command) -> None:
    ran = command(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Usage: {' '.join(('harness', *words))} ")


def test_every_command_prints_json_but_those_that_serve(command) -> None:
    without = {words for words in every_command() if "--json" not in command(*words, "--help").out}
    assert without == {("serve",), ("ui",)}


def test_the_help_has_a_head_for_each_kind_of_command(command) -> None:
    heads = [line for line in command("--help").out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads == ["Options:", "Which network:", "Its model:", "Data and networks:", "The store:"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("sweeep", "harness: No such command 'sweeep'. Did you mean 'sweep', 'sweeps'? See `harness --help`"),
        (
            "calibrate cells.csv --replays 5",
            "harness: calibrate is no command any more: `harness trials SWEEP --csv > ",
        ),
        ("sweeps lst", "harness sweeps: No such command 'lst'. Did you mean 'list'? See `harness sweeps --help`"),
        ("--qqq", "harness: No such option: --qqq; see `harness --help`"),
        ("report --ouput x", "harness report: No such option: --ouput. Did you mean --output? See `harness report"),
        ("export", "harness export: Missing argument 'MODEL'; see `harness export --help`"),
        ("report a b", "harness report: Got unexpected extra argument(s) (b); see `harness report --help`"),
        ("report --output", "harness: Option '--output' requires an argument; see `harness --help`"),
        ("verdict t.csv --trials x", "harness verdict: Invalid value for '--trials': got \"x\", expected a whole"),
    ],
)
def test_wrong_use_is_one_line_with_the_nearest_names(words, line, command, project) -> None:
    ran = command(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1


def test_an_error_of_ours_is_one_line_and_its_own_exit_code(command, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ExportError("first\nsecond")

    monkeypatch.setattr(module, "app", fail)
    ran = command("report")
    assert (ran.code, ran.out, ran.err) == (1, "", "harness: first second\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("sweep x --confirmations -1", "harness: --seeds = -1: expected a whole number of at least 0\n"),
        ("datasets list --cards nowhere", "harness: --config-dir nowhere: expected a folder with configs\n"),
        ("verdict t.csv --region=x", "harness verdict: Invalid value for '--margin': got \"x\", expected a number"),
    ],
)
def test_options_of_earlier_versions_still_work(words, line, command, project) -> None:
    assert command(*words.split()).err.startswith(line)


@pytest.mark.parametrize("old", OLD_OPTIONS)
def test_no_help_shows_an_option_of_an_earlier_version(old, command) -> None:
    assert not [words for words in every_command() if f"--{old}" in command(*words, "--help").out.split()]


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupt_is_130_and_said(ending, command, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise ending

    monkeypatch.setattr(module, "app", interrupted)
    assert command("report").code == 130


@pytest.mark.parametrize("words", [["datasets", "list", "--json"], ["--help"]], ids=" ".join)
def test_output_into_a_closed_pipe_says_nothing(words, project) -> None:
    code = f"from harness.cli import main; main({words})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_as_an_interrupt_does(number, command, monkeypatch) -> None:
    monkeypatch.setattr(module, "app", lambda *_, **__: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    assert (command("report").code, signal.getsignal(number)) == (130, before)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_onto_a_full_disk_is_said_in_one_line(project) -> None:
    code = "from harness.cli import console; import sys; sys.argv = ['harness', 'datasets', 'list']; console()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "harness: [Errno 28] No space left on device; the disk is full, or a quota used up: make room, then run the "
        "same command again; nothing that was kept is lost\n",
    )
