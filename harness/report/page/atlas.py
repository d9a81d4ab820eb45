"""Where a data set lies among those of the Atlas, in one sentence."""

from __future__ import annotations

import math
from collections import Counter

from harness.config.atlas import atlas_summary
from harness.records import AtlasRow, AtlasSummary, ComparisonResult
from harness.text import counted

ALIKE = 10
"""Data sets of the Atlas that are called most like another."""

_FAMILIES = ("gru", "lstm")


def among(comparison: ComparisonResult, atlas: AtlasSummary | None = None) -> str:
    """Where a data set lies among those of the Atlas.

    Args:
        comparison: Its comparison.
        atlas: The Atlas; by default the one that the package carries.

    Returns:
        The sentence; empty without an Atlas, for other families, and for a data set of the Atlas itself.
    """
    found = atlas or atlas_summary()
    if found is None or set(comparison.verdict.families) != set(_FAMILIES):
        return ""
    others = [row for row in found.rows if row.dataset != comparison.dataset]
    alike = _most_alike(comparison, others)
    lower = sum(row.log_ratio > 0 for row in alike)
    named = Counter(row.named for row in alike)
    task = comparison.facts.task.value
    what = f"of the task {task}" if all(row.task == task for row in alike) else f"of the task {task} first"
    first, second = _FAMILIES
    return (
        f"Of the {counted(len(alike), 'data set')} of the Atlas most like this one ({what}, then by length, size "
        f"and channels) {first} had the lower error on {lower}, was named on {named[first]}, "
        f"and {second} on {named[second]}"
        f"{_place(comparison, others)} (version {found.version}, {counted(len(found.rows), 'data set')})."
    )


def _most_alike(comparison: ComparisonResult, others: list[AtlasRow]) -> list[AtlasRow]:
    facts = comparison.facts
    own = (facts.steps[1], facts.sizes[0], len(facts.channels))

    def distance(row: AtlasRow) -> tuple[bool, float, str]:
        apart = zip((row.length, row.size, row.dimension), own, strict=True)
        return row.task != facts.task.value, sum(abs(math.log(max(a, 1) / max(b, 1))) for a, b in apart), row.dataset

    return sorted(others, key=distance)[:ALIKE]


def _place(comparison: ComparisonResult, others: list[AtlasRow]) -> str:
    """How many data sets of the Atlas favour gru less than this one does."""
    outlook = comparison.verdict.outlook
    if outlook is None or outlook.log_ratio is None:
        return ""
    own = outlook.log_ratio if outlook.better == _FAMILIES[0] else -outlook.log_ratio
    below = sum(row.log_ratio < own for row in others)
    return f"; here {_FAMILIES[0]} does better against {_FAMILIES[1]} than on {below} of all {len(others)}"
