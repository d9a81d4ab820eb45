"""What tasks tell while they run: heard where somebody listens, lost without harm where nobody does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.executors import Executor, InProcessExecutor, PoolExecutor, Task
from harness.notes import Mailbox, Note, Post, tell, telling

ENGINES: dict[str, Callable[[], Executor]] = {"in process": InProcessExecutor, "a worker": PoolExecutor}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.usefixtures("_toys_importable")
def test_notes_are_heard_in_order_with_their_task(engine: str) -> None:
    with ENGINES[engine]() as executor:
        executor.submit(Task("one", "toys:tells", {"notes": 3, "letters": 5}))
        (done,) = executor.wait()
        assert done.value == {"taken": [True, True, True]}
        assert executor.notes() == [Note("one", {"number": number, "text": "xxxxx"}) for number in range(3)]
        assert executor.notes() == []


@pytest.mark.usefixtures("_toys_importable")
def test_a_note_that_is_too_long_or_too_many_is_lost_and_the_task_goes_on() -> None:
    with PoolExecutor() as executor:
        executor.submit(Task("long", "toys:tells", {"notes": 1, "letters": 100_000}))
        assert [done.value for done in executor.wait()] == [{"taken": [False]}]
        executor.submit(Task("many", "toys:tells", {"notes": 20_000, "letters": 100}))
        (done,) = executor.wait()
        assert done.value is not None
        heard = executor.notes()
        assert [note.values["number"] for note in heard] == list(range(len(heard))), "those that came first"
        assert 0 < len(heard) < 20_000


def test_nobody_listens() -> None:
    assert not tell({"epoch": 1})
    with telling("one", lambda _: True):
        assert tell({"epoch": 1})
    assert not tell({"epoch": 1})


def test_a_mailbox_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox()
    folder = Path(mailbox.address).parent
    assert folder.stat().st_mode & 0o077 == 0, "nobody else enters it"
    monkeypatch.setenv("HARNESS_NOTES", mailbox.address)
    post = Post.to_parent()
    assert post(Note("one", {"epoch": 1}))
    mailbox.close()
    mailbox.close()
    assert not folder.exists()
    assert not post(Note("one", {"epoch": 2})), "its sender is none the worse"
    assert mailbox.read() == []
    post.close()


def test_what_a_killed_parent_left_goes_with_the_next_mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = "import os, signal; from harness.notes import Mailbox; box = Mailbox(); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    (left,) = tmp_path.iterdir()
    os.utime(left, (0, 0))
    first, second = Mailbox(), Mailbox()
    assert not left.exists()
    assert {Path(box.address).parent for box in (first, second)} == set(tmp_path.iterdir()), "those that live stay"
    first.close()
    second.close()
    assert not list(tmp_path.iterdir())


def test_a_place_without_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    mailbox = Mailbox()
    assert mailbox.address == ""
    assert mailbox.read() == []
    monkeypatch.setenv("HARNESS_NOTES", mailbox.address)
    assert not Post.to_parent()(Note("one", {}))
    assert list(deep.iterdir()) == []


def test_what_is_heard_while_a_task_runs(two_workers: PoolExecutor) -> None:
    two_workers.submit(Task("slow", "toys:tells_and_sleeps", {"seconds": 5.0}))
    end = time.monotonic() + 30
    heard: list[Note] = []
    while not heard and time.monotonic() < end:
        assert two_workers.wait(0.1) == []
        heard = two_workers.notes()
    assert heard == [Note("slow", {"number": 1})]
    two_workers.drop()
