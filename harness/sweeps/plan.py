"""From a plan's names to all that a sweep needs, checked before anything is written; what differs between two."""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from harness.config import Found, check_reads_forward, check_shared, check_tasks, find_datasets, find_space
from harness.config.atlas import atlas_prior
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.config.spaces.overrides import overridden
from harness.config.sweep import SCHEDULED, SweepConfig
from harness.errors import UsageError
from harness.executors import machine_mb, memory_share
from harness.machine import installed_version
from harness.records import Family, VerdictPrior
from harness.records.serialization import KEY, Record, decode
from harness.search import Budget, SearchSettings
from harness.search.oracle import ADAPTIVE
from harness.search.scheduler import LARGEST_LEAD, largest_in_flight
from harness.search.tpe import TPE, require_optuna
from harness.stats.levels import MINIMUM_TRIALS, RULE, interim_replicates
from harness.text import counted, listed

LIBRARIES = ("lstm-gru-harness", "tensorflow", "keras", "keras-tuner", "mlflow", "scikit-learn", "numpy", "pandas")

ENGINE = ("engine", "address", "cpus", "gpus", "resources", "same_cpu", "shared_data")
FREE = ("workers", "register_as", *ENGINE)
"""What of a plan changes no trial, and may differ when a sweep is resumed."""

NOT_RECORDED: Mapping[str, None] = {"threads": None, "in_flight": None, "min_steps": None, "calibrate": None}
"""What earlier plans do not say: a worker's threads, which were cores / workers, and trials in flight, which followed
from the workers too; that epochs and batches follow the size of the training part, and that classifiers are calibrated,
which they did not and were not."""

DATASET = "{dataset}"
"""What stands for a dataset's name in `register_as`."""


@dataclass(frozen=True, slots=True)
class SweepHeader(Record):
    """What a sweep is; the first event of its journal.

    Attributes:
        plan: The plan, with every name resolved.
        datasets: Configs by dataset name, in the order of the sweep.
        spaces: Search spaces by family.
        families: The families.
        hashes: SHA-256 of each config's file, by `datasets/<name>` or `search_spaces/<name>`.
        versions: Versions of Python and the libraries.
        notes: What the user should know, such as a built-in config that is overridden.
        rule: Version of the rule that the verdicts are made by; a sweep of 0.1.0 says none, and has the first.
        prior: Prior of the verdicts' probability, as the plan's `prior` meant it; None for the usual one.
    """

    plan: SweepConfig
    datasets: Mapping[str, DatasetConfig]
    spaces: Mapping[str, SearchSpace]
    families: tuple[Family, ...] = field(metadata={KEY: "arms"})
    hashes: Mapping[str, str]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    rule: int = 1
    prior: VerdictPrior | None = None

    @property
    def interim_replicates(self) -> tuple[int, ...]:
        """Replicates at which the verdict is looked at; each but the last only until it is decided."""
        plan = self.plan
        return interim_replicates(plan.oracle, self.rule) if plan.until_decided else (plan.replicates,)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SweepHeader:
        """The header that `to_json` wrote; what its plan did not record is None."""
        header: SweepHeader = decode(cls, {**plain, "plan": {**NOT_RECORDED, **plain["plan"]}})
        return header

    def means_the_same_as(self, other: SweepHeader) -> bool:
        """Whether two commands mean the same sweep: all that was asked for is equal, but for what changes no trial."""
        free = dict.fromkeys(FREE)
        return self.plan.model_copy(update=free) == other.as_begun(self).plan.model_copy(update=free)

    def as_begun(self, began: SweepHeader) -> SweepHeader:
        """This header for a sweep that began as another one: what that did not record is not settled afterwards."""
        settled = {key: None for key in NOT_RECORDED if getattr(began.plan, key) is None}
        return replace(self, plan=self.plan.model_copy(update=settled))

    def only(self, names: Iterable[str], notes: Sequence[str] = ()) -> SweepHeader:
        """A sweep of some of its datasets, in their order.

        Args:
            names: The datasets.
            notes: What the user should know of the others.
        """
        wanted = frozenset(names)
        here = {name: config for name, config in self.datasets.items() if name in wanted}
        gone = {f"datasets/{name}" for name in self.datasets if name not in wanted}
        return replace(
            self,
            plan=self.plan.model_copy(update={"datasets": tuple(here)}),
            datasets=here,
            hashes={key: digest for key, digest in self.hashes.items() if key not in gone},
            notes=(*self.notes, *notes),
        )

    def part(self, number: int, of: int) -> SweepHeader:
        """One of several sweeps that come to this one together: every `of`-th dataset, by name.

        Args:
            number: Which, from 1.
            of: How many there are.

        Raises:
            UsageError: There are fewer datasets than parts.
        """
        if of > len(self.datasets):
            raise UsageError(
                f"--part {number}/{of}: expected at most {counted(len(self.datasets), 'part')}, one a dataset"
            )
        return self.only(sorted(self.datasets)[number - 1 :: of])

    def registered_name(self, dataset: str) -> str:
        """What the champion of a dataset is registered as."""
        return (self.plan.register_as or DATASET).replace(DATASET, dataset)

    def registered_as(self, template: str | None) -> SweepHeader:
        """The same sweep, its champions registered under other names; itself where none are given.

        Raises:
            UsageError: The names of several datasets' champions would be the same one.
        """
        if template is None:
            return self
        if len(self.datasets) > 1 and DATASET not in template:
            raise UsageError(
                f"--register-as {template}: one name for the champions of {len(self.datasets)} datasets: expected "
                f"{DATASET} in it, which stands for each dataset's name"
            )
        return replace(self, plan=self.plan.model_copy(update={"register_as": template}))


