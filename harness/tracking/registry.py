"""Champions in MLflow's registry: register a saved model, find one by name, move an alias, list the versions.

Takes a saved champion's folder (`model.keras`, `champion.json`, `example.npz`) as it is, reads its
description by keys, and loads no network. MLflow's Keras flavour keeps exactly that one `.keras` file: no
pickle, so it loads where `MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false`.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from harness.disk import cannot_write
from harness.errors import StoreError, UsageError, nearest
from harness.store import Store
from harness.tracking import naming
from harness.tracking.client import Connection, connect, database_file, pages, registered_models, translating
from harness.tracking.flavour import write_flavour
from harness.tracking.naming import SWEEP_ID, about, version_tags
from harness.tracking.queries import search_runs

ALIASES = ("champion", "candidate")
"""What a bare name means: the first of these that the registered model has."""

LINKED = "mlflow.modelVersions"
"""The tag of a logged model that leads to its versions."""

REFIT = "/refit"
"""What the key of a trial ends with where its model was trained again on more data."""

_OURS = "Champions of the dataset"
"""How the description of this package's registered models begins."""

_REFERENCE = re.compile(r"^(?:models:/)?(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[\w-]+))?$")


@dataclass(frozen=True, slots=True)
class Registered:
    """A version in the registry.

    Attributes:
        name: Registered name, the dataset's.
        version: Its version.
        path: Local folder with its files.
        aliases: The aliases that mean it, where it was looked up by a name.
    """

    name: str
    version: str
    path: Path
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """The version that an alias means.

    Attributes:
        version: Its number.
        own: Whether this package made it.
        files: Gives the local folder with its files, or raises a `StoreError`.
    """

    version: str
    own: bool
    files: Callable[[], Path]


def holder_of(store: Store, name: str, alias: str) -> Held | None:
    """The version of a registered model that an alias means; None where there is no such name, alias or version.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    model = registered_models(client).get(name)
    number = str(model.aliases.get(alias, "")) if model else ""
    versions = versions_named(client, name) if number else []
    version = next((one for one in versions if str(one.version) == number), None)
    return Held(number, made_here(version), lambda: _local_folder(client, version)) if version else None


def made_here(version: Any) -> bool:
    """Whether a version is a champion of this package's: its tags name a trial of a sweep."""
    sweep_id = version.tags.get(naming.SWEEP_ID, "")
    return bool(sweep_id) and trial_of(version).startswith(f"{sweep_id}/")


def whose(client: Connection, name: str) -> str:
    """Why a sweep must not register into a name: it is somebody else's; empty where it may.

    A name where one version is this package's is its own, as one is that has no version yet and its description.

    Raises:
        StoreError: The store cannot be used.
    """
    model = registered_models(client).get(name)
    if model is None:
        return ""
    versions = versions_named(client, name)
    if any(map(made_here, versions)) or (not versions and (model.description or "").startswith(_OURS)):
        return ""
    count = f"{len(versions)} version{'' if len(versions) == 1 else 's'}"
    return (
        f"registered model {name}: somebody else's: no sweep made any of its {count}, and it is not joined; "
        "expected another name for the champion: --register-as NAME (register_as in TOML and Python)"
    )


@contextlib.contextmanager
def one_at_a_time(store: Store) -> Iterator[None]:
    """Let one command at a time look at an alias of a local store and move it; a server has no lock to offer.

    Raises:
        StoreError: The store cannot be written.
    """
    if not store.local:
        yield
        return
    file = store.root / "aliases.lock"
    try:
        handle = file.open("a")
    except OSError as error:
        raise StoreError(f"{file}: {cannot_write(error, store.root)}") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def register(store: Store, folder: Path, tags: Mapping[str, str], name: str = "") -> Registered:
    """Put a saved champion into the registry as a new version, with no alias yet.

    A version of the same sweep's same trial that is there already is returned instead, with its files put back where a
    local store has lost them; what a crash left of an earlier registering is resumed, so that it can be called
    again after a kill at any instant.

    Args:
        store: MLflow's store; the champion's comparison has its run there.
        folder: The saved champion.
        tags: What the version says beside what its description says, such as the verdict.
        name: The registered name; the dataset's when empty.

    Raises:
        StoreError: The store cannot be used, holds no run of the champion's comparison, or the name is somebody
            else's.
    """
    client = connect(store)
    champion = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
    name = name or champion["name"]
    if foreign := whose(client, name):
        raise StoreError(foreign)
    key = f"{champion['sweep_id']}/{champion['trial']}{REFIT if champion.get('refit') else ''}"
    version = next((one for one in versions_named(client, name) if trial_of(one) == key), None)
    if version is None:
        with translating(store):
            model, run = _log_model(client, folder, champion, name, key, tags)
        try:
            client.create_registered_model(name, description=f"{_OURS} {champion['name']}, one version a sweep.")
        except StoreError:
            client.get_registered_model(name)  # already there, unless the failure was another one
        # A registry without a server looks `models:/<id>` up in MLflow's global store instead of its own, and makes
        # that store, a `mlflow.db`, in whatever folder one stands in. A server has one store.
        source = model.artifact_location if store.keeps_files else f"models:/{model.model_id}"
        version = client.create_model_version(
            name,
            source=source,
            run_id=run.run_id,
            model_id=model.model_id,
            tags=version_tags(champion, key, tags),
            description=about(champion, name, tags, f"#/experiments/{run.experiment_id}/runs/{run.run_id}"),
        )
    elif store.keeps_files and not Path(_place(client, version)).is_dir():
        with translating(store):
            _log_model(client, folder, champion, name, key, tags, again=True)
    _link(client, version, key)
    return Registered(name, str(version.version), _local_folder(client, version))


