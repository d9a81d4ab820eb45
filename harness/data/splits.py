"""Which rows and sequences go into the training, validation and test part, and which cases a model has seen.

Knows numbers of rows, class numbers and the config's `[split]`; no values of the data.

A model keeps hashes of the runs of steps that it was trained and selected on. By them new data's windows and sequences
are told apart, wherever in the new table the old rows stand; nothing of the data itself can be read from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from harness.config.dataset import DatasetConfig, SplitConfig, brings_parts
from harness.config.tasks import ForecastTask
from harness.data.dataset import PARTS, Flags, Indices, Part, SequenceData, Values, Whole
from harness.errors import DataError
from harness.metrics import without_padding
from harness.records import TaskKind, derive_seed

Rule = Literal["time", "rolling", "stratified", "shuffled", "group", "archive"]

_USUAL: dict[TaskKind, Rule] = {
    TaskKind.FORECAST: "time",
    TaskKind.CLASSIFY: "stratified",
    TaskKind.REGRESS: "shuffled",
    TaskKind.LABEL: "shuffled",
    TaskKind.NEXT_TOKEN: "time",
}


class Blocks(NamedTuple):
    """Contiguous blocks of rows, in time order, for a forecast."""

    train: range
    validation: range
    test: range


class Members(NamedTuple):
    """Which sequences are in which part, in the source's order."""

    train: Indices
    validation: Indices
    test: Indices


def rule_of(config: DatasetConfig) -> Rule:
    """The split's rule: the config's, else the archive's own if there is one, else the usual one of the task.

    Args:
        config: The dataset's config.
    """
    usual: Rule = "archive" if brings_parts(config) else _USUAL[TaskKind(config.task.kind)]
    return config.split.rule or usual


def fold_configs(config: DatasetConfig) -> tuple[DatasetConfig, ...]:
    """The divisions of a rolling split, the earliest first, each as a config of its own; else the config itself.

    Args:
        config: The dataset's config.
    """
    split = config.split
    if split.folds is None or split.fold is not None:
        return (config,)
    folds = (split.model_copy(update={"fold": fold}) for fold in range(1, split.folds + 1))
    return tuple(config.model_copy(update={"split": fold}) for fold in folds)


def of_fold(path: str, fold: int) -> Path:
    """The file that a division of a rolling split has, counted from 0, where all have one file's name."""
    return Path(path).with_suffix(f".{fold}.npz")


