"""Which GPU a worker sees, without one: the variables, the driver's folder, the slots' shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.executors import PoolExecutor, Task, visible_gpus
from harness.executors.resources import cores, default_workers, share_of

NAMES = ["CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH"]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("0", ("0",)),
        ("2, 3", ("2", "3")),
        ("", ()),
        ("-1", ()),
        ("1,-1,0", ("1",)),
        ("GPU-ab,GPU-cd", ("GPU-ab", "GPU-cd")),
    ],
)
def test_the_users_variable_is_read_as_cuda_reads_it(phrase: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "0000:01:00.0").mkdir()  # the driver's folder says one
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": phrase}, tmp_path) == expected


def test_without_the_variable_the_driver_is_asked(tmp_path: Path) -> None:
    assert visible_gpus({}, tmp_path / "no driver") == ()
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert visible_gpus({}, tmp_path) == ("0", "1")


def test_slots_go_round_the_gpus_and_share_their_memory() -> None:
    assert share_of(0, ()) == {}
    shares = [share_of(slot, ("4", "7")) for slot in range(4)]
    assert [share["CUDA_VISIBLE_DEVICES"] for share in shares] == ["4", "7", "4", "7"]
    assert {share["TF_FORCE_GPU_ALLOW_GROWTH"] for share in shares} == {"true"}


def test_each_worker_sees_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    with PoolExecutor(2) as executor:
        for name in ("one", "two"):
            executor.submit(Task(name, "toys:environment", {"names": NAMES}))
        seen = []
        while done := executor.wait():
            seen.extend(one.value for one in done)
    expected = [dict(zip(NAMES, (gpu, "true"), strict=True)) for gpu in ("5", "6")]
    assert sorted(seen, key=str) == expected


def test_workers_are_counted_by_gpus_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert default_workers(3) == 6
    assert default_workers() == 8
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert default_workers() == cores()
    with pytest.raises(UsageError, match=r"--trials-per-gpu 3: no GPU is visible here .*; expected --workers"):
        default_workers(3)
