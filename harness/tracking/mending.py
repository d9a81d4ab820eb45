"""What a crash left in MLflow: runs of a sweep, registered champions and logged models as they stand; how it is mended.

Only runs and models of this package are looked at; whose journal they belong to is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.store import Store
from harness.tracking import naming
from harness.tracking.connection import connect
from harness.tracking.reading import experiment_ids, search_runs
from harness.tracking.registry import (
    REFIT,
    linked_names,
    logged_models,
    made_here,
    pages,
    resolve,
    trial_of,
    versions_named,
)
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


@dataclass(frozen=True, slots=True)
class Standing:
    """How a champion stands in the registry.

    Attributes:
        version: The version that is registered of it, with its files; empty where there is none.
        holder: Which trial of which sweep its alias means, `sweep/trial`; empty where it means nothing.
    """

    version: str
    holder: str


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
    client = connect(store)
    for run in runs:
        client.set_terminated(run.run_id, "KILLED")


def delete_runs(store: Store, runs: Iterable[RecordedRun]) -> None:
    """Delete these runs, as MLflow's UI does: it can restore them."""
    client = connect(store)
    for run in runs:
        client.delete_run(run.run_id)


def standing_of(store: Store, name: str, alias: str, key: str) -> Standing:
    """How a champion stands in the registry.

    Args:
        store: Which store.
        name: Its registered name.
        alias: The alias that it was given.
        key: Which trial of which sweep it is, `sweep/trial`.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    models = {model.name: model for model in pages(client.search_registered_models)}
    if name not in models:
        return Standing("", "")
    versions = {str(version.version): version for version in versions_named(client, name)}
    own = [number for number, version in versions.items() if trial_of(version) == key]
    whole = next((number for number in own if not _missing(store, name, number, versions)), "")
    holder = versions.get(str(models[name].aliases.get(alias, "")))
    return Standing(whole, trial_of(holder) if holder else "")


def unused_models(store: Store, sweep_id: str, champions: Iterable[str]) -> list[str]:
    """Ids of the logged models of a sweep that no version is made of, and that are no champion's.

    A refitted one belongs to the command that was refitting, which goes on with it.

    Args:
        store: Which store.
        sweep_id: The sweep.
        champions: Trials that are champions, or become ones.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    logged = [
        model
        for experiment in experiment_ids(client)
        for model in logged_models(client, experiment, f"tags.{naming.SWEEP_ID} = '{sweep_id}'")
    ]
    names = {name for model in logged for name in (model.name, *linked_names(model))}
    # A version that was read again does not say its logged model's id, only its address (MLflow 3.17).
    used = {version.source for name in names for version in versions_named(client, name)}
    kept = {f"{sweep_id}/{trial}" for trial in champions}
    return [
        model.model_id
        for model in logged
        if not used & {model.artifact_location, f"models:/{model.model_id}"}
        and (key := trial_of(model)) not in kept
        and not key.endswith(REFIT)
    ]


def delete_models(store: Store, model_ids: Iterable[str]) -> None:
    """Delete these logged models; their files stay until `mlflow gc`."""
    client = connect(store)
    for model_id in model_ids:
        client.delete_logged_model(model_id)


def dangling_aliases(store: Store) -> list[DanglingAlias]:
    """Aliases of this package's registered models whose version is gone or, in a local store, its files.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client, found = connect(store, create=False), []
    for model in pages(client.search_registered_models):
        versions = {str(version.version): version for version in versions_named(client, model.name)}
        if not any(naming.SWEEP_ID in version.tags for version in versions.values()):
            continue
        for alias, version in model.aliases.items():
            if str(version) in versions and not made_here(versions[str(version)]):
                continue  # in a name that 0.1.0 joined, somebody else's
            if why := _missing(store, model.name, str(version), versions):
                found.append(DanglingAlias(model.name, alias, why))
    return found


def remove_aliases(store: Store, aliases: Iterable[DanglingAlias]) -> None:
    """Let these aliases mean nothing any more; the versions stay."""
    client = connect(store)
    for one in aliases:
        client.delete_registered_model_alias(one.name, one.alias)


def _missing(store: Store, name: str, version: str, versions: Mapping[str, Any]) -> str:
    if version not in versions:
        return f"version {version} is gone"
    if not store.local:
        return ""  # its files are the server's
    try:
        resolve(store, f"{name}/{version}")
    except HarnessError as error:
        return str(error)
    return ""
