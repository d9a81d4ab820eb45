"""The `.ts` files of the UCR/UEA archive, a pair of them: the archive's own train and test parts.

Read here and not with sktime, whose reader takes seconds to import and hands back nested pandas tables. The
format: `#` lines are comments, `@` lines a header, and below `@data` a line holds a sequence: channels
divided by `:`, their values by `,`, `?` for a missing one, and the class or target after the last `:`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.cards.schema import TsSource
from harness.data.arrays import Wide
from harness.data.raw import Sequences, narrow, pad
from harness.data.sources.files import locate, shown
from harness.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """One file: sequences (steps, channels), their answers, and the lines they stand in."""

    pieces: list[Wide]
    answers: list[str]
    lines: list[int]


def read_ts(source: TsSource) -> Sequences:
    """The sequences of both files, the archive's train part first; answers are text.

    Args:
        source: The two files.

    Raises:
        DataError: A file is missing or breaks the format, or the two have different channels.
    """
    train = _read(source.train, source.train_sha256)
    test = _read(source.test, source.test_sha256)
    width, other = train.pieces[0].shape[1], test.pieces[0].shape[1]
    if width != other:
        raise DataError(f"{shown(source.test)}: has {other} channels: expected {width}, as in {shown(source.train)}")
    split = len(train.pieces)
    names = [f"{shown(source.train)}, line {line}" for line in train.lines]
    names += [f"{shown(source.test)}, line {line}" for line in test.lines]
    x, lengths = pad(train.pieces + test.pieces)
    numbers = narrow(x, lambda at: f"{names[at[0]]}, channel {at[2] + 1}, step {at[1] + 1}")
    y: npt.NDArray[np.str_] = np.array(train.answers + test.answers, dtype=np.str_)
    channels = tuple(f"channel_{number + 1}" for number in range(width))
    return Sequences(
        shown(source.train), numbers, lengths, y, channels, lambda at: names[at], own_parts=(split, len(names) - split)
    )


def _read(path: str, sha256: str | None) -> _Content:
    where = shown(path)
    header: dict[str, list[str]] = {}
    content = _Content([], [], [])
    below = False
    for number, line in _lines(path, sha256):
        if below:
            _add(content, line, header, f"{where}, line {number}", number)
        elif line.startswith("@"):
            tag, *rest = line[1:].split()
            below = tag.lower() == "data"
            header[tag.lower()] = rest
        else:
            raise DataError(f"{where}, line {number}: expected a header line such as @problemName, then @data")
    if not content.pieces:
        raise DataError(f"{where}: has no sequence below {'@data' if below else 'its header, and no @data line'}")
    return content


def _lines(path: str, sha256: str | None) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(locate(path, sha256).read_bytes().splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith((b"#", b"%")):  # comments are in any encoding
            continue
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{shown(path)}, line {number}: byte {line[error.start]:#04x} is not UTF-8") from None


def _add(content: _Content, line: str, header: dict[str, list[str]], place: str, number: int) -> None:
    if header.get("timestamps", ["false"])[0].lower() == "true":
        raise DataError(f"{place}: @timeStamps true: expected values without time stamps")
    *channels, answer = line.split(":")
    if not channels:
        raise DataError(f"{place}: expected channels and, after the last ':', the class or target")
    classes = header.get("classlabel", [])[1:]
    if classes and answer.strip() not in classes:
        raise DataError(
            f"{place}: class {answer.strip()[:40]!r}: expected one of {', '.join(classes)}, as in @classLabel"
        )
    columns = [_values(text, f"{place}, channel {order}") for order, text in enumerate(channels, start=1)]
    for order, column in enumerate(columns, start=1):
        if len(column) != len(columns[0]):
            raise DataError(
                f"{place}, channel {order}: {len(column)} steps: expected {len(columns[0])}, as in channel 1"
            )
    if content.pieces and len(columns) != content.pieces[0].shape[1]:
        expected = content.pieces[0].shape[1]
        raise DataError(f"{place}: {len(columns)} channels: expected {expected}, as in line {content.lines[0]}")
    content.pieces.append(np.stack(columns, axis=1))
    content.answers.append(answer.strip())
    content.lines.append(number)


def _values(text: str, place: str) -> Wide:
    fields = [field.strip() for field in text.split(",")]
    try:
        return np.array([np.nan if field == "?" else float(field) for field in fields])
    except ValueError as error:
        raise DataError(
            f"{place}: {str(error).removeprefix('could not convert string to float: ')}: expected numbers"
        ) from None
