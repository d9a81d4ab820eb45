"""A function in a file of the user's, named on a config as `file.py:function`.

The file is loaded by its path, under a name that hides no module, and `sys.path` stays as it is.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import UsageError, nearest

_FUNCTION = re.compile(r"^(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)$")


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


@lru_cache(maxsize=32)
def load_function(location: str) -> Callable[..., Any]:
    """The function, from a file that is run once a process, which is said on standard error.

    Args:
        location: `file.py:function`, the file's path absolute.

    Raises:
        UsageError: The file is missing, fails when it is run, or has no such function.
    """
    found = _FUNCTION.match(location)
    if not found:
        raise UsageError(f"{location}: expected file.py:function")
    file, name = Path(found["file"]), found["name"]
    if not file.is_file():
        raise UsageError(f"{file}: no such file: expected one with the function {name}")
    spec = importlib.util.spec_from_file_location(f"harness_user_code_{abs(hash(str(file)))}", file)
    assert spec is not None  # the file ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A config runs no code in silence.
    print(f"running {os.path.relpath(file)}, whose {name} a config names", file=sys.stderr)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's code does
        raise UsageError(f"{file}: cannot be loaded: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UsageError(f"{file}: has no function {name!r}. {nearest(name, known)}".rstrip())
    return function  # type: ignore[no-any-return]
