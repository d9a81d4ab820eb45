"""Writes docs/formats/commands.schema.json: what each command prints with `--json`, as JSON Schema (2020-12).

    python docs/schemas.py

`$defs` has a schema for each command, `sweep` or `models list`, and one for each record that commands print, made from
the types of its fields. `tests/cli/test_json_documents.py` compares the file with what this makes, and with what the
commands print. A number that is not finite is printed as null.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Union, get_args, get_origin, get_type_hints

from harness.atlas.again import Again
from harness.atlas.answer import Answer as AtlasAnswer
from harness.checks.verify import Disagreement
from harness.config.space import Difference
from harness.records import ChampionInfo, DataFacts, Explanation, Leaderboard, ScoreRow, Verdict
from harness.records.serialization import KEY
from harness.records.verdicts import Across
from harness.sweeps.folders import SweepSummary
from harness.sweeps.live.state import Standing

FILE = Path(__file__).parent / "formats" / "commands.schema.json"
"""The file that is written."""

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": ["number", "null"]}
TRUTH, OBJECT = {"type": "boolean"}, {"type": "object"}
NAMES = {"type": "array", "items": TEXT}


def whole() -> dict[str, Any]:
    """The file's content."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the commands of `harness` print with --json",
        "$defs": {**_shapes(), **dict(_records())},
    }


def _shapes() -> dict[str, Any]:
    """For each command what it prints."""
    config = _shape(path=TEXT, name=TEXT, builtin=TRUTH, overrides=TRUTH, sha256=TEXT, error=_or_null(TEXT), card=_CARD)
    answers = _each(_shape(recommendation=TEXT, sentences=NAMES, settling=TEXT, warnings=NAMES, notes=NAMES))
    decision = {"verdicts": _each(_ref(Verdict)), "overall": TEXT, "across": _or_null(_ref(Across))}
    sweep = _shape(
        **{"sweep_id": TEXT, "name": TEXT, "budget": TEXT, "answers": answers, **decision},
        champions=_each(_or_null(_ref(ChampionInfo))),
        unfinished=_each(TEXT),
        tracking_uri=TEXT,
        behind=TEXT,
    )
    version = {"name": TEXT, "version": WHOLE, "aliases": NAMES, "registered_at": NUMBER, "run_id": TEXT, "page": TEXT}
    version |= {"tags": _each(TEXT)}
    verified = {"dataset": TEXT, "decided": TRUTH, "agrees": TRUTH, "compared": WHOLE, "journal": TRUTH}
    checked = {**config["properties"], "absent": TRUTH, "facts": _or_null(_ref(DataFacts))}
    compared = {"models": NAMES, "families": NAMES, "metric": TEXT, "direction": {"enum": ["min", "max"]}}
    compared |= {"scores": {"type": "array", "items": NUMBER}, "second_better_by": NUMBER, "rows": WHOLE}
    agreement = _shape(rows=WHOLE, largest_difference=NUMBER)
    return {
        "sweep": sweep,
        "watch": _ref(Standing),
        "report": sweep,
        "leaderboard": _ref(Leaderboard),
        "explain": _several(_ref(Explanation)),
        "verdict": _shape(answers=answers, **decision),
        "verify": _several(
            _shape(**verified, disagreements=_several(_ref(Disagreement)), verdict=_or_null(_ref(Verdict)))
        ),
        "trials": _several(_ref(ScoreRow)),
        "atlas answer": _with(AtlasAnswer, answer=TEXT, state=TEXT),
        "atlas status": _shape(plan=TEXT, complete=NAMES, failed=_each(TEXT), missing=NAMES, contributed=NAMES),
        "atlas rows": _shape(datasets=NAMES, written=NAMES),
        "atlas add": _shape(dataset=TEXT, facts=_ref(DataFacts), written=TRUTH),
        "atlas compare": _several(_ref(Again)),
        "atlas export": _shape(files=NAMES),
        "predict": _several({**OBJECT, "description": "A prediction by its columns, as in the CSV table."}),
        "export": _shape(folder=TEXT, format=TEXT, files=NAMES, agreement=agreement),
        "doctor": _several(_shape(where=TEXT, what=TEXT, mended=TRUTH, result=TEXT)),
        "models list": _several(_shape(**version)),
        "models show": _shape(**version, description={**OBJECT, "description": "As champion.json has it."}),
        "models promote": _shape(name=TEXT, version=WHOLE, alias=TEXT, was=TEXT),
        "models compare": _shape(**compared, first_better_share=NUMBER, second_better_share=NUMBER),
        "models refit": _shape(name=TEXT, version=WHOLE, path=TEXT),
        "datasets list": _several(config),
        "datasets show": config,
        "datasets check": _several(_shape(**checked)),
        "datasets fetch": _shape(fetched=NAMES, folders=_each(TEXT), failed=_each(TEXT)),
        "datasets new": _shape(**config["properties"], guessed=NAMES),
        "spaces list": _several(config),
        "spaces show": config,
        "spaces check": _several(config),
        "spaces diff": _several(_ref(Difference)),
        "spaces new": _shape(**{"path": TEXT, "name": TEXT, "from": TEXT}),
        "sweeps list": _several(_ref(SweepSummary)),
        "sweeps show": _with(SweepSummary, header={**OBJECT, "description": "The plan as the journal has it."}),
        "sweeps remove": _shape(sweep_id=TEXT, removed=TEXT, files=WHOLE, bytes=WHOLE),
    }


