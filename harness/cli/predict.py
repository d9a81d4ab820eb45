"""`harness predict`: a champion's predictions for a file of raw rows, or for its own dataset's test part."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import (
    CodeOption,
    DecimalOption,
    EncodingOption,
    JsonOption,
    ModelArgument,
    SeparatorOption,
    StoreOption,
    ThousandsOption,
    TrackingOption,
    source_keys,
)
from harness.cli.terminal.output import say
from harness.errors import UsageError
from harness.store import find_store
from harness.text import counted

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.progress import Progress

    from harness.export import Champion, Description
    from harness.export.outputs.write import Sink
    from harness.export.streaming import Portion
    from harness.records import Diagnostics


WAIT_SECONDS = 2
"""After which a progress bar is shown."""

PLOTS = (".html", ".svg")
"""Files that pictures are drawn into."""

PARTS = 1000
"""That a progress bar counts."""

PRINTED_AT_ONCE = 1 << 20
"""Characters."""


def predict(
    model: ModelArgument,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="INPUT", help="Table, NPZ or text file with raw rows or sequences.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this .csv, .parquet or .npz file. [standard output]"
        ),
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Predict the dataset's test set, and compare the score with the logged one.")
    ] = False,
    interval: Annotated[
        str | None,
        typer.Option(
            "--interval",
            metavar="LEVELS",
            help="Add prediction intervals of these levels in percent, such as 80,95; sets for classes.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Also draw forecasts with intervals, and errors where the answers are known, into this .html or .svg.",
        ),
    ] = None,
    separator: SeparatorOption = None,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    encoding: EncodingOption = None,
    code: CodeOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Predict with a champion.

    Raw values go in, original units or class probabilities come out. A forecast continues INPUT after its last row,
    with time stamps; rows of known covariates follow with empty targets. A table of sequences has a row per step and
    the dataset's id column, or else a column named sequence. It is read as the one that the champion was trained on:
    separator, decimal mark, encoding, missing marks and `where` are its config's, unless an option says otherwise. An
    NPZ file has x (sequences, steps, channels), and lengths if they differ. Token models read a .txt file, or a table's
    column named text. Files are read in pieces and
    may be larger than memory.
    """
    if (data is None) == (not test):
        raise UsageError("expected either INPUT or --test")
    from harness.config.inferred.dialect import named_as_options
    from harness.export.diagnostics import diagnose, diagnose_file
    from harness.export.intervals import intervals_for, levels_of
    from harness.export.outputs.tables import predictions_of
    from harness.export.outputs.write import check_output, written_to
    from harness.export.predictor import load
    from harness.export.streaming import Portion, read_portions
    from harness.export.verification import test_batch
    from harness.stats.words.brief import coverage_warning

    levels = () if interval is None else levels_of(interval)
    if output is not None:
        check_output(output)
    if plot is not None:
        check_output(plot, "--plot", PLOTS)
    written = source_keys(separator=separator, decimal=decimal, thousands=thousands, encoding=encoding)
    if written and data is None:
        raise UsageError("expected no option of how INPUT is written beside --test")
    champion = load(model, find_store(store, tracking_uri), code)
    warning = coverage_warning(intervals_for(champion.description, levels).coverage, levels) if levels else ""
    tested = test_batch(champion) if data is None else None
    if plot is not None and data is not None:
        _draw(plot, champion.description, diagnose_file(champion, data, written))
    with _printed(json=as_json) if output is None else written_to(output) as sink, _Bar() as bar, named_as_options():
        if data is not None:
            portions = read_portions(champion.description, data, partial(bar.show, "reading"), written=written)
        elif tested is not None:
            portions = iter([Portion(tested[0], 0, 1)])
        unknown: Counter[str] = Counter()
        for portion in portions:
            unknown.update(portion.batch.unknown)
            outputs = champion.predict_batch(portion.batch, partial(_show, bar, portion))
            truth = None if tested is None else tested[1]
            sink.add(predictions_of(champion.description, portion.batch, outputs, levels, truth))
    say(_answered_by(champion), err=True)
    if portion.batch.assumed:  # of a forecast, whose input is one portion
        say(portion.batch.assumed, err=True)
    if note := _untrained(champion.description, portion.batch.names):
        say(note, err=True)
    if warning:
        say(f"intervals: {warning}", err=True)
    for column, count in unknown.items():
        say(
            f"{column}: in {counted(count, 'row')} a category that the model does not know: none of its channels is 1",
            err=True,
        )
    if plot is not None and tested is not None:
        batch, truth = tested
        description = champion.description
        rows = None if batch.rows is None else (batch.rows - 1 - batch.x.shape[1]).tolist()
        found = diagnose(description, batch.x, batch.lengths, outputs, truth, first_rows=rows)
        _draw(plot, description, [found])
    if tested is not None:
        _compare(champion, outputs, tested[1], portion.batch.lengths)


