"""From raw units to the ones that networks are trained in, and back: what ends up inside the exported model.

Every statistic is fitted on what it is given; that this is the training part alone is the caller's word. The formulas
are those of `harness.models.wrap`, which puts them into a model's graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Wide: TypeAlias = npt.NDArray[np.float64]
Kind = Literal["none", "standard", "robust", "log", "difference"]
CHANGES = ("log", "difference")
"""Kinds that change values before they are centred."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """How inputs and outputs are scaled, from the training part alone.

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
            return np.asarray(np.sign(changed) * np.expm1(np.abs(changed)), np.float32)
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
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    wide = values.astype(np.float64)  # nanstd squares in its input's type, whatever its dtype says
    middle: Wide = np.nanmean(wide, axis=0)
    spread: Wide = np.nanstd(wide, axis=0)
    if kind == "robust":
        low, middle, high = np.nanquantile(wide, [0.25, 0.5, 0.75], axis=0)
        # Where half the values are one and the same, their range says nothing of the others.
        spread = np.where(high > low, high - low, spread)
    # Rounding gives a constant channel a tiny deviation, and float32 may round a real one to 0: neither may
    # divide.
    constant = (np.nanmax(values, axis=0) == np.nanmin(values, axis=0)) | (spread < np.finfo(np.float32).tiny)
    return middle.astype(np.float32), np.where(constant, 1.0, spread).astype(np.float32)


def _log(x: Floats) -> Floats:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)), np.float32)


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
