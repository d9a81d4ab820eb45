"""Every stored record becomes plain values that JSON can hold, and comes back the same."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.records import (
    BaselineScore,
    CaseScores,
    ChampionInfo,
    DataFacts,
    Explanation,
    SealedScore,
    TrialKey,
    TrialRecord,
    TrialRequest,
    Verdict,
)

STORED: list[Any] = [
    BaselineScore,
    CaseScores,
    ChampionInfo,
    DataFacts,
    Explanation,
    SealedScore,
    TrialRecord,
    TrialRequest,
    Verdict,
]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, as records declare it."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is tuple and inner[-1] is Ellipsis:
        return st.lists(values_of(inner[0]), max_size=3).map(tuple)
    if kind is tuple:
        return st.tuples(*map(values_of, inner))
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return st.dictionaries(st.text(max_size=8), values_of(inner[1]), max_size=3)
    if inner:  # a union
        return st.one_of(*map(values_of, inner))
    if hint in (TrialKey, CaseScores) or is_dataclass(hint):
        return records(hint)
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    plain = {bool: st.booleans(), int: st.integers(-(2**53), 2**53), float: FINITE, str: st.text(max_size=8)}
    return plain.get(hint, st.none())


def records(record: Any) -> st.SearchStrategy[Any]:
    """Records of a class, with anything in every field that may stand there."""
    fields = {name: values_of(hint) for name, hint in get_type_hints(record).items()}
    if record is TrialKey:  # its text has slashes between its parts
        fields |= {"family": st.sampled_from(["lstm", "gru-2"]), "replicate": st.integers(1), "number": st.integers(1)}
    if record is CaseScores:  # it keeps seven digits
        values = st.floats(width=32, allow_nan=False, allow_infinity=False)
        fields |= {"values": st.lists(values, max_size=5).map(tuple)}
    return st.builds(record, **fields)


def read_again(record: Any) -> Any:
    """The record after a way through the journal."""
    plain = json.loads(json.dumps(record.to_json(), allow_nan=False))
    kind: Any = type(record)
    return kind.from_json(plain) if hasattr(kind, "from_json") else kind(**plain)


@pytest.mark.parametrize("record", STORED, ids=lambda record: record.__name__)
def test_a_record_survives_the_journal(record: Any) -> None:
    @few
    @given(records(record))
    def survives(one: Any) -> None:
        assert read_again(one) == one

    survives()


@few
@given(records(TrialKey))
def test_a_key_is_its_text(key: TrialKey) -> None:
    assert TrialKey.parse(str(key)) == key


@few
@given(records(TrialRecord), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_loss_without_end_comes_back_as_none_at_all(record: TrialRecord, loss: float) -> None:
    (first, *_) = read_again(replace(record, train_losses=(loss, 1.0))).train_losses
    assert math.isnan(first)
