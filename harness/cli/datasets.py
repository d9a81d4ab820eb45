"""`harness datasets`: what there is to sweep, whether it is valid, and a config for one's own table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import fetch
from harness.cli.common import (
    ConfigDirOption,
    DecimalOption,
    EncodingOption,
    JsonOption,
    SeparatorOption,
    ThousandsOption,
    as_plain,
    count_option,
    home_of,
    source_keys,
)
from harness.cli.terminal.output import say, say_json, say_table, say_wrapped
from harness.errors import AbsentDataError, ConfigError, HarnessError, UsageError
from harness.records import DataFacts, TaskKind
from harness.text import printable

if TYPE_CHECKING:
    import pandas as pd

    from harness.config import DatasetConfig, Found
    from harness.config.sources import FileSource, Source

_WARNING = "warning: "

app = typer.Typer(help="Datasets: list, show, check, fetch, new.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME|PATH", help="Name or path of a dataset.")]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE.png", help="Plot sequences, lengths, classes and the split.")
]


@app.command("list")
def list_configs(config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """List all datasets, those with errors too. Loads no data."""
    from harness.config import list_datasets, suites_of

    found = list_datasets(config_dir or ())
    if as_json:
        say_json([as_plain(one) for one in found])
        return
    header = ("NAME", "TASK", "ROWS", "STEPS", "CHANNELS", "CLASSES", "TITLE", "LICENCE", "CONFIG")
    rows = [_row(one, one.config) for one in found if one.config]
    say_table(header, rows, spare=("CONFIG", "LICENCE", "CLASSES", "CHANNELS", "STEPS"))
    say_wrapped(
        "task label: at every step a class, or a yes or no for each of several labels; others: one answer a sequence"
    )
    say_wrapped("rows: sequences, or rows of a forecast's table; steps: of a sequence, or a forecast's lookback")
    for suite, members in suites_of(found).items():
        remote = any(one.config and _is_remote(one.config.source) for one in members)
        fetch = f" (`harness datasets fetch {suite}` downloads it)" if remote else ""
        say_wrapped(f"suite {suite}{fetch}: {', '.join(one.name for one in members)}")
    for one in found:
        if one.error:
            say(f"invalid: {one.error}")


def _is_remote(source: Source) -> bool:
    """Whether files of a source come from the internet."""
    named = getattr(source, "url", None) or getattr(source, "files", None)
    return bool(named) or source.kind in ("openml", "huggingface") or (source.kind == "keras" and source.path is None)


@app.command("show")
def show(name: NameArgument, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """Show a dataset's config file."""
    from harness.config import find_dataset
    from harness.config.loader import read_toml

    found = find_dataset(name, config_dir or ())
    if as_json:
        say_json(as_plain(found))
        return
    say(f"# {found.path.absolute()}\n# {home_of(found)}, sha256 {found.sha256}\n")
    say(read_toml(found.path)[1].decode("utf-8-sig").rstrip())


