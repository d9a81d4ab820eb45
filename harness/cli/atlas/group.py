"""The group of commands `harness atlas`."""

from __future__ import annotations

import typer

from harness.cli.atlas.add import add
from harness.cli.atlas.answer import answer
from harness.cli.atlas.tables import compare, export, rows, status

app = typer.Typer(help="The Atlas: LSTM or GRU over many real data sets.", no_args_is_help=True)
for command in (answer, status, rows, add, compare, export):
    app.command(command.__name__)(command)
