"""Texts: one long text, a line a sequence, a folder a class, or made by rule; tokens are made of them later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.config.dataset import DatasetConfig
from harness.config.sources import GeneratorSource, KerasSource, TextSource
from harness.data.dataset import Texts
from harness.data.readers.formats.delimited import lines_of
from harness.data.readers.packaged import read_keras_texts
from harness.data.readers.paths import locate, place_of, shown
from harness.errors import DataError
from harness.records import derive_seed
from harness.text import counted

SMALLEST_COUNT = 2


def first_names(_: GeneratorSource) -> Texts:
    """First names of the United States' census of 1990 and the sex that bears them; names of both are left out.

    Source: United States Census Bureau, in the package `names`.

    Raises:
        DataError: The package is not installed.
    """
    borne: dict[str, set[str]] = {}
    for sex in ("female", "male"):
        for line in locate(f"package:names/dist.{sex}.first").read_text("ascii").splitlines():
            borne.setdefault(line.split()[0].capitalize(), set()).add(sex)
    known = sorted((name, sexes.pop()) for name, sexes in borne.items() if len(sexes) == 1)
    both = len(borne) - len(known)
    texts, labels = zip(*known, strict=True)
    return Texts(
        "first names", texts, np.array(labels), lambda at: texts[at], notes=(f"{both} names of both sexes left out",)
    )


def powers(source: GeneratorSource, symbols: str) -> Texts:
    """Strings of n times each symbol and an end, such as `aaabbb.` for `ab`.

    The train part has n up to a quarter of what fits into `steps`, the validation part up to three eighths, the test
    part up to all: what comes after an `a` can only be guessed, but once the first `b` is there the rest follows from
    counting. Each part holds its n in equal shares, so parts have no string in common.

    Source: F. A. Gers and J. Schmidhuber (2001), "LSTM recurrent networks learn simple context-free and
    context-sensitive languages", IEEE Transactions on Neural Networks 12(6).

    Args:
        source: Steps of the longest string, number of strings, seven tenths of them to train on, and seed.
        symbols: The symbols.
    """
    random = np.random.default_rng(derive_seed(source.generator, source.seed))
    largest = max((source.steps - 1) // len(symbols), SMALLEST_COUNT + 3)
    ends = [SMALLEST_COUNT, max(largest // 4, SMALLEST_COUNT + 1), max(largest * 3 // 8, SMALLEST_COUNT + 2), largest]
    sizes = [source.sequences * 7 // 10, source.sequences * 15 // 100]
    sizes.append(source.sequences - sum(sizes))
    counts = [
        random.permutation(np.resize(np.arange(low if at == 0 else low + 1, high + 1), size))
        for at, (low, high, size) in enumerate(zip(ends[:-1], ends[1:], sizes, strict=True))
    ]
    texts = tuple("".join(symbol * n for symbol in symbols) + "." for n in np.concatenate(counts).tolist())
    where = f"generator {source.generator}"
    return Texts(where, texts, np.empty(0), lambda at: f"string {at}", own_parts=tuple(sizes))


WRITTEN: Mapping[str, Callable[[GeneratorSource], Texts]] = {
    "first_names": first_names,
    "anbn": lambda source: powers(source, "ab"),
    "anbncn": lambda source: powers(source, "abc"),
}
"""Every generator of texts, by its name on configs."""


def _whole(path: str, sha256: str | None, source: TextSource) -> Texts:
    where = shown(path)
    text = decoded(locate(path, sha256), source.encoding, where)
    end = None if source.most_signs is None else source.skip_signs + source.most_signs
    total, text = len(text), text[source.skip_signs : end]
    if not text.strip():
        raise DataError(f"{where}: holds nothing but blanks: expected text")
    notes = (f"{len(text):,} of {total:,} signs, from sign {source.skip_signs + 1:,} on",) if len(text) < total else ()
    return Texts(where, (text,), np.empty(0), lambda _: "the text", notes=notes)


def _lines(path: str, sha256: str | None, source: TextSource, labelled: bool) -> Texts:
    where = shown(path)
    content = decoded(locate(path, sha256), source.encoding, where)
    found, bare = list[tuple[str, str, int]](), list[int]()
    for number, line in enumerate(lines_of(content), start=1):
        if not line.strip():
            continue
        label, text = parted(line, source)
        if labelled and label and not text:
            bare.append(number)
            continue
        if labelled and not label:
            raise DataError(
                f"{where}, line {number}: expected a label and a text with {source.separator!r} between them"
            )
        found.append((text or line, label, number))
    if not found:
        raise DataError(f"{where}: has no line with text")
    texts, labels, numbers = zip(*found, strict=True)
    y = np.array(labels, np.str_) if labelled else np.empty(0)
    notes = (f"{counted(len(bare), 'line')} with a label and no text left out, first line {bare[0]}",) if bare else ()
    return Texts(where, texts, y, lambda at: f"line {numbers[at]}", notes=notes)


def parted(line: str, source: TextSource) -> tuple[str, str]:
    """A line's label and text; an empty label where there is no separator."""
    if source.separator not in line:
        return "", line.strip()
    if source.label == "first":
        label, _, text = line.partition(source.separator)
    else:
        text, _, label = line.rpartition(source.separator)
    return label.strip(), text.strip()


