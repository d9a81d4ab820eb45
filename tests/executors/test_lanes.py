"""Several pieces of work over one executor: who gets the slots, what is committed before whom is told, and ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.errors import ExecutorError
from harness.executors import Done, Task
from harness.executors.lanes import Aside, Job, Lanes, OneTask, Until, Work, alone
from harness.notes import Note
from harness.records import FailureKind


class Desk:
    """An executor in memory: what is handed over ends at the next wait, `at_a_time` at once, the first ones first."""

    preferred_group = ""

    def __init__(self, slots: int, at_a_time: int = 1, fails: dict[str, FailureKind] | None = None) -> None:
        self.slots, self.at_a_time, self.fails = slots, at_a_time, fails or {}
        self.running: list[Task] = []
        self.begun: list[str] = []
        self.dropped: list[str] = []
        self.told: list[Note] = []

    @property
    def free(self) -> int:
        return self.slots - len(self.running)

    def submit(self, task: Task) -> None:
        assert self.free
        self.begun.append(task.id)
        self.running.append(task)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        ended, self.running = self.running[: self.at_a_time], self.running[self.at_a_time :]
        return [Done(one.id, None if one.id in self.fails else {}, self.fails.get(one.id)) for one in ended]

    def notes(self) -> list[Note]:
        told, self.told = self.told, []
        return told

    def drop(self) -> None:
        self.dropped += [task.id for task in self.running]
        self.running = []


class Several(Job):
    """So many tasks of a name, and what it is told of them."""

    def __init__(self, name: str, count: int, diary: list[str] | None = None) -> None:
        self.name, self.left, self.running, self.diary = name, count, 0, [] if diary is None else diary
        self.recorded: list[str] = []

    def ask(self, preferred: str) -> Task | None:
        if not self.left:
            return None
        self.left, self.running = self.left - 1, self.running + 1
        self.diary.append(f"write {self.name}{self.left}")
        return Task(f"{self.name}{self.left}", "m:f", {})

    def record(self, done: Done) -> None:
        self.running -= 1
        self.recorded.append(done.task_id)
        self.diary.append(f"record {done.task_id}")

    def tell(self) -> None:
        self.diary += [f"tell {name}" for name in self.recorded]
        self.recorded = []

    @property
    def over(self) -> bool:
        return not self.left and not self.running


def waits_for(*jobs: Job) -> Work[None]:
    yield from jobs


def test_a_later_lane_gets_the_slots_that_the_first_has_no_use_for() -> None:
    desk = Desk(2)
    Lanes(desk).run([waits_for(Several("a", 3), Several("c", 1)), waits_for(Several("b", 2))], at_once=2)
    assert desk.begun == ["a2", "a1", "a0", "b1", "c0", "b0"]


def test_no_more_are_open_than_may_be() -> None:
    opened, most = 0, 0

    def one(name: str) -> Work[None]:
        nonlocal opened, most
        opened += 1
        most = max(most, opened)
        yield Several(name, 2)
        opened -= 1

    Lanes(Desk(9)).run(map(one, "abcdefg"), at_once=3)
    assert (opened, most) == (0, 3)


def test_what_is_written_is_committed_before_anything_is_handed_over_or_told() -> None:
    diary: list[str] = []

    @contextmanager
    def turn() -> Iterator[None]:
        before = len(diary)
        yield
        if len(diary) > before:
            diary.append("commit")

    desk = Desk(3, at_a_time=3)
    submit = desk.submit

    def begin(task: Task) -> None:
        diary.append(f"begin {task.id}")
        submit(task)

    desk.submit = begin  # type: ignore[method-assign]
    Lanes(desk, turn).run([waits_for(Several("a", 2, diary)), waits_for(Several("b", 1, diary))], at_once=2)
    assert diary == [
        *("write a1", "write a0", "write b0", "commit", "begin a1", "begin a0", "begin b0"),
        *("record a1", "record a0", "record b0", "commit", "tell a1", "tell a0", "tell b0"),
    ]


@pytest.mark.parametrize("slots", [500, 100])
def test_with_a_hundred_in_flight_ten_tasks_share_a_commit(slots: int) -> None:
    turns, job = 0, Several("a", 2000)

    @contextmanager
    def turn() -> Iterator[None]:
        nonlocal turns
        before = len(job.diary)
        yield
        turns += len(job.diary) > before and job.left > 0

    Lanes(Desk(slots), turn).run([waits_for(job)])
    assert turns <= 200


@pytest.mark.parametrize(("kills", "attempts"), [(0, 1), (1, 2), (2, 2)])
def test_a_task_whose_worker_is_killed_is_tried_once_more(kills: int, attempts: int) -> None:
    desk = Desk(1, fails={f"t#{number}": FailureKind.KILLED for number in range(1, kills + 1)})
    if kills < 2:
        assert alone(desk, value_of(OneTask(Task("t", "m:f", {})))) == {}
    else:
        with pytest.raises(ExecutorError, match="t: "):
            alone(desk, value_of(OneTask(Task("t", "m:f", {}))))
    assert len(desk.begun) == attempts


def value_of(job: Job) -> Work[object]:
    return (yield job)


def test_an_error_ends_its_own_work_and_what_that_had_running_is_not_heard_of() -> None:
    class Fails(Several):
        def tell(self) -> None:
            raise ValueError("no")

    caught, beside = [], Several("b", 4)

    def failing() -> Work[None]:
        try:
            yield Fails("a", 2)
        except ValueError as error:
            caught.append(str(error))

    desk = Desk(3)
    Lanes(desk).run([failing(), waits_for(beside)], at_once=2)
    assert caught == ["no"]
    assert [line for line in beside.diary if line.startswith("tell")] == ["tell b3", "tell b2", "tell b1", "tell b0"]
    assert desk.running == []


def test_what_belongs_to_nobody_is_given_up_where_nothing_else_runs() -> None:
    class Fails(Several):
        def tell(self) -> None:
            raise ValueError("no")

    def work() -> Work[None]:
        with pytest.raises(ValueError, match="no"):
            yield Fails("a", 3)

    desk = Desk(3)
    Lanes(desk).run([work()])
    assert desk.dropped == ["a1", "a0"]


def test_where_an_end_is_wanted_nothing_is_begun_and_what_runs_is_waited_for() -> None:
    ending, released = threading.Event(), threading.Event()
    job, aside = Several("a", 9), Aside(released.wait)
    waited = []

    def beside() -> Work[None]:
        yield aside
        waited.append("aside")
        yield Several("never", 1)

    def between() -> None:
        ending.set()
        released.set()

    desk = Desk(2)
    with pytest.raises(KeyboardInterrupt):
        Lanes(desk, ending=ending.is_set, between=between).run([waits_for(job), beside()], at_once=2)
    assert desk.begun == ["a8", "a7"]
    assert [line for line in job.diary if line.startswith("tell")] == ["tell a8", "tell a7"]
    assert waited == ["aside"]


def test_a_task_whose_slot_has_gone_before_it_was_handed_over_gets_the_next_one() -> None:
    class Shrinking(Desk):
        """Has two slots when it is asked, one when something is handed over, and later two again."""

        looks = 0

        @property
        def free(self) -> int:
            self.looks += 1
            return super().free - (3 <= self.looks <= 5)

    desk, job = Shrinking(2), Several("a", 4)
    Lanes(desk).run([waits_for(job)])
    assert sorted(desk.begun) == ["a0", "a1", "a2", "a3"]
    assert [line for line in job.diary if line.startswith("tell")] == [f"tell {name}" for name in desk.begun]


def test_work_can_wait_for_what_another_lane_brings_about() -> None:
    order: list[str] = []

    def first() -> Work[None]:
        yield Several("a", 3)
        order.append("first")

    def second() -> Work[None]:
        yield Until(lambda: "first" in order)
        order.append("second")

    Lanes(Desk(4)).run([first(), second()], at_once=2)
    assert order == ["first", "second"]


def test_what_an_aside_raises_is_raised_in_the_work() -> None:
    def fails() -> None:
        raise OSError("away")

    def work() -> Work[str]:
        try:
            yield Aside(fails)
        except OSError as error:
            return str(error)
        return ""

    assert alone(Desk(1), work()) == "away"


class Hearing(Several):
    """The same, and what its tasks tell."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name, number)
        self.heard: list[Note] = []

    def hear(self, note: Note) -> None:
        self.heard.append(note)


def test_what_a_task_tells_is_heard_by_its_own_work() -> None:
    desk, one, other = Desk(2), Hearing("one", 1), Hearing("other", 1)
    notes = [Note("one0", {"epoch": 1}), Note("stranger", {"epoch": 2}), Note("one0", {"epoch": 3})]
    desk.told = list(notes)

    Lanes(desk).run([waits_for(one), waits_for(other)], at_once=2)  # type: ignore[arg-type]
    assert one.heard == [notes[0], notes[2]]
    assert other.heard == []
