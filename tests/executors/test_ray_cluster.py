"""What a cluster alone can do, and what it is refused for; run by `test_ray.py` where there is one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import ExecutorError, UsageError
from harness.executors import Done, Task
from harness.executors.lanes import LOST_ATTEMPTS
from harness.records import FailureKind
from harness.sweeps.trials import run_one

ADDRESS = os.environ.get("HARNESS_TEST_RAY", "")
pytestmark = pytest.mark.skipif(not ADDRESS, reason="run by test_ray.py inside a network namespace")

if ADDRESS:
    from harness.executors.ray import Needs, RayExecutor


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def executor(said: list[str], _toys_importable: None) -> Iterator[RayExecutor]:
    with RayExecutor(ADDRESS, slots=2, say=said.append) as executor:
        yield executor


def refusal(**options: object) -> str:
    """Why a cluster is refused, which takes no longer than ten seconds to say."""
    began = time.monotonic()
    address = str(options.pop("address", ADDRESS))
    with pytest.raises(UsageError) as caught:
        RayExecutor(address, **options).close()
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nodes_slots_and_processors_are_named(executor: RayExecutor, said: list[str]) -> None:
    assert len(executor.machines) == executor.slots == 2
    assert said[-1] == f"Ray at {ADDRESS}: 2 slots on 1 node"
    assert said[0].endswith(executor.machines[0].processor)


def test_a_task_whose_machine_is_lost_is_no_failure_of_the_task(
    executor: RayExecutor, run_all: Callable[..., dict[str, Done]], said: list[str]
) -> None:
    done = run_all(executor, Task("t#1", "toys:kill_parent", {}))["t#1"]
    assert done.failure is FailureKind.LOST
    assert said[-1].endswith("t is tried again")
    with pytest.raises(ExecutorError, match=rf"^t: lost with its machine {1 + LOST_ATTEMPTS} times, at last: "):
        run_one(executor, Task("t", "toys:kill_parent", {}))
    assert run_one(executor, Task("u", "toys:double", {"number": 1})) == {"doubled": 2}


def test_limits_are_the_workers_own_on_a_node_too(
    executor: RayExecutor, run_all: Callable[..., dict[str, Done]]
) -> None:
    slow = Task("slow", "toys:sleep", {"seconds": 30}, limit_seconds=0.4)
    greedy = Task("greedy", "toys:allocate_without_end", {}, limit_mb=300)
    ended = run_all(executor, slow, greedy)
    assert (ended["slow"].failure, ended["slow"].message) == (FailureKind.TIMEOUT, "over its limit of 0.4 s")
    assert ended["greedy"].failure is FailureKind.OUT_OF_MEMORY


def test_a_head_that_does_not_answer_is_refused() -> None:
    assert refusal(address="127.0.0.1:9") == (
        "--address 127.0.0.1:9: no cluster answers there (Connection refused); `ray start --head` begins one"
    )
    assert "expected HOST:PORT" in refusal(address="ray://somewhere")


def test_more_than_any_node_has_is_refused(executor: RayExecutor) -> None:
    assert "no slot on any of 1 nodes: a slot takes 4 GPU, and no node has more than 0" in refusal(needs=Needs(gpus=4))
    assert "a slot takes 1 big, and no node has more than 0" in refusal(needs=Needs(resources={"big": 1}))


def test_nodes_that_others_hold_are_refused(executor: RayExecutor) -> None:
    assert "no slot has come in 8 s: others' work may hold the nodes" in refusal(needs=Needs(cpus=5))


def test_a_node_with_other_versions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "numpy-99.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert ", here 99.0: expected the same versions" in refusal(slots=1)


def test_data_larger_than_the_object_store_are_refused(executor: RayExecutor, tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(101_000_000)
    with pytest.raises(
        UsageError, match=r"large\.csv: 101 MB of data, and the object store of .* has 100 MB: expected --sh"
    ):
        executor.require_room([str(tmp_path / "large.csv")])


def test_code_that_a_node_cannot_load_is_found_before_the_sweep(executor: RayExecutor, tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("import not_on_any_node\n\ndef build_model(hp): ...\n")
    task = Task("code", "harness.user_code:load_functions", {"locations": [f"{code}:build_model"]}, inputs=(str(code),))
    (done,) = executor.on_every_node(task).values()
    assert done.message.endswith("cannot be loaded: ModuleNotFoundError: No module named 'not_on_any_node'")
