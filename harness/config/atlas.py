"""What the package carries of the Atlas, read from `atlas/summary.json`, which `docs/atlas.py` writes."""

from __future__ import annotations

import json
from functools import cache

from harness.config.lookup import builtin_folder
from harness.errors import UsageError
from harness.records import AtlasSummary, VerdictPrior

FEWEST = 10
"""Data sets below which nothing is said of another's place among them."""


@cache
def atlas_summary() -> AtlasSummary | None:
    """The summary; None where the package carries none, or of too few data sets."""
    path = builtin_folder("atlas") / "summary.json"
    if not path.is_file():
        return None
    found = AtlasSummary.from_json(json.loads(path.read_text(encoding="utf-8")))
    return found if len(found.rows) >= FEWEST else None


def atlas_prior(families: tuple[str, ...], called: str = "--prior atlas") -> VerdictPrior:
    """The Atlas's prior of a verdict.

    Args:
        families: The search spaces of the sweep; the Atlas compares lstm and gru.
        called: What an error calls the option.

    Raises:
        UsageError: The package carries no Atlas, or other families are compared.
    """
    if sorted(families) != ["gru", "lstm"]:
        raise UsageError(f"{called}: the Atlas compares gru with lstm, not {', '.join(families)}: expected usual")
    found = atlas_summary()
    if found is None:
        raise UsageError(f"{called}: this version carries no Atlas of {FEWEST} data sets or more yet: expected usual")
    return found.prior
