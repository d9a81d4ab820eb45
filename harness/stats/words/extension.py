"""Facts that stand among a verdict's warnings and warn of nothing: that its sweep was extended, as somebody asked.

Journals hold them beside what does warn (`extended: keras was 3.15.1, is 3.16.0`), so they are told apart when read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOTE = re.compile(
    r"extended: (plan (trials|replicates|datasets|families) was|arms was|(datasets|search_spaces) \S+ was not there)\b"
)
_WORDS = (
    (
        r"extended: plan (trials|replicates) was (\d+), is (\d+)$",
        r"the sweep was extended, from \2 to \3 \1 per family",
    ),
    (r"extended: plan (datasets|families) was (.*), is (.*)$", r"the sweep was extended, its \1 from \2 to \3"),
    (r".*", ""),  # the lines about the plan say it
)


def is_note(warning: str) -> bool:
    """Whether one of a verdict's warnings is such a fact."""
    return _NOTE.match(warning) is not None


def notes_among(warnings: Iterable[str]) -> tuple[str, ...]:
    """Those of a verdict's warnings that are such facts, in words for people."""
    return tuple(filter(None, (_in_words(one) for one in warnings if is_note(one))))


def _in_words(note: str) -> str:
    found = ((re.match(pattern, note), words) for pattern, words in _WORDS)
    return next(match.expand(words) for match, words in found if match)
