"""Fairness by construction: turns, budgets, failures, replay."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from harness.config.space import SearchSpace
from harness.errors import ReplayError
from harness.records import Direction, FailureKind, Family, Objective, TrialRecord, TrialRequest, TrialStatus
from harness.search import Budget, Scheduler, SearchSettings
from harness.search.scheduler import largest_lead, relative_seconds, seed_repeat_request, trials_ahead

HYPERPARAMETERS = {
    "units": {"type": "Choice", "values": [8, 16, 32]},
    "learning_rate": {"type": "Float", "min_value": 1e-4, "max_value": 1e-1, "sampling": "log"},
    "optimizer": {"type": "Fixed", "value": "adam"},
}
OBJECTIVE = Objective("mae", Direction.MIN)
ARMS = (Family("lstm", "lstm"), Family("gru", "gru"))


def space(name: str, layer: str, hyperparameters: dict = HYPERPARAMETERS) -> SearchSpace:
    return SearchSpace.model_validate({"name": name, "layer": layer, "hyperparameters": hyperparameters})


SPACES = {"lstm": space("lstm", "LSTM"), "gru": space("gru", "GRU")}


def scheduler(families=ARMS, spaces=SPACES, budget: Budget | None = None, **changes) -> Scheduler:
    given = {"oracle": "random", "replicates": 1, "epochs": 5, "patience_epochs": 2, "seed": 7, "workers": 2}
    settings = SearchSettings(budget=budget or Budget(trials=6), **{**given, **changes})
    return Scheduler("toy", families, spaces, OBJECTIVE, settings)


def score(request: TrialRequest) -> float:
    return float(request.values["learning_rate"]) + float(request.values["units"]) / 100


def completed(request: TrialRequest) -> TrialRecord:
    return TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=score(request))


def failed(request: TrialRequest) -> TrialRecord:
    return TrialRecord(request.key, TrialStatus.FAILED, failure=FailureKind.DIVERGED, message="nan")


def play(one: Scheduler, workers: int, seed: int = 0, fails=lambda request: False, hints=lambda chance: ""):
    """Run a contest with workers that end in random order; the arms' standing is looked at after every ask."""
    chance, running, asked = random.Random(seed), [], []
    while True:
        while len(running) < workers and (request := one.ask(hints(chance))):
            running.append(request)
            asked.append(request)
            progress = [one.progress(family) for family in one.families]
            assert max(progress) - min(progress) <= largest_lead(workers, one.settings.budget.trials)
        if not running:
            return asked
        request = running.pop(chance.randrange(len(running)))
        one.tell(failed(request) if fails(request) else completed(request))


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("preferred", ["lstm", "gru", "any", "nobody"])
def test_a_wish_changes_the_order_and_neither_the_trials_nor_the_limit(workers: int, preferred: str) -> None:
    """Play asserts the limit: the arms differ by no more trials than `largest_lead`."""
    names = ["lstm", "gru", ""]
    plain, wishing = scheduler(workers=workers), scheduler(workers=workers)
    played = play(plain, workers)
    asked = play(wishing, workers, hints=lambda chance: chance.choice(names) if preferred == "any" else preferred)
    assert {str(one.key): one for one in asked} == {str(one.key): one for one in played}
    if preferred in ("lstm", "gru"):
        lead = largest_lead(workers, 6)
        assert [one.key.family for one in asked[:lead]] == [preferred] * lead
    if preferred == "nobody":
        assert asked == played


@pytest.mark.parametrize(
    ("workers", "oracle"),
    [(1, "random"), (2, "random"), (3, "random"), (5, "random"), (2, "bayesian"), (3, "bayesian")],
)
def test_each_arm_completes_its_budget_in_every_replicate(workers: int, oracle: str) -> None:
    one = scheduler(replicates=2, workers=workers, oracle=oracle)
    play(one, workers)
    counts = Counter((record.key.family, record.key.replicate) for record in one.records)
    assert counts == {(family.name, replicate): 6 for family in ARMS for replicate in (1, 2)}
    assert one.finished


def test_no_arm_is_always_first() -> None:
    asked = play(scheduler(), workers=1)
    firsts = [asked[position].key.family for position in range(0, len(asked), 2)]
    assert Counter(firsts) == {"lstm": 3, "gru": 3}


def test_random_search_gives_the_same_trials_whatever_the_number_of_workers() -> None:
    def trials(workers: int):
        return {str(r.key): (dict(r.values), r.seed) for r in play(scheduler(workers=workers), workers, seed=workers)}

    assert trials(1) == trials(2) == trials(4)