_CARD = {"type": ["object", "null"], "description": "The config's keys that have a value; null where it is broken."}


def _shape(**properties: Any) -> dict[str, Any]:
    """An object that has all of these keys and no other."""
    return {**OBJECT, "properties": properties, "required": list(properties), "additionalProperties": False}


def _with(record: type, **properties: Any) -> dict[str, Any]:
    return _shape(**_of_record(record)["properties"], **properties)


def _each(schema: Any) -> dict[str, Any]:
    """An object whose keys are names, of datasets or families."""
    return {**OBJECT, "additionalProperties": schema}


def _several(schema: Any) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _or_null(schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_SEEN: dict[str, type] = {}
"""Records that a schema refers to, by name."""


def _ref(record: type) -> dict[str, Any]:
    _SEEN[record.__name__] = record
    return {"$ref": f"#/$defs/{record.__name__}"}


def _records() -> Iterator[tuple[str, Any]]:
    """The records that the commands' schemas lead to, each once."""
    done: set[str] = set()
    while waiting := [name for name in _SEEN if name not in done]:
        for name in waiting:
            done.add(name)
            yield name, _of_record(_SEEN[name])


def _of_record(record: type) -> dict[str, Any]:
    """A dataclass as it is printed: all of its fields, by the keys that they are stored under."""
    hints = get_type_hints(record)
    fields = {field.metadata.get(KEY, field.name): hints[field.name] for field in dataclasses.fields(record)}
    return {
        "description": (record.__doc__ or "").partition("\n")[0],
        **_shape(**{k: _of(v) for k, v in fields.items()}),
    }


def _of(kind: Any) -> dict[str, Any]:
    """What a value of this type is printed as."""
    origin, inner = get_origin(kind), [one for one in get_args(kind) if one is not NoneType]
    if NoneType in get_args(kind):
        return _or_null(_of(inner[0] if len(inner) == 1 else Union[tuple(inner)]))  # noqa: UP007 - made while it runs
    if origin in (Union, types.UnionType):
        return {"type": sorted({_PLAIN[one]["type"] for one in inner} - {"number", "integer"} | {"number"})}
    if kind in _PLAIN:
        return NUMBER if kind is float else _PLAIN[kind]
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return _several(_of(inner[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _each(_of(inner[1]))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [one.value for one in kind]}
    if dataclasses.is_dataclass(kind):
        return _ref(kind)
    return TEXT if hasattr(kind, "parse") else {}


_PLAIN: Mapping[Any, dict[str, Any]] = {str: TEXT, int: WHOLE, float: {"type": "number"}, bool: TRUTH}


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(whole(), indent=2) + "\n", encoding="utf-8")
    print(f"{FILE}: {len(whole()['$defs'])} schemas")


if __name__ == "__main__":
    main()
