"""The fair scheduler of one dataset: which family is asked next, when it is over, which trial is selected.

With median stopping (`search.pruning`) a trial ends when its best is worse than the median of what the completed trials
of its own search had reached by then. It hears nothing from other trials while it runs; what it must reach is settled
when it is asked for, and stands in the journal.

Trials of a random or grid search do not depend on each other, so the order in which they begin changes nothing but the
time: which trials there are, their seeds and their scores stay the same. An adaptive oracle answers for trial k when it
has heard of the trials up to k less those in flight, in the order they were asked for, and of no other: its search is
the same whichever trial ends first, on any number of workers. Only the last few trials of a random search are put in
order, so that one that is ended from outside has mostly run its trials as they were drawn, not the largest networks
first; where a family has no more trials than twice the workers, the last few are all of them.

The families take turns: next is the family with the fewest trials completed or running, and among equals the turn goes
round, so no family is always first; unless the worker that is free asks for a family, whose compiled functions it has,
and gets its next trial ahead of its turn. At no instant do the families differ by more trials than `largest_lead`
allows: the workers, or a tenth of what each may spend. A failed trial is asked for again under the same rule for every
family, up to the same limit. The last trials of a random
search begin in order of their length, the longest first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import islice
from types import MappingProxyType

from harness.config.space import SearchSpace
from harness.config.sweep import SCHEDULED
from harness.errors import ReplayError
from harness.records import (
    Family,
    Objective,
    Phase,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    Value,
    derive_seed,
)
from harness.search.length import batch_size_for, length_of
from harness.search.oracle import ADAPTIVE, Builder, Oracle, Point, Waiting
from harness.search.pruning import MedianFloor
from harness.search.tpe import TPE, TpeOracle


def select(records: Iterable[TrialRecord], objective: Objective) -> TrialRecord | None:
    """The completed trial with the best validation score; of equals the earliest; None when none completed."""
    known = list(records)
    best = objective.best(one.validation_score for one in known if one.validation_score is not None)
    equals = [one for one in known if best is not None and one.validation_score == best]
    return min(equals, key=lambda one: (one.key.replicate, one.key.number), default=None)


FIRST_TRIALS = 5
"""The first trials of a search, which end a comparison when they all fail alike."""


STEP_SQUARE_UNITS = 20_000
"""What a step of a batch costs besides its products, in squares of units a sequence: 8 µs against 0.4 ns measured."""


MOST_AHEAD = 200
"""Points of a family that are drawn ahead at the most, on any number of workers: all wait while points are drawn."""


def trials_ahead(workers: int) -> int:
    """How many of a family's last trials are put in order; one worker alone waits for nobody."""
    return 0 if workers == 1 else min(2 * workers, MOST_AHEAD)


LARGEST_LEAD = 20
"""By how many trials families may differ on any number of workers."""


def largest_lead(workers: int, trials: int | None) -> int:
    """By how many trials, completed or running, one family may be ahead of another at any instant.

    A tenth of what each may spend, so that on hundreds of workers no family is searched to its end while another has
    hardly begun; but two where there are two workers, each of which keeps to the family that it has compiled.

    Args:
        workers: Trials that can run at the same time.
        trials: Completed trials that each family may spend; None where time is the currency.
    """
    share = LARGEST_LEAD if trials is None else trials // 10
    return min(workers, max(2, share), LARGEST_LEAD)


