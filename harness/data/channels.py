"""What looks wrong with a channel's values: marks of missing ones, slips, channels that hardly ever change.

Each check takes rows of the training part and gives sentences; none changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data.scaling import Floats, Wide

MARKS = frozenset({-99.0, -200.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0})
"""Values that often stand for a missing one."""
FEWEST_MARKS, FEWEST_OTHERS = 3, 10
"""How often a mark must occur, and how many other values there must be to call it far from them."""
FAR_OFF = 1e6
"""Interquartile ranges from the median beyond which a value is named."""
STILL = 0.999
"""Share of rows with one value from which on a channel is nearly constant."""
FEWEST_ROWS = 1000
_LOOKED_AT = 20_000


def say_constant(x: Floats, names: Sequence[str]) -> tuple[str, ...]:
    """A note that names the channels that tell nothing, because they have one value all through; else none.

    Args:
        x: (values, channels) of the training part.
        names: Names of the channels.
    """
    flat = [names[int(place)] for place in np.flatnonzero(np.nanmax(x, axis=0) == np.nanmin(x, axis=0))]
    return (f"constant in the training part: {_some(flat)}",) if flat else ()


def odd_channels(rows: Floats, names: Sequence[str]) -> tuple[str, ...]:
    """Warnings for channels whose values look wrong.

    Args:
        rows: (values, channels) of the training part, NaN where a value is missing.
        names: Names of the channels.
    """
    found, still, marks = list[str](), list[str](), dict[float, dict[str, float]]()
    for number, name in enumerate(names):
        values = rows[:, number]
        values = values[~np.isnan(values)] if np.isnan(values).any() else values
        if len(values) <= FEWEST_OTHERS or (low := values.min()) == (high := values.max()):
            continue
        some = np.sort(values[:: -(-len(values) // _LOOKED_AT)].astype(np.float64))
        ends = [float(mark) for mark in (low, high) if _is_mark(float(mark), values)]
        for mark in ends:
            marks.setdefault(mark, {})[name] = float((values == mark).mean())
        found += [] if ends else _say_far_off(name, float(low), float(high), some)
        if _is_still(values, some):
            still.append(name)
    if still:
        found.append(f"nearly constant: one value in {STILL:.1%} of training rows or more: {_some(still)}")
    found += [_say_mark(mark, shares) for mark, shares in marks.items()]
    return tuple(f"warning: {sentence}" for sentence in found)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _is_mark(value: float, values: npt.NDArray[Any]) -> bool:
    """Whether the lowest or highest value is repeated, and farther from all others than those are from one another."""
    other = values != value
    if len(values) - (count := int(other.sum())) < FEWEST_MARKS or count < FEWEST_OTHERS:
        return False
    others = values[other].astype(np.float64)
    low, high = others.min(), others.max()
    gap = low - value if value < low else value - high
    if value not in MARKS:
        return bool(low < high and gap > 3 * (high - low))
    first, last = np.quantile(others[:: -(-len(others) // _LOOKED_AT)], [0.25, 0.75])
    return bool(gap > 0.5 * max(last - first, abs(value)))


def _say_mark(mark: float, shares: Mapping[str, float]) -> str:
    up_to = "up to " if len(shares) > 1 else ""
    return (
        f"{mark:g} stands in {up_to}{max(shares.values()):.1%} of training rows, far from all other values of "
        f"{_some(list(shares))}: does it mark a missing value? [source] missing_values = [{mark:g}], or NaN in arrays"
    )


def _say_far_off(name: str, low: float, high: float, some: Wide) -> list[str]:
    """A sentence where a value lies `FAR_OFF` from the median of these sorted values."""
    first, middle, last = np.quantile(some, [0.25, 0.5, 0.75])
    spread = last - first
    if not spread:
        first, last = np.quantile(some, [0.01, 0.99])
        spread = last - first
    value = max(low, high, key=lambda one: abs(one - middle))
    if not spread or (away := abs(value - middle) / spread) <= FAR_OFF:
        return []
    return [f"{name!r} has a value {away:.0e} spreads away from its median: {value:g}: was it measured?"]


def _is_still(values: npt.NDArray[Any], some: Wide) -> bool:
    """Whether nearly all values are one; two values alone are a flag, whose rare one may be what matters."""
    usual = some[len(some) // 2]
    if len(values) < FEWEST_ROWS or (some == usual).mean() < STILL:
        return False
    other = values[values != values.dtype.type(usual)]
    return len(other) <= (1 - STILL) * len(values) and bool(other.min() < other.max())
