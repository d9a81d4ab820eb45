"""From one TOML file to one validated card. Knows nothing of how a card is found by its name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.cards.schema import DatasetCard
from harness.cards.wording import complaint_of, in_file, in_toml, shown_path, toml_text
from harness.errors import CardError
from harness.user_code import in_folder

ModelT = TypeVar("ModelT", bound=BaseModel)

PACKAGE_PREFIX = "package:"
DATA_PREFIX = "data:"


def read_toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """The values of a TOML file, and its bytes.

    Raises:
        CardError: It cannot be read, or is not TOML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CardError(f"{shown_path(path)}: cannot be read: {error.strerror}") from None
    try:
        # A byte order mark is what some editors put in front of UTF-8.
        return tomllib.loads(content.decode("utf-8-sig")), content
    except UnicodeDecodeError as error:
        raise CardError(f"{shown_path(path)}: expected UTF-8 text, byte {error.start} is not") from None
    except tomllib.TOMLDecodeError as error:
        raise CardError(in_toml(path, error)) from None


def validated(model: type[ModelT], values: Mapping[str, Any], path: Path) -> ModelT:
    """The card that these values make.

    Raises:
        CardError: They do not make one; the message is one line that begins with `path`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise CardError(in_file(path, complaint_of(error, model, values))) from None


def check_name(name: str | None, path: Path) -> None:
    """Hold a card to its file's name, by which it is found.

    Raises:
        CardError: They differ. So two cards of one name in one folder are an error, too.
    """
    if name is None:
        raise CardError(f"{shown_path(path)}: missing key 'name': expected \"{path.stem}\", as the file is called")
    if name != path.stem:
        raise CardError(f'{shown_path(path)}: name = {toml_text(name)}: expected "{path.stem}", as the file is called')


def read_dataset(path: Path) -> tuple[DatasetCard, bytes]:
    """The dataset's card in a file, its paths made absolute, and the file's bytes.

    Raises:
        CardError: The file cannot be read, is not TOML or is not a dataset's card.
    """
    values, content = read_toml(path)
    card = validated(DatasetCard, values, path)
    check_name(card.name, path)
    return _with_absolute_paths(card, path.absolute().parent), content


_LOCATIONS = ("path", "train", "test", "loader")
"""Keys of sources that name files."""


def _with_absolute_paths(card: DatasetCard, folder: Path) -> DatasetCard:
    source, metric = card.source, in_folder(card.task.metric, folder)
    update = {key: _absolute(getattr(source, key), folder) for key in _LOCATIONS if getattr(source, key, None)}
    task = card.task.model_copy(update={"metric": metric})
    return card.model_copy(update={"source": source.model_copy(update=update), "task": task})


def _absolute(location: str, folder: Path) -> str:
    if location.startswith((PACKAGE_PREFIX, DATA_PREFIX)):
        return location
    return str((folder / Path(location).expanduser()).resolve())