def move_alias(store: Store, name: str, version: str, alias: str) -> None:
    """Let an alias mean this version from now on.

    Args:
        store: Which store.
        name: Registered name.
        version: The version, verified by the caller.
        alias: Such as `champion`.

    Raises:
        StoreError: There is no such version.
    """
    connect(store).set_registered_model_alias(name, alias, version)


def resolve(store: Store, reference: str) -> Registered:
    """The registered model that a reference means, with its files on this machine.

    Args:
        store: Which store.
        reference: `name` (its champion, else its candidate), `name@alias`, `name/3`, or any of them after
            `models:/`.

    Raises:
        UsageError: The reference is malformed or names nothing; the message offers near names.
        StoreError: The store cannot be used, or the model's files are gone.
    """
    match = _REFERENCE.match(reference)
    if match is None:
        raise UsageError(f"model {reference!r}: expected a folder, a name, name@alias, name/version or models:/…")
    client = connect(store, create=False)
    model = _named(client, registered_models(client), match["name"])
    found = {str(version.version): version for version in versions_named(client, model.name)}
    versions = {number: version for number, version in found.items() if made_here(version)}
    known = ", ".join(sorted(versions, key=int)) or "none"
    number = match["version"] or _aliased(model, match["alias"], versions)
    if number in found and number not in versions:
        raise UsageError(
            f"model {model.name}: version {number} is somebody else's: no sweep made it; expected one of a sweep's: "
            f"{known}. mlflow.pyfunc.load_model('models:/{model.name}/{number}') loads it"
        )
    if number not in versions:
        raise UsageError(f"model {model.name}: version {number}: expected one of {known}")
    aliases = tuple(sorted(alias for alias, meant in model.aliases.items() if str(meant) == number))
    return Registered(model.name, number, _local_folder(client, versions[number]), aliases)


def _named(client: Connection, models: Mapping[str, Any], name: str) -> Any:
    if name not in models:
        hint = nearest(name, models) or "No model is registered there yet"
        raise UsageError(f"model {name}: expected the name of a registered model in {client.store.address}. {hint}")
    return models[name]


def _aliased(model: Any, alias: str | None, versions: Collection[str]) -> str:
    """The version that an alias means; of a bare name's aliases those of other people's versions do not count."""
    wanted = ALIASES if alias is None else (alias,)
    meant = [str(model.aliases[name]) for name in wanted if name in model.aliases]
    if meant:
        return next((number for number in meant if number in versions), meant[0])
    known = ", ".join(sorted(model.aliases)) or "none"
    raise UsageError(
        f"model {model.name}: expected the alias {' or '.join(wanted)}, got {known}; name a version as {model.name}/1"
    )


def versions_named(client: Connection, name: str) -> list[Any]:
    """All versions of a registered model, as MLflow's client gives them."""
    return list(pages(client.search_model_versions, f"name = '{name}'"))


def trial_of(one: Any) -> str:
    """Which trial of which sweep a version or a logged model is, `sweep/trial`; empty where it does not say."""
    return str(one.tags.get(naming.TRIAL_KEY, ""))


