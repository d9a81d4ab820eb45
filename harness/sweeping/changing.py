"""What differs between two headers of one sweep, and a header that is extended on purpose. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.sweeping.planning import FREE, SweepHeader, arms_of, resolve

DECISIVE_LIBRARIES = ("python", "lstm-gru-harness", "tensorflow", "keras", "keras-tuner", "numpy", "scikit-learn")
"""What decides a trial's score; MLflow only records it, and what pandas reads shows in the data's digest."""


def differences(began: SweepHeader, now: SweepHeader) -> list[str]:
    """What decides a sweep's trials and is not as it was, a line each, such as `keras was 3.15.1, is 3.16.0`."""
    before, after = _decisive(began), _decisive(now)
    return [f"{path} was {_shown(old)}, is {_shown(new)}" for path, old, new in _differing(before, after, "")]


def extended(
    header: SweepHeader,
    *,
    datasets: Sequence[str] = (),
    families: Sequence[str] = (),
    trials: int | None = None,
    replicates: int | None = None,
    card_folders: Sequence[Path] = (),
) -> SweepHeader:
    """The header of a sweep that does more: what was done stays as it was.

    Args:
        header: The sweep so far.
        datasets: Datasets to add.
        families: Families to add.
        trials: Completed trials of each family and replicate from now on.
        replicates: Replicates from now on.
        card_folders: Where the cards of what is added are searched.

    Raises:
        UsageError: Something would become less, is there already, or cannot grow under this sweep's budget.
        CardError: A card is unknown or broken.
    """
    plan = header.plan
    if plan.minutes:
        raise UsageError("--extend: a sweep whose budget is minutes cannot grow fairly; start a new one")
    if replicates and plan.until_decided:
        raise UsageError("--extend --replicates: this sweep adds replicates by itself, until it is decided")
    for option, had, wanted in (("trials", plan.trials, trials), ("replicates", plan.replicates, replicates)):
        if wanted is not None and wanted < (had or 0):
            raise UsageError(f"--extend --{option} {wanted}: expected at least the {had} that the sweep has")
    more = {"datasets": tuple(datasets) or plan.datasets[:1], "families": tuple(families) or plan.families}
    added = resolve(
        plan.model_copy(update={**more, "register_as": None}),
        card_folders,
    ) if datasets or families else header  # fmt: skip
    new_datasets = {name: card for name, card in added.datasets.items() if datasets}
    new_families = list(dict.fromkeys(arm.family for arm in added.arms)) if families else []
    known = [*header.datasets, *(arm.family for arm in header.arms)]
    if twice := next((name for name in (*new_datasets, *new_families) if name in known), None):
        raise UsageError(f"--extend: {twice} is in the sweep already")
    grown = replace(
        header,
        plan=plan.model_copy(
            update={
                "datasets": (*plan.datasets, *new_datasets),
                "families": (*plan.families, *new_families),
                "trials": trials or plan.trials,
                "replicates": replicates or plan.replicates,
            }
        ),
        datasets={**header.datasets, **new_datasets},
        spaces={**header.spaces, **{name: added.spaces[name] for name in new_families}},
        arms=(*header.arms, *arms_of(new_families)),
        hashes={**added.hashes, **header.hashes},
    )
    return grown.registered_as(plan.register_as)


def _decisive(header: SweepHeader) -> dict[str, Any]:
    plain = header.to_json()
    return {
        "plan": {key: value for key, value in plain["plan"].items() if key not in FREE},
        "datasets": plain["datasets"],
        "search_spaces": plain["spaces"],
        "arms": plain["arms"],
        "versions": {name: plain["versions"].get(name, "not installed") for name in DECISIVE_LIBRARIES},
    }


def _differing(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            here = f"{path} {name}".strip() if path else name
            yield from _differing(before.get(name), after.get(name), "" if here == "versions" else here)
    elif before != after:
        yield path, before, after


def _shown(value: Any) -> str:
    text = "not there" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
