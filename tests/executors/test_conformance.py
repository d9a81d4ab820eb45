"""What every engine promises, run on each."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from harness.errors import ExecutorError
from harness.executors import Done, Executor, InProcessExecutor, PoolExecutor, Shared, Task
from harness.records import Direction, FailureKind, Objective

RunAll = Callable[..., dict[str, Done]]

ENGINES: dict[str, Callable[[], Executor]] = {
    "in process": InProcessExecutor,
    "one worker": lambda: PoolExecutor(workers=1),
    "two workers": lambda: PoolExecutor(workers=2),
}
if address := os.environ.get("HARNESS_TEST_RAY"):  # in a namespace where a cluster is: see `test_ray.py`
    ENGINES = {"ray": lambda: ray_engine(address)}


def ray_engine(address: str) -> Executor:
    from harness.executors.ray import RayExecutor

    return RayExecutor(address, slots=2)


def until_free(executor: Executor) -> None:
    """Slots that were dropped come free in their time."""
    end = time.monotonic() + 30
    while executor.free < executor.slots and time.monotonic() < end:
        time.sleep(0.05)
    assert executor.free == executor.slots


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest, _toys_importable: None) -> Iterator[Executor]:
    with ENGINES[request.param]() as executor:
        yield executor


@pytest.fixture
def executor(shared: Executor) -> Iterator[Executor]:
    """An engine that every test leaves idle."""
    yield shared
    until_free(shared)
    assert shared.running == 0
    assert shared.wait(timeout_seconds=5) == []


@pytest.fixture(params=ENGINES)
def fresh(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with ENGINES[request.param]() as executor:
        yield executor


def test_hands_back_what_the_function_returns(executor: Executor, run_all: RunAll) -> None:
    tasks = [Task(f"t{number}", "toys:double", {"number": number}) for number in range(6)]
    ended = run_all(executor, *tasks)
    assert ended == {f"t{number}": Done(f"t{number}", value={"doubled": number * 2}) for number in range(6)}


def test_plain_values_travel_unchanged(executor: Executor, run_all: RunAll) -> None:
    plain: dict[str, Any] = {
        "none": None,
        "yes": True,
        "int": 2**70,
        "float": 0.1,
        "text": "ü\n\0",
        "deep": [[{"a": []}]],
    }
    value = run_all(executor, Task("t", "toys:echo", plain))["t"].value
    assert value == {"got": plain}
    odd = run_all(executor, Task("t", "toys:echo", {"nan": math.nan, "inf": math.inf}))["t"].value
    assert odd is not None
    assert math.isnan(odd["got"]["nan"])
    assert odd["got"]["inf"] == math.inf


def test_what_json_takes_becomes_plain(executor: Executor, run_all: RunAll) -> None:
    arguments = MappingProxyType({"pair": (1, 2), "kind": FailureKind.BUG, "map": MappingProxyType({"a": 1})})
    value = run_all(executor, Task("t", "toys:echo", arguments))["t"].value
    assert value == {"got": {"pair": [1, 2], "kind": "bug", "map": {"a": 1}}}
    assert type(value["got"]["kind"]) is str
    assert run_all(executor, Task("t", "toys:return_what", {"what": "tuple"}))["t"].value == {"pair": [1, 2]}


def test_arguments_are_the_tasks_own_copy(executor: Executor, run_all: RunAll) -> None:
    arguments: dict[str, Any] = {"list": []}
    assert run_all(executor, Task("t", "toys:spoil", arguments))["t"].failure is None
    assert arguments == {"list": []}


def test_arguments_that_tasks_share_are_among_their_own(executor: Executor, run_all: RunAll) -> None:
    shared = [Shared.of({"number": number, "own": False}) for number in (3, 4)]
    tasks = [Task(f"t{at}", "toys:echo", {"own": True}, shared=shared[at % 2]) for at in range(5)]
    ended = run_all(executor, *tasks, Task("alone", "toys:echo", {"own": True}))
    assert [ended[f"t{at}"].value for at in range(5)] == [
        {"got": {"number": 3 + at % 2, "own": True}} for at in range(5)
    ]
    assert ended["alone"].value == {"got": {"own": True}}


def test_records_and_configs_travel_as_plain_values(executor: Executor, run_all: RunAll) -> None:
    objective = Objective("mse", Direction.MIN)
    value = run_all(executor, Task("t", "toys:echo", {"deep": [objective]}))["t"].value
    assert value == {"got": {"deep": [objective.to_json()]}}


def test_large_values_travel(executor: Executor, run_all: RunAll) -> None:
    arguments = {"text": "x" * 3_000_000, "characters": 3_000_000}
    value = run_all(executor, Task("t", "toys:large", arguments))["t"].value
    assert value == {"text": "y" * 3_000_000, "got": 3_000_000}


def test_an_exception_is_a_bug_with_its_traceback(executor: Executor, run_all: RunAll) -> None:
    done = run_all(executor, Task("t", "toys:fail", {}))["t"]
    assert (done.value, done.failure) == (None, FailureKind.BUG)
    assert done.message == "Unhappy: first line second line"
    assert "in fail" in done.traceback
    assert "Unhappy: first line\nsecond line" in done.traceback


def test_a_memory_error_is_out_of_memory(executor: Executor, run_all: RunAll) -> None:
    done = run_all(executor, Task("t", "toys:exhaust", {}))["t"]
    assert (done.failure, done.message) == (FailureKind.OUT_OF_MEMORY, "MemoryError: no more room")
    assert "in exhaust" in done.traceback


def test_sys_exit_ends_the_task_alone(executor: Executor, run_all: RunAll) -> None:
    ended = run_all(executor, Task("out", "toys:leave", {}), Task("next", "toys:double", {"number": 1}))
    assert (ended["out"].failure, ended["out"].message) == (FailureKind.BUG, "SystemExit: 3")
    assert ended["next"].value == {"doubled": 2}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_such_module_at_all:f", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("toys:no_such_function", "AttributeError: module 'toys' has no attribute 'no_such_function'"),
        ("toys", "ValueError: function = 'toys': expected package.module:function"),
        ("toys:_seen", "TypeError: function = 'toys:_seen': expected a function, got list"),
    ],
)
def test_a_function_that_is_not_there_is_a_bug(
    executor: Executor, run_all: RunAll, function: str, message: str
) -> None:
    done = run_all(executor, Task("t", function, {}))["t"]
    assert (done.failure, done.message) == (FailureKind.BUG, message)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nothing", "toys:return_what returned NoneType: expected a dict of plain values"),
        ("list", "toys:return_what returned list: expected a dict of plain values"),
        ("set", "the value of toys:return_what['deep'][0]['values'] is set: expected plain values"),
        ("object", "the value of toys:return_what['thing'] is toys.Unhappy: expected plain values"),
        ("number key", "the value of toys:return_what['by_number'] has the key 1: expected text"),
    ],
)
def test_a_value_that_is_not_plain_is_a_bug(executor: Executor, run_all: RunAll, what: str, message: str) -> None:
    done = run_all(executor, Task("t", "toys:return_what", {"what": what}))["t"]
    assert (done.value, done.failure) == (None, FailureKind.BUG)
    assert done.message.startswith(f"TypeError: {message}")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            Task("t", "toys:echo", {"a": [object()]}),
            r"task t: arguments\['a'\]\[0\] is object: expected plain",
        ),
        (Task("t", "toys:echo", {"a": {1: 2}}), r"task t: arguments\['a'\] has the key 1: expected text"),
        (Task("t", "toys:echo", {}, limit_seconds=0), r"task t: limit_seconds = 0: expected more than 0"),
        (Task("t", "toys:echo", {}, limit_seconds=math.nan), r"task t: limit_seconds = nan: expected more"),
    ],
)
def test_a_malformed_task_is_refused_and_takes_no_slot(executor: Executor, task: Task, message: str) -> None:
    with pytest.raises(ExecutorError, match=message):
        executor.submit(task)
    assert executor.free == executor.slots


def test_slots_fill_and_a_full_engine_refuses(executor: Executor) -> None:
    for number in range(executor.slots):
        assert (executor.free, executor.running) == (executor.slots - number, number)
        executor.submit(Task(f"t{number}", "toys:double", {"number": number}))
    assert executor.free == 0
    with pytest.raises(ExecutorError, match=r"task one too many: .*slot"):
        executor.submit(Task("one too many", "toys:double", {"number": 1}))
    ended: list[str] = []
    while dones := executor.wait():
        ended += [done.task_id for done in dones]
        assert (executor.free, executor.running) == (len(ended), executor.slots - len(ended))
    assert sorted(ended) == [f"t{number}" for number in range(executor.slots)]


def test_an_ended_task_keeps_its_slot_until_it_was_waited_for(executor: Executor) -> None:
    executor.submit(Task("t", "toys:double", {"number": 1}))
    time.sleep(0.3)
    assert executor.free == executor.slots - 1
    assert [done.task_id for done in executor.wait()] == ["t"]


def test_waiting_for_nothing_returns_at_once(executor: Executor) -> None:
    started = time.monotonic()
    assert executor.wait() == []
    assert executor.wait(timeout_seconds=10) == []
    assert time.monotonic() - started < 1


def test_a_task_within_its_limit_is_not_hurt(executor: Executor, run_all: RunAll) -> None:
    tasks = [Task("limited", "toys:sleep", {"seconds": 0.05}, limit_seconds=0.6)]
    tasks += [Task("afterwards", "toys:sleep", {"seconds": 0.8})]  # the limit must not reach the next task
    ended = run_all(executor, *tasks)
    assert [done.failure for done in ended.values()] == [None, None]


def test_what_was_dropped_is_never_heard_of_and_its_slot_is_free(executor: Executor, run_all: RunAll) -> None:
    executor.submit(Task("dropped", "toys:sleep", {"seconds": 60}))
    executor.drop()
    executor.drop()
    assert executor.running == 0
    until_free(executor)
    assert executor.wait(timeout_seconds=0.1) == []
    assert run_all(executor, Task("next", "toys:double", {"number": 2}))["next"].value == {"doubled": 4}


def test_a_closed_engine_refuses_and_has_nothing_to_wait_for(fresh: Executor) -> None:
    fresh.submit(Task("given up", "toys:double", {"number": 1}))
    fresh.close()
    fresh.close()
    assert fresh.free == 0
    assert fresh.wait() == []
    with pytest.raises(ExecutorError, match="task late: the engine is closed"):
        fresh.submit(Task("late", "toys:double", {"number": 1}))


def test_leaving_the_block_closes_it(fresh: Executor) -> None:
    with fresh as entered:
        assert entered is fresh
    with pytest.raises(ExecutorError, match="closed"):
        fresh.submit(Task("late", "toys:double", {"number": 1}))


def test_getting_ready_changes_nothing(fresh: Executor, run_all: RunAll) -> None:
    fresh.prewarm("json.tool")
    fresh.prewarm("no.such.module")
    assert fresh.free == fresh.slots
    assert run_all(fresh, Task("t", "toys:double", {"number": 4})) == {"t": Done("t", value={"doubled": 8})}
    fresh.close()
    fresh.prewarm("json.tool")


def test_inputs_are_read_and_outputs_lie_here_when_the_end_is_heard_of(
    executor: Executor, run_all: RunAll, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    inputs = {tmp_path / "a.txt": "first", tmp_path / "folder" / "b.txt": "second"}
    for file, text in inputs.items():
        file.write_text(text)
    to = tmp_path / "made" / "joined.txt"
    arguments = {"files": [str(file) for file in inputs], "to": str(to)}
    named = {"inputs": (str(tmp_path / "a.txt"), str(tmp_path / "folder")), "outputs": (str(to), str(to) + ".not made")}
    value = run_all(executor, Task("t", "toys:join_files", arguments, **named))["t"].value
    assert value == {"read": "first second"}
    assert to.read_text() == "first second"
    (tmp_path / "a.txt").write_text("changed")
    assert run_all(executor, Task("u", "toys:join_files", arguments, **named))["u"].value == {"read": "changed second"}
    assert to.read_text() == "changed second"
    assert [path.name for path in to.parent.iterdir()] == ["joined.txt"]


def test_the_executor_of_this_machine_runs_tasks_in_its_folders(executor: Executor, run_all: RunAll) -> None:
    value = run_all(executor.here, Task("t", "toys:echo", {"a": 1}))["t"].value
    assert value == {"got": {"a": 1}}
    assert executor.here.here is executor.here
