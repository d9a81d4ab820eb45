"""What a model has to beat before it may be the champion: the best baseline and chance, over test cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import harness.baselines
from harness.records import BaselineScore, CaseScores, Direction, Objective, Outcome, Reason, Use
from harness.stats import decide_rows
from harness.stats.gate import CHANCE, behind, failing, gates, shortfall
from harness.stats.recommendation import Selected, answered
from harness.stats.words import brief, sentences

LOSS, ACCURACY = Objective("log_loss", Direction.MIN), Objective("accuracy", Direction.MAX)
CASES = 200
MARGIN = 0.05


def over_cases(values: np.ndarray) -> CaseScores:
    return CaseScores(len(values), 1, tuple(map(float, values)))


def baseline(name: str, values: np.ndarray, validation: float = 1.0) -> BaselineScore:
    return BaselineScore(name, validation, float(values.mean()), cases=over_cases(values))


def short(values: np.ndarray, *baselines: BaselineScore, objective: Objective = LOSS) -> str:
    return why_short(float(values.mean()), over_cases(values), *baselines, objective=objective)


def why_short(test: float | None, cases: CaseScores | None, *baselines: BaselineScore, objective=LOSS) -> str:
    return shortfall(failing(test, cases, baselines, objective, MARGIN), objective)


@pytest.fixture
def hard() -> np.ndarray:
    """How hard each test case is for everybody."""
    return np.random.default_rng(1).gamma(4.0, 0.25, CASES)


@pytest.fixture
def recommended(rows_of):
    """What is recommended where both families' models have these scores over test cases."""

    def make(values: np.ndarray, *baselines: BaselineScore):
        its = {name: Selected((name, 1, 1), 1.0, float(values.mean()), size) for name, size in (("gru", 9), ("rnn", 8))}
        rows = rows_of({name: [(1.0 + step, float(values.mean())) for step in range(10)] for name in its})
        decided = decide_rows(rows, objective=LOSS, margins={}).verdicts["toy"]
        verdict = replace(decided, outcome=Outcome.UNDECIDED, margin=MARGIN)
        cases = {one.key: over_cases(values) for one in its.values()}
        return answered(verdict, its, rows, objective=LOSS, baselines=baselines, cases=cases)

    return make


def test_a_baseline_better_by_more_than_the_margin_leaves_a_candidate(hard, recommended) -> None:
    kernels, chance = baseline("kernels", 0.8 * hard, 0.8), baseline("majority class", 2 * hard, 2.0)
    why = short(hard, kernels, chance)
    (gate, _) = gates(None, over_cases(hard), [kernels, chance], LOSS)
    scores = f"test log_loss {gate.model:.4g} against {gate.score:.4g}"
    assert why.startswith(f"does not beat the best baseline, kernels: {scores} over the 100")
    assert f"a lead of {gate.over.difference:.4g} (95 % interval -" in why
    assert "chance" not in why
    found = recommended(hard, kernels, chance).recommendation
    assert (found.use, found.baseline, found.reason) == (Use.BASELINE, "kernels", Reason.BASELINE)
    assert found.probability > 0.95


def test_shuffled_labels_are_within_chance(recommended) -> None:
    random = np.random.default_rng(5)
    labels, said = random.permutation(np.arange(CASES) % 2), random.uniform(0.3, 0.7, CASES)
    losses = -np.log(np.where(labels == 1, said, 1 - said))
    majority, trees = baseline("majority class", np.full(CASES, np.log(2))), baseline("trees", losses + 1, 0.9)
    assert short(losses, trees, majority).startswith("is within chance, majority class: ")
    assert short(losses, majority).startswith("does not beat the best baseline, majority class, which is chance: ")
    hits, half = (said > 0.5) == labels, np.arange(CASES) % 4 < 2
    assert "chance" in short(1.0 * hits, baseline("majority class", 1.0 * half), objective=ACCURACY)
    found = recommended(losses, trees, majority).recommendation
    assert (found.use, found.baseline) == (Use.BASELINE, "majority class")


