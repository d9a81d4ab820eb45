"""Texts → numbers of tokens as a champion takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.data.vocabulary import Tokens, to_numbers, tokenize
from harness.errors import DataError
from harness.export.batch import Batch
from harness.export.description import Description

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "text"
"""The column of a table that holds texts."""


def tokens_of(description: Description) -> Tokens:
    """What a token of a champion is.

    Raises:
        DataError: Its inputs are no tokens.
    """
    task = description.card["task"]
    kind: Tokens = task.get("tokens") or description.card.get("encoding", {}).get("tokens") or "characters"
    return kind


def text_batch(description: Description, texts: list[str], names: tuple[Any, ...], label: str, where: str) -> Batch:
    """Texts as numbers of tokens; what the vocabulary does not hold is the unknown token.

    Args:
        description: Of the champion that is to predict.
        texts: The texts.
        names: Name of each.
        label: What the names are.
        where: The file or table, as messages name it.

    Raises:
        DataError: A text holds no token.
    """
    kind = tokens_of(description)
    rows = [to_numbers(tokenize(text, kind), description.vocabulary) for text in texts]
    lengths = np.array([len(row) for row in rows], np.int32)
    if not len(rows) or not lengths.all():
        at = int(lengths.argmin()) if len(rows) else 0
        name = names[at] if len(rows) else ""
        raise DataError(f"{where}: {label} {name}: expected a text with at least one of the {kind}")
    x = np.zeros((len(rows), int(lengths.max())), np.int32)
    for number, row in enumerate(rows):
        x[number, : len(row)] = row
    return Batch(x, lengths, label, names)


def text_file(description: Description, path: Path, where: str) -> Batch:
    """A text file: one text, or, where the card's source has a line a text, a text for each line that is not empty.

    Raises:
        DataError: It cannot be read, or holds no token.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: byte {error.object[error.start]:#04x} is not UTF-8: expected UTF-8 text") from None
    if description.card["source"].get("form", "whole") == "whole":
        return text_batch(description, [content], (path.name,), "text", where)
    lines = [(number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    return text_batch(
        description, [line.strip() for _, line in lines], tuple(number for number, _ in lines), "line", where
    )


def text_frame(description: Description, frame: pd.DataFrame, where: str, before: int = 0) -> Batch:
    """A table with a text a row in the column `text`; `before` rows of the file come before its first one.

    Raises:
        DataError: There is no such column, or a text is missing.
    """
    require_texts(frame, where)
    column = frame[COLUMN]
    if column.isna().any():
        raise DataError(f"{where}: column {COLUMN!r}, row {before + int(column.isna().argmax()) + 1}: expected a text")
    names = tuple(range(before, before + len(frame)))
    return text_batch(description, [str(text) for text in column], names, "row", where)


def require_texts(frame: pd.DataFrame, where: str) -> None:
    """Refuse a table without a column of texts.

    Raises:
        DataError: There is none.
    """
    if COLUMN not in frame.columns:
        raise DataError(f"{where}: has no column {COLUMN!r}: expected a text in each row of it")


def token_arrays(
    description: Description, x: npt.NDArray[Any], lengths: npt.ArrayLike | None, before: int = 0
) -> Batch:
    """Numbers of tokens as they came from Python; `before` sequences of the file come before the first one.

    Raises:
        DataError: They are no places in the vocabulary, or the lengths do not fit.
    """
    size = len(description.vocabulary)
    if x.ndim != 2 or not x.size or x.dtype.kind not in "iu" or x.min() < 0 or x.max() >= size:
        raise DataError(f"x: {x.dtype} {x.shape}: expected numbers of tokens (sequences, steps) from 0 to {size - 1}")
    count, steps = x.shape
    real = np.full(count, steps, np.int32) if lengths is None else np.asarray(lengths)
    if real.shape != (count,) or real.dtype.kind not in "iu" or real.min() < 1 or real.max() > steps:
        raise DataError(f"lengths: {real.dtype} {real.shape}: expected {count} whole numbers from 1 to {steps}")
    kept = np.where(np.arange(steps) < real[:, None], x, 0).astype(np.int32)
    return Batch(kept, real.astype(np.int32), "sequence", tuple(range(before, before + count)))
