"""The command's tree, and what happens to errors: one line on standard error and an exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import typer

import harness
from harness.cli import (
    calibrate,
    datasets,
    doctor,
    explain,
    export,
    models,
    predict,
    reporting,
    serve,
    spaces,
    sweep,
    sweeps,
    ui,
    verdict,
    verify,
)
from harness.cli.saying import say
from harness.errors import HarnessError
from harness.starting import leave, settle

INTERRUPTED = 130

# Typer's own base of all wrong uses. It is click's, or that of the copy which newer versions of Typer bring along.
_WrongUse: Any = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="harness",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Its markup would take a default in brackets for a style, and its boxes break an error into lines.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order of a first day: what there is, a sweep, what it found, what to do with it.
app.add_typer(datasets.app, name="datasets")
app.add_typer(spaces.app, name="spaces")
app.command("sweep", short_help="Tune every family on every dataset, and say which to use.")(sweep.sweep)
app.add_typer(sweeps.app, name="sweeps")
app.command("report", short_help="A sweep's verdicts at a glance; writes report.html.")(reporting.report)
app.command("trials", short_help="A sweep's table of scores, as `verdict` reads it.")(reporting.trials)
app.command("explain", short_help="How far gradients reach and how open gates stand.")(explain.explain)
app.command("doctor", short_help="Find and mend what a crash left.")(doctor.doctor)
app.command("ui", short_help="Open MLflow's UI on the store, until Ctrl-C.")(ui.ui)
app.add_typer(models.app, name="models")
app.command("predict", short_help="Predict with a champion, in the original units.")(predict.predict)
app.command("export", short_help="Write a champion for Keras, TensorFlow, ONNX Runtime or LiteRT.")(export.export)
app.command("serve", short_help="Answer predictions over HTTP, until Ctrl-C.")(serve.serve)
app.command("verdict", short_help="Decide from anybody's table of scores.")(verdict.verdict)
app.command("verify", short_help="Make a sweep's verdicts again from MLflow alone.")(verify.verify)
app.command("calibrate", short_help="How often the rule errs, on recorded trials.")(calibrate.calibrate)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """LSTM or GRU? Tune both with equal budgets on your data, and get a verdict that holds."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted.

    Args:
        arguments: The words after `harness`; those of this process when left out.
    """
    settle()
    try:
        # Typer makes an exit code of Ctrl-C, and says nothing.
        code = app(arguments and list(arguments), prog_name="harness", standalone_mode=False) or 0
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    except HarnessError as error:
        code = _say(f"harness: {' '.join(str(error).splitlines())}", error.exit_code)
    except _WrongUse as error:
        code = _say(_in_words(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _say("harness: interrupted", INTERRUPTED)
    except OSError as error:
        if error.errno != errno.ENOSPC:  # anything else is a fault of ours, and its traceback is wanted
            raise
        code = _say("harness: the output cannot be written: no space left on its disk", 1)
    sys.exit(code)


def console() -> None:
    """The `harness` script: `main`, in a process that is this package's alone."""
    try:
        main()
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else 0)


def _say(message: str, code: int) -> int:
    say(message, err=True)
    return code


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
