"""A real sweep's verdict answers all three questions, from seeds that its families share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.journal import EventKind, Journal
from harness.records import Phase, TrialKey
from harness.sweeps.results import Results


@pytest.fixture(scope="module")
def results(swept):
    with Journal.read(swept.folder) as journal:
        yield Results(journal)


def test_every_dataset_ends_with_a_recommendation(swept) -> None:
    for comparison in swept.result.comparisons:
        found = comparison.verdict.recommendation
        assert found is not None
        by_name = {family.family.name: family for family in comparison.families}
        assert found.family in by_name
        if comparison.verdict.models is None:
            assert found.scores == {name: family.test_score for name, family in by_name.items()}
        else:
            assert found.scores == comparison.verdict.models.scores


def test_seed_repeats_share_their_seeds_between_families(results) -> None:
    seeds: dict[tuple[str, int], dict[str, int]] = {}
    for event in results.journal.events(EventKind.ASKED):
        key = TrialKey.parse(event.trial_key)
        if key.phase is Phase.SEED_REPEAT:
            seeds.setdefault((key.dataset, key.number), {})[key.family] = event.payload["seed"]
    assert seeds
    for by_family in seeds.values():
        assert len(by_family) == 2
        assert len(set(by_family.values())) == 1


def test_a_sweep_of_the_first_rule_is_decided_as_it_was(results) -> None:
    dataset = next(iter(results.header.datasets))
    first = Results(results.journal, replace(results.header, rule=1)).verdict(dataset)
    assert (first.recommendation, first.models, first.configurations) == (None, None, None)
    assert results.verdict(dataset).recommendation is not None
