from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.dataset import DatasetConfig, SplitConfig
from harness.data.splits import Blocks, Members, Rule, fold_configs, rule_of, sequence_parts, time_blocks
from harness.errors import DataError

CODES = np.repeat([0, 1, 2], [40, 20, 10]).astype(np.int32)
NAMES = ("a", "b", "c")


def divide(rule: Rule, codes: Any = CODES, archive: int | None = None, **split: Any) -> Members:
    names = NAMES[: codes.max() + 1] if codes is not None else ()
    n = len(codes) if codes is not None else 70
    own = (archive, n - archive) if archive else ()
    return sequence_parts(rule, SplitConfig(**split), codes, names, n, own, "toy")


def everything(members: Members) -> list[int]:
    return sorted([*members.train, *members.validation, *members.test])


@pytest.mark.parametrize(("rows", "gap"), [(100, 0), (100, 7), (1001, 13)])
def test_blocks_are_in_time_order_with_the_gap_between(rows: int, gap: int) -> None:
    blocks = time_blocks(rows, SplitConfig(gap_steps=gap), 5, "toy")
    assert blocks.train.start == 0
    assert blocks.validation.start - blocks.train.stop == gap
    assert blocks.test.start - blocks.validation.stop == gap
    assert blocks.test.stop == rows
    assert len(blocks.test) == len(blocks.validation) == round(0.15 * rows)


@given(
    rows=st.integers(1, 400),
    gap=st.integers(0, 40),
    window=st.integers(1, 30),
    validation=st.floats(0.01, 0.4),
    test=st.floats(0.01, 0.4),
)
def test_blocks_hold_a_window_each_or_are_refused(
    rows: int, gap: int, window: int, validation: float, test: float
) -> None:
    try:
        blocks = time_blocks(rows, SplitConfig(gap_steps=gap, validation=validation, test=test), window, "toy")
    except DataError:
        return
    spans = (blocks.train, blocks.validation, blocks.test)
    assert all(len(span) >= window for span in spans)
    assert blocks.train.stop + gap == blocks.validation.start
    assert blocks.validation.stop + gap == blocks.test.start
    assert (blocks.train.start, blocks.test.stop) == (0, rows)


def test_too_few_rows_name_the_part_and_the_numbers() -> None:
    with pytest.raises(
        DataError, match="toy: 100 rows leave 15 for the validation part: expected at least 16, one window"
    ):
        time_blocks(100, SplitConfig(), 16, "toy")
    with pytest.raises(DataError, match="leave 10 for the test part"):
        time_blocks(100, SplitConfig(test=0.1, validation=0.3), 16, "toy")
    with pytest.raises(DataError, match="leave 0 for the train part"):
        time_blocks(100, SplitConfig(gap_steps=50), 3, "toy")


@pytest.mark.parametrize("rule", ["stratified", "shuffled"])
def test_parts_are_disjoint_and_complete(rule: Rule) -> None:
    members = divide(rule)
    assert everything(members) == list(range(70))
    assert all(np.array_equal(part, np.sort(part)) for part in (members.train, members.validation, members.test))


def test_every_class_has_its_share_of_every_part() -> None:
    members = divide("stratified", validation=0.2, test=0.1)
    assert np.bincount(CODES[members.test]).tolist() == [4, 2, 1]
    assert np.bincount(CODES[members.validation]).tolist() == [8, 4, 2]
    assert np.bincount(CODES[members.train]).tolist() == [28, 14, 7]


def test_the_smallest_class_is_still_in_every_part() -> None:
    codes = np.array([0] * 40 + [1] * 3, np.int32)
    members = divide("stratified", codes)
    assert all(1 in codes[part] for part in (members.train, members.validation, members.test))


def test_the_seed_decides() -> None:
    same, again, other = divide("shuffled"), divide("shuffled"), divide("shuffled", seed=1)
    assert np.array_equal(same.test, again.test)
    assert not np.array_equal(same.test, other.test)
    assert everything(divide("shuffled", seed=-5)) == list(range(70))


def test_an_archive_keeps_its_own_test_part() -> None:
    codes = np.tile([0, 1, 2], 30).astype(np.int32)
    members = divide("archive", codes, archive=60, validation=0.2, test=0.5)
    assert members.test.tolist() == list(range(60, 90))
    assert np.bincount(codes[members.validation]).tolist() == [4, 4, 4]
    assert sorted([*members.train, *members.validation]) == list(range(60))


def test_an_archive_without_classes_is_carved_by_chance() -> None:
    members = divide("archive", None, archive=50, validation=0.3)
    assert (len(members.train), len(members.validation), len(members.test)) == (35, 15, 20)


def test_an_archive_can_be_shuffled_all_the_same() -> None:
    assert len(divide("shuffled", archive=60).test) == round(0.15 * 70)


