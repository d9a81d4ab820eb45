"""A family that comes to no result: left out by name, the others go on to their whole budget and are decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks.verify import verify
from harness.executors import InProcessExecutor
from harness.journal import EventKind, Journal
from harness.records import SweepResult
from harness.report.html import html
from harness.report.text import text
from harness.store import Store
from harness.sweeps.events import Message
from harness.sweeps.results import Results
from harness.sweeps.runner import _Sweep, run_sweep

PLAN = {
    "datasets": ("tiny_adding",),
    "families": ("tiny_lstm", "tiny_gru", "tiny_gru"),
    "trials": 6,
    "epochs": 1,
    "confirmations": 0,
    "workers": 1,
}
ALIKE = "its first trials all failed the same way (bug): RuntimeError: no kernel"


class Stopped(Exception):
    """Ends a sweep where a family has just been left out."""


@pytest.fixture
def swept(
    toys, configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[SweepResult, Store, list[str]]]:
    made = _Sweep._spec
    monkeypatch.syspath_prepend(Path(__file__).parent)

    def run(function: str, *, cut: bool = False, offline: bool = True) -> tuple[SweepResult, Store, list[str]]:
        monkeypatch.setattr(_Sweep, "_spec", lambda sweep, name: replace(made(sweep, name), function=function))
        header, store, said = toys.header(configs, **PLAN), toys.store_in(tmp_path / f"{function[7:]}-{cut}"), []

        def callback(event: object) -> None:
            if isinstance(event, Message):
                said.append(event.text)
                if cut and "is left out" in event.text:
                    raise Stopped

        with InProcessExecutor() as executor:
            if not cut:
                return run_sweep(header, store, executor, callback, offline=offline), store, said
            with pytest.raises(Stopped):
                run_sweep(header, store, executor, callback, offline=True)
            (folder,) = store.sweeps.iterdir()
            again = run_sweep(header, store, executor, lambda _: None, resume=folder.name, offline=offline)
            return again, store, said

    return run


def completed(result: SweepResult) -> dict[str, int]:
    (comparison,) = result.comparisons
    return {one.family.name: one.usage.completed for one in comparison.families}


@pytest.mark.slow
def test_a_family_that_fails_alike_is_left_out_and_the_others_decided(swept) -> None:
    result, store, said = swept("faulty:third_fails_alike", offline=False)
    assert f"tiny_adding: tiny_gru-2 is left out: {ALIKE}" in said
    assert completed(result) == {"tiny_lstm": 6, "tiny_gru-1": 6, "tiny_gru-2": 0}
    (comparison,) = result.comparisons
    assert comparison.verdict.families == ("tiny_lstm", "tiny_gru-1")
    assert comparison.verdict.completed == {"tiny_lstm": 6, "tiny_gru-1": 6}
    assert not comparison.verdict.reasons_to_abstain
    why = f"tiny_gru-2 is left out of the comparison: {ALIKE}"
    assert why in comparison.verdict.warnings
    assert why in " ".join(text(result, "").split())
    assert why in html(result, "")
    (verified,) = verify(store, result.sweep_id)
    assert verified.decided
    assert verified.journal
    assert not verified.disagreements


@pytest.mark.parametrize("function", ["faulty:third_fails_alike", "faulty:third_fails_variously"])
def test_a_sweep_cut_as_a_family_is_left_out_comes_to_the_same(swept, function: str) -> None:
    (unbroken, _, said), (again, store, _) = swept(function), swept(function, cut=True)
    assert sum("is left out" in line for line in said) == 1
    assert completed(unbroken) == completed(again) == {"tiny_lstm": 6, "tiny_gru-1": 6, "tiny_gru-2": 0}
    (one,), (other,) = unbroken.comparisons, again.comparisons
    assert one.values == other.values
    assert one.scores == other.scores
    assert one.verdict.difference == other.verdict.difference
    with Journal.read(store.sweeps / again.sweep_id) as journal:
        assert len(list(journal.events(EventKind.FAMILY_FAILED))) == 1
        asked = Counter(request.key.family for request, _ in Results(journal).trials("tiny_adding"))
    assert asked["tiny_gru-2"] == (5 if "alike" in function else 9)