def resolve(plan: SweepConfig, card_folders: Sequence[Path] = ()) -> SweepHeader:
    """Find every config that a plan names.

    Args:
        plan: Datasets and families by name or path; a suite's name stands for all its datasets.
        card_folders: Folders searched before the built-in configs; the usual ones when empty.

    Raises:
        ConfigError: A config is unknown or broken.
        UsageError: A dataset is named twice, or an adaptive search is to have too many trials in flight.
    """
    if plan.oracle == TPE:
        require_optuna()
    _require_learning(plan)
    datasets = _datasets(plan.datasets, card_folders)
    found_spaces = {given: find_space(given, card_folders) for given in dict.fromkeys(plan.families)}
    groups: dict[str, list[Found[Any]]] = {"datasets": [*datasets], "search_spaces": [*found_spaces.values()]}
    everything = [(kind, found) for kind, group in groups.items() for found in group]
    # Each was found by its name, so that it has a config: one that cannot be read was refused.
    configs, spaces = ({found.name: cast(Any, found.config) for found in group} for group in groups.values())
    configs = {name: _at_most(config, plan.max_train) for name, config in configs.items()}
    spaces = overridden(spaces, plan.hyperparameters)
    searched = [*spaces.values()]
    check_shared(searched)
    for config in configs.values():
        check_tasks(config, searched)
        check_reads_forward(config, searched)
    families = tuple(found_spaces[given].name for given in plan.families)
    for name, space in spaces.items():
        if space.oracle_seed is not None and families.count(name) > 1:
            raise UsageError(f"{name}: oracle_seed = {space.oracle_seed}: expected none where a family plays itself")
    header = SweepHeader(
        plan=plan.model_copy(update={"datasets": tuple(configs), "families": families}),
        datasets=configs,
        spaces=spaces,
        families=families_of(families),
        hashes={f"{kind}/{found.name}": found.sha256 for kind, found in everything},
        versions=versions(plan.oracle),
        notes=(
            *(f"{found.path} overrides the built-in config {found.name}" for _, found in everything if found.overrides),
            *_left_as_trained(plan, configs, spaces),
            *_too_few_trials(plan),
        ),
        rule=RULE,
        prior=atlas_prior(families) if plan.prior == "atlas" else None,
    )
    return header.registered_as(plan.register_as)


def _counted_trials(plan: SweepConfig) -> int | None:
    return None if plan.minutes or plan.oracle in SCHEDULED else plan.trials


