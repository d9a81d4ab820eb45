"""What a loaded dataset is, in words and in one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np

from harness.cards.schema import SplitCard
from harness.data.arrays import Indices, Part
from harness.data.splits import Blocks, Members, Rule


def digest(parts: Sequence[Part], names: Iterable[Sequence[str]]) -> str:
    """A digest of the full content: inputs, lengths and answers of all parts, and all names.

    Not MLflow's own, which reads the first 10,000 elements only.

    Args:
        parts: The parts, in order.
        names: Lists of names: channels, targets, classes.

    Returns:
        32 hexadecimal characters.
    """
    hashing = hashlib.sha256()
    for part in parts:
        for array in (part.x, part.lengths, part.y):
            hashing.update(f"{array.dtype.str}{array.shape}".encode())
            hashing.update(np.ascontiguousarray(array).data)
    hashing.update(json.dumps([list(group) for group in names]).encode())
    return hashing.hexdigest()[:32]


def say_rows(rows: Indices) -> str:
    """Places as ranges with both ends, such as `0-9,12`; `:3` after a range takes every third only.

    Args:
        rows: Places in the source, from 0.
    """
    places = np.unique(rows)
    steps = np.diff(places)
    said, begin = list[str](), 0
    while begin < len(places):
        step, end = int(steps[begin]) if begin < len(steps) else 1, begin
        while end < len(steps) and steps[end] == step:
            end += 1
        if step > 1 and end - begin < 2:  # no run: a place by itself
            end = begin
        last = f"-{places[end]}" + (f":{step}" if step > 1 else "") if end > begin else ""
        said.append(f"{places[begin]}{last}")
        begin = end + 1
    return ",".join(said)


def say_blocks(blocks: Blocks, first_row: int, split: SplitCard) -> str:
    """The split of a forecast in words.

    Args:
        blocks: The blocks.
        first_row: Rows of the source before the first one used.
        split: The card's split.
    """
    spans = (("train", blocks.train), ("validation", blocks.validation), ("test", blocks.test))
    said = ", ".join(f"{name} rows {first_row + block.start + 1:,}–{first_row + block.stop:,}" for name, block in spans)
    gap = f", {split.gap_steps:,} rows left out between them" if split.gap_steps else ""
    fold = f"fold {split.fold or split.folds} of {split.folds}, rolling origin" if split.folds else "by time"
    return f"{fold}: {said}{gap}; no window crosses from one to another"


def say_members(rule: Rule, members: Members, seed: int, classes: bool, own_parts: int = 2) -> str:
    """The split of sequences in words.

    Args:
        rule: The rule.
        members: Which sequences are where.
        seed: Seed of the draw.
        classes: Whether the task has classes.
        own_parts: How many parts the source itself has.
    """
    train, validation, test = (f"{len(part):,}" for part in (members.train, members.validation, members.test))
    if rule == "archive" and own_parts == 3:
        return f"the source's own: {train} train, {validation} validation, {test} test"
    if rule == "archive":
        carved = "stratified by class" if classes else "drawn by chance"
        return (
            f"the archive's own: {test} test; of its {len(members.train) + len(members.validation):,} others "
            f"{validation} for validation, {carved} (seed {seed}), {train} train"
        )
    words = {"stratified": "stratified by class", "shuffled": "drawn by chance", "group": "by whole groups"}[rule]
    return f"{words} (seed {seed}): {train} train, {validation} validation, {test} test"
