"""The command's tree, and what happens to errors: one line on standard error and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import harness
from harness.cli import calibrate, datasets, predict, reporting, spaces, sweep, sweeps, ui, verdict, verify
from harness.errors import HarnessError

INTERRUPTED = 130

app = typer.Typer(
    name="harness",
    help="LSTM or GRU? Tune both with equal budgets on your data, and get a verdict that holds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("sweep")(sweep.sweep)
app.add_typer(sweeps.app, name="sweeps")
app.command("trials")(reporting.trials)
app.command("report")(reporting.report)
app.command("verdict")(verdict.verdict)
app.command("verify")(verify.verify)
app.command("calibrate")(calibrate.calibrate)
app.command("ui")(ui.ui)
app.add_typer(datasets.app, name="datasets")
app.add_typer(spaces.app, name="spaces")
app.command("predict")(predict.predict)


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """LSTM or GRU? Tune both with equal budgets on your data, and get a verdict that holds."""
    if version:
        typer.echo(f"harness {harness.__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command and leave with its exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    try:
        app()
    except HarnessError as error:
        typer.echo(f"harness: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("harness: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
