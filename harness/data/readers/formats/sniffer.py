"""How a table is written as text, told from its first lines.

Pure: takes text, opens no file. Where two readings fit, neither is chosen: the options that settle it are named.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from harness.config.inferred.dialect import SEPARATORS, number_pattern
from harness.errors import UsageError

LINES = 1000
"""Lines of a file that its dialect is told from."""

_STANDS_FOR_MISSING = ("?", "-", "--", "---", "–", "—", ".", "..", "...", "*", "n.a.", "N.A.", "k.A.", "missing")
_KNOWN_AS_MISSING = frozenset(
    [
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
"""What pandas reads as a missing value."""

_USUAL = 0.75
"""Share of the lines that must have as many separators as most."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written.

    Attributes:
        keys: Keys of `[source]` that differ from their defaults.
        because: What was decided and why, a line each.
    """

    keys: Mapping[str, Any]
    because: tuple[str, ...]


_NO_TEXT = {
    b"PK\x03\x04": "a zip file, as Excel's .xlsx is",
    b"\xd0\xcf\x11\xe0": "an Excel file of before 2007, .xls",
    b"\x1f\x8b": "a gzip file, .gz",
    b"PAR1": "a Parquet file, .parquet",
    b"%PDF": "a PDF",
}
"""First bytes of files that are often given for tables of text, and what those are."""


def encoding_of(head: bytes, where: str) -> str:
    """The encoding of a file that says it by its first bytes, or is UTF-8.

    Args:
        head: The begin of the file.
        where: The file, as messages name it.

    Raises:
        UsageError: It is neither.
    """
    if (kind := next((kind for mark, kind in _NO_TEXT.items() if head.startswith(mark)), "")) or (
        b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        by = f"by its first bytes {kind}" if kind else "and holds bytes of 0"
        raise UsageError(f"{where}: is no text, {by}: expected a table as text, or the ending that says what it is")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head) - 3:  # else a sign that is cut in two
            raise UsageError(
                f"{where}: byte {head[error.start]:#04x} is not UTF-8: expected --encoding, such as cp1252 (Western "
                "Europe), cp1250 (Central Europe) or shift_jis"
            ) from None
    return "utf-8"


def sniff(text: str, given: Mapping[str, Any], where: str) -> Dialect:
    """The dialect of a table, from its first lines.

    Args:
        text: The lines, whole ones.
        given: What the user has said, keys of `[source]`; it is not looked for.
        where: The file, as messages name it.

    Raises:
        UsageError: Two readings fit, or the first line holds no names and none are given.
    """
    return _Sniffer(text, given, where).dialect()


@dataclass(frozen=True, slots=True)
class _Separated:
    # A separator, how many lines have as many of it as most, and the number of the first of these.
    mark: str
    times: int
    first: int

    @classmethod
    def by(cls, mark: str, lines: Sequence[tuple[int, str]]) -> _Separated | None:
        counts = [len(line.split()) - 1 if mark == "whitespace" else line.count(mark) for _, line in lines]
        if not any(counts):
            return None
        usual, times = Counter(count for count in counts if count).most_common(1)[0]
        at = counts.index(usual)
        if mark == "whitespace":  # names and times have blanks, too: they separate where nothing else does
            others = any(sign in line for _, line in lines[at:] for sign in ",;|")
            if others or times < len(lines) - at or (at and _holds_values(lines[at][1], mark)):
                return None
        return None if times < _USUAL * len(lines) else cls(mark, times, lines[at][0])


class _Sniffer:
    # The lines of a table and what is known of them: each decision adds a key, and a line that says why.
    def __init__(self, text: str, given: Mapping[str, Any], where: str) -> None:
        self._lines = re.split(r"\r\n|\n|\r", text)[:LINES]
        self._given, self._where = given, where
        self._keys: dict[str, Any] = dict(given)
        self._because: list[str] = []

    def dialect(self) -> Dialect:
        self._find_separator()
        self._rows = list(self._split())
        self._refuse_no_names()
        self._find_marks()
        self._find_missing()
        return Dialect(self._keys, tuple(self._because))

    def _find_separator(self) -> None:
        skipped = self._given.get("skip_rows", 0)
        # Separators between quotes separate nothing; a quoted line end is none.
        plain = re.sub(r'"[^"]*"', '""', "\n".join(self._lines[skipped:])).split("\n")
        lines = [(number, line) for number, line in enumerate(plain) if line.strip()]
        wanted = (self._given["separator"],) if "separator" in self._given else tuple(SEPARATORS)
        found = [one for mark in wanted if (one := _Separated.by(mark, lines)) is not None]
        if not found:
            return
        best = max(found, key=lambda one: one.times)  # the first of several: blanks are the last ones
        if "separator" not in self._given and best.mark != ",":
            self._keys["separator"] = best.mark
            self._because.append(f"separator = {best.mark!r}: as many {SEPARATORS[best.mark]} in every line")
        if best.first and "skip_rows" not in self._given and not self._given.get("columns"):
            self._skip(best.first, best.mark)

    def _skip(self, lines: int, mark: str) -> None:
        if _holds_values(self._lines[lines], mark):
            raise UsageError(
                f"{self._where}: line 1 has fewer names than line {lines + 1} has fields: expected as many, or "
                "--columns A,B; where commas are decimal marks, another separator than commas, or quotes"
            )
        self._keys["skip_rows"] = lines
        self._because.append(f"skip_rows = {lines}: the column names stand in line {lines + 1}")

    def _split(self) -> Iterator[list[str]]:
        lines = self._lines[self._keys.get("skip_rows", 0) :]
        return _cells([line for line in lines if line.strip()], self._keys.get("separator", ","))

    def _refuse_no_names(self) -> None:
        if self._given.get("columns") or len(self._rows) < 2:
            return
        names = self._rows[0]
        values = [cell for cell in names if _is_value(cell)]
        numbers = [float(cell) for cell in values if re.fullmatch(number_pattern(".", ""), cell)]
        rising = len(numbers) == len(values) > 2 and all(low < high for low, high in pairwise(numbers))
        if values and not rising and (len(values) == len(names) or any(not cell.isdigit() for cell in values)):
            shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            raise UsageError(
                f"{self._where}: line {self._keys.get('skip_rows', 0) + 1} holds values, no column names ({shown}): "
                f"expected --columns with {len(names)} names, such as --columns a,b,c"
            )

    def _find_marks(self) -> None:
        evidence = _Evidence()
        for number, cells in enumerate(self._columns()):
            name = self._rows[0][number] if not self._given.get("columns") else self._given["columns"][number]
            evidence.add(name, cells)
        decimal, thousands, why = evidence.ruling(self._given, self._keys.get("separator", ","), self._where)
        if decimal != "." and "decimal" not in self._given:
            self._keys["decimal"] = decimal
        if thousands and "thousands" not in self._given:
            self._keys["thousands"] = thousands
        self._because.extend(why)

    def _columns(self) -> Iterator[list[str]]:
        # The values of each column, without what is known to be missing.
        rows = self._rows if self._given.get("columns") else self._rows[1:]
        names = self._given.get("columns") or next(iter(self._rows), ())
        missing = _KNOWN_AS_MISSING | {str(mark) for mark in self._given.get("missing_values", ())}
        for number in range(len(names)):
            cells = (row[number].strip() for row in rows if number < len(row))
            yield [cell for cell in cells if cell not in missing]

    def _find_missing(self) -> None:
        if "missing_values" in self._given:
            return
        pattern = re.compile(number_pattern(self._keys.get("decimal", "."), self._keys.get("thousands", "")))
        found = Counter[str]()
        for cells in self._columns():
            others = Counter(cell for cell in cells if not pattern.fullmatch(cell))
            if 0 < others.total() < 0.5 * len(cells) and all(mark in _STANDS_FOR_MISSING for mark in others):
                found.update(others)
        if found:
            self._keys["missing_values"] = marks = tuple(found)
            times = found.total()
            why = f"{times} time{'s' * (times > 1)} in columns of numbers, in the first {len(self._rows):,} rows"
            self._because.append(f"missing_values = {list(marks)}: {why}")


class _Evidence:
    # What the values of all columns say of the marks within numbers, and which column says it.
    def __init__(self) -> None:
        self._decimals: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._open: dict[str, str] = {}

    def add(self, name: str, cells: Sequence[str]) -> None:
        # A few numbers among names say nothing; one cell in twenty may be a slip.
        cells = [cell for cell in cells if cell not in _STANDS_FOR_MISSING]
        if sum(_is_number(cell) for cell in cells) < 0.95 * len(cells):
            return
        for cell in cells:
            for kind, mark in _marks_in(cell):
                {"decimal": self._decimals, "group": self._groups, "open": self._open}[kind].setdefault(mark, name)

    def ruling(self, given: Mapping[str, Any], separator: str, where: str) -> tuple[str, str, list[str]]:
        decimals, groups, free = self._decimals, self._groups, self._open
        if "decimal" in given and "thousands" in given:
            return given["decimal"], given["thousands"], []
        if len(decimals) > 1 and "decimal" not in given:
            comma, point = decimals[","], decimals["."]
            self._refuse(where, f"column {comma!r} has decimal commas and column {point!r} decimal points: which?")
        known = given.get("decimal") or next(iter(decimals), None)
        if known is None and (groups.keys() | {given.get("thousands")}) & {",", "."}:
            known = "." if "," in groups or given.get("thousands") == "," else ","
        if known is None and "," in free:
            self._refuse(where, f"column {free[',']!r}: are its commas decimal marks or between thousands?", ",")
        if known is None and "." in free and separator == ";":
            self._refuse(where, f"column {free['.']!r}: are its points decimal marks or between thousands?", ".")
        decimal = known or "."
        marks = [mark for mark in (*groups, *free) if mark != decimal]
        thousands = given.get("thousands", next(iter(marks), ""))
        if decimal in groups or len({*marks}) > 1:
            self._refuse(where, f"column {groups.get(decimal) or next(iter(groups.values()))!r}: which mark is which?")
        why = []
        if decimal == "," and "decimal" not in given:
            why.append(
                f"decimal = ',': as the numbers of column {decimals.get(',') or next(iter(groups.values()))!r} show"
            )
        if thousands and "thousands" not in given:
            column = groups.get(thousands) or free[thousands]
            why.append(f"thousands = {thousands!r}: as the numbers of column {column!r} show")
        return decimal, thousands, why

    def _refuse(self, where: str, question: str, mark: str = ",") -> NoReturn:
        raise UsageError(f"{where}: {question} Expected --decimal {mark} or --thousands {mark}")


def _cells(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    if separator == "whitespace":
        return (line.split() for line in lines)
    return csv.reader(lines, delimiter=separator)


_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")


def _is_value(cell: str) -> bool:
    # Whether it is a number or a date, as names of columns seldom are.
    return _is_number(cell) or _DATE.fullmatch(cell.strip()) is not None


def _holds_values(line: str, separator: str) -> bool:
    return any(_is_value(cell) for cells in _cells([line], separator) for cell in cells)


def _is_number(cell: str) -> bool:
    plain = cell.strip()
    return bool(re.fullmatch(number_pattern(".", ""), plain)) or bool([*_marks_in(plain)])


_DIGITS = r"[0-9]{1,3}"
_SIGN, _POWER = r"[+-]?", r"(?:[eE][+-]?[0-9]+)?"


def _marks_in(cell: str) -> Iterator[tuple[str, str]]:
    # (kind, mark): a certain decimal mark, a certain mark between thousands, or one that may be either.
    if cell.isdigit():
        return
    if found := re.fullmatch(
        rf"{_SIGN}{_DIGITS}(?:([ '\u00a0\u202f,.])[0-9]{{3}})(?:\1[0-9]{{3}})*(?:([,.])[0-9]+)?", cell
    ):
        group, decimal = found.groups()
        if decimal and decimal != group:
            yield from (("group", group), ("decimal", decimal))
            return
        if not decimal and (group not in ",." or cell.count(group) > 1):
            yield "group", group
            return
        if not decimal and not re.match(rf"{_SIGN}0", cell):
            yield "open", group
            return
    if found := re.fullmatch(rf"{_SIGN}(?:[0-9]+([,.])[0-9]*|([,.])[0-9]+){_POWER}", cell):
        yield "decimal", found[1] or found[2]