def _require_learning(plan: SweepConfig) -> None:
    trials = _counted_trials(plan)
    most = largest_in_flight(trials)
    if plan.oracle in ADAPTIVE and plan.in_flight is not None and plan.in_flight > most:
        few = trials is not None and plan.in_flight <= LARGEST_LEAD
        cure = f", a tenth of its {trials} trials, or --trials {10 * plan.in_flight} and more" if few else ""
        raise UsageError(
            f"--in-flight {plan.in_flight}: a {plan.oracle} search learns from trials that have ended: expected at "
            f"most {most}{cure}"
        )


def _at_most(config: DatasetConfig, most: int | None) -> DatasetConfig:
    """The dataset with no more training sequences than a plan and its own config allow."""
    given = [number for number in (most, config.split.max_train) if number is not None]
    split = config.split.model_copy(update={"max_train": min(given, default=None)})
    return config.model_copy(update={"split": split})


def _left_as_trained(
    plan: SweepConfig, datasets: Mapping[str, DatasetConfig], spaces: Mapping[str, SearchSpace]
) -> Iterator[str]:
    """What to say where a builder of one's own keeps classifiers from being calibrated."""
    if (
        plan.calibrate
        and not calibrates(plan, spaces)
        and any(one.task.kind == "classify" for one in datasets.values())
    ):
        own = listed([name for name, space in spaces.items() if space.build is not None])
        yield f"classifiers are not calibrated, in any family: a builder of your own ({own}) may end in any layer"


def _too_few_trials(plan: SweepConfig) -> Iterator[str]:
    """What to say where no trials can be enough for an estimate of how sure the answer is."""
    if plan.trials is not None and plan.trials * plan.replicates < MINIMUM_TRIALS:
        yield (
            f"{counted(plan.trials, 'trial')} a family: how sure the answer is will not be known, which takes "
            f"{MINIMUM_TRIALS} or more (--trials)"
        )


def _datasets(given: Sequence[str], folders: Sequence[Path]) -> list[Found[DatasetConfig]]:
    # Suites may overlap; a dataset that is named by itself twice, by its name and by its path, is a slip.
    found: dict[str, Found[DatasetConfig]] = {}
    alone: set[str] = set()
    for name in given:
        group = find_datasets(name, folders)
        if len(group) == 1 and (one := group[0].name) in alone:
            raise UsageError(f"{one}: named twice; expected each dataset once")
        alone |= {group[0].name} if len(group) == 1 else set()
        found |= {one.name: one for one in group}
    return list(found.values())


def large_batches(dataset: str, spaces: Mapping[str, SearchSpace], sequences: int) -> list[str]:
    """What to say where families may try batches larger than a dataset's training part, which come to all of it.

    Args:
        dataset: The dataset's name.
        spaces: Search space of each family.
        sequences: How many its training part has.
    """
    phrase = []
    for family, space in spaces.items():
        if (largest := largest_batch(space)) > sequences:
            phrase.append(
                f"{dataset}: {family} tries batches of up to {largest:,}, and the training part has {sequences:,} "
                "sequences: a larger batch is all of them, one step an epoch"
            )
    return phrase


def largest_batch(space: SearchSpace) -> int:
    """The largest batch size that a search space may try; 0 where it names none."""
    batch = space.hyperparameters.get("batch_size")
    sizes = [size for size in (*(batch.values or ()), batch.max_value, batch.value) if size] if batch else []
    return max(map(int, sizes), default=0)


def families_of(spaces: Sequence[str]) -> tuple[Family, ...]:
    """One family a family; a family that is named more than once plays itself as `lstm-1`, `lstm-2` and so on."""
    counts, seen = Counter(spaces), Counter[str]()
    families = []
    for space in spaces:
        seen[space] += 1
        families.append(Family(space if counts[space] == 1 else f"{space}-{seen[space]}", space))
    return tuple(families)


def versions(oracle: str = "") -> dict[str, str]:
    """Versions of Python and of the libraries that decide what a trial of this oracle's gives."""
    libraries = (*LIBRARIES, *(["optuna"] if oracle == TPE else []))
    return {
        "python": platform.python_version(),
        **{library: installed_version(library) or "not installed" for library in libraries},
    }


