"""A function in a file of the user's, named on a config as `file.py:function`.

The file is loaded by its path, under a name that hides no module, and `sys.path` stays as it is.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import UsageError, nearest
from harness.machine import here

_FUNCTION = re.compile(r"^(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)$")


WORKER_VARIABLE = "HARNESS_WORKER"
"""Set in worker processes."""

NOT_RUN = Path("/not-run")
"""In place of the folder of a file that something from a server names."""


def is_function(text: str) -> bool:
    """Whether a text has the form `file.py:function`."""
    return _FUNCTION.match(text) is not None


def in_folder(location: str, folder: Path) -> str:
    """`file.py:function` with the file's path made absolute; other texts as they are.

    Args:
        location: The text.
        folder: What a relative path begins at: the config's folder.
    """
    if not (found := _FUNCTION.match(location)):
        return location
    return f"{(folder / Path(found['file']).expanduser()).resolve()}:{found['name']}"


def not_to_run(plain: Any) -> Any:
    """Plain values of a config from a server: a `file.py:function` in them stays to be read, and is never run."""
    if isinstance(plain, Mapping):
        return {key: not_to_run(value) for key, value in plain.items()}
    if isinstance(plain, str) and is_function(plain):
        return str(NOT_RUN / Path(plain).name)
    return plain


def file_of(location: str) -> tuple[Path, str]:
    """The file and the function's name of `file.py:function`.

    Raises:
        UsageError: The text has another form, or there is no such file.
    """
    found = _FUNCTION.match(location)
    if not found:
        raise UsageError(f"{location}: expected file.py:function")
    file, name = here(found["file"]), found["name"]
    if file.parent == NOT_RUN:
        raise UsageError(
            f"{file.name}:{name}: is named by a model from a server, whose code is not run: expected a model of a "
            "store on this machine, or one whose data and metric need no code"
        )
    if not file.is_file():
        raise UsageError(f"{file}: no such file: expected one with the function {name}")
    return file, name


def digest_of(location: str) -> str:
    """SHA-256 of the file of `file.py:function`; the file is read and not run.

    Raises:
        UsageError: There is no such file, or it cannot be read.
    """
    file, _ = file_of(location)
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None


def load_function(location: str, digest: str = "") -> Callable[..., Any]:
    """The function, from a file that is run once a process, which is said on standard error.

    Args:
        location: `file.py:function`, the file's path absolute.
        digest: SHA-256 that the file must have; empty where any will do.

    Raises:
        UsageError: The file is missing, is another one, fails when it is run, or has no such function.
    """
    file, _ = file_of(location)
    if digest and (now := digest_of(location)) != digest:
        raise UsageError(f"{file}: changed: its SHA-256 is {now[:12]}, expected {digest[:12]}")
    return _loaded(location, digest)


def load_functions(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Load functions where their code is to run later: a task of an executor's.

    Args:
        plain: `locations`, each as `file.py:function`.

    Raises:
        UsageError: One cannot be loaded.
    """
    for location in plain["locations"]:
        load_function(location)
    return {}


def named_file(files: Sequence[Path], digest: str) -> Path:
    """Of the files that a caller names, one at least, the one that is meant; it is read and not run.

    Args:
        files: Where they are.
        digest: SHA-256 that it must have.

    Raises:
        UsageError: None of them has it, or one is missing.
    """
    digests = {file.expanduser().resolve(): digest_of(f"{file.expanduser().resolve()}:code") for file in files}
    for file, now in digests.items():
        if now == digest:
            return file
    now = next(iter(digests.values()))
    raise UsageError(f"{files[0]}: is not the file that is meant: its SHA-256 is {now[:12]}, expected {digest[:12]}")


def classes_of(file: Path, digest: str) -> dict[str, type]:
    """The classes that a file defines, by name; it is run once a process, which is said on standard error.

    Args:
        file: Where it is.
        digest: SHA-256 that it must have.

    Raises:
        UsageError: It is missing, is another one, or fails when it is run.
    """
    module = _run(named_file([file], digest), digest, "classes a model needs")
    own = {name: value for name, value in vars(module).items() if isinstance(value, type)}
    return {name: value for name, value in own.items() if value.__module__ == module.__name__}


def _loaded(location: str, digest: str) -> Callable[..., Any]:
    file, name = file_of(location)
    module = _run(file, digest, f"{name} {'you named' if file in _named_here else 'a config names'}")
    function: Any = getattr(module, name, None)
    if not (callable(function) or callable(getattr(function, "build", None))):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UsageError(f"{file}: has no function {name!r}. {nearest(name, known)}".rstrip())
    return function  # type: ignore[no-any-return]


_modules: dict[tuple[Path, str], ModuleType] = {}
_named_here: set[Path] = set()


def named_here(file: Path) -> None:
    """Remember that whoever called this process named a file's code, so that it is not said to come from a config."""
    _named_here.add(file.resolve())


def _run(file: Path, digest: str, what: str) -> ModuleType:
    """The file as a module, run once for each digest."""
    if found := _modules.get((file, digest)):
        return found
    spec = importlib.util.spec_from_file_location(f"harness_user_code_{abs(hash(str(file)))}", file)
    assert spec is not None  # the file ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A config runs no code in silence; what a worker runs, its parent has said.
    if not os.environ.get(WORKER_VARIABLE):
        print(f"running {os.path.relpath(file)}, whose {what}", file=sys.stderr)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's code does
        raise UsageError(f"{file}: cannot be loaded: {type(error).__name__}: {error}") from error
    _modules[file, digest] = module
    return module
