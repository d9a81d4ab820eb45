"""Files from elsewhere: a download that was cut off, and archives whose names lead out of their folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.config.sources import FileSource, KerasSource
from harness.data.readers import packaged
from harness.data.readers.arrays import read_plain_arrays
from harness.data.readers.packaged import load_archive, read_keras_texts
from harness.data.readers.tables import read_table
from harness.errors import AbsentDataError, DataError

OUTSIDE = ("../outside", "../../outside", "/tmp/harness-outside", "C:\\outside", "..\\outside", "link/outside")


def test_what_a_kill_left_of_a_download_of_keras_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.empty(10, object)
    x[:] = [[1, 2, 3][: 1 + number % 3] for number in range(10)]
    stream = io.BytesIO()
    np.savez(stream, x=x, y=np.arange(10) % 2)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(packaged._SHA256, "reuters", hashlib.sha256(stream.getvalue()).hexdigest())
    cached = tmp_path / "keras" / "datasets" / "reuters.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(stream.getvalue()[:100])
    source = KerasSource(kind="keras", dataset="reuters", steps=3)
    with pytest.raises(AbsentDataError, match=r"^keras.datasets reuters: not downloaded yet: `harness datasets fetch`"):
        read_keras_texts(source)
    cached.write_bytes(stream.getvalue())
    assert len(read_keras_texts(source).texts) == 10


def files_of(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")} | {str(path) for path in Path("/tmp").glob("harness-outside*")}


def npy(array: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def hostile_zip(file: Path, **members: bytes) -> Path:
    """A zip with members that lead out of its folder, and a symbolic link that points out, beside sound ones."""
    with zipfile.ZipFile(file, "w") as archive:
        pointer = zipfile.ZipInfo("link")
        pointer.external_attr = 0o120777 << 16
        archive.writestr(pointer, "../..")
        for name in OUTSIDE:
            archive.writestr(f"{name}.npy", npy([6, 6, 6]))
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file


def test_an_archive_of_arrays_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    file = hostile_zip(folder / "x.npz", x=npy(np.ones((3, 2, 1))), y=npy([0, 1, 0]))
    before = files_of(tmp_path)
    assert read_plain_arrays(file, "x.npz", ("x", "y"))["x"].shape == (3, 2, 1)
    parts = {f"{name}_{part}": npy([1, 2]) for name in "xy" for part in ("train", "test")}
    assert load_archive(hostile_zip(folder / "x.npz", **parts), "x.npz")["x_train"].tolist() == [1, 2]
    with pytest.raises(DataError, match="expected x and y"):
        load_archive(hostile_zip(folder / "x.npz"), "x.npz")
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_table_in_an_archive_is_read_in_place(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    file = packed(folder / f"t.csv.{kind}", f"{name}.csv", b"t,v\n1,2\n3,4\n")
    before = files_of(tmp_path)
    assert read_table(FileSource(kind="csv", path=str(file)))["v"].tolist() == [2, 4]
    assert files_of(tmp_path) == before


def packed(file: Path, name: str, content: bytes) -> Path:
    """An archive with one member."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, content)
        return file
    with tarfile.open(file, "w:gz" if file.suffix == ".gz" else "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return file


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "gz", "bz2", "xz"])
def test_an_archive_that_is_garbage_is_said_in_one_line(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"t.csv.{suffix}"
    file.write_bytes(b"garbage " * 200)
    with pytest.raises(DataError, match=r"^[^\n]*: cannot be (unpacked|read as CSV): [^\n]+$"):
        read_table(FileSource(kind="csv", path=str(file)))


@pytest.mark.parametrize("pointing", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_an_archive_is_not_followed(pointing: bytes, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("t,v\n7,7\n")
    file = tmp_path / "t.csv.tar"
    with tarfile.open(file, "w") as tar:
        member = tarfile.TarInfo("t.csv")
        member.type, member.linkname = pointing, str(secret)
        tar.addfile(member)
    before = files_of(tmp_path)
    with pytest.raises(DataError, match=r"^[^\n]*: cannot be unpacked: [^\n]+$"):
        read_table(FileSource(kind="csv", path=str(file)))
    assert files_of(tmp_path) == before
