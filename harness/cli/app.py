"""The command's tree, and what happens to errors: one line on standard error and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import harness
from harness._tensorflow import leave, settle
from harness.cli import datasets, doctor, models, predict, report, serve, spaces, stats, sweep, sweeps
from harness.cli.atlas import group as atlas
from harness.cli.common import OLD_OPTIONS
from harness.cli.terminal.output import say_last
from harness.disk import full_disk, with_full_disk
from harness.errors import HarnessError, UsageError
from harness.sweeps.stop import end_signals, handling, interrupt

INTERRUPTED, UNREAD = 130, 141

# Typer's own base of all wrong uses. It is click's, or that of the copy which newer versions of Typer bring along.
_WrongUse: Any = typer.BadParameter.__bases__[0]

_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What a system answers where a user may not read or write, which is no fault of the code that tried."""


class _Sections(TyperGroup):
    """Commands in the help under the heads of their sections, which Typer itself shows with its markup alone."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as Typer calls it
        wide = max(len(name) for its in _SECTIONS.values() for name in its)
        for section, its in _SECTIONS.items():
            with formatter.section(section):
                helps = {name: self.commands[name].get_short_help_str(formatter.width - wide - 6) for name in its}
                formatter.write_dl([(name.ljust(wide), help) for name, help in helps.items()])


app = typer.Typer(
    name="harness",
    cls=_Sections,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Its markup would take a default in brackets for a style, and its boxes break an error into lines.
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda word: OLD_OPTIONS.get(word, word),
    },
)
# In the order of a first day: a sweep, what it found, what to do with it, what it is made of, what stays behind.
_SECTIONS: dict[str, dict[str, Any]] = {
    "Which network": {
        "sweep": sweep.sweep,
        "watch": sweeps.watch,
        "report": report.report,
        "leaderboard": report.leaderboard,
        "explain": report.explain,
        "verdict": stats.verdict,
        "verify": report.verify,
        "trials": report.trials,
    },
    "Its model": {
        "predict": predict.predict,
        "export": models.export,
        "serve": serve.serve,
        "models": models.app,
    },
    "Data and networks": {"datasets": datasets.app, "spaces": spaces.app, "atlas": atlas.app},
    "The store": {"ui": serve.ui, "sweeps": sweeps.app, "doctor": doctor.doctor},
}
for _name, _command in (item for its in _SECTIONS.values() for item in its.items()):
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name)
    else:
        app.command(_name)(_command)
app.command("calibrate", hidden=True, context_settings={"ignore_unknown_options": True})(stats.calibrate)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="With --version: what a bug report needs too.")
    ] = False,
) -> None:
    """LSTM or GRU? Tune both with equal budgets on your data, and get a verdict that holds."""
    if version:
        typer.echo(f"harness {harness.__version__}")
        if verbose:
            typer.echo("\n".join(f"{name} {value}" for name, value in surroundings().items()))
        raise typer.Exit
    if verbose:
        raise UsageError("--verbose: expected it with --version, or after a command that has it")
    if context.invoked_subcommand is None:
        context.fail("Missing command")


def surroundings() -> dict[str, str]:
    """What a bug report needs: the machine, and the versions of Python and of what decides what a trial gives.

    Nothing of it is imported, so that it can be asked where a library is broken.
    """
    from harness.executors import machine_mb
    from harness.executors.resources import cores
    from harness.sweeps.plan import versions

    machine = {"system": platform.platform(), "processor": platform.machine()}
    return {**machine, "cores": str(cores()), "memory": f"{machine_mb():,.0f} MB", **versions()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit code.

    0 done, 1 failed, 2 wrong use, 3 done but for data that is not on this machine, 130 interrupted, 141 nobody reads
    the output any more. SIGTERM and a closed terminal interrupt as Ctrl-C does.

    Args:
        arguments: The words after `harness`; those of this process when left out.
    """
    settle()
    with handling(interrupt, *(number for number in end_signals() if number != signal.SIGINT)):
        sys.exit(_run(arguments))


def console() -> None:
    """The `harness` script: `main`, in a process that is this package's alone."""
    try:
        main()
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else 0)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        # Typer makes an exit code of Ctrl-C, and says nothing.
        code = app(arguments and list(arguments), prog_name="harness", standalone_mode=False) or 0
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        if sys.stdout:
            sys.stdout.flush()
        return int(code)
    except HarnessError as error:
        return _say(f"harness: {with_full_disk(_one_line(error), error, None)}", error.exit_code)
    except _WrongUse as error:
        return _say(_in_words(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("harness: interrupted", INTERRUPTED)
    except BrokenPipeError:
        return _unread()
    except SystemExit as end:
        # Typer's way, and Rich's, out of what they print to a pipe that nobody reads from any more.
        if isinstance(end.__context__, BrokenPipeError):
            return _unread()
        raise
    except Exception as error:
        if full := full_disk(error, None):
            return _say(f"harness: {_one_line(error)}; {full}", 1)
        if isinstance(error, OSError) and error.errno in _NOT_ALLOWED and error.filename:
            return _say(f"harness: {os.fsdecode(error.filename)}: {error.strerror}", 1)
        raise  # a fault of ours, and its traceback is wanted


def _unread() -> int:
    """Nothing that is still to be printed fails at the end of the process; the code is that of a command in C."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it is closed, or no file
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return UNREAD


def _say(message: str, code: int) -> int:
    say_last(message)
    return code


def _one_line(error: Exception) -> str:
    return " ".join(str(error).splitlines())


def _in_words(error: Any) -> str:
    """A wrong use in one line, with the nearest names; the help where there was nothing at all."""
    message = str(error.format_message())
    if "\n" in message:
        return message
    message = message.rstrip(".")
    command = error.ctx.command_path if error.ctx else "harness"
    if hasattr(error, "possibilities"):
        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name[:2] == "--"]
        near = get_close_matches(error.option_name, known, cutoff=0.5)
        message = f"No such option: {error.option_name}" + (f". Did you mean {', '.join(near)}?" if near else "")
    return f"{command}: {message}{' See' if message.endswith('?') else '; see'} `{command} --help`"


if __name__ == "__main__":
    console()
