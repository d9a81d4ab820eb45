"""Where a guard says that answers are among the inputs, nobody wins."""

from __future__ import annotations

from dataclasses import replace

from harness.journal import Journal
from harness.records import DataFacts, Outcome, TaskKind
from harness.sweeps.results import Basis, Results, decide_pairs

TOLD = "'y' can be read off 'fahrenheit' at the same step: is 'fahrenheit' known before 'y' is?"
NOTES = ("first rows left out", f"warning: {TOLD}", "warning: 3 of 40 test inputs are in the training part, too")


def test_a_leak_withholds_the_verdict_and_is_named(swept) -> None:
    (result, *_) = swept.result.comparisons
    families = [family.family for family in result.families]
    basis = Basis("tiny_adding", result.objective, families, swept.header.spaces, "random", None, {})
    with Journal.open(swept.folder) as journal:
        pairs, scores = Results(journal).trials("tiny_adding"), journal.unseal("tiny_adding")
    better = {key: score * (0.01 if "tiny_gru" in key else 1.0) for key, score in scores.items()}
    plain = decide_pairs(pairs, better, basis)
    leaking = decide_pairs(pairs, better, replace(basis, leaks=(TOLD,)))
    assert not any("leakage" in reason for reason in plain.reasons_to_abstain)
    assert leaking.outcome is Outcome.UNDECIDED
    assert f"a guard against leakage fired: {TOLD}" in leaking.reasons_to_abstain


def test_facts_of_earlier_versions_tell_leaks_by_their_notes() -> None:
    facts = DataFacts("t", TaskKind.REGRESS, (1, 1, 1), (1, 1), ("a",), ("y",), (), "0", "", "", NOTES, ())
    plain = facts.to_json()
    assert DataFacts.from_json(plain) == facts
    del plain["leaks"]
    assert DataFacts.from_json(plain).leaks == (TOLD,)
    assert DataFacts.from_json({**plain, "notes": NOTES[::2]}).leaks == ()
