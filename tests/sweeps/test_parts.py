"""Parts of a sweep: every data set in one of them, whatever the order of names; and the cap on training sequences."""

from __future__ import annotations

import random

import pytest

from harness.config import make_plan, read_sweep
from harness.config.sweep import find_sweep
from harness.errors import UsageError
from harness.sweeps.plan import resolve

WHOLE = resolve(read_sweep(find_sweep("atlas"), {}))


@pytest.mark.parametrize("of", [1, 4, 12, 89])
def test_parts_come_to_the_whole_and_share_nothing(of: int) -> None:
    parts = [WHOLE.part(number, of) for number in range(1, of + 1)]
    names = [name for part in parts for name in part.plan.datasets]
    assert sorted(names) == sorted(WHOLE.datasets)
    assert max(len(part.datasets) for part in parts) - min(len(part.datasets) for part in parts) <= 1
    for part in parts:
        assert tuple(part.datasets) == part.plan.datasets
        assert {key for key in part.hashes if key.startswith("datasets/")} == {f"datasets/{n}" for n in part.datasets}


def test_a_part_is_the_same_in_whatever_order_names_are_given() -> None:
    names = list(WHOLE.datasets)
    random.Random(1).shuffle(names)
    shuffled = resolve(make_plan({"datasets": tuple(names)}))
    assert set(shuffled.part(3, 12).datasets) == set(WHOLE.part(3, 12).datasets)


def test_more_parts_than_data_sets_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^--part 1/90: expected at most 89 parts, one a dataset$"):
        WHOLE.part(1, 90)


def test_the_plans_cap_goes_into_each_config_and_the_smaller_one_holds() -> None:
    assert {config.split.max_train for config in WHOLE.datasets.values()} == {WHOLE.plan.max_train}
    header = resolve(make_plan({"datasets": ("digits",)}))
    assert header.datasets["digits"].split.max_train is None
    capped = resolve(make_plan({"datasets": ("digits",), "max_train": 50}))
    assert capped.datasets["digits"].split.max_train == 50
    assert capped.hashes == header.hashes
