"""Makes text from cards, data and error messages fit to be shown. Knows nothing of what the text means."""

from __future__ import annotations

import re
import unicodedata

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
    """The text without characters that a terminal obeys; its lines and tabs stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("".join(_REPLACEMENT if _unfit(letter) else letter for letter in line) for line in lines)


def shortened(text: str, most: int) -> str:
    """The printable text, cut to at most `most` characters with an ellipsis."""
    clean = printable(text).strip()
    return clean if len(clean) <= most else clean[: most - 1].rstrip() + "…"


def _unfit(letter: str) -> bool:
    unfit = letter != "\t" and unicodedata.category(letter) in _CATEGORIES
    return unfit or letter in _DIRECTION_MARKS or letter in _NOT_IN_XML
