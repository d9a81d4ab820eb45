"""From raw units to the ones that networks are trained in, and back: what ends up inside the exported model.

Every statistic is fitted on what it is given; that this is the training part alone is the caller's word. The formulas
are those of `harness.models.wrap`, which puts them into a model's graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.metrics import at_real_steps

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
"""Numbers of 32 bits; of 64 where 32 would lose what they differ by."""

Wide: TypeAlias = npt.NDArray[np.float64]
LARGEST_LOSS = 1e-3
"""Share of a channel's spread, or of its usual step, that rounding to 32 bits may cost."""

_LOOKED_AT = 20_000


def narrow(values: npt.NDArray[Any], lengths: npt.NDArray[np.int32] | None = None) -> Floats:
    """Numbers as float32; as float64 where 32 bits would lose what a channel's values differ by.

    A float32 holds seven digits: of a meter's reading of 1.7e9 it knows every 128th.

    Args:
        values: A series (rows, channels), where a channel's steps must be kept as well as its spread; or sequences (n,
            steps, channels). NaN where a value is missing.
        lengths: Real steps of each sequence (n,).
    """
    rounded = values.astype(np.float32, copy=False)
    if np.can_cast(values.dtype, np.float32):
        return rounded
    every = max(1, -(-len(values) // _LOOKED_AT))
    if lengths is None:
        some, near = values[::every], values[:-1:every]
        steps = np.abs(values[1::every].astype(np.float64) - near)
    else:
        every = max(1, -(-values[..., 0].size // _LOOKED_AT))
        some, steps = at_real_steps(values[::every], lengths[::every]), None
    return values.astype(np.float64, copy=False) if _loses(some, steps) else rounded


def _loses(rows: npt.NDArray[Any], steps: npt.NDArray[Any] | None) -> bool:
    """Whether rounding costs a channel of these rows (rows, channels) more than `LARGEST_LOSS` of what it tells."""
    wide = rows.astype(np.float64, copy=False)
    lost = np.abs(wide - rows.astype(np.float32))
    for channel in np.flatnonzero((lost > 0).any(axis=0)):
        rounded = lost[:, channel] > 0
        error, changed = lost[rounded, channel], wide[rounded, channel]  # a mark such as 0 or -999 is not among them
        low, high = np.quantile(changed, [0.25, 0.75])
        spread = high - low if high > low else changed.std()
        if steps is not None and (moves := steps[:, channel][steps[:, channel] > 0]).size:
            spread = min(spread, np.median(moves))
        # Not the largest error, which is that of one value far from all others.
        if spread > 0 and np.quantile(error, 0.9) > LARGEST_LOSS * spread:
            return True
    return False


Kind = Literal["none", "standard", "robust", "log", "difference"]
CHANGES = ("log", "difference")
"""Kinds that change values before they are centred."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """How inputs and outputs are scaled, from the training part alone.

    Statistics have the bits of the values that they were fitted on, so that values of 64 bits are centred in 64.

    Attributes:
        input_mean: (channels,) over the real steps of the training part; medians where the kind is `robust`.
        input_scale: (channels,) standard deviations, or interquartile ranges; 1 for a constant channel.
        output_mean: (targets,); 0 for classes.
        output_scale: (targets,); 1 for classes and for a constant target.
        kind: `log` takes the logarithm of 1 + size, with its sign, before all else; `difference` takes the change
            from step to step (0 at the first), and for outputs the change from the target's last value in the lookback.
        changed: The channels that `log` and `difference` apply to; channels that are known in advance stay as they are.
        target_channels: Place of each target among the channels, for `difference`.
        fills_gaps: Whether a value may be missing (NaN); it becomes the mean.
        indicators: The channels whose gaps a further channel tells of, 1 where a value is missing.
    """

    input_mean: Floats
    input_scale: Floats
    output_mean: Floats
    output_scale: Floats
    kind: Kind = "standard"
    changed: tuple[int, ...] = ()
    target_channels: tuple[int, ...] = ()
    fills_gaps: bool = False
    indicators: tuple[int, ...] = ()

    def scale_inputs(self, x: Floats) -> Floats:
        """Inputs (…, steps, channels) in raw units → centred, with spread 1, and the indicators after them."""
        scaled = (change(x, self.kind, self.changed) - self.input_mean) / self.input_scale
        if self.fills_gaps:
            scaled = np.where(np.isnan(scaled), np.float32(0), scaled)
            flags = np.isnan(x[..., list(self.indicators)]).astype(np.float32)
            scaled = np.concatenate([scaled, flags], axis=-1)
        return scaled.astype(np.float32, copy=False)

    def scale_future(self, future: Floats) -> Floats:
        """Channels known in advance (…, known channels), which are the last ones, as `scale_inputs` does it."""
        known = slice(-future.shape[-1], None)
        return (future - self.input_mean[known]) / self.input_scale[known]

    def scale_outputs(self, y: Floats, x: Floats) -> Floats:
        """Outputs (n, …, targets) in raw units → centred, with spread 1.

        Args:
            y: The outputs.
            x: The inputs that they belong to (n, steps, channels), in raw units.
        """
        return (self.change_outputs(y, x) - self.output_mean) / self.output_scale

    def restore_outputs(self, y: Floats, x: Floats) -> Floats:
        """The inverse of `scale_outputs`."""
        changed = y * self.output_scale + self.output_mean
        if self.kind == "log":
            return np.asarray(np.sign(changed) * np.expm1(np.abs(changed)), changed.dtype)
        return changed + self._last(x) if self.kind == "difference" else changed

    def change_outputs(self, y: Floats, x: Floats) -> Floats:
        """Outputs before they are centred: their logarithms, their change from the last value seen, or themselves."""
        if self.kind == "log":
            return _log(y)
        return y - self._last(x) if self.kind == "difference" else y

    def _last(self, x: Floats) -> Floats:
        """(n, 1, targets): each target's last value in the lookback."""
        return x[:, -1:, list(self.target_channels)]


_NOUGHT, _ONE = np.zeros(1, np.float32), np.ones(1, np.float32)
NO_SCALING = Scaling(_NOUGHT, _ONE, _NOUGHT, _ONE)
"""Of tokens, which are no numbers to scale."""


def change(x: Floats, kind: Kind, changed: tuple[int, ...]) -> Floats:
    """What `log` and `difference` make of inputs, before they are centred.

    Args:
        x: (…, steps, channels).
        kind: The kind of scaling.
        changed: The channels that it applies to.
    """
    if kind not in CHANGES or not changed:
        return x
    places, result = list(changed), x.copy()
    if kind == "log":
        result[..., places] = _log(x[..., places])
    else:
        result[..., 1:, places] = np.diff(x[..., places], axis=-2)
        result[..., :1, places] = 0
    return result


def fit_scaling(values: Floats, kind: Kind = "standard") -> tuple[Floats, Floats]:
    """Middle and spread of each channel.

    Args:
        values: (values, channels) of the training part, NaN where a value is missing, no padding.
        kind: `robust` takes the median and the interquartile range, `none` 0 and 1, others mean and deviation.

    Returns:
        Middle and spread (channels,); the spread is 1 for a channel that is constant.
    """
    width = values.shape[1]
    if kind == "none":
        return np.zeros(width, values.dtype), np.ones(width, values.dtype)
    wide = values.astype(np.float64)  # nanstd squares in its input's type, whatever its dtype says
    holed = bool(np.isnan(wide).any())  # what goes around gaps takes copies
    middle: Wide = np.nanmean(wide, axis=0) if holed else wide.mean(axis=0)
    spread: Wide = np.nanstd(wide, axis=0) if holed else wide.std(axis=0)
    if kind == "robust":
        low, middle, high = np.nanquantile(wide, [0.25, 0.5, 0.75], axis=0)
        # Where half the values are one and the same, their range says nothing of the others.
        spread = np.where(high > low, high - low, spread)
    # Rounding gives a constant channel a tiny deviation, and float32 may round a real one to 0, or make infinity of a
    # value that lies too many of them away: none of these may divide.
    limits = np.finfo(np.float32)
    top, bottom = np.nanmax(values, axis=0), np.nanmin(values, axis=0)
    constant = (top == bottom) | (spread < limits.tiny)
    constant |= np.maximum(top - middle, middle - bottom) / limits.max > spread / 4
    return middle.astype(values.dtype), np.where(constant, 1.0, spread).astype(values.dtype)


def _log(x: Floats) -> Floats:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)), x.dtype)


def fit_inputs(rows: Floats, kind: Kind = "standard", held: Sequence[int] = (), *, fills_gaps: bool = False) -> Scaling:
    """A scaling whose inputs are fitted and whose outputs are left as they are.

    Args:
        rows: (values, channels) of the training part, in the order of time, no padding.
        kind: How they are scaled.
        held: Channels that `log` and `difference` leave as they are: those that are known in advance.
        fills_gaps: Whether values may be missing.
    """
    changed = tuple(place for place in range(rows.shape[1]) if place not in held) if kind in CHANGES else ()
    fitted = fit_scaling(change(rows, kind, changed)[1 if kind == "difference" else 0 :], kind)
    indicators = tuple(np.flatnonzero(np.isnan(rows).any(axis=0)).tolist()) if fills_gaps else ()
    return Scaling(
        *fitted, *fit_scaling(np.zeros((1, 1), np.float32), "none"), kind, changed, (), fills_gaps, indicators
    )


def fit_outputs(scaling: Scaling, y: Floats, x: Floats, target_channels: tuple[int, ...] = ()) -> Scaling:
    """The same scaling with its outputs fitted.

    Args:
        scaling: Of the inputs.
        y: Answers of the training part (n, …, targets), in raw units.
        x: The inputs that they belong to; used by `difference` alone.
        target_channels: Place of each target among the channels.
    """
    placed = replace(scaling, target_channels=target_channels)
    flat = placed.change_outputs(y, x).reshape(-1, y.shape[-1])
    mean, scale = fit_scaling(flat, scaling.kind)
    return replace(placed, output_mean=mean, output_scale=scale)