def _log_model(
    client: Connection,
    folder: Path,
    champion: Mapping[str, Any],
    name: str,
    key: str,
    tags: Mapping[str, str],
    *,
    again: bool = False,
) -> tuple[Any, Any]:
    """Log the saved files as a model of the comparison's run, unless it is done; the model, and what that run is."""
    from mlflow.entities import LoggedModelOutput

    comparison = f"{champion['sweep_id']}/{champion['name']}"
    run = next(search_runs(client, {naming.COMPARISON_KEY: comparison}), None)
    if run is None:
        raise StoreError(f"comparison {comparison}: has no run in {client.store.address}")
    known = logged_models(client, run.info.experiment_id, f"tags.{naming.TRIAL_KEY} = '{key}'")
    model = known[0] if known else None
    if model is None:
        model = client.create_logged_model(
            run.info.experiment_id,
            name=name,
            source_run_id=run.info.run_id,
            tags={**tags, naming.TRIAL_KEY: key, naming.SWEEP_ID: str(champion["sweep_id"])},
            params={name: str(value) for name, value in champion["values"].items()},
            model_type=champion["family"],
        )
    if again or str(model.status) != "READY":
        with tempfile.TemporaryDirectory(prefix="harness-") as temporary:
            write_flavour(Path(temporary), folder, champion, model, run.info.run_id)
            client.log_model_artifacts(model.model_id, temporary)
        client.finalize_logged_model(model.model_id, "READY")
    if model.model_id not in [output.model_id for output in run.outputs.model_outputs]:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model, run.info


def _link(client: Connection, version: Any, key: str) -> None:
    """Have the logged model's page lead to its version, as MLflow's own `register_model` does."""
    link = json.dumps([{"name": version.name, "version": str(version.version)}])
    experiment_id = client.get_run(version.run_id).info.experiment_id
    for model in logged_models(client, experiment_id, f"tags.{naming.TRIAL_KEY} = '{key}'"):
        client.set_logged_model_tags(model.model_id, {LINKED: link})


def linked_names(model: Any) -> list[str]:
    """Names of the registered models that a logged model's tag leads to."""
    return [str(link["name"]) for link in json.loads(model.tags.get(LINKED, "[]"))]


def logged_models(client: Connection, experiment_id: str, which: str) -> list[Any]:
    """The logged models of an experiment that a filter of MLflow's finds, the oldest first."""
    oldest = [{"field_name": "creation_time", "ascending": True}]
    return list(pages(client.search_logged_models, [experiment_id], filter_string=which, order_by=oldest))


def _local_folder(client: Connection, version: Any) -> Path:
    """The folder of a version's files, downloaded once where the store keeps them elsewhere."""
    from mlflow.artifacts import download_artifacts

    uri = _place(client, version)
    if not urlsplit(uri).scheme:
        if not Path(uri).is_dir():
            raise StoreError(f"{uri}: the model's files are gone: expected a folder")
        return Path(uri)
    kept: Path = client.store.root / "downloads" / version.name / f"{version.version}-{version.creation_timestamp}"
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as temporary, translating(client.store):
            got = download_artifacts(uri, dst_path=temporary, tracking_uri=client.store.tracking_uri)
            Path(got).replace(kept)
    return kept


def _place(client: Connection, version: Any) -> str:
    """Where a version's files are: a folder of this machine, or an address."""
    if version.model_id:
        uri = str(client.get_logged_model(version.model_id).artifact_location)
    else:
        uri = str(client.get_model_version_download_uri(version.name, version.version))
    return url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri


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
    models = registered_models(client)
    wanted = [_named(client, models, name)] if name else [models[one] for one in sorted(models)]

    @functools.cache
    def experiment(run_id: str) -> str:
        try:
            return str(client.get_run(run_id).info.experiment_id) if run_id else ""
        except StoreError:
            return ""  # its comparison was deleted

    found = [
        Version(
            model.name,
            int(version.version),
            tuple(sorted(alias for alias, number in model.aliases.items() if str(number) == str(version.version))),
            dict(version.tags),
            version.run_id or "",
            experiment(version.run_id),
            version.creation_timestamp / 1000,
        )
        for model in wanted
        for version in versions_named(client, model.name)
        if made_here(version)
    ]
    return sorted(found, key=lambda one: (one.name, one.version))


def versions_of(store: Store, sweep_id: str) -> list[Version]:
    """The versions that a sweep registered, by name and number; none where the store has no MLflow database yet.

    Raises:
        StoreError: The store cannot be used.
    """
    if store.local and not database_file(store).is_file():
        return []
    return [one for one in registered_versions(store) if one.tags.get(SWEEP_ID) == sweep_id]


def foreign_models(store: Store, name: str | None = None) -> list[str]:
    """Names of registered models with versions that this package did not make, which it leaves alone.

    Args:
        store: Which store.
        name: Only this one; None for all.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    names = sorted(one for one in registered_models(client) if name in (None, one))
    return [one for one in names if not all(map(made_here, versions_named(client, one)))]
