"""Configs as text that people like to read and change: formatted by hand, comments included."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from harness.config.errors import shown_path, toml_text
from harness.config.inferred.infer import InferredConfig
from harness.config.sources import Name
from harness.config.space import Hyperparameter, SearchSpace
from harness.disk import cannot_write, replace_text
from harness.errors import UsageError

_COMMENT_COLUMN = 36

_COMMENTS = {
    "lookback_steps": "what a network sees, in rows",
    "horizon_steps": "what it predicts, in rows",
    "lookbacks": "what trials choose from; the targets are the same for each",
    "season_steps": "for the baselines",
    "window_steps": "longer sequences are cut into pieces of so many rows",
    "window_stride": "rows from one window to the next; 1 uses them all",
    "max_gap_steps": "the longest gap in time that a window may span",
    "pattern": "{class} is the class, {group} a split's group, * anything",
    "frame_samples": "samples of a step",
    "label": "first or last in a line",
    "label_column": "from 1",
    "tokens": "characters or words: a step each",
}

_KINDS = dict.fromkeys(("classify", "regress", "label"), "classify, regress or label")


def dataset_text(
    name: str, kind: str, path: str, inferred: InferredConfig, written: Mapping[str, object] = MappingProxyType({})
) -> str:
    """A dataset's config as TOML.

    Args:
        name: Its name.
        kind: What kind of table it is, such as `csv`.
        path: The data file, from the config's folder.
        inferred: What the table is for.
        written: How the file is written: further keys of `[source]`.
    """
    file = path.rsplit("/", 1)[-1]
    lines = [
        f"# Guessed by `harness datasets new` from {_in_comment(file)}. Correct what is wrong, then:",
        f"#   harness datasets check {name}",
        f"#   harness sweep {name}",
        "",
        _line("name", name),
        _line("title", f"{file}: {inferred.target}"),
        '# license = "…"',
    ]
    if inferred.missing != "error":
        lines.append(_line("missing", inferred.missing, "`error` refuses data with gaps"))
    lines += ["", "[source]", _line("kind", kind), _line("path", path, "from this file's folder")]
    lines += (_line(key, value) for key, value in written.items())
    if inferred.time_format:
        lines.append(_line("time_format", inferred.time_format, "decided from all values"))
    lines.append("")
    calendar = []
    if inferred.calendar:
        comment = "the time of each step, and of those ahead, as inputs"
        calendar = ["", "[encoding]", _line("calendar", list(inferred.calendar), comment)]
    return "\n".join([*lines, *_task_lines(inferred), "", *_split_lines(inferred), *calendar]) + "\n"


def sequences_text(
    name: str,
    kind: str,
    paths: Mapping[str, str],
    task: str,
    source: Mapping[str, object] = MappingProxyType({}),
    settings: Mapping[str, object] = MappingProxyType({}),
    split: Mapping[str, object] = MappingProxyType({}),
    *,
    gaps: bool = False,
) -> str:
    """A config of sequences that need no columns named, as TOML.

    Args:
        name: Its name.
        kind: Kind of the source.
        paths: Its files, by their keys in `[source]`, from the config's folder.
        task: The task's kind.
        source: Further keys of `[source]`.
        settings: Further keys of `[task]`.
        split: Keys of `[split]`.
        gaps: Whether values are missing.
    """
    lines = [
        "# Guessed by `harness datasets new`. Correct what is wrong, then:",
        f"#   harness datasets check {name}",
        f"#   harness sweep {name}",
        "",
        _line("name", name),
        '# license = "…"',
        *([_line("missing", "interpolate", "`error` refuses data with gaps")] if gaps else []),
        "",
        "[source]",
        _line("kind", kind),
        *(_line(key, path, "from this file's folder") for key, path in paths.items()),
        *(_line(key, value, _COMMENTS.get(key, "")) for key, value in source.items()),
        "",
        "[task]",
        _line("kind", task, _KINDS.get(task, "")),
        *(_line(key, value, _COMMENTS.get(key, "")) for key, value in settings.items()),
        *(["", "[split]"] if split else []),
        *(_line(key, value) for key, value in split.items()),
    ]
    return "\n".join(lines) + "\n"


def space_text(name: str, origin: SearchSpace, extends: str) -> str:
    """A search space's config as TOML, which changes nothing yet: all that it could change stands in comments.

    Args:
        name: Its name.
        origin: The search space that it extends.
        extends: What to write for that: its name, or its path from the config's folder.
    """
    lines = [
        f"# Written by `harness spaces new`: the same as {extends} until you uncomment something.",
        "",
        _line("name", name),
        _line("title", f"{name}, from {origin.name}"),
        _line("extends", extends),
    ]
    for key, hyperparameter in origin.hyperparameters.items():
        lines += ["", *(f"# {line}" for line in hyperparameter_lines(key, hyperparameter))]
    return "\n".join(lines) + "\n"


def hyperparameter_lines(name: str, hyperparameter: Hyperparameter) -> list[str]:
    """One hyperparameter as the lines of its TOML table."""
    given = hyperparameter.model_dump(exclude_none=True)
    return [f"[hyperparameters.{name}]", *(_line(key, value) for key, value in given.items())]


def write_new(path: Path, text: str, force: bool) -> None:
    """Write a new config, whole or not at all.

    Args:
        path: Where to; its folder is made.
        text: The config.
        force: Whether a file that is there may be replaced.

    Raises:
        UsageError: There is a file already, or it cannot be written.
    """
    if path.exists() and not force:
        raise UsageError(f"{shown_path(path)}: is there already; expected --force to replace it, or --name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise UsageError(f"{shown_path(path)}: {cannot_write(error, path.parent)}") from None


def check_new_name(name: str) -> None:
    """Refuse what cannot be the name of a config.

    Raises:
        UsageError: It holds other letters than a name may.
    """
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise UsageError(
            f'name "{name}": expected letters, digits, `_`, `.` and `-`, at most 80, no sign first'
        ) from None


def name_from(file: Path) -> str:
    """A name for the config of a data file: its stem, with `_` for what a name may not hold."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", file.stem).lstrip("_.-")[:80] or "data"


