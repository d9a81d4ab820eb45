"""What a sweep will take, from a short probe of each family on each dataset. Writes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.cards.schema import SCHEDULED, SpaceCard
from harness.engines import Engine
from harness.records import Arm, Phase, TrialKey, TrialRecord, TrialRequest, derive_seed
from harness.search.oracle import Oracle, Point, scheduled
from harness.sweeping.limits import search_settings
from harness.sweeping.opening import Inspected
from harness.sweeping.planning import SweepHeader
from harness.sweeping.room import comparison_bytes
from harness.sweeping.searching import Work, outcome
from harness.sweeping.working import all_done

PROBE_EPOCHS = 2
STRUCTURAL = ("embedding_dim", "units", "recurrent_parameters", "layers", "bidirectional", "batch_size", "optimizer")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one dataset will take.

    Attributes:
        dataset: Name of the dataset.
        sizes: Sequences of the training, validation and test parts.
        searches: Trials of all searches; None when minutes are the currency.
        confirmations: Retrainings with fresh seeds.
        seconds: At most about so long, on the given workers; the given time when minutes are the currency.
        disk_bytes: About what it takes on the disk.
        failure: Why the probe of a family failed; empty when none did.
    """

    dataset: str
    sizes: tuple[int, int, int]
    searches: int | None
    confirmations: int
    seconds: float
    disk_bytes: int
    failure: str = ""


def estimate(header: SweepHeader, inspected: Mapping[str, Inspected], engine: Engine) -> list[Estimate]:
    """Probe every family on every dataset for two epochs and reckon from there.

    The estimate counts all epochs of every trial, so early stopping makes the sweep shorter than this.
    """
    return [_estimate(header, name, found, engine) for name, found in inspected.items()]


def _estimate(header: SweepHeader, name: str, found: Inspected, engine: Engine) -> Estimate:
    plan, settings = header.plan, search_settings(header, engine.slots)
    records = [_probe(header, name, found, engine, arm.family) for arm in header.arms]
    by_arm = [_trials_and_epochs(header, found, arm) for arm in header.arms]
    trials = None if plan.minutes else sum(number for number, _ in by_arm) * plan.looks[-1]
    seconds = 0.0
    for arm, record, (number, epochs) in zip(header.arms, records, by_arm, strict=True):
        fits = number * plan.looks[-1] + plan.confirmations
        compiles = min(fits, structures(header.spaces[arm.family])) * engine.slots
        epoch_seconds = record.fit_seconds / max(1, record.epochs)
        trained = epochs * plan.looks[-1] + plan.confirmations * plan.epochs
        seconds += trained * epoch_seconds + compiles * record.compile_seconds
    fits = (trials or 0) + plan.confirmations * len(header.arms)
    sizes = [record.parameters for record in records]
    searching = (settings.budget.seconds or 0.0) * plan.looks[-1]
    return Estimate(
        dataset=name,
        sizes=found.facts.sizes,
        searches=trials,
        confirmations=plan.confirmations * len(header.arms),
        seconds=seconds / engine.slots + searching,
        disk_bytes=comparison_bytes(fits, plan.epochs, max(sizes), kept=len(header.arms) + engine.slots),
        failure=next((f"{record.key.arm}: {record.message}" for record in records if record.message), ""),
    )


def _trials_and_epochs(header: SweepHeader, found: Inspected, arm: Arm) -> tuple[int, int]:
    """Trials of one search of an arm, and the most epochs they come to; none where minutes are the currency."""
    plan = header.plan
    if plan.oracle in SCHEDULED:
        return scheduled(plan.oracle, header.spaces[arm.family], found.objective, plan.epochs)
    trials = 0 if plan.minutes else plan.trials or 0
    return trials, trials * plan.epochs


def structures(space: SpaceCard) -> int:
    """How many different structures a space holds; each is compiled once a worker."""
    shaping = [space.hyperparameters[name] for name in STRUCTURAL if name in space.hyperparameters]
    return math.prod(len(one.values) if one.values else 2 if one.type == "Boolean" else 1 for one in shaping)


def _probe(header: SweepHeader, name: str, found: Inspected, engine: Engine, family: str) -> TrialRecord:
    seed = derive_seed(header.plan.seed, name, family, "probe")
    point = Oracle("random", header.spaces[family], found.objective, seed).ask()
    values = point.values if isinstance(point, Point) else {}
    key = TrialKey(name, family, 1, Phase.CONFIRMATION, 1)
    request = TrialRequest(key, family, values, seed, PROBE_EPOCHS, PROBE_EPOCHS)
    work = Work(header.datasets[name], dict(header.spaces), found.facts.digest, Path())
    engine.submit(work.task(request))
    return outcome(request, next(all_done(engine)))[0]
