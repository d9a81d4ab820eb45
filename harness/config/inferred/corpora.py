"""What files that name no columns seem to hold: sounds by their names, labelled lines of text, a token a line.

Pure: takes names and lines, opens no file. Where two readings fit, the option that settles it is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from harness.errors import UsageError
from harness.text import counted

_MOST_CLASSES = 100
"""Different labels up to which they are taken for classes."""
_BOUNDARY = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class CorpusGuess:
    """Keys of a config, and why they are so.

    Attributes:
        source: Keys of `[source]`.
        task: Keys of `[task]`.
        because: What was guessed and why, a line each.
    """

    source: Mapping[str, Any]
    task: Mapping[str, Any]
    because: tuple[str, ...]


def sound_pattern(names: Sequence[str], where: str) -> tuple[str, str]:
    """How a folder's sounds say their class: by the folder that they are in, or by the begin of their names.

    Args:
        names: The files' paths from the folder on.
        where: The folder, as messages name it.

    Returns:
        The `pattern` of `[source]`, and why.

    Raises:
        UsageError: Nothing or several things may say it, or their suffixes differ.
    """
    suffixes = sorted({name[name.rfind(".") :] for name in names})
    if len(suffixes) > 1:
        raise UsageError(f"{where}: files end in {' and in '.join(suffixes)}: expected one suffix")
    folders = [name.split("/")[:-1] for name in names]
    depths = {len(folder) for folder in folders}
    if len(depths) > 1:
        raise UsageError(f"{where}: sounds lie in folders of different depth: expected --pattern, with {{class}} in it")
    depth = depths.pop()
    telling = [at for at in range(depth) if _are_classes([folder[at] for folder in folders])]
    fixed = [folders[0][at] if len({folder[at] for folder in folders}) == 1 else "*" for at in range(depth)]
    end = f"*{suffixes[0]}"
    if len(telling) == 1:
        count = len({folder[telling[0]] for folder in folders})
        return _placed([*fixed, end], "/", telling[0]), f"a folder a class, {counted(count, 'class', 'classes')}"
    if telling:
        fits = [_placed([*fixed, end], "/", at) for at in telling]
        raise UsageError(f"{where}: which folder says the class? Expected --pattern {_either(fits)}")
    return _pattern_of_stems(names, "/".join([*fixed, ""]), suffixes[0], where)


def _pattern_of_stems(names: Sequence[str], folder: str, suffix: str, where: str) -> tuple[str, str]:
    stems = [name.rsplit("/", 1)[-1].removesuffix(suffix) for name in names]
    for mark, first in product("_-. ", (False, True)):
        parts = [stem.split(mark, 1) if first else stem.split(mark) for stem in stems]
        width = len(parts[0])
        if width < 2 or any(len(part) != width for part in parts):
            continue
        columns = [*zip(*parts, strict=True)]
        telling = [at for at in range(width) if _are_classes(columns[at])]
        if len(telling) > 1 and telling[-1] == width - 1 and all(part.isdigit() for part in columns[-1]):
            telling.pop()  # the number of a recording
        if len(telling) == 1:
            count = len({*columns[telling[0]]})
            pattern = folder + _placed(["*"] * width, mark, telling[0]) + suffix
            return pattern, f"names such as {stems[0]} say the class, {counted(count, 'class', 'classes')}"
        if telling:
            fits = [folder + _placed(["*"] * width, mark, at) + suffix for at in telling]
            raise UsageError(
                f"{where}: which part of a name such as {stems[0]} says the class? Expected --pattern {_either(fits)}; "
                "{group} in the place of another * keeps all recordings of a speaker in one part"
            )
    raise UsageError(
        f"{where}: neither folders nor names such as {names[0]} say a class: expected --pattern, such as "
        f"'{{class}}_*{suffix}'"
    )


def _placed(parts: Sequence[str], mark: str, at: int) -> str:
    return mark.join("{class}" if place == at else part for place, part in enumerate(parts))


def _either(patterns: Sequence[str]) -> str:
    return " or ".join(f"'{pattern}'" for pattern in patterns)


def _are_classes(values: Sequence[str]) -> bool:
    return 1 < len({*values}) <= min(_MOST_CLASSES, len(values) / 2)


def labelled_lines(lines: Sequence[str], label: str | None, where: str) -> CorpusGuess | None:
    r"""What a text says of which each line is a label, a tab and a text, or a text, a tab and a label.

    Args:
        lines: Its lines.
        label: Where the user says that the label stands: `first` or `last`.
        where: The file, as messages name it.

    Returns:
        The config's keys; None where it is no such text, but a table perhaps.

    Raises:
        UsageError: Both sides may be the label.
    """
    rows = [(first.strip(), last.strip()) for first, mark, last in _split_lines(lines) if mark]
    if len(rows) < 2 or len(rows) < sum(1 for line in lines if line.strip()) or any("\t" in last for _, last in rows):
        return None
    sides = {"first": [first for first, _ in rows], "last": [last for _, last in rows]}
    prose = {side: sum(" " in text for text in texts) > len(texts) / 2 for side, texts in sides.items()}
    classes = {side: _are_classes(texts) and texts.count(texts[0]) > 1 for side, texts in sides.items()}
    found = [label] if label else [side for side in sides if classes[side]]
    if not found or not any(prose[side] for side in sides if side != found[0]):
        return None
    if len(found) > 1:
        raise UsageError(f"{where}: which side of a line is the label? Expected --target first or --target last")
    count = len({*sides[found[0]]})
    verb = "begins" if found[0] == "first" else "ends"
    why = f"label = {found[0]}: each line {verb} with one of {counted(count, 'class', 'classes')}"
    return CorpusGuess(
        {"form": "lines", "label": found[0], "separator": "\t"},
        {"tokens": "words"},
        (why, "tokens = words: texts hold blanks"),
    )


def _split_lines(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    return [line.partition("\t") for line in lines if line.strip()]


def holds_tokens(lines: Sequence[str]) -> bool:
    """Whether lines are a token with its labels each, and empty lines end sequences."""
    text = "\n".join(lines).strip("\n")
    sequences = [part.splitlines() for part in re.split(r"\n\s*\n", text) if not part.startswith(_BOUNDARY)]
    rows = [line.split() for part in sequences for line in part]
    if len(sequences) < 2 or len(rows) < 2 * len(sequences) or len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
        return False
    words = sum(any(sign.isalpha() for sign in row[0]) for row in rows)
    labels = {row[-1] for row in rows}
    return 2 * words > len(rows) and 1 < len(labels) <= len(rows) / 2 and not all(map(_is_number, labels))


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+([.,]\d+)?", text))


def token_columns(lines: Sequence[str], kind: str, target: str | None, where: str) -> CorpusGuess:
    """How a file with a token a line is written, and which of its columns is the label.

    Args:
        lines: Its lines.
        kind: `conll` or `conllu`.
        target: The label's column as the user has it, a number from 1; None for the usual one.
        where: The file, as messages name it.

    Raises:
        UsageError: Its lines differ in their columns, or there is no such column with labels.
    """
    source: dict[str, Any] = {}
    because: list[str] = []
    rows = [line for line in lines if line.strip() and not line.startswith(_BOUNDARY)]
    if kind == "conllu":
        found = [line.split("\t") for line in rows if re.match(r"\d+\t", line)]
    else:
        tabs = sum("\t" in line for line in rows) > len(rows) / 2
        found = [line.split("\t") if tabs else line.split() for line in rows]
        usual = max((len(row) for row in found), key=[len(row) for row in found].count, default=0)
        if any(line.startswith("#") and len(row) != usual for line, row in zip(rows, found, strict=True)):
            source["comment"] = "#"
            found = [row for line, row in zip(rows, found, strict=True) if not line.startswith("#")]
        if not tabs:
            source["separator"] = "whitespace"
        because.append(f"separator = {'a tab' if tabs else 'blanks'}: {counted(usual, 'column')} a line")
        if any(line.startswith(_BOUNDARY) for line in lines):
            source["boundaries"] = [_BOUNDARY]
    widths = {len(row) for row in found}
    if len(widths) > 1 or widths < {2}:
        raise UsageError(
            f"{where}: lines of {' and '.join(map(str, sorted(widths)[:3])) or 'no'} columns: expected a token and its "
            f"label{'' if kind == 'conllu' else ', a tab or blanks'} between them, on each line"
        )
    (width,) = widths
    column = _label_column(found, kind, target, where)
    usual = 4 if kind == "conllu" else width
    if column != usual:
        source["label_column"] = column
    names = {row[column - 1] for row in found}
    why = "" if target else ": the part of speech" if kind == "conllu" else ": the last"
    others = f"; --target {column - 1 if column > 2 else column + 1} reads another" if width > 2 and not target else ""
    because.append(f"label_column = {column}{why}, {counted(len(names), 'class', 'classes')}{others}")
    counts = [sum(row[column - 1] == name for row in found) for name in names] if len(names) <= _MOST_CLASSES else [1]
    metric = "accuracy" if min(counts) * len(counts) >= 0.5 * len(found) else "macro_f1"
    because.append(f"metric = {metric}: the rarest class has {min(counts) / len(found):.1%} of the tokens")
    return CorpusGuess(source, {"metric": metric}, tuple(because))


def _label_column(rows: Sequence[Sequence[str]], kind: str, target: str | None, where: str) -> int:
    width = len(rows[0])
    if target is not None and not (target.isdigit() and 1 <= int(target) <= width):
        raise UsageError(f"--target {target}: expected the number of the label's column in {where}, from 1 to {width}")
    column = int(target) if target else 4 if kind == "conllu" else width
    names = {row[column - 1] for row in rows}
    if not target and (names == {"_"} or not 1 < len(names) <= max(20, len(rows) / 2)):
        raise UsageError(
            f"{where}: column {column} holds {counted(len(names), 'value')} in {counted(len(rows), 'line')}, which are "
            "no classes: expected --target N, the number of the label's column"
        )
    return column
