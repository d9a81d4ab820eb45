"""Random convolution kernels: sequences → features that a linear model can tell classes and values by.

Source: A. Dempster, F. Petitjean and G. I. Webb (2020), "ROCKET: exceptionally fast and accurate time series
classification using random convolutional kernels", Data Mining and Knowledge Discovery 34, section 3. Kernels of
several channels are drawn as in sktime's version.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.metrics import mask_of

LENGTHS = (7, 9, 11)
"""Lengths that a kernel has by chance."""

_PIECE_BYTES = 16_000_000
"""What the outputs of one group of kernels may take at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Kernels of one length and one dilation.

    Attributes:
        dilation: Steps from one weight to the next.
        pads: Whether they are applied at every step, 0 standing beyond the sequence's ends; else only where all of a
            kernel lies in the sequence, as far as there is such a place.
        weights: (length, channels, kernels).
        biases: (kernels,).
        places: Which of all kernels they are (kernels,).
    """

    dilation: int
    pads: bool
    weights: npt.NDArray[np.float32]
    biases: npt.NDArray[np.float32]
    places: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Random kernels for sequences of so many channels.

    Attributes:
        count: How many.
        groups: The kernels, those that are computed together in one group.
    """

    count: int
    groups: tuple[_Group, ...]

    @classmethod
    def drawn(cls, count: int, steps: int, channels: int, random: np.random.Generator) -> Kernels:
        """Kernels drawn by chance.

        Args:
            count: How many.
            steps: Steps of the longest sequence: no kernel reaches further.
            channels: Channels of a sequence; a kernel sees some of them.
            random: What they are drawn by.
        """
        drawn: dict[tuple[int, int, bool], list[tuple[int, npt.NDArray[Any], float]]] = defaultdict(list)
        for place in range(count):
            length = int(random.choice(LENGTHS))
            dilation = int(2 ** random.uniform(0, np.log2(max(1.0, (steps - 1) / (length - 1)))))
            seen = int(2 ** random.uniform(0, np.log2(min(channels, length) + 1)))
            weights = np.zeros((length, channels))
            some = random.choice(channels, seen, replace=False)
            values = random.normal(size=(length, seen))
            weights[:, some] = values - values.mean(axis=0)
            drawn[length, dilation, bool(random.integers(2))].append((place, weights, random.uniform(-1, 1)))
        groups = (
            _Group(
                dilation,
                pads,
                np.stack([weights for _, weights, _ in kernels], axis=-1).astype(np.float32),
                np.array([bias for *_, bias in kernels], np.float32),
                np.array([place for place, *_ in kernels]),
            )
            for (_, dilation, pads), kernels in sorted(drawn.items())
        )
        return cls(count, tuple(groups))

    def features(self, x: npt.NDArray[Any], lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Each kernel's largest output, and the share of its outputs that are positive, over the real steps.

        Args:
            x: Scaled inputs (n, steps, channels), missing nothing.
            lengths: Real steps of each sequence (n,).

        Returns:
            (n, 2 · kernels): all largest outputs, then all shares.
        """
        _, steps, _ = x.shape
        found = np.empty((len(x), 2, self.count), np.float32)
        widest = max(len(group.places) for group in self.groups)
        size = max(1, _PIECE_BYTES // (4 * steps * widest))
        for start in range(0, len(x), size):
            piece = slice(start, start + size)
            real = mask_of(lengths[piece], steps)
            given = np.where(real[..., None], x[piece], 0).astype(np.float32)
            for group in self.groups:
                found[piece, :, group.places] = _pooled(group, given, real)
        return found.reshape(len(x), -1)


def _pooled(group: _Group, x: npt.NDArray[np.float32], real: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Largest output and share of positive ones (n, 2, kernels)."""
    n, steps, channels = x.shape
    length, reach = len(group.weights), (len(group.weights) - 1) * group.dilation
    before = reach // 2
    wide = np.pad(x, ((0, 0), (before, reach - before), (0, 0)))
    places = real
    if not group.pads:
        ends = real.sum(axis=1)[:, None] - (reach - before)
        whole = (np.arange(steps) >= before) & (np.arange(steps) < ends)
        places = np.where(whole.any(axis=1)[:, None], whole, real)
    seen = np.flatnonzero(places.any(axis=0))
    first, last = int(seen[0]), int(seen[-1]) + 1
    taps = [wide[:, tap * group.dilation + first : tap * group.dilation + last] for tap in range(length)]
    inputs = np.concatenate(taps, axis=2).reshape(n * (last - first), -1)
    outputs = (inputs @ group.weights.reshape(length * channels, -1)).reshape(n, last - first, -1)
    places = places[:, first:last]
    if not places.all():
        outputs[~places] = -np.inf
    positive = np.count_nonzero(outputs > -group.biases, axis=1) / places.sum(axis=1)[:, None]
    return np.stack([outputs.max(axis=1) + group.biases, positive], axis=1).astype(np.float32)
