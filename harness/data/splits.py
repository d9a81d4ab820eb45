"""Which rows or sequences belong to which part: deterministic in the card's seed, disjoint by construction.

Knows numbers of rows, class numbers and the card's `[split]`; no values of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.cards.schema import DatasetCard, SplitCard
from harness.data.arrays import Indices, Whole
from harness.errors import DataError
from harness.records import TaskKind, derive_seed

Rule = Literal["time", "stratified", "shuffled", "archive"]

_USUAL: dict[TaskKind, Rule] = {
    TaskKind.FORECAST: "time",
    TaskKind.CLASSIFY: "stratified",
    TaskKind.REGRESS: "shuffled",
    TaskKind.LABEL: "shuffled",
    TaskKind.NEXT_TOKEN: "time",
}


@dataclass(frozen=True, slots=True)
class Blocks:
    """Contiguous blocks of rows, in time order, for a forecast."""

    train: range
    validation: range
    test: range


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Which sequences are in which part, in the source's order."""

    train: Indices
    validation: Indices
    test: Indices


def rule_of(card: DatasetCard) -> Rule:
    """The split's rule: the card's, else the archive's own if there is one, else the usual one of the task.

    Args:
        card: The dataset's card.
    """
    usual: Rule = "archive" if card.source.kind == "ts" else _USUAL[TaskKind(card.task.kind)]
    return card.split.rule or usual


def time_blocks(rows: int, split: SplitCard, window: int, where: str) -> Blocks:
    """Training, validation and test rows, one after the other; the gaps between them cost training rows.

    Args:
        rows: Number of rows.
        split: Shares and gap.
        window: Rows that one window needs.
        where: The file, as messages name it.

    Raises:
        DataError: A block is too short for one window.
    """
    test, validation = round(rows * split.test), round(rows * split.validation)
    train = rows - validation - test - 2 * split.gap_steps
    start = max(train, 0) + split.gap_steps
    blocks = Blocks(range(max(train, 0)), range(start, start + validation), range(rows - test, rows))
    for name, block in (("train", blocks.train), ("validation", blocks.validation), ("test", blocks.test)):
        if len(block) < window:
            raise DataError(
                f"{where}: {rows:,} rows leave {len(block):,} for the {name} part: expected at least "
                f"{window:,}, one window (lookback_steps + horizon_steps)"
            )
    return blocks


def sequence_parts(
    rule: Rule,
    split: SplitCard,
    codes: Whole | None,
    classes: tuple[str, ...],
    n: int,
    archive: int | None,
    where: str,
) -> Members:
    """Training, validation and test sequences.

    Args:
        rule: `stratified`, `shuffled` or `archive`.
        split: Shares and seed.
        codes: Class numbers (n,); None for a task without classes, whose archive is divided by chance.
        classes: Class names.
        n: Number of sequences.
        archive: How many of them, the first ones, are the archive's train part; None without an archive.
        where: The file, as messages name it.

    Raises:
        DataError: A part would be empty, or a class has too few sequences or none to train on.
    """
    random = np.random.default_rng(derive_seed("split", split.seed))
    strata = None if rule == "shuffled" else codes
    every = np.arange(n)
    if rule == "archive":
        rest, test = every[:archive], every[archive:]
        if codes is not None:
            _refuse_classes_without_training(codes[rest], classes, where)
            _refuse_small_classes(codes[rest], classes, 2, "in the archive's train part, one for validation", where)
        share = split.validation
    else:
        if strata is not None:
            _refuse_small_classes(strata, classes, 3, 'one for each part ([split] rule = "stratified")', where)
        rest, test = _carve(every, strata, split.test, random)
        share = split.validation / (1 - split.test)  # of what the test part has left
    train, validation = _carve(rest, strata, share, random)
    members = Members(train, validation, test)
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        if not len(part):
            raise DataError(f"{where}: of {n} sequences none is left for the {name} part")
    if codes is not None:
        _refuse_classes_without_training(codes[train], classes, where)
    return members


def _carve(pool: Indices, codes: Whole | None, share: float, random: np.random.Generator) -> tuple[Indices, Indices]:
    """The pool without, and with only, a share of it: of each class where there are classes, at least one."""
    strata = [pool] if codes is None else [pool[codes[pool] == code] for code in np.unique(codes[pool])]
    taken = [random.permutation(stratum)[: max(1, round(len(stratum) * share))] for stratum in strata]
    part = np.sort(np.concatenate(taken))
    return np.setdiff1d(pool, part), part


def _refuse_small_classes(codes: Whole, classes: tuple[str, ...], least: int, why: str, where: str) -> None:
    counts = np.bincount(codes, minlength=len(classes))
    if (small := np.flatnonzero(counts < least)).size:
        name, count = classes[small[0]], counts[small[0]]
        plural = "" if count == 1 else "s"
        raise DataError(f"{where}: class {name!r} has {count} sequence{plural}: expected at least {least}, {why}")


def _refuse_classes_without_training(codes: Whole, classes: tuple[str, ...], where: str) -> None:
    counts = np.bincount(codes, minlength=len(classes))
    if not counts.all():
        name = classes[int(counts.argmin())]
        raise DataError(f"{where}: no sequence of class {name!r} is in the training part: expected every class there")
