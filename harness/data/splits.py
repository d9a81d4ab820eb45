"""Which rows or sequences belong to which part: deterministic in the card's seed, disjoint by construction.

Knows numbers of rows, class numbers and the card's `[split]`; no values of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.cards.combinations import brings_parts
from harness.cards.schema import DatasetCard, SplitCard
from harness.data.arrays import Indices, Whole
from harness.errors import DataError
from harness.records import TaskKind, derive_seed

Rule = Literal["time", "rolling", "stratified", "shuffled", "group", "archive"]

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
    usual: Rule = "archive" if brings_parts(card) else _USUAL[TaskKind(card.task.kind)]
    return card.split.rule or usual


def fold_cards(card: DatasetCard) -> tuple[DatasetCard, ...]:
    """The divisions of a rolling split, the earliest first, each as a card of its own; else the card itself.

    Args:
        card: The dataset's card.
    """
    split = card.split
    if split.folds is None or split.fold is not None:
        return (card,)
    folds = (split.model_copy(update={"fold": fold}) for fold in range(1, split.folds + 1))
    return tuple(card.model_copy(update={"split": fold}) for fold in folds)


def time_blocks(
    rows: int, split: SplitCard, window: int, where: str, why: str = "one window (lookback_steps + horizon_steps)"
) -> Blocks:
    """Training, validation and test rows, one after the other; the gaps between them cost training rows.

    Of a rolling split's folds the last one's test block ends with the series, and each earlier one's ends where the
    next one's begins (R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section
    5.10); training begins with the series in all.

    Args:
        rows: Number of rows.
        split: Shares, gap and fold.
        window: Rows that one window needs.
        where: The file, as messages name it.
        why: What needs so many rows.

    Raises:
        DataError: A block is too short for one window.
    """
    test, validation = round(rows * split.test), round(rows * split.validation)
    later = (split.folds or 0) - (split.fold or split.folds or 0)
    end = rows - later * test
    train = end - validation - test - 2 * split.gap_steps
    start = max(train, 0) + split.gap_steps
    blocks = Blocks(range(max(train, 0)), range(start, start + validation), range(max(end - test, 0), max(end, 0)))
    fold = f" of fold {split.fold or split.folds}" if split.folds else ""
    for name, block in (("train", blocks.train), ("validation", blocks.validation), ("test", blocks.test)):
        if len(block) < window:
            raise DataError(
                f"{where}: {rows:,} rows leave {len(block):,} for the {name} part{fold}: expected at least "
                f"{window:,}, {why}"
            )
    return blocks


def sequence_parts(
    rule: Rule,
    split: SplitCard,
    codes: Whole | None,
    classes: tuple[str, ...],
    n: int,
    own_parts: tuple[int, ...],
    where: str,
    groups: NDArray[Any] | None = None,
) -> Members:
    """Training, validation and test sequences.

    Args:
        rule: `stratified`, `shuffled`, `group` or `archive`.
        split: Shares and seed.
        codes: Class numbers (n,); None for a task without classes, whose archive is divided by chance.
        classes: Class names.
        n: Number of sequences.
        own_parts: How many of them, from the first one on, are the source's own train and test, or train, validation
            and test part; empty where it has none.
        where: The file, as messages name it.
        groups: Each sequence's group (n,), for the rule `group`.

    Raises:
        DataError: A part would be empty, or a class has too few sequences or none to train on.
    """
    random = np.random.default_rng(derive_seed("split", split.seed))
    if rule == "group":
        members = _by_group(split, groups, where, random)
    elif rule == "archive":
        members = _of_archive(split, codes, classes, own_parts, where, random)
    else:
        members = _by_chance(split, codes if rule == "stratified" else None, classes, n, where, random)
    for name, part in (("train", members.train), ("validation", members.validation), ("test", members.test)):
        if not len(part):
            raise DataError(f"{where}: of {n} sequences none is left for the {name} part")
    if codes is not None:
        _refuse_classes_without_training(codes[members.train], classes, where)
    return members


def _by_chance(
    split: SplitCard,
    strata: Whole | None,
    classes: tuple[str, ...],
    n: int,
    where: str,
    random: np.random.Generator,
) -> Members:
    if strata is not None:
        _refuse_small_classes(strata, classes, 3, 'one for each part ([split] rule = "stratified")', where)
    rest, test = _carve(np.arange(n), strata, split.test, random)
    train, validation = _carve(rest, strata, split.validation / (1 - split.test), random)  # of what test has left
    return Members(train, validation, test)


def _of_archive(
    split: SplitCard,
    codes: Whole | None,
    classes: tuple[str, ...],
    own_parts: tuple[int, ...],
    where: str,
    random: np.random.Generator,
) -> Members:
    first, *others = np.split(np.arange(sum(own_parts)), np.cumsum(own_parts)[:-1])
    if codes is not None:
        _refuse_classes_without_training(codes[first], classes, where)
    if len(others) == 2:
        return Members(first, *others)
    if codes is not None:
        _refuse_small_classes(codes[first], classes, 2, "in the archive's train part, one for validation", where)
    return Members(*_carve(first, codes, split.validation, random), others[0])


def _by_group(split: SplitCard, groups: NDArray[Any] | None, where: str, random: np.random.Generator) -> Members:
    """Whole groups, drawn by chance until a part has its share of the sequences; one at least for each part."""
    if groups is None:
        raise DataError(f'{where}: has no groups: expected them for [split] rule = "group"')
    names, of = np.unique(groups, return_inverse=True)
    if len(names) < 3:
        raise DataError(f"{where}: {len(names)} groups: expected at least 3, one for each part")
    order, sizes = random.permutation(len(names)), np.bincount(of)
    filled = np.cumsum(sizes[order])
    tests = min(max(1, _nearest(filled, split.test * len(of))), len(names) - 2)
    rest = filled[tests:] - filled[tests - 1]
    validations = min(max(1, _nearest(rest, split.validation * len(of))), len(names) - tests - 1)
    part_of = np.zeros(len(names), np.int64)
    part_of[order[:tests]], part_of[order[tests : tests + validations]] = 2, 1
    return Members(*(np.flatnonzero(part_of[of] == part) for part in range(3)))


def _nearest(filled: Indices, wanted: float) -> int:
    """How many of the groups together come nearest to so many sequences."""
    return int(np.abs(filled - wanted).argmin()) + 1


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
