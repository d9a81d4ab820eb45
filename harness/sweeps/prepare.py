"""Before a sweep runs: its data is loaded, its journal opened, what it will take estimated from a short probe."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.config.spaces.sized import sized
from harness.config.sweep import SCHEDULED, SweepConfig
from harness.data import load_dataset
from harness.data.downloads import require_data
from harness.errors import AbsentDataError, DiskError, UsageError
from harness.executors import Executor
from harness.journal import EventKind, Journal
from harness.records import DataFacts, Objective, Phase, TrialKey, TrialRecord, TrialRequest, derive_seed
from harness.search import SearchSettings
from harness.search.oracle import Builder, Oracle, Point, scheduled
from harness.store import place_around, remember
from harness.sweeps.engines import files_for
from harness.sweeps.plan import SweepHeader, differences, idle_note, large_batches, largest_batch, search_settings
from harness.sweeps.results import Results
from harness.sweeps.stop import comparison_bytes
from harness.sweeps.trials import TrialSpec, structural, train_one
from harness.user_code import digest_of


@dataclass(frozen=True, slots=True)
class Inspected:
    """A dataset as it was found before the sweep began.

    Attributes:
        facts: What it is.
        objective: The metric of its scores.
    """

    facts: DataFacts
    objective: Objective


@dataclass(frozen=True, slots=True)
class Resuming:
    """Which sweep is resumed, and how.

    Attributes:
        sweep_id: Its id; None begins a new one.
        accept_changes: Whether to go on where data, configs or libraries are not what they were.
        extend: Whether the header is meant to differ: it does more than the sweep did.
    """

    sweep_id: str | None = None
    accept_changes: bool = False
    extend: bool = False


LOOK_SECONDS = 10.0
"""How long datasets are looked at before a sweep begins; those that are left are looked at in their turn."""


def inspect(header: SweepHeader, seconds: float = math.inf, needed: Collection[str] = ()) -> dict[str, Inspected]:
    """Load every dataset once, so that what is wrong with any of them is known before anything is written.

    Args:
        header: The sweep.
        seconds: How long; a dataset that is begun by then is the last one.
        needed: Datasets that are looked at in any case.

    Raises:
        DataError: A dataset is missing, changed or not what its config says.
    """
    until, found = time.monotonic() + seconds, dict[str, Inspected]()
    for name, config in header.datasets.items():
        if not found or name in needed or time.monotonic() < until:
            found[name] = look_at(config)
    return found


def look_at(config: DatasetConfig) -> Inspected:
    """What a dataset is; its errors are those of `inspect`."""
    data = load_dataset(config)
    return Inspected(data.facts, data.objective)


def without_absent(header: SweepHeader) -> tuple[SweepHeader, tuple[str, ...]]:
    """A sweep of those of its datasets that are on this machine, where it has several; downloads and loads none.

    Args:
        header: The sweep, as it was asked for.

    Returns:
        The sweep without the others, of which its notes tell; and why they are left out, a line each.

    Raises:
        AbsentDataError: None of them is there.
    """
    absent = {}
    for name, config in header.datasets.items():
        try:
            require_data(config)
        except AbsentDataError as error:
            absent[name] = str(error)
    if not absent:
        return header, ()
    if len(absent) == len(header.datasets):
        first, *others = absent.values()
        more = f"; {', '.join(list(absent)[1:])}: not on this machine either" if others else ""
        raise AbsentDataError(first + more)
    lines = tuple(f"{name} is left out: {why.removeprefix(f'{name}: ')}" for name, why in absent.items())
    return header.only((name for name in header.datasets if name not in absent), lines), lines


def with_builders(header: SweepHeader) -> SweepHeader:
    """The sweep with the digest of each builder's file as it is now, and the hyperparameters that it asks for.

    Its notes tell besides of builders whose networks read padded steps.

    Runs the user's code, of those files alone that the sweep's families name.

    Raises:
        UsageError: A builder fails on a dataset, or asks for other hyperparameters on another one.
    """
    told: list[str] = []
    found = {
        name: _searched(header, space, told.append) for name, space in header.spaces.items() if space.build is not None
    }
    return replace(header, spaces={**header.spaces, **found}, notes=tuple(dict.fromkeys((*header.notes, *told))))


def _searched(header: SweepHeader, space: SearchSpace, told: Callable[[str], None]) -> SearchSpace:
    from harness.models import NetworkShape
    from harness.models.discover import tried

    assert space.build is not None  # of those only
    space = space.model_copy(update={"code_sha256": digest_of(space.build)})
    gaussian = header.plan.oracle == "bayesian"
    shapes = {name: NetworkShape.of(load_dataset(config)) for name, config in header.datasets.items()}
    spaces = {name: tried(shape, space, gaussian=gaussian, told=told) for name, shape in shapes.items()}
    first, *others = spaces
    for other in others:
        if spaces[other] != spaces[first]:
            raise UsageError(
                f"{space.made_of}: asks for other hyperparameters on {other} than on {first}: expected one search "
                "space, or a sweep of each dataset"
            )
    return spaces[first]


def as_keras_tuner(header: SweepHeader, name: str) -> Mapping[str, Builder]:
    """The builders with an oracle seed, which are to be asked what Keras Tuner's own search asks them.

    Args:
        header: The sweep.
        name: The dataset.
    """
    spaces = {key: space for key, space in header.spaces.items() if space.build and space.oracle_seed is not None}
    if header.plan.oracle != "random" or not spaces:
        return {}
    from harness.models import NetworkShape
    from harness.models.discover import AsKerasTuner

    shape = NetworkShape.of(load_dataset(header.datasets[name]))
    return {key: AsKerasTuner(shape, space) for key, space in spaces.items()}


def notes(header: SweepHeader, inspected: Mapping[str, Inspected], workers: int) -> list[str]:
    """What to say before a sweep begins: of its configs, of batches larger than a training part, of idle workers."""
    large = [
        note for name, found in inspected.items() for note in large_batches(name, header.spaces, found.facts.sizes[0])
    ]
    idle = idle_note(header, workers)
    return [*header.notes, *large, *([idle] if idle else [])]


def open_journal(folder: Path, header: SweepHeader, inspected: Mapping[str, Inspected], how: Resuming) -> Journal:
    """The sweep's journal, new or opened; what changed since it was begun is refused, or recorded as accepted."""
    _remember_place(folder)
    if how.sweep_id is None:
        return Journal.create(folder, header)
    journal = Journal.open(folder)
    try:
        began = SweepHeader.from_json(journal.plan)
        underneath = [
            *(differences(began, replace(began, versions=header.versions) if how.extend else header)),
            *_changed_data(journal, inspected),
        ]
        if underneath and not how.accept_changes:
            raise UsageError(
                f"{folder.name}: changed since it started: {'; '.join(underneath)}. --accept-changes resumes it all "
                "the same, and the verdict says so; --fresh starts a new sweep"
            )
        if how.extend:
            _extend(journal, began, header, [*differences(began, header), *_changed_data(journal, inspected)])
        elif underneath:
            journal.append(EventKind.CHANGED, {"header": header, "what": underneath, "why": "changed midway"})
    except BaseException:
        journal.close()
        raise
    return journal