def trial_limits(plan: SweepConfig, workers: int) -> tuple[float | None, int | None]:
    """The most seconds and megabytes of a trial, the same for every family.

    Where the plan says nothing: as long as it takes, and the worker's share of the machine's memory; on a cluster None,
    for the share of each node's.
    """
    seconds = plan.trial_minutes * 60 if plan.trial_minutes else None
    if plan.trial_memory_mb or plan.engine != "local":
        return seconds, plan.trial_memory_mb
    return seconds, memory_share(machine_mb(), workers)


def search_settings(
    header: SweepHeader, workers: int, replicates: int | None = None, sequences: int = 0
) -> SearchSettings:
    """What the searches of each dataset share; minutes are divided equally over datasets and replicates.

    Args:
        header: The sweep.
        workers: Trials that can run at the same time.
        replicates: Replicates that a dataset's searches are to come to; by default those of the first look.
        sequences: How many the dataset's training part has; 0 where it is not known.
    """
    plan = header.plan
    share = plan.minutes * 60 / len(header.datasets) / header.interim_replicates[-1] if plan.minutes else None
    budget = Budget(None if plan.minutes else plan.trials, share)
    return SearchSettings(
        plan.oracle,
        budget,
        replicates or header.interim_replicates[0],
        plan.epochs,
        plan.patience_epochs,
        plan.seed,
        workers,
        plan.prune,
        plan.in_flight,
        sequences,
        plan.min_steps,
        calibrates(plan, header.spaces),
    )


def calibrates(plan: SweepConfig, spaces: Mapping[str, SearchSpace]) -> bool:
    """Whether classifiers are calibrated: every family's, or none's.

    A network of one's own need not end in the dense layer that a temperature is put into.

    Args:
        plan: The plan.
        spaces: Search space of each family.
    """
    return bool(plan.calibrate) and all(space.build is None for space in spaces.values())


MOST_RUNS = 5_000
"""Trials of a sweep from which on they are rows of a table in MLflow and no runs: it writes a few dozen runs a second,
and its pages take seconds at a thousand."""


def trials_as_table(header: SweepHeader) -> bool:
    """Whether the trials of a sweep are too many to be runs in MLflow; where their number is not planned they are runs.

    Args:
        header: The sweep.
    """
    plan = header.plan
    if plan.trials is None or plan.minutes or plan.oracle in SCHEDULED:
        return False
    searched = plan.trials * header.interim_replicates[-1]
    return (searched + plan.seeds) * len(header.families) * len(header.datasets) > MOST_RUNS


def idle_note(header: SweepHeader, workers: int) -> str:
    """What to say where an adaptive search leaves workers without work; empty where it does not.

    Args:
        header: The sweep.
        workers: Trials that can run at the same time.
    """
    plan = header.plan
    searches = len(header.families) * header.interim_replicates[0]
    if plan.oracle not in ADAPTIVE or plan.in_flight is None or searches * plan.in_flight >= workers:
        return ""
    busy = (
        f"{plan.oracle}: {searches} searches with {counted(plan.in_flight, 'trial')} in flight each keep "
        f"{searches * plan.in_flight} of {workers} workers busy"
    )
    wanted, most = math.ceil(workers / searches), largest_in_flight(_counted_trials(plan))
    if plan.in_flight >= most:
        return f"{busy}; more in flight need more trials: at most a tenth of a search's"
    uses = "all" if wanted <= most else f"{searches * most}"
    return f"{busy}; --in-flight {min(wanted, most)} uses {uses}, and asks for other trials"


def workers_note(plan: SweepConfig) -> str:
    """Why another number of workers would give other results; empty where it would not."""
    reasons = {
        "the budget is time": plan.minutes is not None,
        "median stopping goes by the trials that have ended": plan.prune,
        "their threads follow from it": plan.threads is None,
    }
    why = [reason for reason, applies in reasons.items() if applies]
    return f"the number of workers counts, since {listed(why)}" if why else ""