def test_an_adaptive_search_with_a_worker_an_arm_does_not_depend_on_who_is_quicker() -> None:
    def trials(seed: int):
        one = scheduler(oracle="bayesian", budget=Budget(trials=8))
        return {str(r.key): dict(r.values) for r in play(one, 2, seed)}

    assert trials(1) == trials(2)


def test_another_seed_gives_other_trials_and_two_arms_of_a_family_two_searches() -> None:
    def values(one: Scheduler, family: str):
        return [dict(r.values) for r in play(one, 2) if r.key.family == family]

    assert values(scheduler(seed=7), "lstm") != values(scheduler(seed=8), "lstm")
    twins = (Family("lstm-1", "lstm"), Family("lstm-2", "lstm"))
    assert values(scheduler(families=twins), "lstm-1") != values(scheduler(families=twins), "lstm-2")


def test_fixed_hyperparameters_are_in_every_trial() -> None:
    assert all(request.values["optimizer"] == "adam" for request in play(scheduler(), 2))


def test_failures_are_replaced_up_to_the_same_limit() -> None:
    one = scheduler(budget=Budget(trials=6))
    play(one, 2, fails=lambda request: request.key.family == "gru" and request.key.number <= 2)
    done = Counter(r.key.family for r in one.records if r.status is TrialStatus.COMPLETED)
    assert done == {"lstm": 6, "gru": 6}
    assert sum(r.status is TrialStatus.FAILED for r in one.records) == 2


def test_an_arm_that_always_fails_stops_the_other_too() -> None:
    one = scheduler(budget=Budget(trials=6))
    play(one, 2, fails=lambda request: request.key.family == "gru")
    asked = Counter(r.key.family for r in one.records)
    assert asked["gru"] == Budget(trials=6).attempts == 9
    assert asked["lstm"] <= 2
    assert one.failing_throughout() is not None


def test_an_exhausted_space_ends_both_arms_at_the_same_number() -> None:
    small = {"units": {"type": "Choice", "values": [8, 16, 32]}}
    spaces = {"lstm": space("lstm", "LSTM", small), "gru": SPACES["gru"]}
    one = scheduler(spaces=spaces, budget=Budget(trials=20))
    chance_free = []
    while request := one.ask():
        chance_free.append(request)
        one.tell(TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=1.0))
    done = Counter(request.key.family for request in chance_free)
    assert done["lstm"] == 3
    assert abs(done["gru"] - 3) <= 1
    assert one.finished


def test_a_round_that_closes_is_ended_on_a_complete_pair() -> None:
    one = scheduler(budget=Budget(trials=None, seconds=60.0))
    first = one.ask()
    assert first is not None
    one.close_round(1)
    second = one.ask()
    assert second is not None
    assert {first.key.family, second.key.family} == {"lstm", "gru"}
    assert one.ask() is None
    one.tell(completed(first))
    one.tell(completed(second))
    assert one.finished


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_replayed_asks_and_tells_give_the_same_contest_again(oracle: str) -> None:
    first = scheduler(oracle=oracle, budget=Budget(trials=12))
    log: list[tuple[str, TrialRequest]] = []
    for _ in range(8):
        requests = [first.ask(), first.ask()]
        for request in requests:
            log.append(("ask", request))
        for request in reversed(requests):
            log.append(("tell", request))
            first.tell(completed(request))
    second = scheduler(oracle=oracle, budget=Budget(trials=12))
    for what, request in log:
        second.replay(request) if what == "ask" else second.tell(completed(request))
    assert second.ask() == first.ask()
    assert second.ask() == first.ask()


def test_a_replay_that_differs_is_refused() -> None:
    request = scheduler(seed=7).ask()
    with pytest.raises(ReplayError, match="toy/lstm/r1/search/0001"):
        scheduler(seed=8).replay(request)


def test_a_confirmation_has_the_selected_values_and_a_fresh_seed() -> None:
    one = scheduler()
    request = one.ask()
    again = [seed_repeat_request(request, number, 7) for number in (1, 2)]
    assert [r.values for r in again] == [request.values] * 2
    assert len({request.seed, *(r.seed for r in again)}) == 3


WIDE = {**HYPERPARAMETERS, "units": {"type": "Choice", "values": [16, 32, 64, 128]}}
WIDE_SPACES = {"lstm": space("lstm", "LSTM", WIDE), "gru": space("gru", "GRU", WIDE)}