def _remember_place(folder: Path) -> None:
    """Write down where the store stands: a journal holds absolute paths, and the store may be moved."""
    try:
        if place := place_around(folder):
            remember(place)
    except OSError as error:
        raise DiskError(f"{folder}: cannot be written: {error.strerror}") from error


def _changed_data(journal: Journal, inspected: Mapping[str, Inspected]) -> list[str]:
    results = Results(journal)
    opened = {name: results.facts(name) for name in inspected if journal.has(EventKind.OPENED, name)}
    return [
        f"the data of {name} (digest) was {facts.digest[:12]}, is {inspected[name].facts.digest[:12]}"
        for name, facts in opened.items()
        if facts.digest != inspected[name].facts.digest
    ]


def _extend(journal: Journal, began: SweepHeader, header: SweepHeader, changed: Sequence[str]) -> None:
    """Open again what is to be searched on; the header comes last, so that a crash in between changes nothing."""
    if not changed:
        return  # it was extended by the same command before
    had, has = ((one.families, one.plan.trials, one.plan.replicates) for one in (began, header))
    for name in header.datasets:
        if name not in began.datasets or (had != has and not journal.has(EventKind.COMPARISON_FAILED, name)):
            replicates = max(header.plan.replicates, Results(journal, header).replicates(name))
            journal.append(EventKind.EXTENDED, {"replicates": replicates, "why": "extended"}, dataset=name)
    journal.append(EventKind.CHANGED, {"header": header, "what": list(changed), "why": "extended"})