@pytest.mark.parametrize(
    ("codes", "rule", "archive", "message"),
    [
        (
            [0] * 20 + [1] * 2 + [2] * 9,
            "stratified",
            None,
            "class 'b' has 2 sequences: expected at least 3, one for each part",
        ),
        ([0] * 20 + [1] * 20 + [2] * 3, "archive", 40, "no sequence of class 'c' is in the training part"),
        ([0] * 20 + [1] * 20 + [2] * 3, "archive", 41, "class 'c' has 1 sequence: expected at least 2"),
        ([0, 1], "shuffled", None, "of 2 sequences none is left for the train part"),
    ],
)
def test_what_cannot_be_divided(codes: list[int], rule: Rule, archive: int | None, message: str) -> None:
    with pytest.raises(DataError, match=f"toy: {message}"):
        divide(rule, np.array(codes, np.int32), archive)


def test_shuffling_refuses_a_class_that_training_never_sees() -> None:
    codes = np.array([0] * 30 + [1], np.int32)
    held_out = [seed for seed in range(40) if 30 not in _train_or_none(codes, seed)]
    assert held_out  # by chance the one sequence of class b is sometimes drawn for another part
    with pytest.raises(DataError, match="no sequence of class 'b' is in the training part"):
        sequence_parts("shuffled", SplitConfig(seed=held_out[0]), codes, ("a", "b"), 31, None, "toy")


def _train_or_none(codes: Any, seed: int) -> list[int]:
    try:
        return sequence_parts("shuffled", SplitConfig(seed=seed), codes, ("a", "b"), 31, None, "toy").train.tolist()
    except DataError:
        return []


@pytest.mark.parametrize(
    ("kind", "source", "rule"),
    [
        ("forecast", "csv", "time"),
        ("classify", "npz", "stratified"),
        ("regress", "npz", "shuffled"),
        ("classify", "ts", "archive"),
    ],
)
def test_the_usual_rule(kind: str, source: str, rule: str) -> None:
    task = {"kind": kind} | ({"target": ["y"], "lookback_steps": 2} if kind == "forecast" else {})
    where = {"kind": source} | ({"train": "a.ts", "test": "b.ts"} if source == "ts" else {"path": "a"})
    config = DatasetConfig.model_validate({"name": "toy", "source": where, "task": task})
    assert rule_of(config) == rule
    if source == "ts":
        assert rule_of(config.model_copy(update={"split": SplitConfig(rule="stratified")})) == "stratified"


def blocks_of_fold(fold: int | None, rows: int = 100) -> Blocks:
    split = SplitConfig(rule="rolling", folds=3, fold=fold, validation=0.1, test=0.2, gap_steps=2)
    return time_blocks(rows, split, 5, "toy")


def test_the_test_blocks_of_a_rolling_origin_follow_each_other_to_the_end() -> None:
    folds = [blocks_of_fold(fold) for fold in (1, 2, 3)]
    assert [fold.test for fold in folds] == [range(40, 60), range(60, 80), range(80, 100)]
    assert [fold.validation for fold in folds] == [range(28, 38), range(48, 58), range(68, 78)]
    assert [fold.train for fold in folds] == [range(26), range(46), range(66)]
    assert blocks_of_fold(None) == folds[-1]


def test_a_fold_that_is_too_short_is_named() -> None:
    with pytest.raises(DataError, match=r"^toy: 40 rows leave 4 for the validation part of fold 1: expected "):
        blocks_of_fold(1, rows=40)


def test_a_rolling_split_is_a_card_a_fold() -> None:
    source = {"kind": "csv", "path": "x.csv"}
    task = {"kind": "forecast", "target": ["y"], "lookback_steps": 3}
    plain = {"name": "toy", "source": source, "task": task, "split": {"rule": "rolling", "folds": 3}}
    config = DatasetConfig.model_validate(plain)
    assert [one.split.fold for one in fold_configs(config)] == [1, 2, 3]
    (second,) = fold_configs(fold_configs(config)[1])
    assert second.split.fold == 2


GROUPS = np.repeat(np.array(["ann", "bob", "cid", "dan", "eve", "fay"]), [10, 20, 15, 15, 20, 20])


@pytest.mark.parametrize("seed", range(20))
def test_no_group_is_in_two_parts(seed: int) -> None:
    split = SplitConfig(rule="group", seed=seed, validation=0.2, test=0.3)
    members = sequence_parts("group", split, None, (), 100, (), "toy", GROUPS)
    parts = [set(GROUPS[part].tolist()) for part in (members.train, members.validation, members.test)]
    assert set.union(*parts) == set(GROUPS.tolist())
    assert sum(map(len, parts)) == 6
    assert abs(len(members.test) - 30) <= 10
    assert abs(len(members.validation) - 20) <= 10


@pytest.mark.parametrize("groups", [None, np.repeat(np.array(["a", "b"]), 50)])
def test_two_groups_are_too_few(groups: Any) -> None:
    with pytest.raises(DataError, match=r"^toy: (has no groups|2 groups): expected "):
        sequence_parts("group", SplitConfig(rule="group"), None, (), 100, (), "toy", groups)


def test_a_source_with_three_parts_of_its_own_keeps_them() -> None:
    members = sequence_parts("archive", SplitConfig(), None, (), 10, (5, 2, 3), "toy")
    assert [part.tolist() for part in (members.train, members.validation, members.test)] == [
        [0, 1, 2, 3, 4],
        [5, 6],
        [7, 8, 9],
    ]