@app.command("check")
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|PATH", help="Name or path of a dataset.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check all datasets.")] = False,
    plot: PlotOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a config and its data; show sizes and warnings."""
    from harness.config import find_datasets, list_datasets

    if (name is None) is not every:
        raise UsageError("expected either the name or path of a dataset, or --all")
    found = find_datasets(name, config_dir or ()) if name else list_datasets(config_dir or ())
    if plot and len(found) != 1:
        raise UsageError(f"--plot {plot}: expected one dataset, got {len(found)}")
    checked = [_checked(one, keep_errors=every or len(found) > 1, plot=plot) for one in found]
    if as_json:
        say_json([one.plain() for one in checked])
    else:
        for one in checked:
            say(one.text())
    if bad := sum(one.error is not None and not one.absent for one in checked):
        raise ConfigError(f"{bad} of {len(checked)} datasets are invalid")
    if any(one.absent for one in checked):
        raise typer.Exit(fetch.ABSENT)


app.command("fetch")(fetch.fetch)


@app.command("new")
def new(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A CSV, Parquet, Excel, ARFF, .tsf, .jsonl, NPZ, .ts, CoNLL or .txt file; a folder of .wav or .txt.",
            show_default=False,
        ),
    ],
    target: Annotated[str | None, typer.Option(metavar="COL", help="Column to predict.")] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COL", help="Column with times; several, such as Date,Time, make one.")
    ] = None,
    time_format: Annotated[
        str, typer.Option("--time-format", metavar="FORMAT", help="How times are written, such as %d.%m.%Y %H:%M.")
    ] = "",
    on_duplicates: Annotated[
        str | None, typer.Option("--on-duplicates", metavar="RULE", help="Rows of one time: first, last or mean.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option(metavar="LAYOUT", help="wide: each row is a sequence, its steps side by side.")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--id", metavar="COL", help="Column with the id of each row's sequence.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="KIND", help="forecast, classify, regress, label or next_token.")
    ] = None,
    horizon: Annotated[int | None, count_option("N", "Rows to forecast.")] = None,
    lookback: Annotated[int | None, count_option("N", "Rows that a forecast sees.")] = None,
    features: Annotated[str | None, typer.Option(metavar="A,B", help="Input columns.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the dataset. [the file's]")] = None,
    separator: SeparatorOption = None,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    encoding: EncodingOption = None,
    missing: Annotated[
        str | None, typer.Option(metavar="A,B", help="What stands for a missing value, such as ?,-200.")
    ] = None,
    columns: Annotated[str | None, typer.Option(metavar="A,B", help="Column names of a CSV without them.")] = None,
    skip_rows: Annotated[int | None, count_option("N", "Lines above the column names.")] = None,
    sheet: Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of an Excel file.")] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="TEXT", help="How .wav files say their class, such as {class}/*.wav.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write ./datasets/NAME.toml for a file of one's own, to be edited.

    How a CSV is written, task, columns, horizon and split are guessed from the file; what is guessed is printed with
    its reason, and where two readings fit, the option that settles it is named.
    """
    from harness.config import find_dataset
    from harness.config.inferred.infer import UserHints, infer_task
    from harness.config.inferred.template import (
        check_new_name,
        dataset_text,
        name_from,
        path_from,
        sequences_text,
        write_new,
    )
    from harness.data.readers.unnamed import guess_sequences

    called = name or name_from(file)
    check_new_name(called)
    config = Path("datasets") / f"{called}.toml"
    told: tuple[str, ...] = ()
    written = source_keys(
        separator=separator,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        missing_values=None if missing is None else _parts(missing),
        columns=None if columns is None else _parts(columns),
        skip_rows=skip_rows,
        sheet=sheet,
    )
    named = {"target": target, "time": time, "id": group, "features": features, "horizon": horizon, "task": task}
    named |= {"lookback": lookback, "time_format": time_format, "on_duplicates": on_duplicates, "layout": layout}
    if (guess := guess_sequences(file, {**written, **named, "pattern": pattern})) is not None:
        paths = {key: path_from(config.parent, path) for key, path in guess.paths.items()}
        keys = (guess.source, guess.settings, guess.split)
        text = sequences_text(called, guess.kind, paths, guess.task, *keys, gaps=guess.gaps)
        because = guess.because
    elif pattern:
        raise UsageError(f"--pattern: expected it only for a folder of .wav files, got {file}")
    else:
        source, frame, told = _read(file, written, group)
        kept = source.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "path"})
        times = _parts(time)
        hints = UserHints(
            task=task,
            target=target,
            time=times[0] if len(times) == 1 else times or None,
            id=group,
            features=_parts(features),
            horizon_steps=horizon,
            lookback_steps=lookback,
            time_format=time_format,
            on_duplicates=on_duplicates,
            layout=layout,
        )
        inferred = infer_task(frame, hints, str(file))
        because = inferred.because
        text = dataset_text(called, source.kind, path_from(config.parent, file), inferred, kept)
    write_new(config, text, force)
    if as_json:
        say_json({**as_plain(find_dataset(str(config))), "guessed": [*told, *because]})
        return
    say(f"wrote {config}" + (", which overrides the built-in one" if find_dataset(str(config)).overrides else ""))
    for line in (*told, *because):
        say(f"  {line}")
    say(f"Correct what is wrong in {config}, then:\n  harness datasets check {called}\n  harness sweep {called}")


def _parts(given: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.split(",")) if given else ()


