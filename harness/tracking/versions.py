"""What the registry holds, read for people: every version with its aliases, and the run that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError, nearest
from harness.store import Store
from harness.tracking.connection import Connection, connect
from harness.tracking.registry import made_here, pages, versions_named


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a registered model.

    Attributes:
        name: Registered name, the dataset's.
        version: Its number.
        aliases: Aliases that mean it.
        tags: What it says of itself: verdict, scores, sweep, trial.
        run_id: Run of its comparison.
        experiment_id: Experiment of that run; empty where the run is gone.
        created_at: Seconds since 1970.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    run_id: str
    experiment_id: str
    created_at: float

    @property
    def reference(self) -> str:
        """What commands call it."""
        return f"{self.name}/{self.version}"

    @property
    def page(self) -> str:
        """The comparison's page below the address of MLflow's UI."""
        return f"#/experiments/{self.experiment_id}/runs/{self.run_id}" if self.experiment_id else ""


def registered_versions(store: Store, name: str | None = None) -> list[Version]:
    """All versions that this package made, by name and number.

    Args:
        store: Which store.
        name: Only those of this registered model; None for all.

    Raises:
        UsageError: No model has that name; the message offers near ones.
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    models = {model.name: model for model in pages(client.search_registered_models)}
    if name is not None and name not in models:
        hint = nearest(name, models) or "No model is registered there yet"
        raise UsageError(f"model {name}: expected the name of a registered model in {store.address}. {hint}")
    wanted = [models[name]] if name else [models[one] for one in sorted(models)]
    experiments: dict[str, str] = {}
    found = [
        _read(client, model, version, experiments)
        for model in wanted
        for version in versions_named(client, model.name)
        if made_here(version)
    ]
    return sorted(found, key=lambda one: (one.name, one.version))


def foreign_models(store: Store, name: str | None = None) -> list[str]:
    """Names of registered models with versions that this package did not make, which it leaves alone.

    Args:
        store: Which store.
        name: Only this one; None for all.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    names = sorted(model.name for model in pages(client.search_registered_models) if name in (None, model.name))
    return [one for one in names if not all(map(made_here, versions_named(client, one)))]


def _read(client: Connection, model: Any, version: Any, experiments: dict[str, str]) -> Version:
    if version.run_id not in experiments:
        experiments[version.run_id] = _experiment(client, version.run_id)
    return Version(
        model.name,
        int(version.version),
        tuple(sorted(alias for alias, number in model.aliases.items() if str(number) == str(version.version))),
        dict(version.tags),
        version.run_id or "",
        experiments[version.run_id],
        version.creation_timestamp / 1000,
    )


def _experiment(client: Connection, run_id: str) -> str:
    from harness.errors import StoreError

    try:
        return str(client.get_run(run_id).info.experiment_id) if run_id else ""
    except StoreError:
        return ""  # its comparison was deleted
