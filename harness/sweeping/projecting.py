"""Keeps MLflow's runs up with the journal, in a thread of its own, so that no trial ever waits for a server.

It reads the journal from where it has come to and hands what is new to the `Projector`. Where the store fails it says
so once and begins again from the start of the journal, which costs little: runs that are there already are left alone.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from harness.data.guards import leaks_in
from harness.errors import AccessError, StoreError
from harness.journal import Event, EventKind, Journal
from harness.records import DataFacts, SweepResult, TrialRecord, TrialRequest
from harness.report.axes import look_of
from harness.store import Store
from harness.sweeping.artifacts import comparison_files
from harness.sweeping.assembling import comparison_of, sweep_of
from harness.sweeping.linking import links_of
from harness.sweeping.planning import SweepHeader
from harness.tracking import Projector, Showing
from harness.tracking.summary import LEAKS, UNTIL_DECIDED

LONGEST_PAUSE_SECONDS = 30.0
"""The longest time between two attempts to reach a store that failed."""

AWAY_SECONDS = 15.0
"""How long the end of a comparison waits for an MLflow that does not answer."""

MOST_VALUES_FIRST = ("Float", "Int", "Choice", "Boolean")
"""Keras Tuner's types of hyperparameters."""

LEAVING_SECONDS = 5.0
"""How long the end of a sweep waits for a call that MLflow has not answered."""


def showing_of(header: SweepHeader) -> Showing:
    """How a sweep is shown in MLflow: each arm in the colour of the report, and what was searched.

    Hyperparameters of many values come first: their charts show most.
    """
    searched = {
        name: hyperparameter.type
        for space in header.spaces.values()
        for name, hyperparameter in space.hyperparameters.items()
        if hyperparameter.type != "Fixed"
    }
    colors = {arm.name: look_of(position).color for position, arm in enumerate(header.arms)}
    return Showing(colors, sorted(searched, key=lambda name: MOST_VALUES_FIRST.index(searched[name])))


