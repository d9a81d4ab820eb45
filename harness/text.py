"""How numbers, durations, counts and foreign text are written for people: the one place for all layers.

A minus is the ASCII one and intervals say `to`, so that a number can be copied out of a report and read by a program.
"""

from __future__ import annotations

import math
import re
import textwrap
import unicodedata
from collections.abc import Sequence

_REPLACEMENT = "\ufffd"
_SPACES = re.compile(r"[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029]+")
# Control characters move the cursor of a terminal, lone surrogates cannot be encoded, and marks that turn the writing
# direction can make a line read as something else than it says.
_CATEGORIES = frozenset({"Cc", "Cs"})
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_IN_XML = frozenset("\ufffe\uffff")


def printable(text: str) -> str:
    """The text in one line, without characters that a terminal obeys or that XML refuses.

    Args:
        text: Any text, such as a class name or an error message.

    Returns:
        The text with line breaks and tabs turned into spaces, and other unfit characters into `�`.
    """
    return "".join(_REPLACEMENT if _unfit(letter) else letter for letter in _SPACES.sub(" ", text))


def printable_lines(text: str) -> str:
    """The text without characters that a terminal obeys; its lines and tabs stay.

    Args:
        text: Any text of several lines, such as a traceback.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("".join(_REPLACEMENT if _unfit(letter) else letter for letter in line) for line in lines)


def shortened(text: str, most: int) -> str:
    """The printable text, cut to at most `most` characters with an ellipsis.

    Args:
        text: Any text, such as the name of a column.
        most: Characters of the result, the ellipsis included.
    """
    clean = printable(text).strip()
    return clean if len(clean) <= most else clean[: most - 1].rstrip() + "…"


def begin_of(sentence: str, most: int) -> str:
    """As many whole clauses of a sentence as have room, `shortened` where not even the first has.

    Args:
        sentence: Clauses that end with a comma, a colon or a semicolon.
        most: Characters of the result.
    """
    clean = printable(sentence).strip()
    ends = [found.start() for found in re.finditer("[;:,] ", clean)]
    return next((clean[:end] for end in (len(clean), *reversed(ends)) if end <= most), shortened(clean, most))


def _unfit(letter: str) -> bool:
    unfit = letter != "\t" and unicodedata.category(letter) in _CATEGORIES
    return unfit or letter in _DIRECTION_MARKS or letter in _NOT_IN_XML


PLAIN_WIDTH = 80
"""Columns where there is no terminal to ask."""

NARROWEST = 24
"""Columns that a line has at least."""

INDENT = "  "


_TIE = "\N{NO-BREAK SPACE}"
_COMMAND = re.compile("`[^`]+`")


def wrapped(sentence: str, width: int | None, indent: str = "") -> list[str]:
    """The sentence in lines of at most so many columns; names, addresses and commands in backticks are never broken.

    Args:
        sentence: Any text; what a terminal would obey is replaced.
        width: Columns; None for 80, and never fewer than 24.
        indent: Put before the first line; later ones are indented by two columns more.
    """
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", _TIE), printable(sentence))
    tied = whole.replace(" %", f"{_TIE}%")
    lines = textwrap.wrap(
        tied,
        max(width or PLAIN_WIDTH, NARROWEST),
        initial_indent=indent,
        subsequent_indent=indent + INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TIE, " ") for line in lines]


MISSING = "-"
"""What stands where there is no number."""

_LARGEST_PLAIN = 1e9
_SMALLEST_PLAIN = 1e-5
_MOST_PLACES = 7


def fixed(value: float | None, places: int) -> str:
    """The number with so many decimals and thousands apart; powers of ten where it is very large or very small.

    Args:
        value: The number; None or a non-finite one has words of its own.
        places: Decimals; negative ones round to tens, hundreds and so on.
    """
    if value is None or not math.isfinite(value):
        return _not_finite(value)
    if abs(value) >= _LARGEST_PLAIN or places > _MOST_PLACES:
        return significant(value, max(1, magnitude(value) + 1 + places) if value else 1)
    rounded = round(value, places)
    return f"{rounded if rounded else 0.0:,.{max(places, 0)}f}"  # never "-0.00"


def significant(value: float | None, digits: int = 3) -> str:
    """The number with so many significant digits: `0.0123`, `1,230`, `1.2e-7`.

    Args:
        value: The number; None or a non-finite one has words of its own.
        digits: How many, at least 1; powers of ten show six at most.
    """
    if value is None or not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "0"
    places = digits - 1 - magnitude(value)
    if not _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN or places > _MOST_PLACES:
        mantissa, _, exponent = f"{value:.{min(digits, 6) - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return fixed(value, places)


def short(value: float) -> str:
    """The number for a tick of an axis: `0.05`, `250`, `20k`, `1.5M`.

    Args:
        value: Any finite number; four digits of it are shown.
    """
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if limit <= abs(value) < limit * 1000:
            return f"{value / limit:.4g}{letter}"
    text = f"{value:.4g}"
    return significant(value, 2) if "e" in text else text


def ticks(values: Sequence[float]) -> list[str]:
    """The numbers of an axis with even steps, with as many decimals as tell neighbours apart.

    Args:
        values: The numbers in order, each as far from the next.

    Returns:
        One text each; by `short` where the numbers are large, tiny, or fewer than two.
    """
    if len(values) < 2:
        return [short(value) for value in values]
    step = abs(values[1] - values[0])
    largest = max(abs(value) for value in values)
    if step >= 1000 or largest >= _LARGEST_PLAIN or largest < _SMALLEST_PLAIN:
        return [short(value) for value in values]
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    if not math.isclose(round(step, places), step, rel_tol=1e-6):  # a step of 0.25 or 2.5
        places += 1
    return [fixed(value, places) for value in values]


def count(value: int | None) -> str:
    """A whole number with thousands apart."""
    return MISSING if value is None else f"{value:,}"


def counted(value: int, noun: str, plural: str = "") -> str:
    """A whole number and what it counts: `1 trial`, `2,000 trials`, `0 trials`.

    Args:
        value: The number.
        noun: What is counted, in the singular.
        plural: The noun for any other number than 1, where it takes more than an s.
    """
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def are(value: int) -> str:
    """The verb for so many: `is` or `are`."""
    return "is" if value == 1 else "are"


def with_article(noun: str) -> str:
    """A noun, such as the name of a type, with `a` or `an` before it."""
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


def listed(values: Sequence[int | str], last: str = "and") -> str:
    """Whole numbers or names in a sentence: `3`, `3, 5 or 10`, `lstm and gru`.

    Args:
        values: At least one.
        last: The word before the last one.
    """
    words = [value if isinstance(value, str) else f"{value:,}" for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def percent(share: float) -> str:
    """A probability in percent; it comes from a sample of chance, so 0 and 100 % are never claimed.

    Args:
        share: From 0 to 1; one that is not a number has a dash.

    Returns:
        Such as `46 %`, `under 1 %` or `over 99 %`.
    """
    if not math.isfinite(share):
        return MISSING
    if share < 0.01:
        return "under 1 %"
    if share > 0.99:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def level_text(share: float) -> str:
    """The level of an interval: `95 %`, `97.5 %`."""
    return f"{100 * share:.4g} %"


def duration_text(seconds: float | None) -> str:
    """A time span in its two largest units: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `7 days`; never `2 h 0 min`.

    Args:
        seconds: How long; what is negative counts as nothing, what is not known has a dash.
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for size, name, smaller, its_name in ((86_400, "day", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        large, rest = divmod(round(whole / smaller) * smaller, size)
        if large:
            head = counted(large, name) if name == "day" else f"{large} {name}"
            return f"{head} {rest // smaller} {its_name}" if rest else head
    return f"{whole} s"


def joined(number: str, unit: str) -> str:
    """A written number and its unit, if both are there.

    Args:
        number: The number as text; a dash has no unit.
        unit: The unit; empty for a pure number.
    """
    return f"{number} {unit}" if unit and number != MISSING else number


def magnitude(value: float) -> int:
    """The power of ten of the first digit: 2 of 123, -3 of 0.0012; the value must not be 0."""
    return math.floor(math.log10(abs(value)))


def _not_finite(value: float | None) -> str:
    if value is None or math.isnan(value):
        return MISSING
    return "infinite" if value > 0 else "-infinite"
