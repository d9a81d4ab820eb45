"""Where a sweep's files and MLflow's store are, where they were before, and their addresses as they may be shown.

A password may hold any character, escaped or not, so an address is never parsed by the rules of URLs here: everything
before the last `@` counts as user and password, and everything after a `?` as options that may hold one. That hides
too much of an odd address rather than too little.

A store that was moved or copied, or is mounted elsewhere, holds absolute paths of the place that it was made at: in
MLflow's database, in journals, in the descriptions of champions. They are read here as they hold where it stands now.
Former places stand in the file `places.json`; of a store that has none yet (0.1.0 wrote none) they follow from the
experiments that this package made, whose artifacts lie in `<root>/artifacts/<name>`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

from harness.databases import open_read_only, stamps
from harness.disk import replace_text
from harness.errors import StoreError, UsageError, nearest
from harness.user_code import is_function

HIDDEN = "***"

SHORTEST_FRAGMENT = 4
"""Characters from which on a password is hidden wherever it stands: a shorter one would make holes in every word."""

_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^\s\"'<>]+")
_FILES = ("sqlite", "file")
_SECRET_OPTION = re.compile(r"pass|pwd|secret|token|key|credential|sig|odbc_connect", re.IGNORECASE)
_ODBC_PASSWORD = re.compile(r"\b(?:pwd|password)=\{?([^;}]+)", re.IGNORECASE)


def hide_passwords(address: str) -> str:
    """The address with `***` in the place of user and password, and of options after a `?`.

    Args:
        address: Such as `postgresql://user:password@host/database`; a path is returned as it is.
    """
    scheme, mark, rest = address.partition("://")
    if _is_file(scheme.partition(":")[0]):
        return address
    if not mark:
        return f"{address.partition(':')[0]}:{HIDDEN}" if ":" in address and "@" in address else address
    if "@" in rest.partition("?")[2]:  # it may end a password that holds a `?`, or belong to an option
        return f"{scheme}://{HIDDEN}"
    user = _user(rest)
    shown = f"{HIDDEN}@{rest.removeprefix(f'{user}@')}" if user else rest
    shown = f"{shown.partition('?')[0]}?{HIDDEN}" if "?" in shown else shown
    for secret in _secrets(address):
        shown = shown.replace(secret, HIDDEN)
    return f"{scheme}://{shown}"


def hide_passwords_in(text: str, address: str = "") -> str:
    """A text, such as a library's error, without the passwords of the addresses in it.

    Args:
        text: Any text.
        address: An address whose passwords are hidden wherever the text has them, percent-encoded, quoted or bare.
    """
    if not _is_file(address.partition(":")[0]):
        text = text.replace(address, hide_passwords(address)) if address else text
        for secret in _secrets(address):
            text = text.replace(secret, HIDDEN)
    return _ADDRESS.sub(lambda found: hide_passwords(found[0]), text)


def without_user(address: str) -> str:
    """The address of a server's pages: without user, options and the slash at its end."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _is_file(scheme: str) -> bool:
    return scheme.partition("+")[0].lower() in _FILES


def _user(rest: str) -> str:
    """What stands before the last `@`: a user with or without a password, or a token; empty where that is a path."""
    user = rest.rpartition("@")[0]
    return user if ":" in user or "/" not in user else ""


def _secrets(address: str) -> list[str]:
    """What must not be seen of an address, in every way that libraries write it; the longest first."""
    scheme, _, rest = address.partition("://")
    options, user = rest.partition("?")[2], _user(rest)
    password = user.partition(":")[2] or (user if scheme.lower().startswith("http") else "")  # a token
    # A library that ends the password at the first `@` or `/` takes what follows for the host and names it.
    found = {password, *re.split("[@/?#:]", password)}
    found |= {value for name, value in parse_qsl(options) if _SECRET_OPTION.search(name)}
    found |= {match for value in list(found) for match in _ODBC_PASSWORD.findall(unquote_plus(value))}
    written = {form for secret in found for form in _ways_to_write(secret)}
    return sorted((form for form in written if len(form) >= SHORTEST_FRAGMENT), key=len, reverse=True)