def time_blocks(
    rows: int, split: SplitConfig, window: int, where: str, why: str = "one window (lookback_steps + horizon_steps)"
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
    for name, block in zip(PARTS, blocks, strict=True):
        if len(block) < window:
            raise DataError(
                f"{where}: {rows:,} rows leave {len(block):,} for the {name} part{fold}: expected at least "
                f"{window:,}, {why}"
            )
    return blocks


def sequence_parts(
    rule: Rule,
    split: SplitConfig,
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
        strata = codes if rule == "stratified" else None
        if strata is not None:
            _refuse_small_classes(strata, classes, 3, 'one for each part ([split] rule = "stratified")', where)
        rest, test = _carve(np.arange(n), strata, split.test, random)
        share = split.validation / (1 - split.test)  # of what test has left
        members = Members(*_carve(rest, strata, share, random), test)
    for name, part in zip(PARTS, members, strict=True):
        if not len(part):
            raise DataError(f"{where}: of {n} sequences none is left for the {name} part")
    if codes is not None:
        refuse_classes_without_training(codes[members.train], classes, where)
    return members


def _of_archive(
    split: SplitConfig,
    codes: Whole | None,
    classes: tuple[str, ...],
    own_parts: tuple[int, ...],
    where: str,
    random: np.random.Generator,
) -> Members:
    first, *others = np.split(np.arange(sum(own_parts)), np.cumsum(own_parts)[:-1])
    if codes is not None:
        refuse_classes_without_training(codes[first], classes, where)
    if len(others) == 2:
        return Members(first, *others)
    if codes is not None:
        _refuse_small_classes(codes[first], classes, 2, "in the archive's train part, one for validation", where)
    return Members(*_carve(first, codes, split.validation, random), others[0])


def _by_group(split: SplitConfig, groups: NDArray[Any] | None, where: str, random: np.random.Generator) -> Members:
    """Whole groups, drawn by chance until a part has its share of the sequences; one at least for each part."""
    if groups is None:
        raise DataError(f'{where}: has no groups: expected them for [split] rule = "group"')
    names, of = np.unique(groups, return_inverse=True)
    if len(names) < 3:
        raise DataError(f"{where}: {len(names)} groups: expected at least 3, one for each part")
    order, sizes = random.permutation(len(names)), np.bincount(of)
    filled = np.cumsum(sizes[order])
    # As many groups as together come nearest to the share.
    tests = min(int(np.abs(filled - split.test * len(of)).argmin()) + 1, len(names) - 2)
    rest = filled[tests:] - filled[tests - 1]
    validations = min(int(np.abs(rest - split.validation * len(of)).argmin()) + 1, len(names) - tests - 1)
    part_of = np.zeros(len(names), np.int64)
    part_of[order[:tests]], part_of[order[tests : tests + validations]] = 2, 1
    return Members(*(np.flatnonzero(part_of[of] == part) for part in range(3)))


def kept_for_training(count: int, split: SplitConfig, codes: Whole | None, *, latest: bool) -> Indices:
    """Which sequences of the training part are trained on.

    Args:
        count: How many it has.
        split: The most that are kept, and the seed.
        codes: Their class numbers (count,), of which each keeps its share, one at least; None without classes.
        latest: Whether the last ones are kept, of windows in time order, so that no gap comes between them.

    Returns:
        Their places in the part, rising.
    """
    if split.max_train is None or count <= split.max_train:
        return np.arange(count)
    if latest:
        return np.arange(count - split.max_train, count)
    random = np.random.default_rng(derive_seed("max_train", split.seed))
    return _carve(np.arange(count), codes, split.max_train / count, random)[1]


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


def refuse_classes_without_training(codes: Whole, classes: tuple[str, ...], where: str, of: str = "sequence") -> None:
    """Refuse a class that no network could learn.

    Args:
        codes: Class numbers of the training part.
        classes: Class names.
        where: The file, as messages name it.
        of: What has a class.

    Raises:
        DataError: A class is not in the training part.
    """
    counts = np.bincount(codes, minlength=len(classes))
    if not counts.all():
        name = classes[int(counts.argmin())]
        raise DataError(f"{where}: no {of} of class {name!r} is in the training part: expected every class there")


Hashes = npt.NDArray[np.uint64]

SHORTEST_RUN = 8
"""Steps that two places of a series rarely share by chance; shorter runs only where a case itself is shorter."""

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)

_CASES_A_TIME = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a model was trained and selected on.

    Attributes:
        kind: What the cases are, in a word; cases of another kind cannot be compared with them.
        steps: Steps of a run; 0 where whole sequences are told.
        runs: Hashes of all runs of the training and validation part, in order.
    """

    kind: str
    steps: int
    runs: Hashes


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the cases of a dataset are read.

    Attributes:
        kind: As in `Seen`.
        steps: As in `Seen`.
        first: The first run of a case that tells whether it was seen; those before it lie in its lookback alone.
        targets: Places of the targets among the channels, where a forecast's answers continue its inputs.
        reach: Rows between two windows' first ones below which they may share answers, where no run tells it.
    """

    kind: str
    steps: int
    first: int = 0
    targets: tuple[int, ...] = ()
    reach: int = 0


def seen_by(data: SequenceData, config: DatasetConfig) -> Seen | None:
    """What a model of this dataset has seen: its training and validation part.

    Args:
        data: The dataset.
        config: Its config.

    Returns:
        None where the windows are too far apart for their runs to tell.
    """
    how = _reading(data, config)
    if how is None:
        return None
    found = [np.unique(hashes[valid]) for part in (data.train, data.validation) for hashes, valid in _runs(part, how)]
    return Seen(how.kind, how.steps, np.unique(np.concatenate(found)))


def unseen(data: SequenceData, config: DatasetConfig, part: Part, seen: Seen) -> Flags | None:
    """Which cases of a part hold no answer that a model has seen.

    Args:
        data: The dataset that the part is of.
        config: Its config.
        part: One of its parts.
        seen: What the model was trained and selected on.

    Returns:
        A flag a case (n,); None where the model's cases were of another kind, so that nothing can be told.
    """
    how = _reading(data, config)
    if how is None or (how.kind, how.steps) != (seen.kind, seen.steps):
        return None
    found = [(np.isin(hashes, seen.runs) & valid)[:, how.first :].any(axis=1) for hashes, valid in _runs(part, how)]
    known = np.concatenate(found)
    return np.asarray(~(known | _within_reach(part.rows, part.rows[known], how.reach)))


def _reading(data: SequenceData, config: DatasetConfig) -> _Reading | None:
    """Runs as long as they can be while each one of a block is in some window of it, however windows are aligned."""
    task = config.task
    if isinstance(task, ForecastTask):
        back, ahead, stride = task.lookback_steps, task.horizon_steps, task.window_stride
        kind = f"windows of {back} + {ahead} steps, {stride} apart"
        if min(data.target_channels) >= 0:
            steps = _run(back + ahead + 1 - stride, back + 1)
            return _Reading(kind, steps, back + 1 - steps, data.target_channels) if steps else None
        steps = _run(back + 1 - stride, back)
        return _Reading(kind, steps, back - steps, reach=ahead + stride - 1) if steps else None
    if window := getattr(task, "window_steps", None):
        stride = getattr(task, "window_stride", None) or window
        # Of two windows that are nowhere aligned one still holds half of the other.
        steps = _run(window - stride // 2, window)
        return _Reading(f"pieces of {window} steps, {stride} apart", steps) if steps else None
    return _Reading("sequences", 0)


def _run(steps: int, most: int) -> int:
    """Steps of a run, at most so many; 0 where it would be too short to tell places of a series apart."""
    return min(steps, most) if steps >= min(SHORTEST_RUN, most) else 0


def _runs(part: Part, how: _Reading) -> list[tuple[Hashes, Flags]]:
    """Hashes of each case's runs, by the step they begin at (n, runs), and which of them are there."""
    return [
        _hashed(part.at(np.arange(start, min(start + _CASES_A_TIME, len(part)))), how)
        for start in range(0, len(part), _CASES_A_TIME)
    ]


def _hashed(part: Part, how: _Reading) -> tuple[Hashes, Flags]:
    x, lengths = part.x, part.lengths
    if how.targets:
        x = np.concatenate([x[:, :, list(how.targets)], part.y], axis=1)
        lengths = np.full(len(x), x.shape[1], np.int32)
    # (n, steps + 1): sums of the steps before, each weighed by its place, so that two make the hash of any run.
    weighed = hash_steps(x, lengths) * _powers(_INVERSE, x.shape[1])
    sums = np.concatenate([np.zeros((len(x), 1), np.uint64), np.cumsum(weighed, axis=1, dtype=np.uint64)], axis=1)
    if not how.steps:
        last = np.take_along_axis(sums, lengths[:, None].astype(np.int64), axis=1)
        return _mixed(last + lengths[:, None].astype(np.uint64)), np.ones((len(x), 1), np.bool_)
    starts = np.arange(max(1, x.shape[1] - how.steps + 1))
    ends = np.minimum(starts + how.steps, x.shape[1])
    hashes = (sums[:, ends] - sums[:, starts]) * _powers(_BASE, len(starts))
    return _mixed(hashes), (starts[None] == 0) | (ends[None] <= lengths[:, None])


def hash_steps(x: Values, lengths: Whole) -> Hashes:
    """A hash of each step's values (n, steps), 0 beyond a sequence's length."""
    columns = x[:, :, None] if x.ndim == 2 else x
    hashes = np.zeros(columns.shape[:2], np.uint64)
    for channel in range(columns.shape[2]):
        values = np.ascontiguousarray(columns[:, :, channel])
        bits = (values + np.zeros((), values.dtype)).view(f"u{values.dtype.itemsize}")  # -0 and 0 are one value
        hashes = _mixed(hashes * np.uint64(_BASE) + bits + np.uint64(1))
    return without_padding(hashes, lengths)


def _powers(base: int, count: int) -> Hashes:
    """base⁰, base¹, … modulo 2⁶⁴ (count,)."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _mixed(hashes: Hashes) -> Hashes:
    mixed = (hashes ^ (hashes >> np.uint64(31))) * _MIX
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), np.uint64)


def _within_reach(rows: Indices, seen: Indices, reach: int) -> Flags:
    """Which rows are less than `reach` from one that was seen."""
    if not reach or not len(seen):
        return np.zeros(len(rows), np.bool_)
    ordered = np.sort(seen)
    after = np.searchsorted(ordered, rows)
    near = (ordered[np.maximum(after - 1, 0)], ordered[np.minimum(after, len(ordered) - 1)])
    return np.asarray(np.minimum(*(np.abs(rows - one) for one in near)) < reach)
