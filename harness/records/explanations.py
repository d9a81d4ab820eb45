"""What trained cells do with a dataset: how far gradients reach back, and how open gates stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.records.plain import to_floats, to_plain
from harness.records.trials import Value


@dataclass(frozen=True, slots=True)
class Band:
    """A quantity by step or distance: its median over sequences and where the middle 80 % of them lie.

    Attributes:
        median: One number a step or distance.
        low: The 10 % quantile.
        high: The 90 % quantile.
    """

    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Band:
        """The band that `to_plain` wrote."""
        return cls(**{name: to_floats(plain[name]) for name in ("median", "low", "high")})


@dataclass(frozen=True, slots=True)
class GradientReach:
    """How the gradient of a sequence's loss with respect to the network's state changes with the distance in steps.

    Attributes:
        relative: Its norm at distance 1, 2, 3, … from the last step, divided by the sequence's own norm at distance 1.
        norm: Mean norm at distance 1, in scaled units.
        half_life_steps: Steps back from distance 1 in which the median has halved; None where it never does.
    """

    relative: Band
    norm: float
    half_life_steps: float | None

    @property
    def longest_steps(self) -> int:
        """Steps back from distance 1 to the furthest distance seen."""
        return max(0, len(self.relative.median) - 1)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> GradientReach:
        """The reach that `to_plain` wrote."""
        return cls(Band.from_json(plain["relative"]), plain["norm"], plain["half_life_steps"])


@dataclass(frozen=True, slots=True)
class GateOpenness:
    """How open one kind of gate stands, from 0 (nothing passes) to 1.

    Attributes:
        gate: `input`, `forget` or `output` of an LSTM; `update` or `reset` of a GRU.
        by_step: Openness at step 1, 2, 3, … over sequences and units.
        mean: Mean over sequences, steps and units.
        closed: Share of them at 0.1 or less.
        open: Share of them at 0.9 or more.
    """

    gate: str
    by_step: Band
    mean: float
    closed: float
    open: float

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> GateOpenness:
        """The openness that `to_plain` wrote."""
        return cls(**{**plain, "by_step": Band.from_json(plain["by_step"])})


@dataclass(frozen=True, slots=True)
class ExplainedCell:
    """One trained network, looked into.

    Attributes:
        name: The arm it was selected for, or the family of a reference.
        family: Its family.
        reference: Whether it took no part in the comparison and was trained to compare with.
        trial: Key of its trial.
        values: Its hyperparameters.
        validation_score: Its validation score, in the objective's unit.
        before: Reach of the gradient with the initial weights.
        after: Reach of the gradient with the trained weights.
        gates: Openness with the trained weights; empty for a cell without gates.
        notes: What to know of it, such as that it was trained again.
    """

    name: str
    family: str
    reference: bool
    trial: str
    values: Mapping[str, Value]
    validation_score: float
    before: GradientReach
    after: GradientReach
    gates: tuple[GateOpenness, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ExplainedCell:
        """The cell that `to_plain` wrote."""
        return cls(
            **{
                **plain,
                "before": GradientReach.from_json(plain["before"]),
                "after": GradientReach.from_json(plain["after"]),
                "gates": tuple(GateOpenness.from_json(gate) for gate in plain["gates"]),
                "notes": tuple(plain["notes"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the selected network of each arm does with a dataset, beside a plain RNN.

    Attributes:
        dataset: Name of the dataset.
        sequences: Sequences of the validation part that were looked at.
        cells: The arms' networks in their order, then the reference.
    """

    dataset: str
    sequences: int
    cells: tuple[ExplainedCell, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads; non-finite numbers become None."""
        return to_plain(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Explanation:
        """The explanation that `to_json` wrote."""
        return cls(**{**plain, "cells": tuple(ExplainedCell.from_json(cell) for cell in plain["cells"])})
