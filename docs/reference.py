"""Writes docs/config.md, the reference of every key of every config, from the models that read them.

    python docs/reference.py

A key's meaning is its line under `Attributes` in the model's docstring, the values are its type's and what an error
says was expected, the default is the model's. `tests/test_config_reference.py` compares the page with what this makes.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpaceFile
from harness.config.sweep import SweepConfig

PAGE = Path(__file__).with_name("config.md")

HEAD = """# Reference of the configs

Every key of every config, made from the code by `python docs/reference.py`. A key that is not here is refused with the
nearest one that is. [data.md](data.md) shows how datasets' configs are used.
"""


def page() -> str:
    """The page, whole."""
    parts = [HEAD, *_table("A dataset: `datasets/NAME.toml`", DatasetConfig, skip=("source", "task"))]
    for key in ("source", "task"):
        for model in _models(DatasetConfig.model_fields[key]):
            kinds = " or ".join(f'`"{kind}"`' for kind in get_args(_plain(model.model_fields["kind"].annotation)))
            parts += _table(f"`[{key}]` of kind {kinds}", model, skip=("kind",))
    for key in ("split", "encoding", "size", "reference"):
        (model,) = _models(DatasetConfig.model_fields[key])
        parts += _table(f"`[{key}]`", model)
    parts += _table("A sweep: `sweeps/NAME.toml`", SweepConfig)
    parts += _table("A search space: `search_spaces/NAME.toml`", SearchSpaceFile)
    return "\n".join(parts)


def _table(title: str, model: type[BaseModel], skip: tuple[str, ...] = ()) -> Iterator[str]:
    said = meanings(model)
    yield f"## {title}\n"
    yield f"{_text(model)}\n"
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    for key, field in model.model_fields.items():
        if key not in skip:
            yield f"| `{key}` | {_values(field)} | {_default(field)} | {said.get(key, '')} |"
    yield ""


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and of those that it extends say of each key, in one line each."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        # Python 3.13 indents no docstring, earlier ones do.
        attributes = inspect.cleandoc(one.__doc__ or "").partition("Attributes:")[
            2
        ]  # indented before Python 3.13 alone
        for name, text in re.findall(r"^    (\w+): (.*(?:\n        .*)*)", attributes, re.M):
            found[name] = _cell(" ".join(text.split()))
    return found


def _text(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").partition("Attributes:")[0].split())


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    found = _plain(field.annotation)
    options = get_args(found) if get_origin(found) in (Union, types.UnionType) else (found,)
    return [one for one in map(_plain, options) if isinstance(one, type) and issubclass(one, BaseModel)]


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _values(field: FieldInfo) -> str:
    words = field.description or _of_type(field.annotation)
    return _cell(words.removeprefix("a ").removeprefix("an "))


def _of_type(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        told = [one.description for one in get_args(annotation)[1:] if isinstance(one, FieldInfo) and one.description]
        return told[-1] if told else _of_type(get_args(annotation)[0])
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f'`"{value}"`' for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_of_type(one) for one in arguments if one is not types.NoneType))
    if origin is tuple:
        return f"list of: {_of_type(arguments[0])}"
    if origin is dict:
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a table, below"
    return {str: "text", bool: "true or false", int: "a whole number", float: "a number"}.get(annotation, "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == () or value == {} or value == "" or isinstance(value, BaseModel):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(_quoted(one) for one in value)}]`"
    return f"`{_quoted(value)}`"


def _quoted(value: object) -> str:
    return repr(value).replace("'", '"') if isinstance(value, str) else f"{value}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