def path_from(folder: Path, file: Path) -> str:
    """The path of a file as a config in `folder` names it, with `/` on every system."""
    # Where the folder is a link, `..` leads to the parent of what it links to.
    target = file.parent.resolve() / file.name
    try:
        return Path(os.path.relpath(target, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return target.as_posix()


def _task_lines(inferred: InferredConfig) -> Iterable[str]:
    yield "[task]"
    yield _line("kind", inferred.task, "forecast, classify, regress or label")
    yield _line("target", [inferred.target] if inferred.task in ("forecast", "label") else inferred.target)
    if inferred.text:
        yield _line("text", inferred.text, "a row a sequence")
        yield _line("tokens", inferred.tokens, _COMMENTS["tokens"])
    else:
        yield _line("features", list(inferred.features), "the inputs")
    if inferred.categorical:
        yield _line("categorical", list(inferred.categorical), "inputs that are text: a channel a category")
    if inferred.id is not None:
        yield _line("id", inferred.id, "rows of one value form a sequence")
    if inferred.time is not None:
        yield _line("time", inferred.time if isinstance(inferred.time, str) else list(inferred.time))
    if inferred.on_duplicates:
        yield _line("on_duplicates", inferred.on_duplicates, "rows of one time")
    if inferred.layout:
        yield _line("layout", inferred.layout, "a sequence a row")
    for key, value in inferred.numbers.items():
        yield _line(key, value, _COMMENTS[key])
    if inferred.numbers.get("window_stride", 1) != 1:
        yield _line("window_grid", "series", "windows of all parts begin at the same hours")
    if inferred.task == "forecast":
        yield "# last_rows = 20000".ljust(_COMMENT_COLUMN) + " # only the end of a long file"
    yield _line("metric", inferred.metric)
    if inferred.task in ("forecast", "regress"):
        yield '# unit = "…"'.ljust(_COMMENT_COLUMN) + " # of the target, for reports"


def _split_lines(inferred: InferredConfig) -> Iterable[str]:
    usual = {"forecast": "time", "classify": "stratified", "regress": "shuffled", "label": "shuffled"}
    rule = "time" if inferred.task == "label" and inferred.id is None else usual[inferred.task]
    why = {"time": "blocks in time order", "stratified": "classes in equal shares", "shuffled": "drawn by chance"}
    yield "[split]"
    yield _line("rule", rule, why[rule])
    yield _line("validation", 0.15)
    yield _line("test", 0.15)


def _line(key: str, value: object, comment: str = "") -> str:
    text = f"{key} = {toml_text(value, longest=None)}"
    return f"{text.ljust(_COMMENT_COLUMN)} # {comment}" if comment else text


def _in_comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