def _answered_by(champion: Champion) -> str:
    """Which model it was, and what the verdict recommends where that is another one."""
    from harness.records import Recommendation, Use

    description = champion.description
    name = champion.where.removeprefix("models:/")
    told = f"{' '.join([name, *(f'@{alias}' for alias in champion.aliases)])} ({description.family})"
    plain = description.evidence.get("recommendation")
    found = Recommendation.from_json(plain) if plain else None
    if found is None or (found.use is not Use.BASELINE and found.family in (None, description.arm)):
        return told
    what = f"the baseline {found.baseline}" if found.use is Use.BASELINE else found.family
    return f"{told}: the verdict recommends {what}"


MOST_NAMED = 5
"""Series that a note names."""


def _untrained(description: Description, names: Sequence[Any]) -> str:
    """Which series of a forecast's input the model was not trained on; empty where none, or where it does not say."""
    trained = {*description.series}
    new = [str(name) for name in dict.fromkeys(names) if str(name) not in trained] if trained else []
    more = ", …" if len(new) > MOST_NAMED else ""
    which = f"{', '.join(new[:MOST_NAMED])}{more}"
    return (
        f"not trained on, and forecast as the other series are: {which} ({counted(len(new), 'series', 'series')})"
        if new
        else ""
    )


@contextmanager
def _printed(*, json: bool) -> Iterator[Sink]:
    """A sink that is printed once all went well."""
    from harness.export.outputs.write import TextSink, finished

    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        file = Path(folder, "predictions")
        with finished(TextSink(file, json=json)) as sink:
            yield sink
        with file.open(encoding="utf-8", newline="") as stream:
            for part in iter(lambda: stream.read(PRINTED_AT_ONCE), ""):
                typer.echo(part, nl=False)


def _draw(path: Path, description: Description, found: Sequence[Diagnostics]) -> None:
    """Pictures of what a champion does into a file."""
    from harness.disk import cannot_write, replace_text
    from harness.report import pictures
    from harness.report.html import page_of
    from harness.report.sheet import sheet
    from harness.report.view import Drawing

    title = f"{description.name}: predictions of {description.family}"
    drawn = [
        Drawing(*picture) for place, one in enumerate(found) for picture in pictures.drawn(one, f"picture-{place}")
    ]
    text = page_of(title, drawn) if path.suffix.lower() == ".html" else sheet(title, drawn)
    try:
        replace_text(path, text)
    except OSError as error:
        raise UsageError(f"--plot {path}: {cannot_write(error, path.absolute().parent)}") from error
    say(str(path), err=True)


def _show(bar: _Bar, portion: Portion, done: int) -> None:
    bar.show("predicting", portion.since + (portion.until - portion.since) * done / len(portion.batch.x))


class _Bar:
    """A progress bar on standard error, once there has been something to wait for."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Progress | None = None

    def show(self, what: str, share: float) -> None:
        """Show what is done, and how much of it, from 0 to 1."""
        if self._bar is None:
            if time.monotonic() - self._began < WAIT_SECONDS:
                return
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(what, total=PARTS, completed=round(share * PARTS))
            self._bar.start()
        self._bar.update(self._task, description=what, completed=share * PARTS)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _compare(champion: Champion, outputs: npt.NDArray[Any], truth: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> None:
    """Say the score of the test rows beside the logged one, on standard error."""
    from harness.export.verification import require_agreement, score_of
    from harness.tracking.naming import held_out_score

    description = champion.description
    score = score_of(description, truth, outputs, lengths)
    unit = f" {description.unit}" if description.unit else ""
    logged = "untested" if description.test_score is None else f"logged {description.test_score:.8g}{unit}"
    say(
        f"test {description.metric} {score:.8g}{unit} on all {len(truth)} test rows of {description.name}; {logged}",
        err=True,
    )
    if (held_out := held_out_score(description.to_json())) is not None:
        say(f"lists and reports have {held_out:.6g}{unit}, over the test cases that did not help to choose", err=True)
    if description.test_score is not None:
        require_agreement(description, score)
