"""From TOML files to one validated config, with what a search space extends merged in. Knows nothing of names."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.config.addresses import PLACES
from harness.config.dataset import DatasetConfig
from harness.config.errors import in_file, in_toml, issue_of, shown_path, toml_text
from harness.config.space import CAPACITIES, SearchSpace, SearchSpaceFile
from harness.errors import ConfigError, UsageError
from harness.user_code import digest_of, in_folder

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """The values of a TOML file, and its bytes.

    Raises:
        ConfigError: It cannot be read, or is not TOML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{shown_path(path)}: cannot be read: {error.strerror}") from None
    try:
        # A byte order mark is what some editors put in front of UTF-8.
        return tomllib.loads(content.decode("utf-8-sig")), content
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown_path(path)}: expected UTF-8 text, byte {error.start} is not") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(in_toml(path, error)) from None


def validated(model: type[ModelT], values: Mapping[str, Any], path: Path) -> ModelT:
    """The config that these values make.

    Raises:
        ConfigError: They do not make one; the message is one line that begins with `path`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(in_file(path, issue_of(error, model, values))) from None


def check_name(name: str | None, path: Path) -> None:
    """Hold a config to its file's name, by which it is found.

    Raises:
        ConfigError: They differ. So two configs of one name in one folder are an error, too.
    """
    if name is None:
        raise ConfigError(f"{shown_path(path)}: missing key 'name': expected \"{path.stem}\", as the file is called")
    if name != path.stem:
        raise ConfigError(
            f'{shown_path(path)}: name = {toml_text(name)}: expected "{path.stem}", as the file is called'
        )


def read_dataset(path: Path) -> tuple[DatasetConfig, bytes]:
    """The dataset's config in a file, its paths made absolute, and the file's bytes.

    Raises:
        ConfigError: The file cannot be read, is not TOML or is not a dataset's config.
    """
    values, content = read_toml(path)
    config = validated(DatasetConfig, values, path)
    check_name(config.name, path)
    return _with_absolute_paths(config, path.absolute().parent), content


_LOCATIONS = ("path", "train", "validation", "test", "loader")
"""Keys of sources that name files."""


def _with_absolute_paths(config: DatasetConfig, folder: Path) -> DatasetConfig:
    source, metric = config.source, in_folder(config.task.metric, folder)
    update = {key: _absolute(getattr(source, key), folder) for key in _LOCATIONS if getattr(source, key, None)}
    task = config.task.model_copy(update={"metric": metric})
    return config.model_copy(update={"source": source.model_copy(update=update), "task": task})


def _absolute(location: str, folder: Path) -> str:
    named = location.startswith(PLACES)
    return location if named else str((folder / Path(location).expanduser()).resolve())


SHARED = "_"
"""What the name of a shared part begins with: a part to extend, no family."""

Parents = Callable[[str, Path], Sequence[Path]]
"""(what a config extends, the config) → files that may be meant, one at least, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Link:
    """One file of a chain of search spaces.

    Attributes:
        path: The file.
        parsed: What it says.
        content: Its bytes.
    """

    path: Path
    parsed: SearchSpaceFile
    content: bytes


def read_space(path: Path, parents: Parents) -> tuple[SearchSpace, bytes]:
    """The family's search space in a file, with all that it extends merged in.

    A config's hyperparameter replaces its parent's of the same name as a whole.

    Args:
        path: The config.
        parents: Where to look for what a config extends.

    Returns:
        The config, and the bytes of the whole chain, the config's own first.

    Raises:
        ConfigError: A file of the chain is missing or broken, the chain is a circle, or the whole makes no
            sense.
    """
    if path.stem.startswith(SHARED):
        raise ConfigError(f"{shown_path(path)}: a shared part of search spaces, expected a family")
    chain = _read_chain(path, parents)
    check_name(chain[0].parsed.name, path)
    values = _merged(chain)
    try:
        config = SearchSpace.model_validate(values)
    except ValidationError as error:
        issue = issue_of(error, SearchSpace, values)
        # The file to blame is the one whose hyperparameter it is.
        owners = (link.path for link in chain for key in issue.keys[1:2] if key in link.parsed.hyperparameters)
        raise ConfigError(in_file(next(owners, path), issue)) from None
    if config.build is not None:
        return _with_code(config, path), b"".join(link.content for link in chain)
    _check_reasons(chain)
    return config, b"".join(link.content for link in chain)


def _read_chain(path: Path, parents: Parents) -> list[Link]:
    chain = [_read_link(path)]
    while (extends := chain[-1].parsed.extends) is not None:
        child = chain[-1].path
        seen = {link.path.resolve() for link in chain}
        candidates = parents(extends, child)
        # A user's `lstm` may extend the built-in `lstm`: what is in the chain already is not what is meant.
        parent = next((found for found in candidates if found.resolve() not in seen), None)
        if parent is None:
            circle = " → ".join([*(link.path.stem for link in chain), candidates[0].stem])
            raise ConfigError(f'{shown_path(child)}: extends = "{extends}": goes round in a circle, {circle}')
        chain.append(_read_link(parent))
    return chain


def _with_code(config: SearchSpace, path: Path) -> SearchSpace:
    """The config with the digest of the file that its `build` names, which is read and not run."""
    assert config.build is not None
    try:
        digest = digest_of(config.build)
    except UsageError as error:
        raise ConfigError(f"{shown_path(path)}: build: {error}") from None
    return config.model_copy(update={"code_sha256": digest})


def _read_link(path: Path) -> Link:
    values, content = read_toml(path)
    parsed = validated(SearchSpaceFile, values, path)
    if parsed.build is not None:
        parsed = parsed.model_copy(update={"build": in_folder(parsed.build, path.absolute().parent)})
    return Link(path, parsed, content)


_BUILDERS = {"layer", "build"}
"""The keys that say what a family's networks are made by."""


def _merged(chain: Sequence[Link]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    hyperparameters: dict[str, Any] = {}
    for link in reversed(chain):
        given = link.parsed.model_dump(exclude={"extends"}, exclude_none=True)
        if given.keys() & _BUILDERS:  # in place of whatever its parents build with
            merged = {key: value for key, value in merged.items() if key not in _BUILDERS}
        merged |= given
        hyperparameters |= merged["hyperparameters"]
    own, capacity = chain[0].parsed.hyperparameters, merged.get("capacity")
    for kind, name in CAPACITIES.items():
        if capacity not in (None, kind) and name not in own:
            hyperparameters.pop(name, None)  # what a config extends may be declared in the other measure
    return {**merged, "hyperparameters": hyperparameters}


def _check_reasons(chain: Sequence[Link]) -> None:
    # A hyperparameter that the shared part does not have is one that the other families do not have.
    config, *parents = chain
    shared = {name for link in parents for name in link.parsed.hyperparameters}
    for name, hyperparameter in config.parsed.hyperparameters.items():
        if parents and name not in shared and hyperparameter.reason is None:
            raise ConfigError(
                f"{shown_path(config.path)}: [hyperparameters.{name}] missing key 'reason': "
                f"why only this family has {name}, which {config.parsed.extends} does not have"
            )