def _ways_to_write(secret: str) -> set[str]:
    plain = {secret, unquote(secret), unquote_plus(secret)}
    ways = (partial(quote, safe=""), partial(quote, safe=" +"), quote_plus)  # the second one is SQLAlchemy's
    encoded = {write(one) for one in plain for write in ways}
    escaped = {write(one)[1:-1] for one in plain for write in (repr, ascii, json.dumps)}
    return plain | encoded | escaped


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
        return f"harness ui{self.options}" if self.local else f"open {self.address}"

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


RECORD = "places.json"

ARTIFACTS, SWEEPS, DOWNLOADS, DATABASE = "artifacts", "sweeps", "downloads", "mlflow.db"

_EXPERIMENTS = "SELECT experiment_id, name, artifact_location FROM experiments WHERE artifact_location IS NOT NULL"
_SWEEPS_OF = (
    "SELECT DISTINCT tags.value FROM tags JOIN runs ON runs.run_uuid = tags.run_uuid "
    "WHERE tags.key = 'sweep_id' AND runs.experiment_id = ?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store stands now, and where it stood before.

    Attributes:
        root: Its folder.
        former: Folders that it was at before, and is no longer.
    """

    root: Path
    former: tuple[Path, ...] = ()

    def location(self, recorded: str) -> str:
        """An artifact location as it holds here: an address `file://…` or a path; all others stay as they are."""
        plain = path_of(recorded)
        if plain is None or not self.former:
            return recorded
        now = _moved(plain, [(root, self.root) for root in self.former], self.root)
        if now == plain:
            return recorded
        return now.as_uri() if recorded.startswith("file:") else str(now)

    def files(self, plain: Any) -> Any:
        """Plain values in which each path of a file that moved along with the store leads to where it is now.

        The project is the folder that holds the store: what lay below it is looked for below the new one, and a path
        whose file is not there stays as it is.

        Args:
            plain: Such as a dataset's config; paths in it are absolute, or `file.py:function`.
        """
        if not self.former:
            return plain
        if isinstance(plain, Mapping):
            return {key: self.files(value) for key, value in plain.items()}
        if isinstance(plain, list | tuple):
            return [self.files(value) for value in plain]
        return self._file(plain) if isinstance(plain, str) and plain.startswith("/") else plain

    def _file(self, recorded: str) -> str:
        path, colon, function = recorded.rpartition(":") if is_function(recorded) else (recorded, "", "")
        roots = [(root, self.root) for root in self.former]
        projects = [(root.parent, self.root.parent) for root in self.former]
        now = _moved(Path(path), [*roots, *projects], self.root.parent)
        return f"{now}{colon}{function}" if os.path.exists(now) else recorded


def place_of(root: Path, database: Path | None = None) -> Place:
    """Where a store stands and stood.

    A database of MLflow's that lies elsewhere may be that of several stores: then only former places that are gone
    count, so that no store takes another's artifacts for its own.

    Args:
        root: The store's folder.
        database: MLflow's database, where it is a file; `<root>/mlflow.db` when None.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    root = root.absolute()
    file = database or root / DATABASE
    own = file.absolute().parent == root
    known = [*_recorded(root), *(_inferred(root, file, own=own) if file.is_file() else ())]
    if not known and not (own and file.is_file()):  # 0.1.0 on a server
        known = [*_told_by_champions(root)]
    former = [place for place in dict.fromkeys(known) if not _same(place, root)]
    return Place(root, tuple(place for place in former if own or not os.path.exists(place)))


def place_around(path: Path) -> Place | None:
    """The place of the store that a file or folder lies in; None where it lies in none."""
    path = path.absolute()
    for part, root in zip(path.parents, list(path.parents)[1:], strict=False):
        inside = part.name in (ARTIFACTS, SWEEPS, DOWNLOADS)
        if inside and any((root / name).exists() for name in (RECORD, DATABASE, SWEEPS)):
            try:
                return place_of(root)
            except (sqlite3.Error, OSError):  # MLflow's database says what is wrong when it is asked for itself
                return Place(root, tuple(one for one in _recorded(root) if not _same(one, root)))
    return None


def remember(place: Place) -> None:
    """Write down where a store stands and stood, whole or not at all; nothing where that is written already.

    Raises:
        OSError: The store's folder cannot be written.
    """
    known = _recorded(place.root)
    every = list(dict.fromkeys([*known, *place.former, place.root]))
    if every == known:
        return
    replace_text(place.root / RECORD, json.dumps({"roots": [str(root) for root in every]}, indent=2))


def path_of(location: str) -> Path | None:
    """The absolute path that an artifact location means on this machine; None for any other address."""
    if location.startswith("file:"):
        parts = urlsplit(location)
        return Path(unquote(parts.path)) if parts.netloc in ("", "localhost") and parts.path.startswith("/") else None
    return Path(location) if location.startswith("/") else None


def _moved(path: Path, pairs: Iterable[tuple[Path, Path]], here: Path) -> Path:
    """A path below a former folder, below the new one; of several the innermost counts, of which `here` may be one."""
    found = [(old, new) for old, new in (*pairs, (here, here)) if path.is_relative_to(old)]
    if not found:
        return path
    old, new = max(found, key=lambda pair: len(pair[0].parts))
    return new / path.relative_to(old)


def _recorded(root: Path) -> list[Path]:
    file = root / RECORD
    try:
        return [Path(str(one)) for one in json.loads(file.read_text(encoding="utf-8"))["roots"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{file}: cannot be read ({type(error).__name__}): expected the folders that this store was at; "
            "restore it from a copy, or remove it and they are found from MLflow's experiments"
        ) from error


def _inferred(root: Path, file: Path, *, own: bool) -> Iterator[Path]:
    """Folders of which MLflow's experiments say that a store stood there which is this one."""
    for former, name, sweeps in _made_elsewhere(root, file, *stamps(file)):
        if _was(former, root, name, sweeps, own=own):
            yield former


@lru_cache(maxsize=8)
def _made_elsewhere(root: Path, file: Path, *_: object) -> tuple[tuple[Path, str, tuple[str, ...]], ...]:
    """Experiments of this package's that another folder's artifacts belong to: that folder, their name, their sweeps.

    Kept for as long as the database does not change: of one in a folder that one may only read a copy is looked at.
    """
    found = []
    with closing(open_read_only(file)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = database.execute(_EXPERIMENTS).fetchall() if {"experiments", "runs", "tags"} <= tables else ()
        for experiment, name, location in rows:
            path = path_of(location)
            if path is None or (path.parent.name, path.name) != (ARTIFACTS, name) or path.parents[1] == root:
                continue
            sweeps = tuple(sweep for (sweep,) in database.execute(_SWEEPS_OF, [experiment]))
            found.append((path.parents[1], name, sweeps))
    return tuple(found)


def _told_by_champions(root: Path) -> Iterator[Path]:
    """Folders that champions in the journals here were registered from, where neither record nor database tells."""
    for journal in sorted((root / SWEEPS).glob("*/journal.db")):
        with suppress(sqlite3.Error, OSError), closing(open_read_only(journal)) as database:
            for (payload,) in database.execute("SELECT payload FROM events WHERE kind = 'champion'").fetchall():
                path = Path(str(json.loads(payload).get("path", "")))
                if path.is_absolute() and path.parts[-4:-1] == (SWEEPS, journal.parent.name, "champions"):
                    yield path.parents[3]


def _was(former: Path, root: Path, name: str, sweeps: Iterable[str], *, own: bool) -> bool:
    """Whether the store of an experiment is this one, and no other that shares its database."""
    gone, artifacts = not os.path.exists(former), (root / ARTIFACTS / name).is_dir()
    if not own:
        return gone and artifacts
    # A folder that is there and has a database of its own is what this one is a copy of.
    copied = os.path.exists(former / DATABASE) and any((root / SWEEPS / sweep).is_dir() for sweep in sweeps)
    return gone or artifacts or copied


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one folder, which a link or a mount may give two names."""
    try:
        return one == other or os.path.samefile(one, other)
    except OSError:
        return False
