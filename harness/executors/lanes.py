"""Several pieces of work at once over one executor, in one thread.

A piece of work is a generator: it yields what it waits for, a `Job`, and goes on with what has come of it. In a turn
all jobs are asked for tasks in the order of their lanes: a later one gets the slots that those before it have no use
for now. Then it is waited for what ends. What jobs write in either half of a turn is committed together, before a task
is handed over and before a job tells anybody; so a commit, which waits for the disk, is shared by all of a turn.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from harness.errors import ExecutorError
from harness.executors.base import Done, Executor, Task
from harness.notes import Note
from harness.records import FailureKind

ATTEMPTS = 2
"""Attempts at whatever a worker does, where the worker is killed from outside; no other failure of a task is tried
again."""

LOST_ATTEMPTS = 5
"""How often a task is tried again whose machine was lost under it, which says nothing about the task."""

MANY = 100
"""Tasks in flight from which on what ends is gathered, so that it shares commits."""

TURN_SECONDS = 0.1
"""The longest that tasks are asked for before those are handed over, and that what has ended waits for more to end."""

_WAIT_SECONDS, _GLANCE_SECONDS = 1.0, 0.05
"""The longest wait for tasks; and where something else is waited for beside them."""


class Job:
    """What a piece of work waits for. This one takes no tasks.

    Attributes:
        here: Whether its tasks work in folders of this machine (`Executor.here`).
    """

    here = False

    def ask(self, preferred: str) -> Task | None:  # noqa: ARG002
        """The next task; None when there is none before something has ended, or at all.

        What it writes is committed before the task is handed over.

        Args:
            preferred: The affinity group that the free worker has; may be empty.
        """
        return None

    def record(self, done: Done) -> None:
        """Write what became of one of its tasks; nobody is told yet."""

    def hear(self, note: Note) -> None:
        """What one of its tasks tells while it runs; nothing is decided by it."""

    def tell(self) -> None:
        """Tell of what was recorded, which is committed. What is raised here is raised in the work."""

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        raise NotImplementedError

    @property
    def holds(self) -> bool:
        """Whether it does something that is to come to its end where the user wants one."""
        return False

    def result(self) -> Any:
        """What has come of it, once it is over; what is raised here is raised in the work."""


T = TypeVar("T")

Work: TypeAlias = Generator[Job, Any, T]
"""A piece of work: yields what it waits for, and returns what has come of all."""


@dataclass(slots=True)
class Attempts:
    """How often one task was tried, and what ended the attempts that do not count."""

    killed: int = 0
    lost: int = 0

    @property
    def number(self) -> int:
        """Of the attempt that is to come or runs, from 1."""
        return 1 + self.killed + self.lost

    def again(self, done: Done) -> bool:
        """Whether an attempt that has ended so does not count and is followed by another one.

        Raises:
            ExecutorError: Its machine was lost too often to go on; the task has not failed.
        """
        if done.failure is FailureKind.LOST:
            if self.lost == LOST_ATTEMPTS:
                raise ExecutorError(
                    f"{done.task_id.rpartition('#')[0]}: lost with its machine {1 + self.lost} times, at last: "
                    f"{done.message}; what has ended is kept, and the same command goes on"
                )
            self.lost += 1
            return True
        if done.failure is FailureKind.KILLED and self.killed + 1 < ATTEMPTS:
            self.killed += 1
            return True
        return False


class OneEnd(Job):
    """One task, tried as often as `Attempts` says; its result is how it ended.

    Args:
        task: The task.
        here: Whether it works in folders of this machine.
    """

    def __init__(self, task: Task, *, here: bool = False) -> None:
        self.here, self._task, self._attempts = here, task, Attempts()
        self._waiting = True
        self._done: Done | None = None

    def ask(self, preferred: str) -> Task | None:  # noqa: ARG002
        """The task, where it does not run."""
        waiting, self._waiting = self._waiting, False
        return replace(self._task, id=f"{self._task.id}#{self._attempts.number}") if waiting else None

    def record(self, done: Done) -> None:
        """Keep how it ended, unless it is tried again."""
        self._waiting = self._attempts.again(done)
        self._done = None if self._waiting else done

    @property
    def over(self) -> bool:
        """Whether it has ended for good."""
        return self._done is not None

    def result(self) -> Any:
        """How it ended."""
        return self._done


class OneTask(OneEnd):
    """The same; its result is the task's value.

    Raises:
        ExecutorError: It failed; raised by `result`.
    """

    def result(self) -> Mapping[str, Any]:
        """Its value."""
        assert self._done is not None  # it is over
        if self._done.value is None:
            raise ExecutorError(f"{self._task.id}: {self._done.message}")
        return self._done.value


@dataclass(frozen=True)
class Until(Job):
    """Waits until something holds that other lanes bring about.

    Attributes:
        holds_now: Whether it does.
    """

    holds_now: Callable[[], bool]

    @property
    def over(self) -> bool:
        """Whether it holds."""
        return self.holds_now()


class Aside(Job):
    """A function that waits for other programs, in a thread of its own; its result is the function's.

    Args:
        function: What it does; it may touch neither the executor nor the journal.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function, self._value = function, None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="aside", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # raised again where its result is asked for
            self._error = error

    @property
    def over(self) -> bool:
        """Whether it has returned; one that the user's wish for an end interrupted never has."""
        return not self._thread.is_alive() and not isinstance(self._error, KeyboardInterrupt)

    @property
    def holds(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def result(self) -> Any:
        """What the function returned, or raised."""
        if self._error:
            raise self._error
        return self._value


@dataclass(slots=True)
class _Lane:
    """A piece of work with what it waits for now."""

    work: Work[Any]
    job: Job | None = None
    error: Exception | None = None

    def advance(self) -> bool:
        """Go on as far as nothing is waited for; whether there is more to come."""
        try:
            while self.job is None or self.error or self.job.over:
                error, self.error = self.error, None
                try:
                    value = None if self.job is None or error else self.job.result()
                except Exception as failure:
                    error = failure
                self.job = self.work.throw(error) if error else self.work.send(value)
        except StopIteration:
            self.job = None
            return False
        return True


@dataclass(slots=True)
class Lanes:
    """Runs pieces of work beside each other over one executor.

    Attributes:
        executor: Where their tasks run.
        turn: Entered where jobs write; what they write is committed when it is left.
        ending: Whether the user wants an end: nothing new is begun, and what runs is waited for.
        between: Called between turns, while tasks run.
    """

    executor: Executor
    turn: Callable[[], AbstractContextManager[None]] = nullcontext
    ending: Callable[[], bool] = lambda: False
    between: Callable[[], None] = lambda: None
    _lanes: list[_Lane] = field(default_factory=list)
    _asked: list[tuple[_Lane, Job, Task]] = field(default_factory=list)
    _running: dict[str, tuple[_Lane, Job]] = field(default_factory=dict)

    def run(self, works: Iterable[Work[Any]], at_once: int = 1) -> None:
        """Bring all pieces of work to their ends.

        Args:
            works: They; each is begun when one before it has ended, or fewer than `at_once` are open.
            at_once: The most that are open.

        Raises:
            KeyboardInterrupt: An end was wanted, and nothing runs any more.
        """
        coming = iter(works)
        try:
            while self._advance(coming, at_once):
                hurried = self._begin()
                if not self._running and self.ending() and not any(lane.job.holds for lane in self._lanes if lane.job):
                    raise KeyboardInterrupt
                ended = self._ended(hurried=hurried)
                self._hear()
                self._take(ended)
                self.between()
            self._drop()
            if self.ending() and next(coming, None):
                raise KeyboardInterrupt
        finally:
            for lane in self._lanes:
                lane.work.close()

    def _advance(self, coming: Iterator[Work[Any]], at_once: int) -> bool:
        """Go on with each piece of work as far as it can; whether any is open."""
        before = -1
        while before != len(self._lanes):  # where one ends, another one begins
            self._lanes = [lane for lane in self._lanes if lane.advance()]
            before = len(self._lanes)
            while len(self._lanes) < at_once and not self.ending() and (work := next(coming, None)):
                self._lanes.append(_Lane(work))
        return bool(self._lanes)

    def _begin(self) -> bool:
        """Hand over what the jobs ask for; whether they might ask for more at once."""
        until, hurried, tasks = time.monotonic() + TURN_SECONDS, False, self._asked
        taken = Counter(id(self._place(job)) for _, job, _ in tasks)
        with self.turn():
            for lane in self._lanes:
                while (job := lane.job) and not self.ending() and time.monotonic() < until:
                    place = self._place(job)
                    if place.free <= taken[id(place)]:
                        break
                    # The free worker has a say in the first; what comes with it goes by the order alone.
                    if (task := job.ask("" if taken[id(place)] else place.preferred_group)) is None:
                        break
                    tasks.append((lane, job, task))
                    taken[id(place)] += 1
                if lane.job and lane.job.over:  # what follows on it goes before what later lanes have to do
                    hurried = True
                    break
        self._asked = []
        for lane, job, task in tasks:
            if not self._place(job).free:  # a slot has gone since: the next one gets it
                self._asked.append((lane, job, task))
            elif lane.job is job:
                self._running[task.id] = lane, job
                self._place(job).submit(task)
        return hurried or (bool(tasks) and time.monotonic() >= until)

    def _place(self, job: Job) -> Executor:
        return self.executor.here if job.here else self.executor

    def _ended(self, *, hurried: bool) -> list[Done]:
        """What has ended; where many tasks are in flight, a fifth of them, or what ends in `TURN_SECONDS`."""
        if self._running and all(lane.job is not job for lane, job in self._running.values()):
            self._drop()
        if not self._running:
            if not hurried and self.executor.free:
                time.sleep(_GLANCE_SECONDS)
            elif not hurried:
                self.executor.wait(_WAIT_SECONDS)  # for a slot
            return []
        beside = len({id(lane) for lane, _ in self._running.values()}) < len(self._lanes)
        seconds = 0.0 if hurried else _GLANCE_SECONDS if beside else _WAIT_SECONDS
        places = {id(place): place for _, job in self._running.values() if (place := self._place(job))}
        ended = list[Done]()
        for place in places.values():
            ended += place.wait(seconds if len(places) == 1 else min(seconds, _GLANCE_SECONDS))
        enough, until = len(self._running) // 5, time.monotonic() + TURN_SECONDS
        while ended and len(self._running) >= MANY and len(ended) < enough and (left := until - time.monotonic()) > 0:
            ended += self.executor.wait(left)
        return ended

    def _drop(self) -> None:
        """Give up what runs: it belongs to nobody any more."""
        for place in {id(place): place for _, job in self._running.values() if (place := self._place(job))}.values():
            place.drop()
        self._running.clear()

    def _hear(self) -> None:
        for note in self.executor.notes():
            lane, job = self._running.get(note.task_id, (None, None))
            if lane and job and lane.job is job:
                job.hear(note)

    def _take(self, ended: Iterable[Done]) -> None:
        """Have jobs record what has ended, and tell of it once that is committed."""
        lanes = list[_Lane]()
        with self.turn():
            for done in ended:
                lane, job = self._running.pop(done.task_id)
                if lane.job is job:
                    job.record(done)
                    lanes.append(lane)
        for lane in {id(lane): lane for lane in lanes}.values():
            try:
                lane.job.tell() if lane.job else None
            except Exception as error:
                lane.error = error


def alone(executor: Executor, work: Work[T]) -> T:
    """Bring one piece of work to its end, on an executor that has nothing else to do; what it returns."""
    found = list[T]()

    def kept() -> Work[None]:
        found.append((yield from work))

    Lanes(executor).run([kept()])
    return found[0]
