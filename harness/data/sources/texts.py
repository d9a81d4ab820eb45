"""Text: one long text, a line a sequence, a folder a class; characters and words are made of it later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.cards.schema import DatasetCard, GeneratorSource, KerasSource, TextSource
from harness.data.raw import Texts
from harness.data.sources.files import locate, shown
from harness.data.sources.keras import read_keras_texts
from harness.data.written import WRITTEN
from harness.errors import DataError


def read_text(source: TextSource, labelled: bool) -> Texts:
    """The texts that a card names.

    Args:
        source: The file or folder.
        labelled: Whether each text's label is wanted. Where it is not, a label in a line is left out.

    Raises:
        DataError: Nothing is there, a file has changed or is not in its encoding, or a line has no label.
    """
    match source.form:
        case "whole":
            return _whole(source)
        case "lines":
            return _lines(source, labelled)
        case "folders":
            return _folders(source)


def _whole(source: TextSource) -> Texts:
    where = shown(source.path)
    text = _decoded(locate(source.path, source.sha256), source, where)
    end = None if source.most_signs is None else source.skip_signs + source.most_signs
    total, text = len(text), text[source.skip_signs : end]
    if not text.strip():
        raise DataError(f"{where}: holds nothing but blanks: expected text")
    notes = (f"{len(text):,} of {total:,} signs, from sign {source.skip_signs + 1:,} on",) if len(text) < total else ()
    return Texts(where, (text,), np.empty(0), lambda _: "the text", notes=notes)


def _lines(source: TextSource, labelled: bool) -> Texts:
    where = shown(source.path)
    content = _decoded(locate(source.path, source.sha256), source, where)
    texts, labels, numbers = list[str](), list[str](), list[int]()
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        label, text = _parted(line, source)
        if labelled and not (label and text):
            raise DataError(
                f"{where}, line {number}: expected a label and a text with {source.separator!r} between them"
            )
        texts.append(text or line)
        labels.append(label)
        numbers.append(number)
    if not texts:
        raise DataError(f"{where}: has no line with text")
    y: npt.NDArray[np.str_] = np.array(labels, np.str_)
    return Texts(where, tuple(texts), y if labelled else np.empty(0), lambda at: f"line {numbers[at]}")


def _parted(line: str, source: TextSource) -> tuple[str, str]:
    """A line's label and text; an empty label where there is no separator."""
    if source.separator not in line:
        return "", line.strip()
    if source.label == "first":
        label, _, text = line.partition(source.separator)
    else:
        text, _, label = line.rpartition(source.separator)
    return label.strip(), text.strip()


def _folders(source: TextSource) -> Texts:
    """A folder a class with a file a text, or a file a class with a line a text."""
    where, folder = shown(source.path), locate_folder(source.path)
    texts, labels, names = list[str](), list[str](), list[str]()
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        files = sorted(path for path in entry.iterdir() if path.is_file()) if entry.is_dir() else [entry]
        for file in files:
            content = _decoded(file, source, shown(str(file)))
            pieces = [content] if entry.is_dir() else content.splitlines()
            for number, piece in enumerate(pieces, start=1):
                if piece.strip():
                    texts.append(piece.strip())
                    labels.append(entry.name if entry.is_dir() else entry.stem)
                    names.append(f"{shown(str(file))}" + ("" if entry.is_dir() else f", line {number}"))
    if not texts:
        raise DataError(f"{where}: has no text: expected a folder a class with a file a text, or a file a class")
    return Texts(where, tuple(texts), np.array(labels, np.str_), lambda at: names[at])


def locate_folder(path: str) -> Path:
    """The folder that a card names.

    Raises:
        DataError: It is no folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"{shown(path)}: expected a folder, with a folder or a file a class")
    return folder


def _decoded(file: Path, source: TextSource, where: str) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig" if source.encoding == "utf-8" else source.encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {content[error.start]:#04x} at {error.start} is not {source.encoding}: "
            "the card may say [source] encoding"
        ) from None


def read_texts(card: DatasetCard, labelled: bool = False) -> Texts:
    """The texts that a card names.

    Args:
        card: The dataset's card.
        labelled: Whether each text's label is wanted.

    Raises:
        DataError: As `read_text`.
    """
    if isinstance(card.source, GeneratorSource):
        return WRITTEN[card.source.generator](card.source)
    if isinstance(card.source, KerasSource):
        return read_keras_texts(card.source)
    assert isinstance(card.source, TextSource)  # the only other source that a card allows for it
    return read_text(card.source, labelled)
