"""The table of a whole sweep: scores over test cases, seed repeats and terms give the verdict again."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable

import numpy as np
import pytest

from harness.records import CaseScores, ComparisonResult, Phase, Terms, TrialKey
from harness.report.text import trials_csv
from harness.stats import decide, decide_rows
from harness.stats.levels import RULE
from harness.stats.recommendation import Selected, answered
from harness.stats.table import read_columns

Make = Callable[..., ComparisonResult]


def columns(text: str) -> dict[str, list[str]]:
    lines = list(csv.DictReader(io.StringIO(text)))
    return {name: [line[name] for line in lines] for name in lines[0]}


@pytest.fixture
def whole(make_comparison: Make) -> ComparisonResult:
    """A comparison with five seed repeats a family and scores over 400 test cases, decided by the rule of today."""
    made = make_comparison(confirmations=5, levels=(240.0, 201.0), replicates=2)
    random = np.random.default_rng(1)
    hard = random.normal(size=80)

    def taken_apart(score: float) -> CaseScores:
        values = score * (1 + 0.3 * hard + 0.05 * random.normal(size=80))
        return CaseScores.from_json(CaseScores(400, 2, tuple(values + score - values.mean())).to_json())

    scores, families, selected, cases = dict(made.scores), [], {}, {}
    for family in made.families:
        assert family.selected is not None
        assert family.validation_score is not None
        best = family.selected.key
        keys = [dataclasses.replace(best, phase=Phase.SEED_REPEAT, number=number) for number in range(1, 6)]
        scores |= dict(zip(map(str, keys), family.seed_scores, strict=True))
        families.append(dataclasses.replace(family, seed_repeats=tuple(map(str, keys))))
        cases |= {str(key): taken_apart(scores[str(key)]) for key in keys}
        selected[best.family] = Selected(
            (best.family, best.replicate, best.number),
            family.validation_score,
            family.test_score,
            family.selected.parameters,
            family.seed_scores,
            [cases[str(key)] for key in keys],
        )
    for row in made.rows:
        key = TrialKey(row.dataset, row.family, row.replicate, Phase.SEARCH, row.trial)
        if row.test is not None:
            cases[str(key)] = taken_apart(row.test)
    baselines = made.baselines
    searched = {
        (key.family, key.replicate, key.number): cases[str(key)]
        for key in map(TrialKey.parse, cases)
        if key.phase is Phase.SEARCH
    }
    terms = Terms(("lstm", "gru"), 12, "random", None, baselines, "MWh", warnings=("units = 64: edge",), rule=RULE)
    verdict = decide_rows(
        made.rows,
        objective=made.objective,
        margins={made.dataset: None},
        trials=12,
        families=terms.families,
        baselines={made.dataset: best.test_score} if (best := made.best_baseline) else {},
        warnings={made.dataset: terms.warnings},
        cases={made.dataset: searched},
    ).verdicts[made.dataset]
    verdict = answered(verdict, selected, made.rows, objective=made.objective, baselines=baselines, cases=searched)
    assert verdict.models is not None
    assert verdict.configurations is not None
    return dataclasses.replace(made, families=tuple(families), scores=scores, cases=cases, verdict=verdict, terms=terms)


def test_it_gives_the_verdict_again_to_the_last_digit(whole: ComparisonResult) -> None:
    decision = decide(columns(trials_csv([whole], whole=True)))
    assert decision.verdicts[whole.dataset].to_json() == whole.verdict.to_json()


def test_the_order_of_its_rows_changes_nothing(whole: ComparisonResult) -> None:
    table = columns(trials_csv([whole], whole=True))
    order = np.random.default_rng(2).permutation(len(table["trial"]))
    shuffled = {name: [cells[place] for place in order] for name, cells in table.items()}
    assert decide(shuffled).verdicts[whole.dataset].to_json() == whole.verdict.to_json()


def test_it_keeps_the_unit_and_parts_seed_repeats_from_trials(whole: ComparisonResult) -> None:
    read = read_columns(columns(trials_csv([whole], whole=True)))
    assert read.objectives[whole.dataset] == whole.objective
    assert read.rows == whole.rows
    assert [one.test for one in read.seed_repeats[whole.dataset]] == [
        score for family in whole.families for score in family.seed_scores
    ]


def test_without_it_the_table_is_that_of_before(whole: ComparisonResult) -> None:
    table = columns(trials_csv([whole]))
    assert list(table)[-1] == "status"
    assert len(table["trial"]) == len(whole.rows)