def wide(workers: int, **changes) -> Scheduler:
    return scheduler(spaces=WIDE_SPACES, workers=workers, **{"budget": Budget(trials=12), **changes})


def numbers(asked: list[TrialRequest], family: str) -> list[int]:
    return [request.key.number for request in asked if request.key.family == family]


@pytest.mark.parametrize("workers", [2, 3])
def test_only_the_last_trials_of_each_arm_are_in_order_of_their_length(workers: int) -> None:
    asked = play(wide(workers), workers)
    for family in ("lstm", "gru"):
        last = trials_ahead(workers)
        assert numbers(asked, family)[:-last] == list(range(1, 13 - last))
        lengths = [relative_seconds(request.values) for request in asked if request.key.family == family][-last:]
        assert all(before >= after for before, after in pairwise(lengths))
        assert len(set(lengths)) > 1


@pytest.mark.parametrize("changes", [{"oracle": "bayesian"}, {"prune": True}, {"workers": 1}], ids=str)
def test_where_order_matters_or_helps_nobody_trials_begin_as_they_were_drawn(changes: dict) -> None:
    workers = changes.get("workers", 2)
    asked = play(wide(**{"workers": workers, **changes}), workers)
    for family in ("lstm", "gru"):
        assert numbers(asked, family) == list(range(1, 13))


def test_the_trials_are_those_of_a_search_that_puts_nothing_in_order() -> None:
    plain, ordered = play(wide(1), 1), play(wide(4), 4)
    assert {str(request.key): request for request in ordered} == {str(request.key): request for request in plain}
    assert numbers(ordered, "lstm") != numbers(plain, "lstm")


def makespan(asked: list[TrialRequest], workers: int) -> float:
    """How long the trials take when each goes to the first worker that is free."""
    until = [0.0] * workers
    for request in asked:
        until[until.index(min(until))] += relative_seconds(request.values)
    return max(until)


def test_the_longest_first_ends_sooner() -> None:
    shorter = 0.0
    for seed in range(10):
        drawn, ordered = play(wide(4, prune=True, seed=seed), 4), play(wide(4, seed=seed), 4)
        assert {str(request.key) for request in drawn} == {str(request.key) for request in ordered}
        shorter += 1 - makespan(ordered, 4) / makespan(drawn, 4)
    assert shorter / 10 > 0.02


@pytest.mark.parametrize("cut", range(1, 24, 3))
def test_a_replay_goes_on_with_the_order_that_the_journal_says(cut: int) -> None:
    """Cut anywhere; a third of the trials fail; the one that goes on may have more workers, or more trials to come."""
    chance, first, log = random.Random(cut), wide(2), []
    running: list[TrialRequest] = []
    while len(log) < cut or running:
        while len(log) < cut and len(running) < 2 and (request := first.ask()):
            running.append(request)
            log.append(("ask", request))
        if not running:
            break
        request = running.pop(chance.randrange(len(running)))
        ended = failed(request) if request.key.number % 3 == 0 else completed(request)
        log.append(("tell", ended))
        first.tell(ended)
    rest = play(first, 2)
    for workers, trials in [(2, 12), (5, 12), (2, 15)]:
        second = wide(workers, budget=Budget(trials=trials))
        for what, of in log:
            second.replay(of) if what == "ask" else second.tell(of)
        again = play(second, workers)
        if (workers, trials) == (2, 12):
            assert again == rest
        started = {str(of.key) for what, of in log if what == "ask"}
        assert started.isdisjoint(str(request.key) for request in again)
        by_key = {str(request.key): request for request in again}
        assert all(by_key.get(str(request.key), request) == request for request in rest)
        done = [record for record in second.records if record.validation_score is not None]
        assert sorted(record.key.family for record in done) == ["gru"] * trials + ["lstm"] * trials


def test_a_space_that_ends_among_the_last_trials_ends_both_arms() -> None:
    rate = {"type": "Fixed", "value": 0.01}
    small = {"units": {"type": "Choice", "values": [8, 16, 32, 64]}, "learning_rate": rate}
    one = scheduler(spaces={"lstm": space("lstm", "LSTM", small), "gru": WIDE_SPACES["gru"]}, budget=Budget(trials=6))
    asked = play(one, 2)
    assert sorted(numbers(asked, "lstm")) == [1, 2, 3, 4]
    assert abs(len(numbers(asked, "gru")) - 4) <= 1
    assert one.finished
