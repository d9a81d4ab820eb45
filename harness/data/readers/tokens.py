"""Sequences of tokens: made of texts, a token a line as at CoNLL's shared tasks, or from a table's column.

A table holds a text a row, or a token a row with an id that groups rows into sequences, such as the log of a process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.dataset import DatasetConfig
from harness.config.sources import ConllSource
from harness.config.tasks import ClassifyTask, LabelTask, NextTokenTask, RegressTask
from harness.config.times import UNDECIDED, Clock, say_format, time_column, time_names
from harness.config.tokens import targets_of
from harness.data.dataset import TokenSequences
from harness.data.encoding import tokenize
from harness.data.readers.formats.delimited import lines_of
from harness.data.readers.paths import locate, shown
from harness.data.readers.registry import in_parts, read_frame
from harness.data.readers.sequences import LEFT_OUT, sequences_of_rows
from harness.data.readers.tables import labels, numbers, require_columns, times
from harness.data.readers.texts import decoded, read_texts
from harness.errors import DataError
from harness.text import counted

if TYPE_CHECKING:
    import pandas as pd

TokenTask: TypeAlias = ClassifyTask | RegressTask | LabelTask | NextTokenTask


def read_tokens(config: DatasetConfig, task: TokenTask) -> TokenSequences:
    """The sequences of tokens that a config names, with their answers where the task has any beside the tokens.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: They are missing, have changed, are not what the config says, or a sequence holds no token.
    """
    if isinstance(config.source, ConllSource):
        return _read_conll(config.source, labelled=isinstance(task, LabelTask))
    if task.text is None and task.token is None:
        return _tokens_of_texts(config, task)
    frame, where = read_frame(config)
    group = config.split.group or config.split.part
    if task.text is not None:
        raw = texts_of_rows(frame, task, where, group, unanswered=config.missing != "error")
    else:
        clock = Clock(getattr(config.source, "time_format", ""), config.encoding.time_zone)
        raw = tokens_of_rows(frame, task, where, group, clock=clock)
    return in_parts(raw, config.split.part) if config.split.part else raw


def _tokens_of_texts(config: DatasetConfig, task: TokenTask) -> TokenSequences:
    assert not isinstance(task, LabelTask)  # which no config has with texts
    raw = read_texts(config, labelled=not isinstance(task, NextTokenTask))
    tokens = tuple(tuple(tokenize(text, task.tokens)) for text in raw.texts)
    made = TokenSequences(raw.where, tokens, raw.y, task.tokens, raw.name_of, raw.own_parts, raw.notes, raw.groups)
    return made if isinstance(task, NextTokenTask) else _with_a_token_each(made)


def _with_a_token_each(raw: TokenSequences) -> TokenSequences:
    for at, sequence in enumerate(raw.tokens):
        if not sequence:
            raise DataError(f"{raw.where}: {raw.name_of(at)}: expected at least one of the {raw.channel}")
    return raw


def texts_of_rows(
    frame: pd.DataFrame, task: TokenTask, where: str, group: str | None = None, *, unanswered: bool = False
) -> TokenSequences:
    """A row a text.

    Args:
        frame: The table.
        task: Names its `text`, and the `target` where there is one.
        where: The table, as messages name it.
        group: Column with each row's group, or official part.
        unanswered: Whether rows without an answer are left out and counted; else they are refused.

    Raises:
        DataError: A column is missing, a text is, or it holds no token; or no row has an answer.
    """
    assert task.text is not None
    target = None if isinstance(task, NextTokenTask) else task.target
    require_columns(frame, [task.text], "text", where)
    require_columns(frame, [target if isinstance(target, str) else None], "target", where)
    require_columns(frame, [group], "group", where, "split")
    tokens = [tuple(tokenize(text.strip(), task.tokens)) for text in column_of_text(frame, task.text, where)]
    y: npt.NDArray[Any] = np.empty(0)
    rows, notes = np.arange(len(frame)), tuple[str, ...]()
    if isinstance(target, str):
        if isinstance(task, RegressTask):
            y = numbers(frame, target, where)
        else:
            y = labels(frame, target, where, gaps=unanswered, cure=LEFT_OUT)
        if unanswered and (left := int(frame[target].isna().sum())):
            if left == len(frame):
                raise DataError(
                    f"{where}: column {target!r}: no row has an answer: expected one at least for each part"
                )
            rows = np.flatnonzero(frame[target].notna().to_numpy())
            y = y[rows].astype(np.str_) if y.dtype == object else y[rows]
            notes = (f"{counted(left, 'row')} without an answer left out",)
    groups = labels(frame, group, where)[rows] if group else None
    kept = tuple(tokens[row] for row in rows)
    return _with_a_token_each(
        TokenSequences(where, kept, y, task.tokens, lambda at: f"row {rows[at] + 1}", notes=notes, groups=groups)
    )


def tokens_of_rows(
    frame: pd.DataFrame,
    task: TokenTask,
    where: str,
    group: str | None = None,
    first_row: int = 0,
    clock: Clock = UNDECIDED,
) -> TokenSequences:
    """A row a token; the rows of one id are a sequence.

    Args:
        frame: The table.
        task: Names its `token`, and the columns of ids, times and answers where there are such.
        where: The table, as messages name it.
        group: Column with each row's group, or official part.
        first_row: Rows of the file before the table's first one.
        clock: How the times are read.

    Raises:
        DataError: As `sequences_of_rows`, or a token is missing.
    """
    import pandas as pd

    token = task.token
    assert token is not None
    roles: dict[str, tuple[str | None, ...]] = {"token": (token,), "id": (task.id,), "target": targets_of(task)}
    for key, wanted in {**roles, "time": time_names(task.time)}.items():
        require_columns(frame, wanted, key, where)
        for name in wanted if key != "time" else ():
            if name is not None:
                labels(frame, name, where, first_row)  # refuses empty cells while rows have their numbers
    codes, names = pd.factorize(column_of_text(frame, token, where, first_row))
    frame = frame.assign(**{token: codes})
    notes, time_format = tuple[str, ...](), ""
    if task.time is not None:
        stamps = time_column(frame, task.time)
        clock = clock.decided(stamps, f"{where}: column {stamps.name!r}")
        time_format = clock.time_format
        frame, notes = _in_time(frame, task, where, first_row, clock)
        told = say_format(stamps, time_format)
        notes = (*notes, told) if told else notes
    update: dict[str, Any] = {"features": (token,), "token": None, "time": None}
    plain: Any = LabelTask(kind="label", id=task.id, features=(token,), metric="accuracy")
    if not isinstance(task, NextTokenTask):
        plain = task.model_copy(update=update)
    # Numbers of tokens travel as a channel: what groups rows of numbers into sequences does so here.
    raw = sequences_of_rows(frame, plain, where, group, first_row)
    found = raw.x[:, :, 0].astype(np.int64)
    sequences = zip(found, raw.lengths, strict=True)
    tokens = tuple(tuple(names[row[:length]].tolist()) for row, length in sequences)
    notes = (*raw.notes, *notes)
    return TokenSequences(
        where, tokens, raw.y, token, raw.name_of, notes=notes, groups=raw.groups, time_format=time_format
    )


def _in_time(
    frame: pd.DataFrame, task: TokenTask, where: str, first_row: int, clock: Clock
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of each id in the order of time; events of one time, which logs have, as they stand in the file."""
    import pandas as pd

    assert task.time is not None
    stamps = times(frame, task.time, where, first_row, clock)
    group = pd.factorize(frame[task.id])[0] if task.id is not None else np.zeros(len(frame), np.int64)
    order = np.lexsort((stamps, group))
    ties = int(((np.diff(stamps[order]) == 0) & (np.diff(group[order]) == 0)).sum())
    notes = (f"{counted(ties, 'token')} with the time of the one before: the file's order is kept",) if ties else ()
    return frame.iloc[order].reset_index(drop=True), notes


