"""What is wrong with a dataset although it can be loaded: leakage between parts, answers among the inputs, odd times.

Each guard takes arrays and gives sentences; none changes anything. A leak that only a fault of this package could
cause is an error; what the data itself has wrong is a warning, which every check, report and record shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from harness.data.dataset import Part, Values, each_once
from harness.data.scaling import Scaling
from harness.data.splits import SHORTEST_RUN, Hashes, hash_steps
from harness.errors import DataError
from harness.metrics import at_real_steps

PARTS = ("training", "validation", "test")
TELLING = 0.9999
"""Correlation from which on a channel is taken to tell the answer."""
MOST_VALUES = 50
"""Different values of a channel up to which each may stand for a class."""
FEW = 5
"""Sequences of a class in the training part below which it is named."""
MOST_OF_ONE = 0.95
"""Share of the training answers from which on one class is named."""
MOST_LOOKED_AT = 500
"""Test sequences that are looked for among training sequences."""
MOST_AT_ONCE = 4_000_000
"""Values that are hashed at once."""
FEW_SHIFTED = 0.05
"""Share of them up to which nothing is said."""
FEWEST_PAIRS = 500
"""Values below which no curve is told from chance."""
WIDE_STEP = 1.5
"""Times the usual step beyond which a step in time is named."""
EARLIEST_YEAR, LATEST_YEAR = 1700, 2200


def refuse_leaks(parts: Sequence[Part], scaling: Scaling, window_steps: int) -> None:
    """Refuse parts that share rows, and statistics that are not the training part's.

    Args:
        parts: Training, validation and test part.
        scaling: What was fitted.
        window_steps: Rows of the source that a window covers, horizon and all; 1 where `rows` are whole sequences.

    Raises:
        DataError: Something of one part reached another.
    """
    for (name, part), (later, other) in combinations(zip(PARTS, parts, strict=True), 2):
        if (shared := _shared_rows(part, other, window_steps)) is not None:
            raise DataError(f"row {shared + 1} is in the {name} and in the {later} part")
    if (foreign := _foreign_channel(parts[0], scaling)) is not None:
        raise DataError(f"channel {foreign + 1} is scaled by a middle far from all training values: fitted elsewhere?")


def warnings_of(
    parts: Sequence[Part],
    channels: Sequence[str],
    targets: Sequence[str],
    classes: Sequence[str],
    places: Sequence[int],
    calendar: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """What to tell people of, a sentence each; and the leaks among it, by which an answer is among the inputs.

    Args:
        parts: Training, validation and test part.
        channels: Names of the channels.
        targets: Names of the targets.
        classes: Names of the classes; empty where answers are numbers or labels.
        places: Place of each target among the channels, for forecasts; -1 where it is none; empty for other tasks.
        calendar: Channels that were made from the times: whatever follows from them is no leak.
    """
    train = parts[0]
    measured = [place for place, name in enumerate(channels) if name not in calendar]
    leaks, others = list[str](), list[str]()
    if train.x.ndim == 3:
        leaks = _telling(train, channels, targets, classes, places, measured)
        others = _determined(train, channels, targets, places, measured) if places else _shifted(train, parts[2])
    rare = _rare(parts, classes) if classes and train.y.ndim == 1 else []
    usual = _usual_class(train, classes) if classes else []
    return [f"warning: {sentence}" for sentence in (*_duplicates(parts), *leaks, *others, *rare, *usual)], leaks


def odd_times(
    stamps: Sequence[float] | npt.NDArray[Any],
    column: str,
    show: Callable[[float], str],
    gaps: int = 0,
    allowed: int = 0,
) -> list[str]:
    """Warnings for times that rise, but not as times of a steady measurement do.

    Args:
        stamps: Times as numbers, rising.
        column: Their column.
        show: A step between two times → text.
        gaps: How many of the steps no window spans.
        allowed: The most steps that are no gap; 0 for any number.
    """
    steps = np.diff(np.asarray(stamps, np.float64))
    if len(steps) < 2:
        return []
    usual = float(np.median(steps))
    longer, shorter = steps > WIDE_STEP * usual, steps < usual / WIDE_STEP
    if not (longer | shorter).any():
        return []
    spanned = "windows go by rows, whatever lies between"
    if gaps:
        spanned = f"no window spans one of the {gaps:,} over max_gap_steps = {allowed}"
    return [
        f"warning: times in {column!r} are uneven: of {len(steps):,} steps {int(longer.sum()):,} are longer and "
        f"{int(shorter.sum()):,} shorter than the usual {show(usual)}, the longest {show(float(steps.max()))}; "
        f"{spanned}"
    ]


def odd_years(first: int, last: int, column: str) -> list[str]:
    """Warnings for dates that nobody measured at.

    Args:
        first: Year of the earliest time.
        last: Year of the latest time.
        column: Their column.
    """
    if first >= EARLIEST_YEAR and last <= LATEST_YEAR:
        return []
    return [f"warning: times in {column!r} reach from the year {first} to {last}: are these dates?"]


def _shared_rows(a: Part, b: Part, window: int) -> int | None:
    """A row of the source that windows of both parts cover."""
    if window == 1:
        shared = np.intersect1d(a.rows, b.rows)
        return int(shared[0]) if len(shared) else None
    starts = np.sort(b.rows)
    after = np.searchsorted(starts, a.rows - window + 1)  # the first window of b that ends after one of a begins
    near = starts[np.minimum(after, len(starts) - 1)]
    meets = (after < len(starts)) & (near < a.rows + window)
    return int(np.maximum(near, a.rows)[meets.argmax()]) if meets.any() else None


def _foreign_channel(train: Part, scaling: Scaling) -> int | None:
    """A channel whose middle lies outside what the training part holds."""
    if train.x.ndim != 3 or scaling.kind not in ("standard", "robust"):
        return None
    rows = at_real_steps(train.x, train.lengths) if train.lengths.min() < train.x.shape[1] else each_once(train.x)
    low, high = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)  # which leave NaN out
    slack = 0.5 * (high - low) + 1e-3 * (1 + np.abs(high))  # windows leave out the rows of the last horizon
    outside = (scaling.input_mean < low - slack) | (scaling.input_mean > high + slack)
    return int(outside.argmax()) if outside.any() else None


def _duplicates(parts: Sequence[Part]) -> list[str]:
    """How many inputs of the validation and test part are in the training part, too."""
    known = _hashes(parts[0])
    found = []
    for name, part in zip(PARTS[1:], parts[1:], strict=True):
        if count := int(np.isin(_hashes(part), known).sum()):
            found.append(f"{count:,} of {len(part):,} {name} inputs are in the training part, too, value for value")
    return found


def _hashes(part: Part) -> npt.NDArray[np.uint64]:
    """A number for each input that differs within itself; equal inputs have equal ones, others hardly ever.

    A sequence of one value all through says nothing by being there twice: silence, a sensor at rest. The number is a
    sum of the values' bits, each times a random number of its place, modulo 2⁶⁴.
    """
    words = part.x[:1].size * part.x.itemsize // 4
    weights = np.random.default_rng(0).integers(0, 2**63, words, dtype=np.uint64) * 2 + 1
    hashes, moving = [np.empty(0, np.uint64)], [np.empty(0, np.bool_)]
    for start in range(0, len(part), 4096):  # bits of 64 are twice as large as the values
        piece = part.x[start : start + 4096]
        flat = np.ascontiguousarray(piece.reshape(len(piece), -1))
        moving.append((flat != flat[:, :1]).any(axis=1))
        hashes.append(flat.view(np.uint32).astype(np.uint64) @ weights)
    found: Hashes = np.concatenate(hashes) * 31 + part.lengths.astype(np.uint64)
    return np.asarray(found[np.concatenate(moving)], np.uint64)


def _telling(
    train: Part,
    channels: Sequence[str],
    targets: Sequence[str],
    classes: Sequence[str],
    places: Sequence[int],
    measured: Sequence[int],
) -> list[str]:
    """Channels from which an answer can be read off at the same step."""
    if places:
        pairs = [(target, place) for target, place in zip(targets, places, strict=True) if place >= 0]
        rows = train.x[:, -1]  # windows overlap: their last steps are the rows, each once
        return [
            _says(channels[other], target, "at the same step")
            for target, place in pairs
            for other in measured
            if other != place and other not in places and _follows(rows[:, other], rows[:, place])
        ]
    if train.y.ndim == 1 or train.y.shape[1:] == (1,):  # one answer a sequence
        answers, where = train.y.reshape(-1), "at one step"
        columns = [train.x[:, 0], train.x[np.arange(len(train)), train.lengths - 1]]  # the first and the last
    elif train.y.ndim == 2:  # one class a step
        answers, where = at_real_steps(train.y, train.lengths), "at the same step"
        columns = [at_real_steps(train.x, train.lengths)]
    else:
        return []
    kinds = (_separates,) if classes else (_follows, _depends)
    return [
        _says(channels[number], targets[0], where)
        for number in range(len(channels))
        if any(tells(values[:, number], answers) for values in columns for tells in kinds)
    ]


def _determined(
    train: Part, channels: Sequence[str], targets: Sequence[str], places: Sequence[int], measured: Sequence[int]
) -> list[str]:
    """Channels of which a target is a function at the same step, though no straight line.

    No leak, since a forecast knows them as late as it knows the target, but hardly two measurements.
    """
    rows = train.x[:, -1]
    return [
        f"{target!r} is a function of {channels[other]!r} at the same step: is {channels[other]!r} known before "
        f"{target!r} is?"
        for target, place in zip(targets, places, strict=True)
        if place >= 0
        for other in measured
        if other not in places and not _follows(rows[:, other], rows[:, place])
        if _depends(rows[:, other], rows[:, place])
    ]


def _shifted(train: Part, test: Part) -> list[str]:
    """How many test sequences hold half a training sequence or more, moved by some steps.

    Of a recording that was cut into windows with overlap, and whose windows were then drawn by chance, each window of
    the test part begins within some training window or ends within one.
    """
    run = max(SHORTEST_RUN, int(np.median(train.lengths)) // 2)
    test = test.at(np.arange(0, len(test), -(-len(test) // MOST_LOOKED_AT)))
    long = np.flatnonzero(train.lengths > run)
    if not len(long) or test.x.shape[1] <= run:
        return []
    looked = train.at(long[:: -(-len(long) // MOST_LOOKED_AT)])
    if len(np.unique(hash_steps(looked.x, looked.lengths))) <= MOST_VALUES:
        return []  # of few different steps long runs are alike by chance
    pieces = np.array_split(long, min(len(long), -(-train.x.size // MOST_AT_ONCE)))
    begin, end = np.concatenate([_first_and_last(train.at(piece), run) for piece in pieces], axis=1)
    inside = _run_hashes(sliding_window_view(hash_steps(test.x, test.lengths), run, axis=1))
    starts, last = np.arange(inside.shape[1]), test.lengths[:, None] - run
    moved = (np.isin(inside, begin) & (starts > 0)) | (np.isin(inside, end) & (starts < last))
    share = float((moved & (inside > 0) & (starts <= last)).any(axis=1).mean())
    if share < FEW_SHIFTED:
        return []
    return [
        f"{share:.0%} of the test sequences stand half or more in training sequences, moved by some steps: recordings "
        'cut with overlap? Keep each recording in one part: [split] rule = "group"'
    ]


def _first_and_last(part: Part, run: int) -> Hashes:
    """Hashes of the first and of the last run of each sequence (2, n)."""
    steps = hash_steps(part.x, part.lengths)
    ends = part.lengths[:, None] - run + np.arange(run)
    return np.stack([_run_hashes(steps[:, :run]), _run_hashes(np.take_along_axis(steps, ends, axis=1))])


def _run_hashes(steps: Hashes) -> Hashes:
    """A hash of each run (…, steps); 0 where most of its steps are like the one before, as in silence."""
    weights = np.random.default_rng(0).integers(0, 2**63, steps.shape[-1], dtype=np.uint64) * 2 + 1
    changes = (steps[..., 1:] != steps[..., :-1]).sum(axis=-1)
    return np.asarray(np.where(2 * changes >= steps.shape[-1], steps @ weights, 0), np.uint64)


def _says(channel: str, target: str, where: str) -> str:
    return f"{target!r} can be read off {channel!r} {where}: is {channel!r} known before {target!r} is?"


def _follows(values: Values, answers: Values) -> bool:
    """Whether numbers are one and the same up to scale."""
    known = np.isfinite(values) & np.isfinite(answers)
    a, b = values[known].astype(np.float64), answers[known].astype(np.float64)
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > TELLING)


def _depends(values: Values, answers: Values) -> bool:
    """Whether answers are a function of values, up to noise as small as `TELLING` lets a straight line have.

    By the ratio of J. von Neumann (1941): in the order of the values, neighbours' answers differ by little more than in
    their own order. In the order of time they must not, else any smooth answer would follow any clock.
    """
    known = np.isfinite(values) & np.isfinite(answers)
    a, b = values[known].astype(np.float64), answers[known].astype(np.float64)
    if len(a) < FEWEST_PAIRS or a.std() == 0 or (spread := b.var()) == 0:
        return False
    mixed = np.random.default_rng(0).permutation(len(a))  # equal values come in no order of time
    ordered = b[mixed[np.argsort(a[mixed], kind="stable")]]
    rough, smooth, least = (np.square(np.diff(one)).mean() / (2 * spread) for one in (ordered, b, np.sort(b)))
    return bool(rough < 1 - TELLING**2 + 2 * least and rough < smooth / 10)


def _separates(values: Values, classes: Values) -> bool:
    """Whether few values stand for one class each, all of the classes told apart."""
    found, place = np.unique(values, return_inverse=True)
    if not 1 < len(found) <= MOST_VALUES or len(values) < 3 * len(found):
        return False
    low = np.full(len(found), np.iinfo(np.int32).max)
    high = np.full(len(found), -1)
    np.minimum.at(low, place, classes)
    np.maximum.at(high, place, classes)
    return bool((low == high).all())


def _usual_class(train: Part, classes: Sequence[str]) -> list[str]:
    answers = at_real_steps(train.y, train.lengths) if train.y.ndim == 2 else train.y
    shares = np.bincount(answers, minlength=len(classes)) / len(answers)
    if (most := float(shares.max())) < MOST_OF_ONE:
        return []
    name = classes[int(shares.argmax())]
    return [
        f"{most:.1%} of training answers are {name!r}: so high is the accuracy of always saying so: [task] metric = "
        '"balanced_accuracy" or "macro_f1", class_weight = "balanced"'
    ]


def _rare(parts: Sequence[Part], classes: Sequence[str]) -> list[str]:
    counts = [np.bincount(part.y, minlength=len(classes)) for part in parts]
    few = [f"{name} ({count})" for name, count in zip(classes, counts[0], strict=True) if count < FEW]
    found = [f"classes with fewer than {FEW} training sequences: {', '.join(few)}"] if few else []
    for part, count in zip(PARTS[1:], counts[1:], strict=True):
        if gone := [name for name, number in zip(classes, count, strict=True) if not number]:
            found.append(f"classes without a {part} sequence: {', '.join(gone)}")
    return found