DECISIVE_LIBRARIES = (
    *("python", "lstm-gru-harness", "tensorflow", "keras", "keras-tuner", "numpy", "scikit-learn", "optuna"),
)
"""What decides a trial's score, of Optuna where it is asked; MLflow only records it, and what pandas reads shows in the
data's digest."""


def differences(began: SweepHeader, now: SweepHeader) -> list[str]:
    """What decides a sweep's trials and is not as it was, a line each, such as `keras was 3.15.1, is 3.16.0`."""
    before, after = _decisive(began), _decisive(now)
    return [f"{path} was {_shown(old)}, is {_shown(new)}" for path, old, new in _differing(before, after, "")]


def extended(
    header: SweepHeader,
    *,
    datasets: Sequence[str] = (),
    families: Sequence[str] = (),
    trials: int | None = None,
    replicates: int | None = None,
    card_folders: Sequence[Path] = (),
) -> SweepHeader:
    """The header of a sweep that does more: what was done stays as it was.

    Args:
        header: The sweep so far.
        datasets: Datasets to add.
        families: Families to add.
        trials: Completed trials of each family and replicate from now on.
        replicates: Replicates from now on.
        card_folders: Where the configs of what is added are searched.

    Raises:
        UsageError: Something would become less, is there already, or cannot grow under this sweep's budget.
        ConfigError: A config is unknown or broken.
    """
    plan = header.plan
    if plan.minutes:
        raise UsageError("--extend: a sweep whose budget is minutes cannot grow fairly; start a new one")
    if replicates and plan.until_decided:
        raise UsageError("--extend --replicates: this sweep adds replicates by itself, until it is decided")
    for option, had, wanted in (("trials", plan.trials, trials), ("replicates", plan.replicates, replicates)):
        if wanted is not None and wanted < (had or 0):
            raise UsageError(f"--extend --{option} {wanted}: expected at least the {had} that the sweep has")
    more = {"datasets": tuple(datasets) or plan.datasets[:1], "families": tuple(families) or plan.families}
    added = resolve(
        plan.model_copy(update={**more, "register_as": None}),
        card_folders,
    ) if datasets or families else header  # fmt: skip
    new_datasets = {name: config for name, config in added.datasets.items() if datasets}
    new_families = list(dict.fromkeys(family.space for family in added.families)) if families else []
    known = [*header.datasets, *(family.space for family in header.families)]
    if twice := next((name for name in (*new_datasets, *new_families) if name in known), None):
        raise UsageError(f"--extend: {twice} is in the sweep already")
    grown = replace(
        header,
        plan=plan.model_copy(
            update={
                "datasets": (*plan.datasets, *new_datasets),
                "families": (*plan.families, *new_families),
                "trials": trials or plan.trials,
                "replicates": replicates or plan.replicates,
            }
        ),
        datasets={**header.datasets, **new_datasets},
        spaces={**header.spaces, **{name: added.spaces[name] for name in new_families}},
        families=(*header.families, *families_of(new_families)),
        hashes={**added.hashes, **header.hashes},
    )
    return grown.registered_as(plan.register_as)


def _decisive(header: SweepHeader) -> dict[str, Any]:
    plain = header.to_json()
    return {
        "plan": {key: value for key, value in plain["plan"].items() if key not in FREE},
        "datasets": plain["datasets"],
        "search_spaces": {name: _without_folder(space) for name, space in plain["spaces"].items()},
        "arms": plain["arms"],
        "versions": {name: plain["versions"].get(name, "not installed") for name in DECISIVE_LIBRARIES},
    }


def _without_folder(space: Mapping[str, Any]) -> dict[str, Any]:
    """A search space whose builder is known by its function and its file's digest: where the file lies is the same."""
    build = space.get("build")
    return {**space, "build": build and build.rpartition("/")[2]}


def _differing(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            here = f"{path} {name}".strip() if path else name
            yield from _differing(before.get(name), after.get(name), "" if here == "versions" else here)
    elif before != after:
        yield path, before, after


def _shown(value: Any) -> str:
    text = "not there" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
