"""The fair contest of one dataset: which arm is asked next, and when it is over.

The arms take turns: next is the arm with the fewest trials completed or running, and among equals the turn goes round,
so no arm is always first; unless the worker that is free asks for an arm, whose compiled functions it has, and gets its
next trial ahead of its turn. At no instant do the arms differ by more trials than there are workers. A failed trial is
asked for again under the same rule for every arm, up to the same limit. The last trials of a random search begin in
order of their length, the longest first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.cards.schema import SCHEDULED, SpaceCard
from harness.errors import ReplayError
from harness.records import (
    Arm,
    Objective,
    Phase,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    derive_seed,
)
from harness.search.oracle import Oracle, Point, Waiting
from harness.search.ordering import relative_seconds, trials_ahead
from harness.search.pruning import median_floor
from harness.search.selection import select


@dataclass(frozen=True, slots=True)
class Budget:
    """What each arm may spend in one replicate, in one currency.

    Attributes:
        trials: Completed trials; None when time is the currency.
        seconds: Seconds for one replicate of all arms; None when trials are.
    """

    trials: int | None
    seconds: float | None = None

    @property
    def attempts(self) -> float:
        """Trials that may be asked for in one search: failures are replaced up to a fifth of the budget, at least 3."""
        return math.inf if self.trials is None else self.trials + max(3, self.trials // 5)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What all searches of a contest share.

    Attributes:
        oracle: `random`, `bayesian`, `hyperband` or `grid`.
        budget: What each arm may spend in one replicate.
        replicates: Independent repetitions of each search.
        epochs: The most epochs of a trial.
        patience_epochs: Epochs without a better validation score after which a trial ends.
        seed: The sweep's seed.
        workers: Trials that can run at the same time.
        prune: Whether trials are ended by median stopping.
    """

    oracle: str
    budget: Budget
    replicates: int
    epochs: int
    patience_epochs: int
    seed: int
    workers: int
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How an arm's searches stand.

    Attributes:
        completed: Trials with a score.
        failed: Trials that ended without one.
        running: Trials asked for that have not ended.
        best: The completed trial with the best validation score, over all replicates.
    """

    completed: int
    failed: int
    running: int
    best: TrialRecord | None


@dataclass(slots=True)
class _Search:
    """Keras Tuner's run over one (dataset, arm, replicate)."""

    arm: Arm
    oracle: Oracle
    asked: int = 0
    ended: list[TrialRecord] = field(default_factory=list)
    completed: int = 0
    best: TrialRecord | None = None
    scheduled: bool = False
    exhausted: bool = False
    waiting: bool = False
    seeds: dict[int, int] = field(default_factory=dict)
    drawn: int = 0
    ahead: dict[int, Point] = field(default_factory=dict)

    def draw(self, until: int) -> Waiting | None:
        """Have the oracle's points up to trial `until` drawn; those that have not begun are kept ahead."""
        while self.drawn < until:
            point = self.oracle.ask()
            if not isinstance(point, Point):
                return point
            self.drawn += 1
            self.ahead[self.drawn] = point
        return None

    @property
    def running(self) -> int:
        return self.asked - len(self.ended)

    @property
    def standing(self) -> int:
        """What the arms are kept equal in: trials completed or running.

        Trials asked for where the oracle itself sets their number, and no failure is replaced.
        """
        return self.asked if self.scheduled else self.completed + self.running


