"""Families as a Python program gives them: names, builders, or the keys of a search space's file.

What is no name is written down as a search space, so that a resumed sweep, workers and people find one and the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.errors import toml_text
from harness.config.loader import validated
from harness.config.lookup import SPACES, builtin_folder
from harness.config.space import SearchSpaceFile
from harness.disk import replace_text
from harness.errors import UsageError
from harness.user_code import file_of, in_folder, is_function, named_here
from harness.user_source import EXPECTED, Taken, taken


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A search space that is to be written.

    Attributes:
        keys: The keys of its file, `build` apart where there is a builder.
        builder: Its builder; None where `build` is among the keys, or there is none.
    """

    keys: Mapping[str, Any]
    builder: Taken | None


@dataclass(frozen=True, slots=True)
class GivenFamilies:
    """Families that were checked as far as they can be without writing anything.

    Attributes:
        names: Their names, or paths of search spaces, in order.
        spaces: Those that are to be written, by name.
    """

    names: tuple[str, ...]
    spaces: Mapping[str, Unwritten]

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write the search spaces down, each under a digest of what it holds.

        Args:
            folder: Where to.

        Returns:
            Names and paths, as a plan takes them.

        Raises:
            ConfigError: A search space makes no sense.
        """
        return tuple(self._path(name, folder) if name in self.spaces else name for name in self.names)

    def _path(self, name: str, folder: Path) -> str:
        keys, made = self.spaces[name].keys, self.spaces[name].builder
        text = _toml(keys if made is None else {**keys, "build": _location(name, made)})
        source = made.source if made else ""
        folder = folder / hashlib.sha256(f"{text}{source}".encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)
        if source:
            replace_text(folder / f"{name}.py", source)
            named_here(folder / f"{name}.py")
        replace_text(folder / f"{name}.toml", text)
        return str(folder / f"{name}.toml")


def _location(name: str, made: Taken) -> str:
    return f"{made.file or f'{name}.py'}:{made.name}"


def given_families(families: Any) -> GivenFamilies | None:
    """Families of a Python program, checked.

    Args:
        families: Names and builders in a list, or by name: name → the name or path of a search space,
            `file.py:function`, a builder, or the keys of a search space's file, `build` among them. None for none.

    Raises:
        UsageError: A value is neither, a builder cannot be taken, or two families have one name.
        ConfigError: The keys make no search space.
    """
    if families is None:
        return None
    if isinstance(families, str | set | frozenset) or not (isinstance(families, Mapping | Iterable)):
        raise UsageError(f"families = {families!r}: expected a list of names, or a mapping from name to builder")
    families = families if isinstance(families, Mapping) else list(families)
    if not families:
        raise UsageError(f"families = {families!r}: expected at least two, or no families, for lstm and gru")
    named = families.items() if isinstance(families, Mapping) else [(_name_of(one), one) for one in families]
    names, spaces = list[str](), dict[str, Unwritten]()
    for name, value in named:
        called = f"families[{name!r}]" if isinstance(families, Mapping) else f"families: {name}"
        if not isinstance(name, str):
            raise UsageError(f"{called}: expected a name as the key")
        if isinstance(value, str | Path) and not is_function(str(value)):
            if ":" in str(value):
                raise UsageError(f"{called} = {str(value)!r}: expected file.py:function, or the name of a search space")
            if isinstance(families, Mapping) and Path(value).stem != name:
                raise UsageError(f"{called} = {str(value)!r}: expected {Path(value).stem!r} as the key, by its name")
            names.append(str(value))
            continue
        if name in names:
            raise UsageError(f"{called}: two families of one name: expected a mapping from a name to each")
        if (builtin_folder(SPACES) / f"{name}.toml").is_file():
            raise UsageError(f"{called}: {name} is a family that comes with the product: expected another name")
        names.append(name)
        spaces[name] = _unwritten(name, value, called)
    return GivenFamilies(tuple(names), spaces)


def _name_of(value: Any) -> str:
    if isinstance(value, str | Path):
        text = str(value)
        return text.rpartition(":")[2] if is_function(text) else text
    if isinstance(value, Mapping):
        return str(value.get("name", ""))
    return str(getattr(value, "__name__", type(value).__name__))


def _unwritten(name: str, value: Any, called: str) -> Unwritten:
    keys: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"build": value}
    keys = {"name": name, **keys}
    if keys["name"] != name:
        raise UsageError(f"{called}: name = {keys['name']!r}: expected {name!r}, as the key says")
    build = keys.pop("build", None)
    if isinstance(build, str | Path):
        keys["build"], build = in_folder(str(build), Path.cwd()), None
    elif build is None and not isinstance(value, Mapping):
        raise UsageError(f"{called} = None: {EXPECTED}")
    builder = None if build is None else taken(build, called)
    validated(SearchSpaceFile, keys if builder is None else {**keys, "build": _location(name, builder)}, Path(called))
    if builder is None and keys.get("build"):
        named_here(file_of(keys["build"])[0])
    elif builder is not None and builder.file is not None:
        named_here(builder.file)
    return Unwritten(keys, builder)


def _toml(keys: Mapping[str, Any]) -> str:
    lines = [f"{key} = {toml_text(value, longest=None)}" for key, value in keys.items() if key != "hyperparameters"]
    for name, one in keys.get("hyperparameters", {}).items():
        lines += ["", f"[hyperparameters.{toml_text(name)}]"]
        lines += [f"{key} = {toml_text(value, longest=None)}" for key, value in one.items()]
    return "\n".join(lines) + "\n"
