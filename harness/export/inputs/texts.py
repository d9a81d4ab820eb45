"""Texts and tokens that a user hands in → numbers of tokens as a champion takes them: files and tables.

A champion reads what it was trained on: lines of text or a whole one, a token a line, a table with a text or a token a
row. Knows the description of a champion, never its network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.sources import ConllSource, CorpusSource, TextSource
from harness.config.tasks import NextTokenTask
from harness.data.encoding import Tokens, to_numbers, tokenize
from harness.data.readers.formats.delimited import lines_of
from harness.data.readers.tables import require_columns
from harness.data.readers.texts import decoded, parted
from harness.data.readers.tokens import conll_sequences, tokens_of_rows
from harness.errors import DataError
from harness.export.artifact import Description
from harness.export.inputs.forecasts import Batch, clock_of
from harness.records import TaskKind

if TYPE_CHECKING:
    import pandas as pd

TEXT, TOKEN, SEQUENCE = "text", "token", "sequence"
"""Columns of a table that hold texts, tokens and the names of their sequences, where the config names no others."""


def text_column(description: Description) -> str | None:
    """The column of a table with a text a row; None for a champion that takes a token a row."""
    task, of_tokens = description.card["task"], description.card["source"]["kind"] in ("conll", "conllu")
    return None if of_tokens or task.get("token") else task.get("text") or TEXT


def require_tokens(description: Description, frame: pd.DataFrame, where: str) -> str | None:
    """Refuse a table without a column of texts or tokens.

    Args:
        description: Of the champion that is to predict.
        frame: The table.
        where: The table, as messages name it.

    Returns:
        The column that says which rows are a sequence; None where a row is one, or all rows are.

    Raises:
        DataError: There is none.
    """
    if (column := text_column(description)) is not None:
        if column not in frame.columns:
            raise DataError(f"{where}: has no column {column!r}: expected a text in each row of it")
        return None
    task = _rows(description, frame)
    for key, name in (("token", task.token), ("id", task.id), ("time", task.time)):
        require_columns(frame, [name], key, where)
    return task.id


def _rows(description: Description, frame: pd.DataFrame) -> NextTokenTask:
    """Which columns of a table with a token a row hold what."""
    named = {key: description.card["task"].get(key) for key in ("token", "id", "time")}
    named["token"] = named["token"] or TOKEN
    if named["id"] is None and SEQUENCE in frame.columns:
        named["id"] = SEQUENCE
    return NextTokenTask(kind="next_token", **named)


def batch_of_token_table(description: Description, frame: pd.DataFrame, where: str, before: int = 0) -> Batch:
    """A table with a text a row, or a token a row.

    Args:
        description: Of the champion that is to predict.
        frame: The table.
        where: The table, as messages name it.
        before: Rows of the file before the table's first one.

    Raises:
        DataError: A column is missing, or a text or token is.
    """
    column = require_tokens(description, frame, where)
    if (text := text_column(description)) is not None:
        return _of_texts(description, frame[text], range(before, before + len(frame)), where, before)
    clock = clock_of(description, frame)
    raw = tokens_of_rows(frame, _rows(description, frame), where, first_row=before, clock=clock)
    names = [0] if column is None else frame[column].drop_duplicates().tolist()
    return Batch(*to_numbers(raw.tokens, description.vocabulary), column or SEQUENCE, tuple(names))


def _of_texts(description: Description, texts: pd.Series[Any], names: Sequence[int], where: str, before: int) -> Batch:
    if texts.isna().any():
        raise DataError(
            f"{where}: column {texts.name!r}, row {before + int(texts.isna().argmax()) + 1}: expected a text"
        )
    # Blanks at the ends of a table's cells are left out in training, those of other texts are not.
    named = description.card["task"].get("text") is not None
    return _batch(description, [str(text).strip() if named else str(text) for text in texts], names, "row", where)


def read_token_file(description: Description, path: Path, where: str) -> Batch:
    """A file as the champion was trained on, or a text file.

    Args:
        description: Of the champion that is to predict.
        path: The file. Of lines of text each is a text; a label in every line, as in the training data, is left out.
        where: The file, as messages name it.

    Raises:
        DataError: It cannot be read, or holds no token.
    """
    source = description.dataset_config.source
    try:
        text = decoded(path, source.encoding if isinstance(source, CorpusSource) else "utf-8", where)
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror}") from None
    if isinstance(source, ConllSource):
        raw = conll_sequences(lines_of(text), source, where, labelled=False)
        lines = [int(raw.name_of(at).removeprefix("line ")) for at in range(len(raw.tokens))]
        return Batch(*to_numbers(raw.tokens, description.vocabulary), "line", tuple(lines))
    if getattr(source, "form", "whole") == "whole":
        return _batch(description, [text], (path.name,), "text", where)
    numbered = {number: line for number, line in enumerate(lines_of(text), start=1) if line.strip()}
    texts = [line.strip() for line in numbered.values()]
    note = ""
    if isinstance(source, TextSource) and (unlabelled := _without_labels(description, source, texts)):
        texts, note = unlabelled, "Every line has a label, as in the training data: it is left out."
    return _batch(description, texts, [*numbered], "line", where, note)


def _without_labels(description: Description, source: TextSource, lines: Sequence[str]) -> list[str]:
    """The texts of lines that all have a label of the training data's kind; empty where one has none."""
    if source.form != "lines" or description.task is TaskKind.NEXT_TOKEN:
        return []
    pairs = [parted(line, source) for line in lines]
    known = set(description.classes).__contains__ if description.classes else _is_number
    return [text for _, text in pairs] if all(text and known(label) for label, text in pairs) else []


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _batch(
    description: Description, texts: Sequence[str], names: Sequence[Any], label: str, where: str, note: str = ""
) -> Batch:
    """Texts as numbers of tokens; what the vocabulary does not hold is the unknown token.

    Args:
        description: Of the champion that is to predict.
        texts: The texts.
        names: Name of each.
        label: What the names are.
        where: The file or table, as messages name it.
        note: What there is to say of them.

    Raises:
        DataError: A text holds no token.
    """
    card = description.card
    kind: Tokens = card["task"].get("tokens") or card.get("encoding", {}).get("tokens") or "characters"
    rows = [tokenize(text, kind) for text in texts]
    empty = [name for name, row in zip(names, rows, strict=True) if not row]
    if empty or not rows:
        name = empty[0] if empty else ""
        raise DataError(f"{where}: {label} {name}: expected a text with at least one of the {kind}")
    return Batch(*to_numbers(rows, description.vocabulary), label, tuple(names), note=note)


def is_token_file(description: Description, path: Path, others: Sequence[str]) -> bool:
    """Whether a file is read as text: by its suffix, or because it is called as the training data is.

    Args:
        description: Of the champion that is to predict.
        path: The file.
        others: Suffixes of files that are no text.
    """
    if not description.vocabulary:
        return False
    suffix = path.suffix.lower()
    source = description.card["source"]
    if suffix == ".txt" or source["kind"] not in ("text", "conll", "conllu"):
        return suffix == ".txt"
    named = (source.get(key) for key in ("path", "train", "validation", "test"))
    return suffix not in others or suffix in {Path(name).suffix.lower() for name in named if name}