class Projection:
    """MLflow's runs of one sweep, following its journal.

    Used from the sweep's thread; a context manager that ends the following thread when left.

    Args:
        store: Where MLflow is.
        header: The sweep.
        folder: The sweep's folder, with its journal; its name is the sweep's id.
        offline: Whether MLflow is left alone altogether.

    Attributes:
        failure: Why MLflow is behind the journal; empty when it is not known to be.
        refused: Whether that is because the user may not write there, so that waiting is of no use.

    Raises:
        StoreError: MLflow's store cannot be used now.
    """

    def __init__(self, store: Store, header: SweepHeader, folder: Path, *, offline: bool = False) -> None:
        self.offline, self.failure, self.refused = offline, "", False
        self._store, self._header, self._folder = store, header, folder
        self._projector: Projector | None = None if offline else self._connected()
        self._requests: dict[str, TrialRequest] = {}
        self._reached = 0  # the number of the last event that MLflow holds
        self._bug: BaseException | None = None
        self._notes: deque[str] = deque()
        self._state, self._news, self._hurried = threading.Condition(), threading.Event(), threading.Event()
        self._leaving = self._interrupted = False
        self._thread = threading.Thread(target=self._follow, name="projection", daemon=True)

    def advance(self) -> list[str]:
        """Say that the journal has grown.

        Returns:
            What is new for the user, a line each.
        """
        self._news.set()
        if self._bug is not None:
            raise self._bug
        return [self._notes.popleft() for _ in range(len(self._notes))]

    def caught_up(self, seq: int, seconds: float) -> bool:
        """Wait until MLflow holds everything up to an event; false when it does not after so many seconds."""
        if self.offline:
            return False
        with self._state:
            self._news.set()
            self._hurried.set()
            self._state.wait_for(lambda: self._reached >= seq or self._bug is not None, timeout=seconds)
            if self._bug is not None:
                raise self._bug
            return self._reached >= seq

    def follow(self, seq: int, meanwhile: Callable[[], None]) -> bool:
        """Wait until MLflow holds everything up to an event: as long as it answers, else `AWAY_SECONDS`.

        Where it refuses what the user writes, there is no waiting.

        Args:
            seq: The event's number.
            meanwhile: Called twice a second.

        Returns:
            Whether MLflow holds it.
        """
        if self.offline:
            return False
        answered = time.monotonic()
        while not self.caught_up(seq, seconds=0.5):
            meanwhile()
            if not self.failure:
                answered = time.monotonic()
            elif self.refused or time.monotonic() - answered > AWAY_SECONDS:
                return False
        return True

    def interrupt(self, seconds: float) -> None:
        """Have the runs of comparisons that are not over say that they were interrupted, within so many seconds."""
        self._interrupted = True
        if not self.offline:
            with self._state:
                self._news.set()
                self._hurried.set()
                self._state.wait_for(lambda: not self._interrupted or self._bug is not None, timeout=seconds)

    def __enter__(self) -> Projection:
        if not self.offline:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._leaving = True
        self._news.set()
        self._hurried.set()
        if self._thread.is_alive():
            self._thread.join(timeout=LEAVING_SECONDS)

    def _connected(self) -> Projector:
        return Projector(self._store, self._folder.name, self._header.plan.name, showing_of(self._header))

    def _follow(self) -> None:
        pause = 0.0
        try:
            with Journal.read(self._folder) as journal:
                while not self._leaving:
                    self._news.wait()
                    self._news.clear()
                    if pause := self._try(journal, pause):
                        self._hurried.wait(pause)
                        self._hurried.clear()
        except BaseException as error:  # raised again in the sweep's thread
            with self._state:
                self._bug = error
                self._state.notify_all()

    def _try(self, journal: Journal, pause: float) -> float:
        """Project what is new; the seconds to pause before the next time."""
        try:
            self._projector = self._projector or self._connected()
            self._project(journal, self._projector)
        except StoreError as error:
            if not self.failure:
                state = "cannot be written to" if isinstance(error, AccessError) else "is away"
                self._notes.append(f"MLflow {state} ({error}): trials go on, and the journal keeps them")
            self.failure, self.refused = str(error), isinstance(error, AccessError)
            self._projector, self._requests, self._reached = None, {}, 0
            self._news.set()
            return min(LONGEST_PAUSE_SECONDS, max(1.0, pause * 2))
        if self.failure:
            self._notes.append("MLflow is back, and holds everything again")
            self.failure, self.refused = "", False
        return 0.0

    def _project(self, journal: Journal, projector: Projector) -> None:
        new = list(journal.events(after=self._reached))
        for event in new:
            if self._leaving:
                return
            self._one(event, projector)
        for name in dict.fromkeys(event.dataset for event in new):
            self._settle(name, {event.kind for event in new if event.dataset == name}, journal, projector)
        if self._interrupted:
            projector.interrupted()
        with self._state:
            self._interrupted = False
            self._reached = new[-1].seq if new else self._reached
            self._state.notify_all()

    def _one(self, event: Event, projector: Projector) -> None:
        if event.kind is EventKind.OPENED:
            facts = DataFacts.from_json(event.payload["facts"])
            tags = self._tags(event.dataset)
            if leaks := leaks_in(facts.notes):
                tags[LEAKS] = json.dumps(leaks)
            projector.comparison_started(event.dataset, facts, tags, started_at=event.at)
        elif event.kind is EventKind.ASKED:
            self._requests[event.trial_key] = TrialRequest.from_json(event.payload)
        elif event.kind is EventKind.ENDED:
            request = self._requests.pop(event.trial_key)
            projector.trials([(request, TrialRecord.from_json(event.payload))])

    def _settle(self, name: str, kinds: set[EventKind], journal: Journal, projector: Projector) -> None:
        """Write how a comparison stands after what is new; with the last one that is over, the answer of all."""
        if EventKind.GAVE_UP in kinds:
            gave_up = journal.last(EventKind.GAVE_UP, name)
            projector.gave_up(name, gave_up.payload["why"] if gave_up else "")
        elif kinds & {EventKind.CHAMPION, EventKind.EXPLAINED} and journal.has(EventKind.CHAMPION, name):
            projector.conclude(comparison_of(journal, self._header, name), self._files(journal, name))
        elif EventKind.EXTENDED in kinds and self._searched_on(journal, name):
            projector.reopened(name)
        if kinds & {EventKind.CHAMPION, EventKind.GAVE_UP} and self._over(journal):
            projector.close(self._result(journal).overall)

    def _over(self, journal: Journal) -> bool:
        return all(
            journal.has(EventKind.CHAMPION, name) or journal.has(EventKind.GAVE_UP, name)
            for name in self._header.datasets
        )

    def _searched_on(self, journal: Journal, name: str) -> bool:
        return journal.has(EventKind.OPENED, name) and not journal.has(EventKind.CLOSED, name)

    def _result(self, journal: Journal, only: str | None = None) -> SweepResult:
        return sweep_of(journal, self._header, self._folder.name, self._store.address, only=only)

    def _files(self, journal: Journal, name: str) -> dict[str, str]:
        result, so_far = comparison_of(journal, self._header, name), self._result(journal, only=name)
        cases = {key: score.cases.to_json() for key, score in journal.unsealed(name).items() if score.cases}
        links = links_of(self._store, self._folder.name)
        command, changes = self._store.ui_command, journal.changes
        return comparison_files(result, so_far, self._header, command, cases, links, changes)

    def _tags(self, name: str) -> dict[str, str]:
        plan = self._header.plan
        return {
            "oracle": plan.oracle,
            "seed": str(plan.seed),
            "arms": " ".join(arm.name for arm in self._header.arms),
            **({UNTIL_DECIDED: "yes"} if plan.until_decided else {}),
            "card_sha256": next((sha for file, sha in self._header.hashes.items() if Path(file).stem == name), ""),
        }
