"""What only worker processes have: limits, deaths, affinity, memory, threads."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.errors import ExecutorError, UsageError
from harness.executors import Done, Executor, PoolExecutor, Shared, Task
from harness.records import FailureKind

RunAll = Callable[..., dict[str, Done]]


def _pid(executor: Executor, affinity: str = "") -> int:
    """The worker that gets a task of this affinity."""
    executor.submit(Task("pid", "toys:pid", {}, affinity=affinity))
    (done,) = executor.wait(timeout_seconds=20)
    assert done.value is not None, done
    return int(done.value["pid"])


def _text_of(path: Path) -> str:
    """What a worker has written, once it is there."""
    for _ in range(1000):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.01)
    raise AssertionError(f"nothing in {path} after 10 s")


# --- deaths and limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("toys:die", {"code": 3}, "3"),
        ("toys:die", {"code": 0}, "0"),  # pebble alone would wait for its task for ever
        ("toys:kill_self", {"signal": signal.SIGKILL}, "-9 (SIGKILL)"),
        ("toys:kill_self", {"signal": signal.SIGALRM}, "-14 (SIGALRM)"),  # no limit, hence no timeout
    ],
)
def test_a_dead_worker_is_replaced_and_its_sibling_unharmed(
    two_workers: PoolExecutor, run_all: RunAll, function: str, arguments: dict[str, int], words: str
) -> None:
    ended = run_all(
        two_workers,
        Task("victim", function, arguments),
        Task("sibling", "toys:sleep", {"seconds": 0.5}, affinity="sibling"),
        Task("next", "toys:double", {"number": 4}),
    )
    assert ended["victim"].failure is FailureKind.KILLED
    assert ended["victim"].message == f"the worker ended with exit code {words}"
    assert ended["next"].value == {"doubled": 8}
    assert ended["sibling"].value == {"pid": _pid(two_workers, "sibling")}
    assert two_workers.free == two_workers.slots == 2


@pytest.mark.parametrize("function", ["toys:sleep", "toys:spin"])
def test_a_task_over_its_limit_is_killed_and_its_sibling_unharmed(
    two_workers: PoolExecutor, run_all: RunAll, function: str
) -> None:
    started = time.monotonic()
    ended = run_all(
        two_workers,
        Task("slow", function, {"seconds": 30}, limit_seconds=0.4),
        Task("sibling", "toys:sleep", {"seconds": 0.8}, affinity="sibling", limit_seconds=15),
    )
    assert time.monotonic() - started < 5
    assert (ended["slow"].failure, ended["slow"].message) == (FailureKind.TIMEOUT, "over its limit of 0.4 s")
    assert ended["sibling"].value == {"pid": _pid(two_workers, "sibling")}
    assert run_all(two_workers, Task("a", "toys:pid", {}), Task("b", "toys:pid", {})).keys() == {"a", "b"}


def test_a_task_that_allocates_without_end_is_killed_and_its_sibling_unharmed(
    two_workers: PoolExecutor, run_all: RunAll
) -> None:
    ended = run_all(
        two_workers,
        Task("greedy", "toys:allocate_without_end", {}, limit_mb=300),
        Task("sibling", "toys:sleep", {"seconds": 1.5}, affinity="sibling", limit_mb=300),
    )
    assert ended["greedy"].failure is FailureKind.OUT_OF_MEMORY
    words = re.fullmatch(r"over its limit of 300 MB \((\d+) MB\)", ended["greedy"].message)
    assert words
    assert 300 <= int(words[1]) < 1500
    assert ended["sibling"].value == {"pid": _pid(two_workers, "sibling")}


def test_a_worker_that_the_kernel_ended_for_want_of_memory_was_out_of_memory(
    monkeypatch: pytest.MonkeyPatch, run_all: RunAll, tmp_path: Path
) -> None:
    counter = tmp_path / "memory.events"
    counter.write_text("oom 0\noom_kill 7\n")
    monkeypatch.setattr("harness.executors.resources._COUNTERS", (tmp_path / "none", counter))
    with PoolExecutor() as executor:
        executor.submit(Task("t", "toys:sleep", {"seconds": 60, "started": str(tmp_path / "pid")}))
        worker = int(_text_of(tmp_path / "pid"))
        counter.write_text("oom 1\noom_kill 8\n")
        os.kill(worker, signal.SIGKILL)
        (done,) = executor.wait(timeout_seconds=20)
    assert done.failure is FailureKind.OUT_OF_MEMORY
    assert done.message == "the machine ran out of memory, and the kernel ended the worker"


@pytest.mark.parametrize("busy", [True, False])
def test_a_worker_in_anothers_place_has_what_tasks_share(run_all: RunAll, busy: bool) -> None:
    shared = Shared.of({"number": 4})
    with PoolExecutor() as executor:
        assert run_all(executor, Task("first", "toys:double", {}, shared=shared))["first"].value == {"doubled": 8}
        if busy:
            run_all(executor, Task("dies", "toys:die", {"code": 3}))
        else:
            os.kill(_pid(executor), signal.SIGKILL)
            time.sleep(1.0)  # pebble has put another worker in its place
        assert run_all(executor, Task("later", "toys:double", {}, shared=shared))["later"].value == {"doubled": 8}


def test_a_worker_killed_while_idle_costs_one_task_at_the_most(run_all: RunAll) -> None:
    with PoolExecutor() as executor:
        for pause_seconds in (0.0, 0.05, 0.1, 0.3):
            worker = _pid(executor)
            os.kill(worker, signal.SIGKILL)
            time.sleep(pause_seconds)
            done = run_all(executor, Task("t", "toys:double", {"number": 1}))["t"]
            if done.failure:
                assert done.failure is FailureKind.KILLED
                assert done.message.startswith("the worker ended")
            assert _pid(executor) != worker
        assert done.value == {"doubled": 2}  # by then its death was known


def test_tasks_and_deaths_mixed_are_all_accounted_for(two_workers: PoolExecutor, run_all: RunAll) -> None:
    def task(number: int) -> Task:
        if number % 8 == 3:
            return Task(f"dies {number}", "toys:die", {"code": number % 3})
        return Task(f"lives {number}", "toys:double", {"number": number}, affinity=f"a{number % 3}")

    ended = run_all(two_workers, *(task(number) for number in range(32)))
    assert {task_id for task_id, done in ended.items() if done.failure is FailureKind.KILLED} == {
        f"dies {number}" for number in range(3, 32, 8)
    }
    assert all(
        done.value == {"doubled": 2 * int(task_id.split()[1])}
        for task_id, done in ended.items()
        if task_id.startswith("lives")
    )


def test_a_worker_that_cannot_begin_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    before = multiprocessing.spawn.get_executable()
    multiprocessing.set_executable("/bin/false")
    try:
        with PoolExecutor() as executor:
            started = time.monotonic()
            message = ""
            try:
                executor.submit(Task("t", "toys:pid", {}))
                message = executor.wait(timeout_seconds=20)[0].message
            except ExecutorError as error:  # it was gone before its instructions were written
                message = str(error)
            assert message in (
                "the worker ended before the task began",
                "task t: no worker process can be started: BrokenProcessPool: [Errno 32] Broken pipe",
            )
            assert time.monotonic() - started < 5
            multiprocessing.set_executable(before)
            assert _pid(executor) > 0
    finally:
        multiprocessing.set_executable(before)


# --- waiting and closing ------------------------------------------------------------------------------------


def test_waiting_ends_with_its_timeout(two_workers: PoolExecutor) -> None:
    two_workers.submit(Task("t", "toys:sleep", {"seconds": 1.0}))
    started = time.monotonic()
    assert two_workers.wait(timeout_seconds=0) == []
    assert time.monotonic() - started < 0.1
    assert two_workers.wait(timeout_seconds=0.2) == []
    assert 0.2 <= time.monotonic() - started < 0.6
    assert [done.task_id for done in two_workers.wait()] == ["t"]


def test_tasks_come_back_in_the_order_they_ended(two_workers: PoolExecutor, run_all: RunAll) -> None:
    run_all(two_workers, *(Task(name, "toys:sleep", {"seconds": 0.3}) for name in "ab"))  # both are up
    two_workers.submit(Task("long", "toys:sleep", {"seconds": 0.4}))
    two_workers.submit(Task("short", "toys:sleep", {"seconds": 0.1}))
    time.sleep(1.0)
    assert [done.task_id for done in two_workers.wait()] == ["short", "long"]


def test_an_interrupted_wait_loses_nothing(two_workers: PoolExecutor) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    killer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        two_workers.submit(Task("t", "toys:sleep", {"seconds": 0.8}))
        killer.start()
        with pytest.raises(KeyboardInterrupt):
            two_workers.wait()
        killer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [done.failure for done in two_workers.wait(timeout_seconds=20)] == [None]


@pytest.mark.parametrize("function", ["toys:sleep", "toys:deaf"])
def test_closing_ends_running_workers_at_once(tmp_path: Path, function: str) -> None:
    executor = PoolExecutor(workers=2)
    for name in ("a", "b"):
        executor.submit(Task(name, function, {"seconds": 60, "started": str(tmp_path / name)}))
    pids = [int(_text_of(tmp_path / name)) for name in ("a", "b")]
    started = time.monotonic()
    executor.close()
    assert time.monotonic() - started < 2
    assert not any(psutil.pid_exists(pid) for pid in pids)  # a zombie would still exist


def test_closing_leaves_no_process_open_file_or_thread() -> None:
    with PoolExecutor(workers=2) as executor:  # the first engine starts multiprocessing's resource tracker
        _pid(executor)
    this = psutil.Process()
    before = (len(this.children(recursive=True)), this.num_fds(), threading.active_count())
    for _ in range(2):
        with PoolExecutor(workers=2) as executor:
            _pid(executor)
            executor.submit(Task("t", "toys:die", {"code": 1}))
            assert executor.wait()[0].failure is FailureKind.KILLED
    assert (len(this.children(recursive=True)), this.num_fds(), threading.active_count()) == before


# --- which worker gets a task -------------------------------------------------------------------------------


def test_a_task_goes_to_its_affinity_then_a_fresh_worker_then_the_idlest(two_workers: PoolExecutor) -> None:
    a = _pid(two_workers, "a")
    assert _pid(two_workers, "a") == a
    b = _pid(two_workers, "b")
    assert b != a  # a fresh one, though a is free
    assert _pid(two_workers, "a") == a
    assert _pid(two_workers, "c") == b  # a was used last
    assert _pid(two_workers, "a") == a
    assert _pid(two_workers, "b") == b  # b was used before a, and is c's now
    assert _pid(two_workers, "") == a


def test_a_worker_likes_what_it_ran_first_and_gets_it(run_all: RunAll) -> None:
    with PoolExecutor(2) as executor:
        assert executor.preferred_group == ""
        for affinity_group in ("one", "two"):
            executor.submit(
                Task(affinity_group, "toys:pid", {}, affinity=affinity_group, affinity_group=affinity_group)
            )
        assert executor.preferred_group == ""  # no worker is free
        pids = {}
        while done := executor.wait():
            pids |= {one.task_id: one.value["pid"] for one in done if one.value}
        assert executor.preferred_group == "one"  # the idlest
        for number, affinity_group in enumerate(("two", "one", "two")):
            task = Task(
                f"{affinity_group} {number}", "toys:pid", {}, affinity=f"new {number}", affinity_group=affinity_group
            )
            assert run_all(executor, task)[task.id].value == {"pid": pids[affinity_group]}
        assert run_all(executor, Task("else", "toys:pid", {}, affinity_group="three"))["else"].value == {
            "pid": pids["one"]
        }
        assert run_all(executor, Task("two", "toys:pid", {}, affinity_group="two"))["two"].value == {"pid": pids["two"]}
        assert executor.preferred_group == "one"  # what it ran in between changes nothing


def test_an_affinity_is_no_reason_to_wait(two_workers: PoolExecutor, run_all: RunAll) -> None:
    _pid(two_workers, "a")
    tasks = [Task(name, "toys:sleep", {"seconds": 0.3}, affinity="a") for name in ("one", "two")]
    ended = run_all(two_workers, *tasks)
    assert len({done.value["pid"] for done in ended.values() if done.value}) == 2


def test_a_worker_keeps_its_state_from_task_to_task(two_workers: PoolExecutor, run_all: RunAll) -> None:
    for name in ("one", "two"):
        done = run_all(two_workers, Task(name, "toys:remember", {"name": name}, affinity="a"))[name]
    assert done.value is not None
    assert done.value["seen"] == ["one", "two"]


# --- what a worker is like ----------------------------------------------------------------------------------

THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)


@pytest.mark.parametrize(("threads", "expected"), [(3, "3"), (None, str(max(1, len(os.sched_getaffinity(0)) // 2)))])
def test_threads_are_capped_in_workers_alone(run_all: RunAll, threads: int | None, expected: str) -> None:
    before = dict(os.environ)
    with PoolExecutor(workers=2, threads_per_worker=threads) as executor:
        done = run_all(executor, Task("t", "toys:environment", {"names": THREADS}))["t"]
    assert done.value == dict.fromkeys(THREADS, expected)
    assert dict(os.environ) == before


def test_log_level_and_gpus_are_the_users(monkeypatch: pytest.MonkeyPatch, run_all: RunAll) -> None:
    names = ["TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"]
    found = []
    for level in (None, "1"):
        if level:
            monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
        else:
            monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        with PoolExecutor() as executor:
            value = run_all(executor, Task("t", "toys:environment", {"names": names}))["t"].value
        assert value is not None
        found.append([value[name] for name in names])
    assert found == [["3", None], ["1", "5"]]


def test_a_worker_has_loaded_nothing_heavy(two_workers: PoolExecutor, run_all: RunAll) -> None:
    assert run_all(two_workers, Task("t", "toys:heavy_modules", {}))["t"].value == {"modules": []}


def test_a_worker_does_not_hear_ctrl_c(two_workers: PoolExecutor, tmp_path: Path) -> None:
    two_workers.submit(Task("t", "toys:sleep", {"seconds": 0.5, "started": str(tmp_path / "pid")}))
    os.kill(int(_text_of(tmp_path / "pid")), signal.SIGINT)
    (done,) = two_workers.wait(timeout_seconds=20)
    assert done.failure is None


def test_a_worker_grown_too_large_is_replaced_after_its_task(run_all: RunAll) -> None:
    with PoolExecutor(worker_memory_mb=150) as executor:
        pids = []
        for megabytes in (1, 1, 200, 1):
            done = run_all(executor, Task("t", "toys:grow", {"megabytes": megabytes}))["t"]
            assert done.value is not None
            pids.append(done.value["pid"])
        assert pids[0] == pids[1] == pids[2] != pids[3]
        assert not psutil.pid_exists(pids[0])


@pytest.mark.parametrize("name", ["workers", "threads_per_worker", "worker_memory_mb"])
def test_wrong_numbers_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} = 0: expected at least 1"):
        PoolExecutor(**{name: 0})


def test_a_worker_that_got_ready_has_the_module_before_its_first_task(run_all: RunAll) -> None:
    with PoolExecutor(workers=1) as executor:
        executor.prewarm("wave")
        (done,) = run_all(executor, Task("t", "toys:loaded", {"modules": ["wave", "chunk_of_nothing"]})).values()
    assert done.value == {"loaded": ["wave"]}
