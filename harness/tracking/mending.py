"""What a crash left in MLflow: runs of a sweep as they stand, aliases whose files are gone; and how they are mended.

Only runs and models of this package are looked at; whose journal they belong to is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.store import Store
from harness.tracking import naming
from harness.tracking.connection import connect
from harness.tracking.reading import experiment_ids, search_runs
from harness.tracking.registry import resolve
from harness.tracking.summary import is_explained


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run of a sweep in MLflow.

    Attributes:
        run_id: Its id.
        dataset: Name of the dataset.
        trial_key: Which trial it is; empty for a comparison's run.
        status: Such as `RUNNING` or `FINISHED`.
        explained: Whether it holds what `harness explain` found.
    """

    run_id: str
    dataset: str
    trial_key: str
    status: str
    explained: bool


@dataclass(frozen=True, slots=True)
class DanglingAlias:
    """An alias of a registered model that leads to nothing.

    Attributes:
        name: Registered name.
        alias: Such as `champion`.
        why: What is missing, in one line.
    """

    name: str
    alias: str
    why: str


def recorded_runs(store: Store, sweep_id: str) -> list[RecordedRun]:
    """All runs of a sweep that are not deleted.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    return [
        RecordedRun(
            run.info.run_id,
            run.data.tags.get("dataset", ""),
            run.data.tags.get(naming.TRIAL_KEY, "").removeprefix(f"{sweep_id}/"),
            run.info.status,
            any(map(is_explained, run.data.metrics)),
        )
        for run in search_runs(client, experiment_ids(client), {naming.SWEEP_ID: sweep_id})
    ]


def end_as_killed(store: Store, runs: Iterable[RecordedRun]) -> None:
    """Say of these runs that nothing works on them any more."""
    client = connect(store, create=False)
    for run in runs:
        client.set_terminated(run.run_id, "KILLED")


def delete_runs(store: Store, runs: Iterable[RecordedRun]) -> None:
    """Delete these runs, as MLflow's UI does: it can restore them."""
    client = connect(store, create=False)
    for run in runs:
        client.delete_run(run.run_id)


def dangling_aliases(store: Store) -> list[DanglingAlias]:
    """Aliases of this package's registered models whose version is gone or, in a local store, its files.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client, found = connect(store, create=False), []
    for model in client.search_registered_models(max_results=1000):
        versions = {str(version.version): version for version in client.search_model_versions(f"name = '{model.name}'")}
        if not any(naming.SWEEP_ID in version.tags for version in versions.values()):
            continue
        for alias, version in model.aliases.items():
            if why := _missing(store, model.name, str(version), versions):
                found.append(DanglingAlias(model.name, alias, why))
    return found


def remove_aliases(store: Store, aliases: Iterable[DanglingAlias]) -> None:
    """Let these aliases mean nothing any more; the versions stay."""
    client = connect(store, create=False)
    for one in aliases:
        client.delete_registered_model_alias(one.name, one.alias)


def _missing(store: Store, name: str, version: str, versions: Mapping[str, object]) -> str:
    if version not in versions:
        return f"version {version} is gone"
    if not store.local:
        return ""  # its files are the server's
    try:
        resolve(store, f"{name}/{version}")
    except HarnessError as error:
        return str(error)
    return ""