def column_of_text(frame: pd.DataFrame, column: str, where: str, first_row: int = 0) -> npt.NDArray[Any]:
    """A column as text (rows,): whole numbers by their digits; none missing.

    Args:
        frame: The table.
        column: Name of the column.
        where: The table, as messages name it.
        first_row: Rows of the file before the table's first one.

    Raises:
        DataError: A value is missing.
    """
    values = labels(frame, column, where, first_row)
    if values.dtype.kind == "f" and np.equal(values, np.round(values)).all():
        values = values.astype(np.int64)
    return np.array([str(value) for value in values.tolist()], dtype=object)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sequence of a file of tokens: the line that it begins in, its tokens and their labels."""

    line: int
    tokens: tuple[str, ...]
    labels: tuple[str, ...]


def _read_conll(source: ConllSource, *, labelled: bool) -> TokenSequences:
    parts = [
        conll_sequences(decoded_lines(path, sha256, source), source, shown(path), labelled=labelled)
        for path, sha256 in source.located
    ]
    raw = parts[0]
    if len(parts) == 1:
        return raw
    names = [f"{part.where}, {part.name_of(at)}" for part in parts for at in range(len(part.tokens))]
    width = max(part.y.shape[1] for part in parts) if labelled else 0
    y = [np.pad(part.y, ((0, 0), (0, width - part.y.shape[1]))) for part in parts] if labelled else [raw.y]
    return replace(
        raw,
        tokens=tuple(sequence for part in parts for sequence in part.tokens),
        y=np.concatenate(y),
        name_of=lambda at: names[at],
        own_parts=tuple(len(part.tokens) for part in parts),
        notes=tuple(note for part in parts for note in part.notes),
    )


def decoded_lines(path: str, sha256: str | None, source: ConllSource) -> list[str]:
    """The lines of a file of tokens.

    Raises:
        DataError: The file is missing, has changed or is not in its encoding.
    """
    return lines_of(decoded(locate(path, sha256), source.encoding, shown(path)))


def conll_sequences(lines: Sequence[str], source: ConllSource, where: str, *, labelled: bool) -> TokenSequences:
    """The sequences of a file with a token a line.

    Args:
        lines: Its lines.
        source: How they are written.
        where: The file, as messages name it.
        labelled: Whether each token's label is wanted.

    Raises:
        DataError: A line has too few columns, or there is no sequence.
    """
    sentences = [*_sentences(lines, source, where, labelled=labelled)]
    if not sentences:
        raise DataError(f"{where}: has no line with a token")
    y: npt.NDArray[Any] = np.empty(0)
    if labelled:
        longest = max(len(one.labels) for one in sentences)
        y = np.array([[*one.labels, *[""] * (longest - len(one.labels))] for one in sentences], np.str_)
    tokens = tuple(one.tokens for one in sentences)
    blank = sum(not token.strip() for sequence in tokens for token in sequence)
    notes = (f"{where}: {counted(blank, 'token')} of blanks alone, taken as such",) if blank else ()
    return TokenSequences(where, tokens, y, "words", lambda at: f"line {sentences[at].line}", notes=notes)


def _sentences(lines: Sequence[str], source: ConllSource, where: str, *, labelled: bool) -> Iterator[_Sentence]:
    begin, tokens, answers = 0, list[str](), list[str]()
    for number, line in enumerate((*lines, ""), start=1):
        if source.comment and line.startswith(source.comment):
            continue
        if source.kind == "conllu" and line.startswith("#"):
            continue
        columns = line.split() if source.separator == "whitespace" else line.split(source.separator)
        if not line.strip() or columns[0] in source.boundaries:
            if tokens:
                yield _Sentence(begin, tuple(tokens), tuple(answers))
            tokens, answers = [], []
            continue
        if source.kind == "conllu" and not columns[0].isdecimal():  # a range of words, or an empty node
            continue
        begin = begin if tokens else number
        token, label = _token_of(columns, source, f"{where}, line {number}", labelled=labelled)
        tokens.append(token)
        answers.append(label)


def _token_of(columns: Sequence[str], source: ConllSource, place: str, *, labelled: bool) -> tuple[str, str]:
    usual = 2 if source.kind == "conllu" else 1
    token = source.token_column or usual
    label = source.label_column or (4 if source.kind == "conllu" else max(len(columns), token + 1))
    most = max(token, label) if labelled else token
    if len(columns) < most:
        raise DataError(
            f"{place}: {counted(len(columns), 'column')} between {source.separator!r}: expected at least "
            f"{most}; the config may say [source] separator, token_column and label_column"
        )
    found = columns[token - 1], columns[label - 1] if labelled else ""
    if labelled and not found[1].strip():
        raise DataError(f"{place}: expected a label in column {label}, got an empty one")
    return found
