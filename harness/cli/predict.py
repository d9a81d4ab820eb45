"""`harness predict`: a champion's predictions for a file of raw rows, or for its own dataset's test part."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import UsageError
from harness.store import find_store

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.progress import Progress

    from harness.export import Champion


WAIT_SECONDS = 2
"""After which a progress bar is shown."""


def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="name, name@alias, name/version, models:/… or a champion's folder.")
    ],
    data: Annotated[
        Path | None,
        typer.Argument(metavar="INPUT", help="CSV, Parquet, NPZ or text: raw rows, sequences.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this .csv, .parquet or .npz instead."),
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Predict the test part of the model's dataset; compare the score.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one record a row.")] = False,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store. [./mlruns]")
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option("--tracking-uri", metavar="URI", help="MLflow's address, if it is a server.")
    ] = None,
) -> None:
    """Predict with a champion: raw values in, original units or class names with probabilities out.

    A forecast goes on after INPUT's last row, with its time stamps. NPZ files hold x (sequences, steps,
    channels) and, where they differ, lengths. Tables of sequences hold a row a step and the card's id column. What is
    known in advance follows in rows without targets. Models of tokens read a .txt, or a table with a column text.
    """
    if (data is None) == (not test):
        raise UsageError("expected either INPUT or --test")
    from harness.export.inputs import read_input
    from harness.export.loading import load
    from harness.export.outputs import check_output, predictions_of, write
    from harness.export.proving import test_batch

    if output is not None:
        check_output(output)
    champion = load(model, find_store(store, tracking_uri))
    batch, truth = test_batch(champion) if data is None else (read_input(champion.description, data), None)
    with _Bar(len(batch.x)) as bar:
        outputs = champion.predict_batch(batch, bar.show)
    predictions = predictions_of(champion.description, batch, outputs)
    if batch.assumed:
        typer.echo(batch.assumed, err=True)
    if output is not None:
        write(predictions, output)
    elif json:
        typer.echo(predictions.table.to_json(orient="records", date_format="iso", double_precision=15))
    else:
        typer.echo(predictions.table.to_csv(index=False), nl=False)
    if truth is not None:
        _compare(champion, outputs, truth, batch.lengths)


class _Bar:
    """A progress bar on standard error, once there has been something to wait for."""

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()
        self._bar: Progress | None = None

    def show(self, done: int) -> None:
        if self._bar is None:
            if time.monotonic() - self._began < WAIT_SECONDS or done >= self._total:
                return
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("predicting", total=self._total)
            self._bar.start()
        self._bar.update(self._task, completed=done)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _compare(champion: Champion, outputs: npt.NDArray[Any], truth: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> None:
    """Say the score of the test rows beside the logged one, on standard error."""
    from harness.export.proving import require_agreement, score_of

    description = champion.description
    score = score_of(description, truth, outputs, lengths)
    unit = f" {description.unit}" if description.unit else ""
    logged = "untested" if description.test_score is None else f"logged {description.test_score:.8g}{unit}"
    typer.echo(
        f"test {description.metric} {score:.8g}{unit} on {len(truth)} test rows of {description.name}; {logged}",
        err=True,
    )
    if description.test_score is not None:
        require_agreement(description, score)
