"""From a plan's names to all that a sweep needs, checked before anything is written."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.cards import Found, check_reads_forward, check_shared, find_datasets, find_space
from harness.cards.schema import DatasetCard, SpaceCard, SweepPlan
from harness.errors import UsageError
from harness.records import Arm

LIBRARIES = (
    "lstm-gru-harness",
    "tensorflow",
    "keras",
    "keras-tuner",
    "mlflow",
    "scikit-learn",
    "numpy",
    "pandas",
)

FREE = ("workers", "register_as")
"""What of a plan changes no trial, and may differ when a sweep is gone on with."""

DATASET = "{dataset}"
"""What stands for a dataset's name in `register_as`."""


@dataclass(frozen=True, slots=True)
class SweepHeader:
    """What a sweep is; the first event of its journal.

    Attributes:
        plan: The plan, with every name resolved.
        datasets: Cards by dataset name, in the order of the sweep.
        spaces: Search spaces by family.
        arms: The contestants.
        hashes: SHA-256 of each card's file, by `datasets/<name>` or `search_spaces/<name>`.
        versions: Versions of Python and the libraries.
        notes: What the user should know, such as a built-in card that is overridden.
    """

    plan: SweepPlan
    datasets: Mapping[str, DatasetCard]
    spaces: Mapping[str, SpaceCard]
    arms: tuple[Arm, ...]
    hashes: Mapping[str, str]
    versions: Mapping[str, str]
    notes: tuple[str, ...]

    def means_the_same_as(self, other: SweepHeader) -> bool:
        """Whether two commands mean the same sweep: all that was asked for is equal, but for what changes no trial."""
        free = dict.fromkeys(FREE)
        return self.plan.model_copy(update=free) == other.plan.model_copy(update=free)

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

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return {
            "plan": self.plan.model_dump(mode="json"),
            "datasets": {name: card.model_dump(mode="json") for name, card in self.datasets.items()},
            "spaces": {name: card.model_dump(mode="json") for name, card in self.spaces.items()},
            "arms": [[arm.name, arm.family] for arm in self.arms],
            "hashes": dict(self.hashes),
            "versions": dict(self.versions),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SweepHeader:
        """The header that `to_json` wrote."""
        return cls(
            plan=SweepPlan.model_validate(plain["plan"]),
            datasets={name: DatasetCard.model_validate(card) for name, card in plain["datasets"].items()},
            spaces={name: SpaceCard.model_validate(card) for name, card in plain["spaces"].items()},
            arms=tuple(Arm(*arm) for arm in plain["arms"]),
            hashes=plain["hashes"],
            versions=plain["versions"],
            notes=tuple(plain["notes"]),
        )


def resolve(plan: SweepPlan, card_folders: Sequence[Path] = ()) -> SweepHeader:
    """Find every card that a plan names.

    Args:
        plan: Datasets and families by name or path; a suite's name stands for all its datasets.
        card_folders: Folders searched before the built-in cards; the usual ones when empty.

    Raises:
        CardError: A card is unknown or broken.
        UsageError: A dataset is named twice.
    """
    datasets = _datasets(plan.datasets, card_folders)
    spaces = [find_space(name, card_folders) for name in dict.fromkeys(plan.families)]
    groups: dict[str, list[Found[Any]]] = {"datasets": [*datasets], "search_spaces": [*spaces]}
    everything = [found for group in groups.values() for found in group]
    check_shared([_card(found) for found in spaces])
    for found in datasets:
        check_reads_forward(_card(found), [_card(space) for space in spaces])
    names = [found.name for found in datasets]
    families = {given: found.name for given, found in zip(dict.fromkeys(plan.families), spaces, strict=True)}
    resolved = [families[given] for given in plan.families]
    header = SweepHeader(
        plan=plan.model_copy(update={"datasets": tuple(names), "families": tuple(resolved)}),
        datasets={found.name: _card(found) for found in datasets},
        spaces={found.name: _card(found) for found in spaces},
        arms=arms_of(resolved),
        hashes={f"{kind}/{found.name}": found.sha256 for kind, group in groups.items() for found in group},
        versions=versions(),
        notes=tuple(
            f"{found.path} overrides the built-in card {found.name}" for found in everything if found.overrides
        ),
    )
    return header.registered_as(plan.register_as)


def _datasets(given: Sequence[str], folders: Sequence[Path]) -> list[Found[DatasetCard]]:
    # Suites may overlap; a dataset that is named by itself twice, by its name and by its path, is a slip.
    found: dict[str, Found[DatasetCard]] = {}
    alone: set[str] = set()
    for name in given:
        group = find_datasets(name, folders)
        if len(group) == 1 and (one := group[0].name) in alone:
            raise UsageError(f"{one}: named twice; expected each dataset once")
        alone |= {group[0].name} if len(group) == 1 else set()
        found |= {one.name: one for one in group}
    return list(found.values())


def large_batches(dataset: str, spaces: Mapping[str, SpaceCard], sequences: int) -> list[str]:
    """What to say where families may try batches larger than a dataset's training part, which come to all of it.

    Args:
        dataset: The dataset's name.
        spaces: Search space of each family.
        sequences: How many its training part has.
    """
    said = []
    for family, space in spaces.items():
        batch = space.hyperparameters.get("batch_size")
        sizes = [size for size in (*(batch.values or ()), batch.max_value, batch.value) if size] if batch else []
        if (largest := max(map(int, sizes), default=0)) > sequences:
            said.append(
                f"{dataset}: {family} tries batches of up to {largest:,}, and the training part has {sequences:,} "
                "sequences: a larger batch is all of them, one step an epoch"
            )
    return said


def arms_of(families: Sequence[str]) -> tuple[Arm, ...]:
    """One arm a family; a family that is named more than once plays itself as `lstm-1`, `lstm-2` and so on."""
    counts, seen = Counter(families), Counter[str]()
    arms = []
    for family in families:
        seen[family] += 1
        arms.append(Arm(family if counts[family] == 1 else f"{family}-{seen[family]}", family))
    return tuple(arms)


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what a trial gives."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "not installed"
    return found


def _card(found: Found[Any]) -> Any:
    return found.card