def test_better_in_mean_but_not_beyond_the_interval_is_a_candidate(hard, recommended) -> None:
    noisy = 1.02 * hard + np.random.default_rng(3).normal(0, 0.5, CASES)
    noisy += (1.02 * hard - noisy)[np.arange(CASES) % 2 == 0].mean()
    ridge = baseline("ridge", noisy)
    assert hard.mean() < ridge.test_score
    (gate,) = gates(None, over_cases(hard), [ridge], LOSS)
    assert (gate.seems_better, gate.passed) == (True, False)
    assert f"a lead of {gate.over.difference:.4g} (95 % interval -" in short(hard, ridge)
    verdict = recommended(hard, ridge)
    found = verdict.recommendation
    assert (found.use, found.baseline, found.reason) == (Use.BASELINE, "ridge", Reason.NOT_BEATEN)
    assert found.probability < 0.5
    sentence = sentences.recommendation(verdict)
    assert sentence.startswith(
        f"toy: use the baseline, ridge, which {found.family}'s, the chosen network, may not beat; {found.family}'s is "
        "better with probability 0."
    )
    assert brief.why(found) == f"{found.family}'s model comes first, though it may not beat the baseline ridge"


def test_beyond_the_interval_of_both_it_may_be_champion(hard, recommended) -> None:
    baselines = baseline("ridge", 1.2 * hard), baseline("majority class", 2 * hard, 2.0)
    assert short(hard, *baselines) == ""
    assert recommended(hard, *baselines).recommendation.use is not Use.BASELINE


def test_no_baseline_may_be_ahead_by_more_than_the_margin(hard, recommended) -> None:
    ridge, last = baseline("ridge", 1.2 * hard, 0.5), baseline("persistence", 0.9 * hard, 3.0)
    words = "is behind the baseline persistence by more than the margin 0.05: "
    assert short(hard, ridge, last).startswith(words)
    assert list(behind(1.0, [ridge, replace(last, test_score=0.96)], LOSS, MARGIN)) == []
    found = recommended(hard, ridge, last).recommendation
    assert (found.use, found.baseline, found.reason) == (Use.BASELINE, "persistence", Reason.BASELINE)
    assert found.lower_loss == pytest.approx(0.1), "over the cases that only score"
    assert found.probability > 0.95
    nearly = baseline("persistence", 0.99 * hard, 3.0)
    assert recommended(hard, ridge, nearly).recommendation.use is Use.MODEL


def test_without_cases_scores_decide(hard) -> None:
    ridge = BaselineScore("ridge", 1.0, 0.9)
    assert why_short(1.0, over_cases(hard), ridge) == (
        "does not beat the best baseline, ridge: test log_loss 1 against 0.9 on the test part"
    )
    assert why_short(0.8, None, ridge) == ""
    assert why_short(None, None, ridge) == ""
    assert why_short(1.0, None) == ""


def test_cases_that_only_score_open_no_gate(hard) -> None:
    ridge = baseline("ridge", 1.2 * hard)
    moved = hard + 9.0 * (np.arange(CASES) % 2)
    before, after = (gates(None, over_cases(one), [ridge], LOSS) for one in (hard, moved))
    assert before == after


def test_of_made_champions_none_is_behind_or_within_chance() -> None:
    random, champions = np.random.default_rng(11), 0
    for _ in range(300):
        shared = random.gamma(4.0, 0.25, CASES)

        def scores(shared: np.ndarray = shared) -> np.ndarray:
            return random.uniform(0.7, 1.3) * shared + random.normal(0, 0.3, CASES)

        model, known = scores(), [baseline(name, scores(), random.random()) for name in ("ridge", "majority class")]
        if short(model, *known):
            continue
        champions += 1
        for one in known:
            assert model.mean() - one.test_score <= MARGIN
        chance = np.array(known[1].cases.values) - model
        deciding = chance[::2]
        assert deciding.mean() > 1.6 * deciding.std() / np.sqrt(len(deciding)), "a t-test agrees"
    assert 30 < champions < 150


def test_equal_models_are_rarely_champions() -> None:
    random, champions = np.random.default_rng(12), 0
    for _ in range(400):
        model, other = (random.gamma(2.0, 0.5, CASES) for _ in range(2))
        champions += not short(model, baseline("ridge", other))
    assert champions <= 0.05 * 400


@pytest.mark.parametrize("name", sorted(CHANCE))
def test_chance_goes_by_the_names_of_the_baselines(name: str) -> None:
    sources = Path(harness.baselines.__file__).parent.glob("*.py")
    assert any(f'at_once("{name}"' in source.read_text(encoding="utf-8") for source in sources)
