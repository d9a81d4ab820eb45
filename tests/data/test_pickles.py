"""Pickled `.npy` files: arrays come out, and nothing else that a pickle could name is ever looked up."""

from __future__ import annotations

import importlib.util
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.sources import ArraysSource
from harness.data import load_dataset
from harness.data.readers.arrays import read_arrays, read_npy
from harness.errors import DataError

PIECES = [np.arange(6.0).reshape(3, 2), np.arange(10.0).reshape(5, 2)]


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("proof_that_code_ran",)


class EvilState:
    def __reduce__(self) -> Any:
        return np.ndarray, ((0,),), Evil()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_dictionary_of_arrays_comes_back(protocol: int, tmp_path: Path) -> None:
    content = {"X": PIECES, "y": np.array([1, 2]), "who": np.array(["a", "b"], object), "scale": np.float64(2)}
    path = tmp_path / "toy.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"shape": (), "fortran_order": False, "descr": "|O"})
        pickle.dump(np.array({k: v for k, v in content.items() if k != "scale"}, object), stream, protocol)
    found = read_npy(path, "toy.npy")
    assert found["who"].tolist() == ["a", "b"]
    raw = read_arrays(ArraysSource(kind="npy", path=str(path), x="X", groups="who"))
    assert raw.lengths.tolist() == [3, 5]
    assert raw.x[1, :, 1].tolist() == [1, 3, 5, 7, 9]
    assert raw.x[0, 3:].tolist() == [[0, 0], [0, 0]]
    assert raw.groups is not None
    assert raw.groups.tolist() == ["a", "b"]


@pytest.mark.parametrize("evil", [Evil(), EvilState(), {"x": Evil()}, np.array([Evil()], object)])
def test_code_in_a_pickle_is_refused_and_not_run(evil: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("toy.npy", np.array({"x": evil}, object), allow_pickle=True)
    with pytest.raises(DataError, match=r"^toy.npy: its pickle names \S+: expected NumPy's arrays and nothing else$"):
        read_npy(Path("toy.npy"), "toy.npy")
    assert not Path("proof_that_code_ran").exists()


@pytest.mark.parametrize("length", [0, 5, 60, 140, 200])
def test_a_file_that_is_cut_off_is_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "toy.npy"
    np.save(path, np.array({"x": PIECES, "y": np.arange(2)}, object), allow_pickle=True)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"^toy.npy: "):
        read_npy(path, "toy.npy")


@pytest.mark.skipif(importlib.util.find_spec("seglearn") is None, reason="seglearn holds the data")
def test_the_watch_movements_are_split_by_person() -> None:
    source = {
        "kind": "npy",
        "path": "package:seglearn/data/watch_dataset.npy",
        "x": "X",
        "groups": "subject",
    }
    config = {"name": "watch", "source": source, "task": {"kind": "classify"}, "split": {"rule": "group"}}
    data = load_dataset(DatasetConfig.model_validate(config))
    assert sum(data.facts.sizes) == 140
    assert len(data.channels) == 6
    assert len(data.classes) == 7
    raw = read_arrays(ArraysSource(**source))
    assert raw.groups is not None
    people = [set(raw.groups[part.rows].tolist()) for part in (data.train, data.validation, data.test.open())]
    assert sum(map(len, people)) == len(set.union(*people)) == 10
