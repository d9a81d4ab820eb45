"""Where a sweep's files and MLflow's store are. Knows paths and addresses only; opens nothing and makes nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from harness.addresses import hide_passwords
from harness.errors import UsageError, nearest

DEFAULT_ROOT = Path("mlruns")

DATABASES = ("postgresql", "mysql", "mssql")
"""Kinds of databases on a server that MLflow's store can be, as addresses begin."""

_KINDS = ("sqlite", "http", "https", *DATABASES, "databricks", "databricks-uc", "uc")


@dataclass(frozen=True, slots=True)
class Store:
    """One folder for journals and models, and the MLflow store that goes with it.

    Attributes:
        root: Absolute folder; `mlruns/` below the current folder unless said otherwise.
        tracking_uri: MLflow's store: `sqlite:///<root>/mlflow.db`, or the address of a server; may hold a password, so
            it is for MLflow alone, and what is printed or kept is `address`.
    """

    root: Path
    tracking_uri: str = field(repr=False)

    @property
    def address(self) -> str:
        """MLflow's store as it may be shown: without a password."""
        return hide_passwords(self.tracking_uri)

    @property
    def local(self) -> bool:
        """Whether MLflow's store is the database below `root`."""
        return self.tracking_uri.startswith("sqlite:")

    @property
    def keeps_files(self) -> bool:
        """Whether files of runs and models lie below `root`: MLflow's store is a database, with no server before it."""
        return self.local or self.tracking_uri.startswith(DATABASES)

    @property
    def sweeps(self) -> Path:
        """Folder that holds a folder a sweep."""
        return self.root / "sweeps"

    @property
    def artifacts(self) -> Path:
        """Folder of MLflow's artifacts, where the store keeps them."""
        return self.root / "artifacts"

    @property
    def ui_command(self) -> str:
        """The command that opens MLflow's UI on this store from any folder."""
        if not self.local:
            return f"open {self.address}"
        return f"harness ui{self.options}"

    @property
    def options(self) -> str:
        """What a command is given to mean this store from the same folder: ` --store DIR`, or nothing."""
        return "" if self.root == DEFAULT_ROOT.absolute() else f" --store {shlex.quote(str(self.root))}"


def find_store(
    root: Path | None = None, tracking_uri: str | None = None, environment: Mapping[str, str] = os.environ
) -> Store:
    """The store that a command means.

    Args:
        root: `--store`, which goes before `HARNESS_STORE`, which goes before `./mlruns`.
        tracking_uri: `--tracking-uri`, which goes before `MLFLOW_TRACKING_URI`, which goes before the local database.
        environment: The environment's variables.

    Raises:
        UsageError: The folder is a file, or holds MLflow's old file store; or MLflow has no store of such an address.
    """
    folder = Path(root or environment.get("HARNESS_STORE") or DEFAULT_ROOT).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: expected a folder for the store, got a file")
    _refuse_old_file_store(folder)
    uri = tracking_uri or environment.get("MLFLOW_TRACKING_URI") or database_uri(folder / "mlflow.db")
    _refuse_other_kinds(uri)
    _refuse_unescaped(uri)
    return Store(folder, uri)


def database_uri(file: Path) -> str:
    """The address of an SQLite file.

    Args:
        file: Its absolute path. Where `?` or `%` stand in it, which mean something in an address, all of it is quoted,
            slashes too: MLflow makes the folder that an address names as it is written.
    """
    return f"sqlite:///{quote(str(file), safe='') if {'?', '%'} & set(str(file)) else file}"


def database_path(uri: str) -> Path:
    """The file that `database_uri`, or a user, means by an address."""
    return Path(unquote(uri.removeprefix("sqlite:///").split("?")[0]))


def _refuse_other_kinds(uri: str) -> None:
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme in _KINDS and (scheme not in ("http", "https", *DATABASES) or "://" in uri):
        return
    # Nothing of an address after its kind is shown: it may hold a password.
    got = f"{scheme}:…" if ":" in uri else uri
    near = nearest(scheme, _KINDS) if ":" in uri and scheme not in _KINDS else ""
    raise UsageError(
        f"MLflow's store {got}: expected http://…, https://… or a database such as sqlite:////absolute/mlflow.db or "
        "postgresql://user:password@host/database; a folder is MLflow's old file store, to be migrated with "
        f"`mlflow migrate-filestore`{f'. {near}' if near.startswith('Did') else ''}"
    )


def _refuse_unescaped(uri: str) -> None:
    """Refuse a password that would be cut in two: a library would then call, and name, the rest of it as a host."""
    kind, _, rest = uri.partition("://")
    try:
        parts = urlsplit(uri)
        if kind.partition("+")[0] in DATABASES:
            # SQLAlchemy ends a password at the first `@`, whatever else is in it.
            user, _, place = rest.partition("?")[0].rpartition("@")
            understood = "@" not in user and (urlsplit(f"//{place}").port or 1) > 0
        else:
            understood = kind not in ("http", "https") or (parts.hostname is not None and (parts.port or 1) > 0)
    except ValueError:
        understood = False
    if not understood:
        raise UsageError(
            f"MLflow's store {hide_passwords(uri)}: expected {kind}://user:password@host:port/…; in a password write "
            "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25"
        )


def _refuse_old_file_store(folder: Path) -> None:
    # MLflow raises since 3.13 when it meets one; it must not be mixed with a database in the same folder either.
    if (folder / "mlflow.db").exists() or not folder.is_dir():
        return
    if old := next(folder.glob("*/meta.yaml"), None):
        raise UsageError(
            f"{folder}: holds MLflow's old file store ({old.parent.name}/meta.yaml); expected a folder of this tool's. "
            f"Migrate it with `mlflow migrate-filestore --source {folder} --target sqlite:////path/to/new/mlflow.db`, "
            "or name another folder with --store"
        )
