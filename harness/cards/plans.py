"""Sweeps: from a TOML file and the command's options to one plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.cards.builtin import builtin_folder
from harness.cards.finding import SWEEPS, existing_file, is_path
from harness.cards.reading import check_name, read_toml
from harness.cards.schema import SweepPlan
from harness.cards.wording import Complaint, complaint_of, in_file, in_options
from harness.errors import CardError, UsageError, nearest

_BUDGETS = {"trials": "minutes", "minutes": "trials"}


def find_sweep(name_or_path: str) -> Path:
    """The file of a sweep: a path; else `./sweeps/<name>.toml`; else built in.

    Raises:
        CardError: There is none.
    """
    if is_path(name_or_path):
        return existing_file(Path(name_or_path).expanduser())
    folders = (Path(SWEEPS), builtin_folder(SWEEPS))
    known = [path for folder in folders for path in sorted(folder.glob("*.toml"))]
    for path in known:
        if path.stem == name_or_path:
            return path
    near = nearest(name_or_path, (path.stem for path in known))
    raise CardError(f'sweep "{name_or_path}" is unknown. {near}'.rstrip())


def read_sweep(path: Path, overrides: Mapping[str, object]) -> SweepPlan:
    """The plan of a file, as far as options do not say otherwise.

    A relative path to a card is read from the file's folder. An option for one budget, trials or minutes,
    takes the place of the file's other one.

    Args:
        path: The file.
        overrides: Values of options by the plan's keys; None and empty lists were not given.

    Raises:
        UsageError: An option's value is wrong; the message names the option.
        CardError: The file cannot be read or is wrong; the message names the file and the key.
    """
    values, _ = read_toml(path)
    if "name" in values:
        check_name(values["name"], path)
    options = _given(overrides)
    dropped = {_BUDGETS[key] for key in options if key in _BUDGETS}
    kept = {key: _from_folder(value, path.parent) for key, value in values.items() if key not in dropped}
    merged = {"name": path.stem, **kept, **options}
    try:
        return SweepPlan.model_validate(merged)
    except ValidationError as error:
        complaint = complaint_of(error, SweepPlan, merged)
    if complaint.keys and complaint.keys[0] in options:
        raise _option_error(complaint)
    raise CardError(in_file(path, complaint))


def make_plan(values: Mapping[str, object]) -> SweepPlan:
    """The plan that options alone make.

    Args:
        values: Values by the plan's keys; None and empty lists were not given.

    Raises:
        UsageError: A value is wrong; the message names the option.
    """
    options = _given(values)
    if "datasets" not in options:
        raise UsageError("DATASET: expected at least one dataset, or --config with a sweep that names some")
    try:
        return SweepPlan.model_validate(options)
    except ValidationError as error:
        raise _option_error(complaint_of(error, SweepPlan, options)) from None


def _given(values: Mapping[str, object]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], ())}


def _from_folder(value: Any, folder: Path) -> Any:
    if not isinstance(value, list):
        return value
    return [str(folder / item) if isinstance(item, str) and is_path(item) else item for item in value]


def _option_error(complaint: Complaint) -> UsageError:
    return UsageError(in_options(complaint, _option))


def _option(key: str) -> str:
    names = {"datasets": "DATASET", "families": "--family"}
    return names.get(key, f"--{key.replace('_', '-')}")
