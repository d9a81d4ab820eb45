"""The plan of the Atlas: which data sets, who measured them, what was frozen before the first of them was run.

`atlas/plan.toml` is the frozen plan; `sweeps/atlas.toml` is how it is run. Each data set is named with the digest of
its config, and each version of the plan with a digest of all of it, so that nothing changes unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from harness.config import SweepConfig, find_space, find_sweep, list_datasets, read_sweep
from harness.config.errors import fault
from harness.config.loader import read_toml, validated
from harness.config.lookup import DATASETS, builtin_folder
from harness.config.sources import Config, Count, CountOrZero, Name, Sha256

NAME = "atlas"
PLAN_FILE = "plan.toml"
Text = Annotated[str, Field(min_length=1, description="a text that is not empty")]


class PlannedDataset(Config):
    """A data set of the plan.

    Attributes:
        name: Its name.
        source: Who measured the data: what counts as one source, and is left out together.
        collection: Where it was collected with others; `single` for none.
        config: SHA-256 of its config's file.
    """

    name: Name
    source: Text
    collection: Text = "single"
    config: Sha256


class ExcludedDataset(Config):
    """A data set that is not in the plan.

    Attributes:
        name: Its name.
        cause: Why not.
    """

    name: Name
    cause: Text


class AtlasPlan(Config):
    """The plan, whole.

    Attributes:
        version: Its version, which goes up with every change.
        measure: What is measured, in words.
        families: The families.
        trials: Completed trials of each family.
        seeds: Retrainings of each family's selected hyperparameters.
        max_train: About the most training sequences of each data set.
        datasets: The data sets, by name.
        excluded: What is left out, with its cause.
        search_spaces: SHA-256 of each family's search space, with what it extends.
        sweep: SHA-256 of the sweep's file.
        loaders: SHA-256 of the file of loaders that configs of the suite name.
        frozen: Version → digest of the plan at that version. Lines are added, never changed.
    """

    version: Text
    measure: Text
    families: Annotated[tuple[Name, ...], Field(min_length=2)]
    trials: Count
    seeds: CountOrZero
    max_train: Count
    datasets: Annotated[tuple[PlannedDataset, ...], Field(min_length=1)]
    excluded: tuple[ExcludedDataset, ...] = ()
    search_spaces: dict[str, Sha256]
    sweep: Sha256
    loaders: Sha256
    frozen: dict[str, Sha256] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_each_once_in_order(self) -> AtlasPlan:
        names = [one.name for one in self.datasets]
        if names != sorted(set(names)):
            raise fault(("datasets",), "expected each data set once, by name")
        if both := set(names) & {one.name for one in self.excluded}:
            raise fault(("excluded",), f"expected no data set of the plan, got {min(both)}")
        return self

    @property
    def by_name(self) -> Mapping[str, PlannedDataset]:
        """The data sets by their names."""
        return {one.name: one for one in self.datasets}

    @property
    def digest(self) -> str:
        """SHA-256 of all that the plan says but for `frozen`."""
        plain = self.model_dump(mode="json", exclude={"frozen"})
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def plan_path() -> Path:
    """The built-in plan's file."""
    return builtin_folder(NAME) / PLAN_FILE


def loaders_path() -> Path:
    """The file of loaders of the suite's configs."""
    return builtin_folder(DATASETS) / NAME / "loaders.py"


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_plan(path: Path | None = None) -> AtlasPlan:
    """The plan of a file, by default the built-in one.

    Raises:
        ConfigError: It cannot be read, or is no plan.
    """
    place = path or plan_path()
    return validated(AtlasPlan, read_toml(place)[0], place)


def sweep_of_plan() -> SweepConfig:
    """How the plan is run: the built-in sweep `atlas`."""
    return read_sweep(find_sweep(NAME), {})


def unaccounted(plan: AtlasPlan) -> list[str]:
    """The built-in data sets that a plan neither has nor leaves out with a cause; a new version has none."""
    known = {*plan.by_name, *(one.name for one in plan.excluded)}
    return [found.name for found in list_datasets() if found.builtin and found.name not in known]


def changes(plan: AtlasPlan) -> Iterator[str]:
    """What is not as the plan froze it, a line each; nothing where all is.

    Args:
        plan: The plan.
    """
    sweep = sweep_of_plan()
    if sweep.datasets != tuple(plan.by_name):
        odd = sorted(set(sweep.datasets) ^ set(plan.by_name)) or ["the order"]
        yield f"sweeps/{NAME}.toml names other data sets than the plan: {', '.join(odd)}"
    for key in ("families", "trials", "seeds", "max_train"):
        if getattr(sweep, key) != getattr(plan, key):
            yield f"sweeps/{NAME}.toml: {key} = {getattr(sweep, key)}: expected the plan's {getattr(plan, key)}"
    found = {one.name: one.sha256 for one in list_datasets()}
    for one in plan.datasets:
        if found.get(one.name) != one.config:
            yield f"{one.name}: its config is not the one that version {plan.version} of the plan froze"
    for family, digest in plan.search_spaces.items():
        if find_space(family).sha256 != digest:
            yield f"{family}: its search space is not the one that version {plan.version} of the plan froze"
    for file, digest in ((find_sweep(NAME), plan.sweep), (loaders_path(), plan.loaders)):
        if digest_of_file(file) != digest:
            yield f"{file.parent.name}/{file.name} is not the one that version {plan.version} of the plan froze"
    if plan.frozen.get(plan.version) != plan.digest:
        yield f"version {plan.version} of the plan is not what was frozen under it: a change needs the next version"
