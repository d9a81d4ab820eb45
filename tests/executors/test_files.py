"""Files that come to a machine with a task: kept by their digests, found by the paths of where they come from."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

import pytest

from harness.executors.ray import files
from harness.executors.ray.files import NodeFiles
from harness.machine import MIRROR_VARIABLE, here, processor, to_write

pytest.importorskip("ray")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_fetched_once_and_kept_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder, fetched = files.node_folder(), []
    assert folder.stat().st_mode & 0o777 == 0o700

    def bring() -> bytes:
        fetched.append(1)
        return b"data"

    slot = NodeFiles(folder)
    for path in ("/elsewhere/a.csv", "/elsewhere/b.csv"):
        slot.place(path, digest(b"data"), bring)
    assert len(fetched) == 1
    monkeypatch.setenv(MIRROR_VARIABLE, str(slot.mirror))
    assert here("/elsewhere/b.csv").read_bytes() == b"data"
    assert here(str(tmp_path)) == tmp_path  # was not brought along
    slot.prepare(["/elsewhere/made.npz"])
    to_write("/elsewhere/made.npz").write_bytes(b"weights")
    assert slot.taken(["/elsewhere/made.npz", "/elsewhere/other.npz"]) == {"/elsewhere/made.npz": b"weights"}


def test_other_content_than_its_digest_says_is_refused_and_mended(tmp_path: Path) -> None:
    slot = NodeFiles(tmp_path)
    with pytest.raises(OSError, match="a file came with another content than"):
        slot.place("/x", digest(b"data"), lambda: b"other")
    kept = tmp_path / digest(b"data")
    kept.write_bytes(b"spoilt")
    slot.place("/x", digest(b"data"), lambda: b"data")
    assert kept.read_bytes() == b"data"


def test_a_node_keeps_the_files_that_were_used_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_CACHE_BYTES", 10)
    slot = NodeFiles(tmp_path)
    for number, content in enumerate((b"aaaa", b"bbbb", b"cccc")):
        slot.place(f"/{number}", digest(content), partial(bytes, content))
        os.utime(tmp_path / digest(content), (number, number))
    assert {path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == {b"bbbb", b"cccc"}
    assert (slot.mirror / "0").read_bytes() == b"aaaa"  # what a slot has it keeps


def test_the_kind_of_processor_is_named_with_its_widest_instructions() -> None:
    assert processor().strip(", ")
    assert "\n" not in processor()