@dataclass(frozen=True, slots=True)
class _Checked:
    # A dataset whose data was loaded, or why it could not be.
    found: Found[DatasetConfig]
    facts: DataFacts | None
    error: str | None
    absent: bool = False

    def plain(self) -> dict[str, Any]:
        facts = self.facts.to_json() if self.facts else None
        return {**as_plain(self.found), "error": self.error, "absent": self.absent, "facts": facts}

    def text(self) -> str:
        if self.facts is None:
            return f"{self.found.name}: {'not on this machine: ' if self.absent else ''}{self.error}"
        facts = self.facts
        train, validation, test = facts.sizes
        pieces = "windows" if facts.task is TaskKind.FORECAST else "sequences"
        lines = [
            f"{self.found.name}: valid ({home_of(self.found)})",
            f"  {facts.title}" if facts.title else "",
            f"  {pieces:<9}  {train:,} train, {validation:,} validation, {test:,} test; {_steps(*facts.steps)} steps",
            f"  channels   {_some(facts.channels)}",
            f"  targets    {_some(facts.targets)}" if facts.targets else "",
            f"  classes    {_some(facts.classes)}" if facts.classes else "",
            f"  split      {facts.split}",
            f"  licence    {facts.license}" if facts.license else "",
            f"  digest     {facts.digest}",
            _reference(self.found.config),
            *(f"  note       {note}" for note in facts.notes if not note.startswith(_WARNING)),
            *(f"  warning    {note.removeprefix(_WARNING)}" for note in facts.notes if note.startswith(_WARNING)),
        ]
        return "\n".join(printable(line) for line in lines if line)


def _checked(found: Found[DatasetConfig], *, keep_errors: bool, plot: Path | None = None) -> _Checked:
    from harness.data import load_dataset

    if found.config is None:
        return _Checked(found, None, found.error)
    try:
        data = load_dataset(found.config)
        _check_size(found.config, data.facts)
        if plot:
            from harness.data.plot import draw

            draw(data, plot)
        return _Checked(found, data.facts, None)
    except HarnessError as error:
        if not keep_errors:
            raise
        return _Checked(found, None, str(error), absent=isinstance(error, AbsentDataError))


def _check_size(config: DatasetConfig, facts: DataFacts) -> None:
    # What a list shows without loading must be what is there.
    if config.size is None:
        return
    pairs = {
        "steps": (config.size.steps_range, facts.steps),
        "channels": (config.size.channels, len(facts.channels)),
        "classes": (config.size.classes, len(facts.classes)),
    }
    for key, (phrase, found) in pairs.items():
        if phrase != found:
            raise ConfigError(f"{config.name}: [size] {key} = {phrase}: expected {found}, as in the data")


def _reference(config: DatasetConfig | None) -> str:
    if config is None or config.reference is None:
        return ""
    reference = config.reference
    note = f" ({reference.note})" if reference.note else ""
    return f"  published  {reference.metric} {reference.score:g}: {reference.model}; {reference.source}{note}"


def _read(
    file: Path, written: dict[str, Any], id_column: str | None
) -> tuple[FileSource, pd.DataFrame, tuple[str, ...]]:
    """How a table is read, its rows, and what was told from the file; ids are read as text."""
    from harness.config.inferred.columns import is_id_name
    from harness.data.readers.formats.delimited import described
    from harness.data.readers.tables import column_names, read_table

    source, told = described(file, written)
    ids = [name for name in column_names(source) if name == id_column or is_id_name(name)]
    return source, read_table(source, tuple(ids)), told


def _row(found: Found[DatasetConfig], config: DatasetConfig) -> tuple[str, ...]:
    size = config.size
    numbers = ("–", "–", "–", "–")  # a config of one's own need not say its size
    if size:
        steps = _steps(*size.steps_range)
        numbers = (f"{size.rows:,}", steps, str(size.channels or "–"), str(size.classes or "–"))
    return (found.name, config.task.kind, *numbers, config.title, config.license, home_of(found))


def _steps(shortest: int, longest: int) -> str:
    return f"{longest:,}" if shortest == longest else f"{shortest:,}–{longest:,}"


def _some(names: tuple[str, ...], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return f"{len(names)}: {shown}" + (", …" if len(names) > most else "")