def _folders(path: str, source: TextSource) -> Texts:
    """A folder a class with a file a text, or a file a class with a line a text."""
    where, folder = shown(path), place_of(path)
    if not folder.is_dir():
        raise DataError(f"{where}: expected a folder, with a folder or a file a class")
    found = list[tuple[str, str, str]]()
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        files = sorted(path for path in entry.iterdir() if path.is_file()) if entry.is_dir() else [entry]
        for file in files:
            content = decoded(file, source.encoding, shown(str(file)))
            pieces = [content] if entry.is_dir() else lines_of(content)
            for number, piece in enumerate(pieces, start=1):
                label, line = (entry.name, "") if entry.is_dir() else (entry.stem, f", line {number}")
                if piece.strip():
                    found.append((piece.strip(), label, f"{shown(str(file))}{line}"))
    if not found:
        raise DataError(f"{where}: has no text: expected a folder a class with a file a text, or a file a class")
    texts, labels, names = zip(*found, strict=True)
    return Texts(where, texts, np.array(labels, np.str_), lambda at: names[at])


def decoded(file: Path, encoding: str, where: str) -> str:
    """A file's text, without the mark that some programs put at its begin.

    Raises:
        DataError: It is not in this encoding.
    """
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig" if encoding == "utf-8" else encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {content[error.start]:#04x} at {error.start} is not {encoding}: "
            "the config may say [source] encoding"
        ) from None


def read_texts(config: DatasetConfig, labelled: bool = False) -> Texts:
    """The texts that a config names.

    Args:
        config: The dataset's config.
        labelled: Whether each text's label is wanted. Where it is not, a label in a line is left out.

    Raises:
        DataError: Nothing is there, a file has changed or is not in its encoding, or a line has no label.
    """
    source = config.source
    if isinstance(source, GeneratorSource):
        return WRITTEN[source.generator](source)
    if isinstance(source, KerasSource):
        return read_keras_texts(source)
    assert isinstance(source, TextSource)  # the only other source of texts
    parts = [_read(path, sha256, source, labelled) for path, sha256 in source.located]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _read(path: str, sha256: str | None, source: TextSource, labelled: bool) -> Texts:
    if source.form == "lines":
        return _lines(path, sha256, source, labelled)
    return _whole(path, sha256, source) if source.form == "whole" else _folders(path, source)


def _joined(parts: Sequence[Texts]) -> Texts:
    """A corpus's official parts, one after the other."""
    names = [f"{part.where}, {part.name_of(at)}" for part in parts for at in range(len(part.texts))]
    return Texts(
        parts[0].where,
        tuple(text for part in parts for text in part.texts),
        np.concatenate([part.y for part in parts]),
        lambda at: names[at],
        own_parts=tuple(len(part.texts) for part in parts),
        notes=tuple(f"{part.where}: {note}" for part in parts for note in part.notes),
    )