PROBE_EPOCHS = 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one dataset will take.

    Attributes:
        dataset: Name of the dataset.
        sizes: Sequences of the training, validation and test parts.
        searches: Trials of all searches; None when minutes are the currency.
        seed repeats: Retrainings with fresh seeds.
        seconds: At most about so long, on the given workers; the given time when minutes are the currency.
        disk_bytes: About what it takes on the disk.
        failure: Why the probe of a family failed; empty when none did.
    """

    dataset: str
    sizes: tuple[int, int, int]
    searches: int | None
    seed_repeats: int
    seconds: float
    disk_bytes: int
    failure: str = ""


def estimate(
    header: SweepHeader, inspected: Mapping[str, Inspected], executor: Executor, workers: int
) -> list[Estimate]:
    """Probe every family on every dataset for two epochs and reckon from there.

    The estimate counts all epochs of every trial, so early stopping makes the sweep shorter than this.

    Args:
        header: The sweep.
        inspected: Its datasets.
        executor: Where the probes run, one after another.
        workers: How many workers the sweep will have.
    """
    return [_estimate(header, name, found, executor, workers) for name, found in inspected.items()]


def _estimate(header: SweepHeader, name: str, found: Inspected, executor: Executor, workers: int) -> Estimate:
    plan = header.plan
    settings = search_settings(header, workers, sequences=found.facts.sizes[0])
    spaces = sized(header.spaces, header.datasets[name], found.facts.steps[1])
    batches = [largest_batch(space) for space in header.spaces.values()]
    longest = max(settings.length({"batch_size": size} if size else {})[0] for size in batches)
    records = [_probe(header, spaces, name, found, executor, family.space, settings) for family in header.families]
    by_family = [_trials_and_epochs(plan, found, spaces[family.space], longest) for family in header.families]
    trials = None if plan.minutes else sum(number for number, _ in by_family) * header.interim_replicates[-1]
    seconds = 0.0
    for family, record, (number, epochs) in zip(header.families, records, by_family, strict=True):
        fits = number * header.interim_replicates[-1] + plan.seeds
        compiles = min(fits, structures(spaces[family.space])) * workers
        epoch_seconds = record.fit_seconds / max(1, record.epochs)
        trained = epochs * header.interim_replicates[-1] + plan.seeds * longest
        seconds += trained * epoch_seconds + compiles * record.compile_seconds
    fits = (trials or 0) + plan.seeds * len(header.families)
    sizes = [record.parameters for record in records]
    searching = (settings.budget.seconds or 0.0) * header.interim_replicates[-1]
    return Estimate(
        dataset=name,
        sizes=found.facts.sizes,
        searches=trials,
        seed_repeats=plan.seeds * len(header.families),
        seconds=seconds / workers + searching,
        disk_bytes=comparison_bytes(fits, longest, max(sizes), kept=len(header.families) + workers),
        failure=next((f"{record.key.family}: {record.message}" for record in records if record.message), ""),
    )


def _trials_and_epochs(plan: SweepConfig, found: Inspected, space: SearchSpace, longest: int) -> tuple[int, int]:
    """Trials of one search of a family, and the most epochs they come to; none where minutes are the currency."""
    if plan.oracle in SCHEDULED:
        epochs = plan.epochs if plan.oracle == "hyperband" else longest
        return scheduled(plan.oracle, space, found.objective, epochs)
    trials = 0 if plan.minutes else plan.trials or 0
    return trials, trials * longest


def structures(space: SearchSpace) -> int:
    """How many different structures a space holds; each is compiled once a worker."""
    shaping = [space.hyperparameters[name] for name in structural(space) if name in space.hyperparameters]
    return math.prod(len(one.values) if one.values else 2 if one.type == "Boolean" else 1 for one in shaping)


def _probe(
    header: SweepHeader,
    spaces: Mapping[str, SearchSpace],
    name: str,
    found: Inspected,
    executor: Executor,
    family: str,
    settings: SearchSettings,
) -> TrialRecord:
    seed = derive_seed(header.plan.seed, name, family, "probe")
    point = Oracle("random", spaces[family], found.objective, seed).ask()
    values = settings.complete(point.values if isinstance(point, Point) else {})
    key = TrialKey(name, family, 1, Phase.SEED_REPEAT, 1)
    request = TrialRequest(key, family, values, seed, PROBE_EPOCHS, PROBE_EPOCHS)
    files = files_for(header, name, executor)
    spec = TrialSpec(header.datasets[name], dict(header.spaces), found.facts.digest, Path(), files=files)
    return train_one(executor, spec, request)
