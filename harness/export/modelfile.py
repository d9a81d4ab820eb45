"""A `.keras` file that every Keras of `pyproject.toml` reads: written lean, read leniently, or refused in one line.

Keras writes all arguments of every layer and initializer down, those of its newest version too, and refuses a name that
it does not know. What a later version adds comes switched off, as None or False. Such an argument is left out: when a
model is written, for programs that know Keras only, and when one is read that was written in full.
"""

from __future__ import annotations

import inspect
import json
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ExportError
from harness.starting import load_tensorflow

if TYPE_CHECKING:
    import keras

TRIED: Mapping[str, tuple[str, str]] = {"keras": ("3.13.0", "3.15.1"), "tensorflow": ("2.20.0", "2.21.0")}
"""Oldest and newest version of each library that `make test-lowest` loads every champion with."""

_CONFIG, _METADATA = "config.json", "metadata.json"
_LARGEST_CONFIG_BYTES = 50_000_000
_UNSET = (None, False)


def write_model(model: keras.Model, file: Path) -> None:
    """Write a model so that older versions of Keras read it.

    Args:
        model: Of Keras's own layers.
        file: Ends in `.keras`; what was there is replaced.

    Raises:
        OSError: It cannot be written.
    """
    model.save(file)
    with zipfile.ZipFile(file) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in members.items():
            written = json.dumps(_lean(json.loads(content))).encode() if info.filename == _CONFIG else content
            archive.writestr(info, written)


def read_model(file: Path) -> keras.Model:
    """Load a model that this version of Keras or another one wrote.

    Args:
        file: Ends in `.keras`.

    Raises:
        ExportError: It is no model, holds code of its own, or needs another version of Keras: both are named.
    """
    load_tensorflow()
    import keras

    writer = ""
    try:
        with zipfile.ZipFile(file) as archive:
            writer = str(_json(archive, _METADATA).get("keras_version", ""))
            config = {**_lean(_json(archive, _CONFIG)), "compile_config": None}
        # Built-in layers only: nothing in the file may bring code of its own.
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        model.load_weights(file)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ExportError(f"{file}: the model cannot be loaded: {_reason(error, writer, keras.__version__)}") from error
    return model


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > _LARGEST_CONFIG_BYTES:
        raise ValueError(f"{name} is larger than {_LARGEST_CONFIG_BYTES:,} bytes")
    found = json.loads(archive.read(name))
    if not isinstance(found, dict):
        raise ValueError(f"{name} holds a {type(found).__name__}, expected an object")
    return found


def _reason(error: Exception, writer: str, here: str) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
    if not writer or writer == here:
        return first
    return f"Keras {writer} wrote it, and this is Keras {here}: pip install 'keras=={writer}' ({first})"


def _lean(node: Any) -> Any:
    """A configuration without the arguments that are switched off, or unknown here and switched off."""
    if isinstance(node, list):
        return [_lean(part) for part in node]
    if not isinstance(node, dict):
        return node
    lean = {name: _lean(part) for name, part in node.items()}
    arguments = _arguments(node.get("module"), node.get("class_name"))
    if arguments is None or not isinstance(lean.get("config"), dict):
        return lean
    lean["config"] = {
        name: value
        for name, value in lean["config"].items()
        if not (any(value is unset for unset in _UNSET) and arguments.get(name, value) is value)
    }
    return lean


@cache
def _arguments(module: str | None, name: str | None) -> Mapping[str, Any] | None:
    """What a class of Keras's takes, its bases' included, with the defaults; None where there is no such class."""
    if str(module).partition(".")[0] != "keras":
        return None
    found = getattr(sys.modules.get(str(module)), str(name), None)
    if not inspect.isclass(found):
        return None
    taken: dict[str, Any] = {}
    for base in found.__mro__[:-1]:
        if "__init__" in vars(base):
            given = inspect.signature(base.__init__).parameters  # type: ignore[misc]
            taken = {**{key: one.default for key, one in given.items()}, **taken}
    return taken


def versions_of(distributions: Iterable[str]) -> dict[str, str]:
    """The versions that are installed; `unknown` for one that is there by another name, as `tensorflow-cpu` is."""
    found = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found