def largest_in_flight(trials: int | None) -> int:
    """How many trials of one search an adaptive oracle may have running: more would make a random search of it.

    Args:
        trials: Completed trials of a search; None where they are not counted.
    """
    return LARGEST_LEAD if trials is None else max(1, min(trials // 10, LARGEST_LEAD))


def relative_seconds(values: Mapping[str, Value]) -> float:
    """How long a trial takes against others of its family, up to a factor.

    Args:
        values: Its hyperparameters; those that are missing are taken as alike in all trials.
    """
    units, parameters, layers, batch_size = (
        float(given) if isinstance(given := values.get(name, usual), int | float) else float(usual)
        for name, usual in (("units", 0), ("recurrent_parameters", 0), ("layers", 1), ("batch_size", 32))
    )
    layers *= 2 if values.get("bidirectional") else 1
    # Parameters of recurrent layers grow with the square of the units; the factor is an LSTM's.
    square = parameters / 4 / layers if parameters else units**2
    return layers * (square + STEP_SQUARE_UNITS / batch_size)


@dataclass(frozen=True, slots=True)
class Budget:
    """What each family may spend in one replicate, in one currency.

    Attributes:
        trials: Completed trials; None when time is the currency.
        seconds: Seconds for one replicate of all families; None when trials are.
    """

    trials: int | None
    seconds: float | None = None

    @property
    def attempts(self) -> float:
        """Trials that may be asked for in one search: failures are replaced up to a fifth of the budget, at least 3."""
        return math.inf if self.trials is None else self.trials + max(3, self.trials // 5)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What all searches of a scheduler share.

    Attributes:
        oracle: `random`, `bayesian`, `tpe`, `hyperband` or `grid`.
        budget: What each family may spend in one replicate.
        replicates: Independent repetitions of each search.
        epochs: The most epochs of a trial.
        patience_epochs: Epochs without a better validation score after which a trial ends.
        seed: The sweep's seed.
        workers: Trials that can run at the same time.
        prune: Whether trials are ended by median stopping.
        in_flight: Trials of one search that an adaptive oracle may have running; None, in sweeps of 0.1.0, for the
            workers over the families, of whose ends it hears as they come.
        sequences: How many the training part has; 0 leaves epochs and batches as the plan and the search space say.
        min_steps: Gradient steps that a trial's epochs are to hold; None, in sweeps that did not record it, leaves
            epochs as the plan says and batches of no stated size as they were.
        calibrate: Whether the logits of classifiers are divided by a temperature after training.
    """

    oracle: str
    budget: Budget
    replicates: int
    epochs: int
    patience_epochs: int
    seed: int
    workers: int
    prune: bool = False
    in_flight: int | None = 1
    sequences: int = 0
    min_steps: int | None = None
    calibrate: bool = False

    @property
    def sizes_by_data(self) -> bool:
        """Whether epochs and batches follow the size of the training part."""
        return self.min_steps is not None and self.sequences > 0

    def complete(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """A trial's hyperparameters, with the batch size that the data asks for where they have none."""
        sized: dict[str, Value] = {"batch_size": batch_size_for(self.sequences)} if self.sizes_by_data else {}
        return {**sized, **values}

    def length(self, values: Mapping[str, Value]) -> tuple[int, int]:
        """The most epochs of a trial with these hyperparameters, and its patience."""
        if not self.sizes_by_data:
            return self.epochs, self.patience_epochs
        size = int(self.complete(values)["batch_size"])
        return length_of(self.sequences, size, self.epochs, self.patience_epochs, self.min_steps or 0)


@dataclass(frozen=True, slots=True)
class Tally:
    """How a family's searches stand.

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
    """Keras Tuner's run over one (dataset, family, replicate).

    Attributes:
        in_flight: Trials that an adaptive oracle may have running, where it hears of ends in the order of asking; None
            where it hears of them as they come.
        settled: Trials, counted from the first, that have all ended.
        heard: Trials, counted from the first, whose end the oracle has heard of, where it hears of them in order.
        median: What its trials must reach by each epoch; None without median stopping.
        drained: Whether the oracle has no new point after those that were drawn.
        first: Those of the first trials that have ended, whose failures may end the comparison.
        ahead: Points that were drawn and have not begun, by number, in order.
        longest: A heap of all that were drawn, the longest first and of equals the first; some may have begun.
    """

    family: Family
    oracle: Oracle | TpeOracle
    in_flight: int | None = None
    asked: int = 0
    ended: list[TrialRecord] = field(default_factory=list)
    first: list[TrialRecord] = field(default_factory=list)
    completed: int = 0
    best: TrialRecord | None = None
    scheduled: bool = False
    median: MedianFloor | None = None
    waiting: bool = False
    seeds: dict[int, int] = field(default_factory=dict)
    drawn: int = 0
    ahead: dict[int, Point] = field(default_factory=dict)
    longest: list[tuple[float, int]] = field(default_factory=list)
    scores: dict[int, float | None] = field(default_factory=dict)
    settled: int = 0
    heard: int = 0
    drained: bool = False

    def draw(self, until: int) -> Waiting | None:
        """Have the oracle's points up to trial `until` drawn; those that have not begun are kept ahead."""
        while self.drawn < until:
            point = self._ask_oracle()
            if not isinstance(point, Point):
                self.drained = point is None
                return point
            self.drawn += 1
            self.ahead[self.drawn] = point
            heappush(self.longest, (-relative_seconds(point.values), self.drawn))
        return None

    def next_of(self, candidates: int) -> int:
        """Number of the longest of the first `candidates` points ahead; of equals the first."""
        if candidates < len(self.ahead):
            first = set(islice(self.ahead, candidates))
            return min(entry for entry in self.longest if entry[1] in first)[1]
        while self.longest[0][1] not in self.ahead:
            heappop(self.longest)
        return self.longest[0][1]

    def _ask_oracle(self) -> Point | Waiting | None:
        if self.in_flight is not None:
            self._hear(self.drawn + 1 - self.in_flight)
        while isinstance(point := self.oracle.ask(), Waiting) and self.heard < self.settled:
            self._hear(self.heard + 1)
        return point

    def _hear(self, until: int) -> None:
        while self.heard < until:
            self.heard += 1
            self.oracle.tell(self.heard, self.scores[self.heard])

    def end(self, number: int, score: float | None) -> None:
        """A trial has ended; the oracle hears of it now, or when its turn comes."""
        self.scores[number] = score
        while self.settled + 1 in self.scores:
            self.settled += 1
        if self.in_flight is None:
            self.heard = self.settled
            self.oracle.tell(number, score)
            self.waiting = False
        elif self.heard < self.settled:
            self.waiting = False

    @property
    def exhausted(self) -> bool:
        """Whether there is no point left to begin."""
        return self.drained and not self.ahead

    @property
    def may_go_on(self) -> bool:
        """Whether as many of the first trials have ended as the oracle is to hear of before the next."""
        return self.in_flight is None or self.asked - self.settled < self.in_flight

    @property
    def running(self) -> int:
        return self.asked - len(self.ended)

    @property
    def progress(self) -> int:
        """What the families are kept equal in: trials completed or running.

        Trials asked for where the oracle itself sets their number, and no failure is replaced.
        """
        return self.asked if self.scheduled else self.completed + self.running


class Scheduler:
    """All searches of one dataset, asked and told from one thread.

    Args:
        dataset: Name of the dataset.
        families: The families.
        spaces: Search space of each family.
        objective: What is optimised.
        settings: What all searches share.
        builders: What names are learnt from, of families that are to be asked what Keras Tuner's own search asks.
    """

    def __init__(
        self,
        dataset: str,
        families: Sequence[Family],
        spaces: Mapping[str, SearchSpace],
        objective: Objective,
        settings: SearchSettings,
        builders: Mapping[str, Builder] = MappingProxyType({}),
    ) -> None:
        self._builders = builders
        self.dataset, self.families, self.objective, self.settings = dataset, tuple(families), objective, settings
        scheduled = settings.oracle in SCHEDULED
        in_flight = settings.in_flight if settings.oracle in ADAPTIVE else None
        self._rounds = [
            [
                _Search(
                    one,
                    self._oracle(one, spaces, replicate),
                    in_flight,
                    scheduled=scheduled,
                    median=MedianFloor(objective) if settings.prune else None,
                )
                for one in families
            ]
            for replicate in range(1, settings.replicates + 1)
        ]
        self._closing: set[int] = set()
        self._dropped: set[str] = set()

    @property
    def remaining(self) -> tuple[Family, ...]:
        """The families that are still compared."""
        return tuple(family for family in self.families if family.name not in self._dropped)

    def drop(self, family: str) -> None:
        """Ask a family, by its name, for nothing more; the others' turns and number of trials no longer hang on it."""
        self._dropped.add(family)

    @property
    def records(self) -> list[TrialRecord]:
        """All ended trials, search by search."""
        return [record for searches in self._rounds for search in searches for record in search.ended]

    @property
    def finished(self) -> bool:
        """Whether nothing is running and nothing more will be asked."""
        replicates = range(1, self.settings.replicates + 1)
        running = any(search.running for searches in self._rounds for search in searches)
        return not running and not any(map(self._next_search, replicates))

    def progress(self, family: Family) -> int:
        """Trials of a family that are completed or running, over all replicates."""
        return sum(search.progress for searches in self._rounds for search in searches if search.family == family)

    def tally(self, family: Family) -> Tally:
        """How a family's searches stand; as quick with ten thousand trials as with ten."""
        mine = [search for searches in self._rounds for search in searches if search.family == family]
        ended, completed = sum(len(search.ended) for search in mine), sum(search.completed for search in mine)
        best = select([search.best for search in mine if search.best], self.objective)
        return Tally(completed, ended - completed, sum(search.running for search in mine), best)

    def current_replicate(self) -> int:
        """The last replicate that has been asked for a trial, from 1."""
        started = [number for number, searches in enumerate(self._rounds, 1) if any(s.asked for s in searches)]
        return max(started, default=1)

    def close_round(self, replicate: int) -> None:
        """The replicate's time is over: only what makes its families equal is asked from here on."""
        self._closing.add(replicate)

    def ask(self, preferred: str = "") -> TrialRequest | None:
        """The next trial to be trained; None when nothing can be asked before something has ended, or at all.

        An oracle without a new point is `exhausted`; its family ends there, and the others at the same number of
        trials.

        Args:
            preferred: Name of the family that whoever trains it would rather have, if that may be asked now.
        """
        for replicate in range(1, self.settings.replicates + 1):
            while search := self._next_search(replicate, preferred):
                if request := self._ask(search, replicate):
                    return request
        return None

    def tell(self, record: TrialRecord) -> None:
        """Say how a trial ended."""
        search = self._search(record.key.family, record.key.replicate)
        search.ended.append(record)
        if search.median:
            search.median.add(record)
        if record.key.number <= FIRST_TRIALS:
            search.first.append(record)
        search.completed += record.status is TrialStatus.COMPLETED
        search.best = select([one for one in (search.best, record) if one], self.objective)
        search.end(record.key.number, record.validation_score)

    def replay(self, request: TrialRequest, *, adopt: bool = False) -> None:
        """Ask again what was asked before, as the journal recorded it.

        Args:
            request: What was asked.
            adopt: Where the oracle answers otherwise, have it learn from what was asked all the same.

        Raises:
            ReplayError: The oracle answers otherwise: its library, its space or its seed changed.
        """
        search = self._search(request.key.family, request.key.replicate)
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

    def failing_throughout(self) -> TrialRecord | None:
        """A failure that a remaining family's first trials all ended with, when `FIRST_TRIALS` have ended; else None.

        The first are those of the smallest numbers, whichever ended first. Messages that differ in numbers alone, such
        as the epoch or the megabytes, are the same.
        """
        for search in self._remaining(1):
            ends = {(record.failure, re.sub(r"\d+", "", record.message)) for record in search.first}
            if len(search.first) == FIRST_TRIALS and len(ends) == 1 and next(iter(ends))[0]:
                return min(search.first, key=lambda record: record.key.number)
        return None

    def _oracle(self, family: Family, spaces: Mapping[str, SearchSpace], replicate: int) -> Oracle | TpeOracle:
        space, settings = spaces[family.space], self.settings
        seed = derive_seed(settings.seed, self.dataset, family.name, replicate)
        if space.oracle_seed is not None:  # of one search: the others are to differ from it
            again = derive_seed(space.oracle_seed, self.dataset, family.name, replicate)
            seed = space.oracle_seed if replicate == 1 else again
        if settings.oracle == TPE:
            return TpeOracle(space, self.objective, seed)
        builder = self._builders.get(family.space)
        return Oracle(settings.oracle, space, self.objective, seed, settings.epochs, builder)

    def _remaining(self, replicate: int) -> list[_Search]:
        return [search for search in self._rounds[replicate - 1] if search.family.name not in self._dropped]

    def _search(self, family: str, replicate: int) -> _Search:
        return next(search for search in self._rounds[replicate - 1] if search.family.name == family)

    def _ask(self, search: _Search, replicate: int, number: int = 0) -> TrialRequest | None:
        """The search's next trial, or the one of this number: a journal knows in what order they began."""
        candidates = self._candidates(search, replicate)
        answer = search.draw(number or search.asked + candidates)
        if not search.ahead or (number and number not in search.ahead):
            search.waiting = answer is not None
            return None
        number = number or search.next_of(candidates)
        point = search.ahead.pop(number)
        search.asked += 1
        key = TrialKey(self.dataset, search.family.name, replicate, Phase.SEARCH, number)
        # What goes on with another trial has its seed, so that both together are one training.
        seed = search.seeds[point.continues] if point.continues else derive_seed(self.settings.seed, str(key))
        search.seeds[number] = seed
        values = self.settings.complete(point.values)
        epochs, patience = self.settings.length(values)
        if point.epochs:  # Hyperband's own
            epochs, patience = point.epochs, self.settings.patience_epochs
        return TrialRequest(
            key,
            search.family.space,
            values,
            seed,
            epochs,
            patience,
            continues=str(replace(key, number=point.continues)) if point.continues else "",
            begins_after=point.begins_after,
            floor=search.median.floor if search.median else (),
            calibrate=self.settings.calibrate,
        )

    def _candidates(self, search: _Search, replicate: int) -> int:
        """How many trials to choose the next one from: all that are left at the end of a random search, else one."""
        settings = self.settings
        searches = self._remaining(replicate)
        left = self._ceiling(searches, replicate) - search.progress
        # What median stopping asks of a trial depends on those that ended before it.
        if settings.oracle != "random" or settings.prune or left > trials_ahead(settings.workers):
            return 1
        # Whose points run out first is known before any trial overtakes another, so that each family's trials are the
        # first ones by number.
        for other in searches:
            other.draw(other.asked + max(0, int(left) + search.progress - other.progress))
        return max(1, int(self._ceiling(searches, replicate)) - search.progress)

    def _next_search(self, replicate: int, preferred: str = "") -> _Search | None:
        """Whose turn it is, a wished family first; None when no family of this replicate may be asked now."""
        searches = self._remaining(replicate)
        ceiling = self._ceiling(searches, replicate)
        turns = [
            (search.family.name != preferred, search.progress, (position - search.progress) % len(searches), search)
            for position, search in enumerate(searches)
            if search.progress < ceiling and self._may_ask(search) and self._not_ahead(search.family)
        ]
        return min(turns, key=lambda turn: turn[:3])[3] if turns else None

    def _not_ahead(self, family: Family) -> bool:
        # An adaptive oracle with a slow trial in flight must wait for it; the others wait with it, in the end.
        fewest = min(self.progress(other) for other in self.remaining)
        return self.progress(family) < fewest + largest_lead(self.settings.workers, self.settings.budget.trials)

    def _ceiling(self, searches: Iterable[_Search], replicate: int) -> float:
        """How many trials each family may come to."""
        budget = self.settings.budget
        # What a family that can't go on has come to is where the others stop too.
        ended = [s.progress for s in searches if s.asked >= budget.attempts]
        ended += [s.progress + len(s.ahead) for s in searches if s.drained]
        limits = [*ended, math.inf if budget.trials is None else budget.trials]
        if replicate in self._closing:
            limits.append(max(search.progress for search in searches))
        return min(limits)

    def _may_ask(self, search: _Search) -> bool:
        if search.exhausted or search.waiting or search.asked >= self.settings.budget.attempts:
            return False
        if self.settings.oracle not in ADAPTIVE or self.settings.in_flight is not None:
            return search.may_go_on
        return search.running < math.ceil(self.settings.workers / len(self.families))


def seed_repeat_request(selected: TrialRequest, number: int, seed: int, common: int | None = None) -> TrialRequest:
    """The selected hyperparameters once more, with a fresh seed.

    Args:
        selected: The selected trial.
        number: Number of the seed repeat within its family and replicate, from 1.
        seed: The sweep's seed.
        common: Which of the trial's seed repeats this is, from 1: its seed is then that of every other family's, so
            that their networks differ by their hyperparameters and cells alone. None derives a seed of its own, as
            sweeps of 0.1.0 do.
    """
    key = TrialKey(selected.key.dataset, selected.key.family, selected.key.replicate, Phase.SEED_REPEAT, number)
    parts = (str(key),) if common is None else (key.dataset, Phase.SEED_REPEAT.value, common)
    return replace(
        selected,
        key=key,
        seed=derive_seed(seed, *parts),
        continues="",
        begins_after=0,
        floor=(),
    )