class Contest:
    """All searches of one dataset, asked and told from one thread.

    Args:
        dataset: Name of the dataset.
        arms: The contestants.
        spaces: Search space of each family.
        objective: What is optimised.
        settings: What all searches share.
    """

    def __init__(
        self,
        dataset: str,
        arms: Sequence[Arm],
        spaces: Mapping[str, SpaceCard],
        objective: Objective,
        settings: SearchSettings,
    ) -> None:
        self.dataset, self.arms, self.objective, self.settings = dataset, tuple(arms), objective, settings
        self._rounds = [
            [
                _Search(arm, self._oracle(arm, spaces[arm.family], replicate), scheduled=settings.oracle in SCHEDULED)
                for arm in arms
            ]
            for replicate in range(1, settings.replicates + 1)
        ]
        self._closing: set[int] = set()

    @property
    def records(self) -> list[TrialRecord]:
        """All ended trials, search by search."""
        return [record for searches in self._rounds for search in searches for record in search.ended]

    @property
    def running(self) -> int:
        """Trials asked for and not ended."""
        return sum(search.running for searches in self._rounds for search in searches)

    @property
    def finished(self) -> bool:
        """Whether nothing is running and nothing more will be asked."""
        return self.running == 0 and all(
            self._next_search(replicate) is None for replicate in range(1, self.settings.replicates + 1)
        )

    def standing(self, arm: Arm) -> int:
        """Trials of an arm that are completed or running, over all replicates."""
        return sum(search.standing for searches in self._rounds for search in searches if search.arm == arm)

    def tally(self, arm: Arm) -> Tally:
        """How an arm's searches stand; as quick with ten thousand trials as with ten."""
        mine = [search for searches in self._rounds for search in searches if search.arm == arm]
        ended, completed = sum(len(search.ended) for search in mine), sum(search.completed for search in mine)
        best = select([search.best for search in mine if search.best], self.objective)
        return Tally(completed, ended - completed, sum(search.running for search in mine), best)

    def replicate_begun(self) -> int:
        """The last replicate that has been asked for a trial, from 1."""
        begun = [number for number, searches in enumerate(self._rounds, 1) if any(s.asked for s in searches)]
        return max(begun, default=1)

    def close_round(self, replicate: int) -> None:
        """The replicate's time is over: only what makes its arms equal is asked from here on."""
        self._closing.add(replicate)

    def ask(self, wished: str = "") -> TrialRequest | None:
        """The next trial to be trained; None when nothing can be asked before something has ended, or at all.

        An oracle without a new point is `exhausted`; its arm ends there, and the others at the same number of trials.

        Args:
            wished: Name of the arm that whoever trains it would rather have, if that may be asked now.
        """
        for replicate in range(1, self.settings.replicates + 1):
            while search := self._next_search(replicate, wished):
                if request := self._ask(search, replicate):
                    return request
        return None

    def tell(self, record: TrialRecord) -> None:
        """Say how a trial ended; the oracle hears it at once."""
        search = self._search(record.key.arm, record.key.replicate)
        search.ended.append(record)
        search.completed += record.status is TrialStatus.COMPLETED
        search.best = select([one for one in (search.best, record) if one], self.objective)
        search.waiting = False
        search.oracle.tell(record.key.number, record.validation_score)

    def replay(self, request: TrialRequest, *, adopt: bool = False) -> None:
        """Ask again what was asked before, as the journal recorded it.

        Args:
            request: What was asked.
            adopt: Where the oracle answers otherwise, have it learn from what was asked all the same.

        Raises:
            ReplayError: The oracle answers otherwise: its library, its space or its seed changed.
        """
        search = self._search(request.key.arm, request.key.replicate)
        if not adopt:
            search.oracle.recall(request.values)
        again = self._ask(search, request.key.replicate, request.key.number)
        if again and again != request and adopt:
            search.oracle.adopt(request.key.number, request.values)
        elif again != request:
            raise ReplayError(
                f"{request.key}: replayed as {dict(again.values) if again else 'no new point'}, "
                f"expected {dict(request.values)} from the journal; resume with the versions that began the sweep"
            )

    def failing_throughout(self, first: int = 5) -> TrialRecord | None:
        """A failure that an arm's first trials all ended with, when there are as many as `first`; else None.

        Messages that differ in numbers alone, such as the epoch or the megabytes, are the same.
        """
        for search in self._rounds[0]:
            begun = search.ended[:first]
            ends = {(record.failure, re.sub(r"\d+", "", record.message)) for record in begun}
            if len(begun) == first and len(ends) == 1 and begun[0].failure:
                return begun[0]
        return None

    def _oracle(self, arm: Arm, space: SpaceCard, replicate: int) -> Oracle:
        settings = self.settings
        return Oracle(settings.oracle, space, self.objective, self._seed(arm, replicate), settings.epochs)

    def _seed(self, arm: Arm, replicate: int) -> int:
        return derive_seed(self.settings.seed, self.dataset, arm.name, replicate)

    def _search(self, arm: str, replicate: int) -> _Search:
        return next(search for search in self._rounds[replicate - 1] if search.arm.name == arm)

    def _ask(self, search: _Search, replicate: int, number: int = 0) -> TrialRequest | None:
        """The search's next trial, or the one of this number: a journal knows in what order they began."""
        answer = search.draw(number or search.asked + self._candidates(search, replicate))
        if not search.ahead or (number and number not in search.ahead):
            search.waiting, search.exhausted = answer is not None, answer is None
            return None
        number = number or max(search.ahead, key=lambda one: (relative_seconds(search.ahead[one].values), -one))
        point = search.ahead.pop(number)
        search.asked += 1
        key = TrialKey(self.dataset, search.arm.name, replicate, Phase.SEARCH, number)
        # What goes on with another trial has its seed, so that both together are one training.
        seed = search.seeds[point.continues] if point.continues else derive_seed(self.settings.seed, str(key))
        search.seeds[number] = seed
        return TrialRequest(
            key,
            search.arm.family,
            point.values,
            seed,
            point.epochs or self.settings.epochs,
            self.settings.patience_epochs,
            continues=str(replace(key, number=point.continues)) if point.continues else "",
            begins_after=point.begins_after,
            floor=median_floor(search.ended, self.objective) if self.settings.prune else (),
        )

    def _candidates(self, search: _Search, replicate: int) -> int:
        """How many trials to choose the next one from: all that are left at the end of a random search, else one."""
        settings = self.settings
        left = self._ceiling(self._rounds[replicate - 1], replicate) - search.standing
        # What median stopping asks of a trial depends on those that ended before it.
        if settings.oracle != "random" or settings.prune or left > trials_ahead(settings.workers):
            return 1
        return max(1, int(left))

    def _next_search(self, replicate: int, wished: str = "") -> _Search | None:
        """Whose turn it is, a wished arm first; None when no arm of this replicate may be asked now."""
        searches = self._rounds[replicate - 1]
        ceiling = self._ceiling(searches, replicate)
        turns = [
            (search.arm.name != wished, search.standing, (position - search.standing) % len(searches), search)
            for position, search in enumerate(searches)
            if search.standing < ceiling and self._may_ask(search) and self._not_ahead(search.arm)
        ]
        return min(turns, key=lambda turn: turn[:3])[3] if turns else None

    def _not_ahead(self, arm: Arm) -> bool:
        # An adaptive oracle with a slow trial in flight must wait for it; the others wait with it, in the end.
        fewest = min(self.standing(other) for other in self.arms)
        return self.standing(arm) < fewest + self.settings.workers

    def _ceiling(self, searches: Iterable[_Search], replicate: int) -> float:
        """How many trials each arm may come to."""
        budget = self.settings.budget
        # What an arm that can't go on has come to is where the others stop too.
        ended = [s.standing for s in searches if s.exhausted or s.asked >= budget.attempts]
        limits = [*ended, math.inf if budget.trials is None else budget.trials]
        if replicate in self._closing:
            limits.append(max(search.standing for search in searches))
        return min(limits)

    def _may_ask(self, search: _Search) -> bool:
        if search.exhausted or search.waiting or search.asked >= self.settings.budget.attempts:
            return False
        # With few trials in flight an adaptive oracle learns from nearly all it has asked for; with one an arm the
        # order of tells, and so the whole search, does not depend on which worker is quicker.
        widest = math.ceil(self.settings.workers / len(self.arms))
        return self.settings.oracle == "random" or search.running < widest


def confirmation_request(selected: TrialRequest, number: int, seed: int, settings: SearchSettings) -> TrialRequest:
    """The selected hyperparameters once more, with a fresh seed."""
    key = TrialKey(selected.key.dataset, selected.key.arm, selected.key.replicate, Phase.CONFIRMATION, number)
    return TrialRequest(
        key,
        selected.family,
        selected.values,
        derive_seed(seed, str(key)),
        selected.epochs,
        settings.patience_epochs,
    )
