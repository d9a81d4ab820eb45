# ruff: noqa: E501 - a fault and its message stand on one line
from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.sources import ArraysSource
from harness.data import load_dataset
from harness.data.readers.arrays import read_arrays, read_plain_arrays
from harness.errors import DataError

X = np.arange(24.0).reshape(4, 3, 2)


def source(path: Path) -> ArraysSource:
    return ArraysSource(kind="npz", path=str(path))


def test_arrays_become_sequences(write_npz: Callable[..., Path]) -> None:
    raw = read_arrays(source(write_npz(x=X, y=np.array(["a", "b", "a", "b"]))))
    assert np.array_equal(raw.x, X)
    assert (raw.lengths.tolist(), raw.channels) == ([3, 3, 3, 3], ("channel_1", "channel_2"))
    assert raw.y.tolist() == ["a", "b", "a", "b"]


def test_whatever_stands_beyond_a_length_is_padding(write_npz: Callable[..., Path]) -> None:
    x = X.copy()
    x[1, 1:] = np.nan
    x[2, 2:] = np.inf
    raw = read_arrays(source(write_npz(x=x, y=np.arange(4.0)[:, None], lengths=np.array([3, 1, 2, 3], np.uint8))))
    assert raw.lengths.dtype == np.int32
    assert raw.x[1].tolist() == [[6, 7], [0, 0], [0, 0]]
    assert raw.x[2, 2].tolist() == [0, 0]
    assert raw.y.tolist() == [0, 1, 2, 3]


def test_truth_values_and_whole_numbers_as_inputs(write_npz: Callable[..., Path]) -> None:
    assert np.array_equal(read_arrays(source(write_npz(x=X > 5, y=np.zeros(4)))).x, X > 5)
    assert read_arrays(source(write_npz(x=X.astype(np.int8), y=np.zeros(4)))).x.sum() == X.sum()


def test_inputs_alone_for_a_prediction(write_npz: Callable[..., Path]) -> None:
    assert read_arrays(source(write_npz(x=X)), labelled=False).y.size == 0


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("no x", {"inputs": X, "y": np.zeros(4)}, "toy.npz: has no array 'x'. Known: inputs, y"),
    ("no y", {"x": X, "yy": np.zeros(4)}, "toy.npz: has no array 'y'. Did you mean yy?"),
    ("flat x", {"x": X[:, :, 0], "y": np.zeros(4)}, "toy.npz: x has shape (4, 3): expected (sequences, steps, channels), none of them 0; of one channel: x[:, :, None]"),
    ("empty x", {"x": X[:0], "y": np.zeros(0)}, "toy.npz: x has shape (0, 3, 2): expected (sequences, steps, channels), none of them 0"),
    ("text in x", {"x": X.astype(str), "y": np.zeros(4)}, "toy.npz: x holds <U32: expected numbers"),
    ("infinite", {"x": np.where(X == 9, np.inf, X), "y": np.zeros(4)}, "toy.npz: x[1, 1, 1]: inf: expected a finite number, at most 3.4e38 in size"),
    ("few answers", {"x": X, "y": np.zeros(3)}, "toy.npz: y has shape (3,): expected 4 values, one a sequence"),
    ("wide answers", {"x": X, "y": np.zeros((4, 2))}, "toy.npz: y has shape (4, 2): expected 4 values, one a sequence"),
    ("times as answers", {"x": X, "y": np.zeros(4, "datetime64[s]")}, "toy.npz: y holds datetime64[s]: expected numbers or text"),
    ("ragged", {"x": X, "y": np.zeros(4), "lengths": np.array([3, 4, 1, 1])}, "toy.npz: lengths[1] = 4: expected 1 to 3, the steps of x"),
    ("no steps", {"x": X, "y": np.zeros(4), "lengths": np.array([3, 3, 0, 1])}, "toy.npz: lengths[2] = 0: expected 1 to 3, the steps of x"),
    ("few lengths", {"x": X, "y": np.zeros(4), "lengths": np.array([3, 3])}, "toy.npz: lengths is int64 of shape (2,): expected 4 whole numbers, one a sequence"),
    ("halves", {"x": X, "y": np.zeros(4), "lengths": np.full(4, 1.5)}, "toy.npz: lengths is float64 of shape (4,): expected 4 whole numbers, one a sequence"),
    ("objects", {"x": np.array([[1], [1, 2]], dtype=object), "y": np.zeros(2)}, "toy.npz: holds a pickle, which could run code when opened and is refused: expected plain arrays"),
]  # fmt: skip


@pytest.mark.parametrize(("arrays", "message"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_one_fault_one_line(
    arrays: dict[str, Any],
    message: str,
    write_npz: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read_arrays(source(write_npz(**arrays)))


class Trap:
    """Would leave a trace if unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("unpickled"),))


def test_a_pickle_is_refused_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match="holds a pickle, which could run code"):
        read_arrays(ArraysSource(kind="npz", path="toy.npz"))
    assert not Path("unpickled").exists()


def test_files_that_are_no_archive(tmp_path: Path, write_npz: Callable[..., Path]) -> None:
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(DataError, match=r"one\.npy: holds one array: expected an \.npz with x and y"):
        read_arrays(source(tmp_path / "one.npy"))
    whole = write_npz(x=np.random.default_rng(0).normal(size=(50, 30, 4)), y=np.zeros(50)).read_bytes()
    for size in (1, 10, 200, len(whole) // 2, len(whole) - 10):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.npz: (cannot be read as \.npz|is no \.npz|holds a pickle)[^\n]*$"):
            read_arrays(source(tmp_path / "cut.npz"))
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    (tmp_path / "cut.npz").write_bytes(damaged)
    with pytest.raises(DataError, match=r"cut\.npz: cannot be read as \.npz"):
        read_arrays(source(tmp_path / "cut.npz"))


def test_missing_values_are_named(write_npz: Callable[..., Path], npz_card: Callable[..., DatasetConfig]) -> None:
    x = np.ones((40, 3, 2))
    x[7, 2, 1] = np.nan
    path = write_npz(x=x, y=np.arange(40) % 2)
    with pytest.raises(DataError, match=r"toy\.npz: x\[7\], channel 'channel_2', step 3: missing value \(1 in all\)"):
        load_dataset(npz_card(path))


def test_channels_can_be_chosen(write_npz: Callable[..., Path], npz_card: Callable[..., DatasetConfig]) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3, 3)).astype(np.float32)
    path = write_npz(x=x, y=np.arange(40) % 2)
    data = load_dataset(npz_card(path, features=["channel_3", "channel_1"]))
    assert data.channels == ("channel_3", "channel_1")
    assert np.array_equal(data.train.x, x[data.train.rows][:, :, [2, 0]])
    with pytest.raises(DataError, match=r"has no channel 'chanel_1' \(\[task\] features\)\. Did you mean channel_1"):
        load_dataset(npz_card(path, features=["chanel_1"]))


def test_a_gap_before_the_padding_is_filled_from_real_steps_only(
    write_npz: Callable[..., Path], npz_card: Callable[..., DatasetConfig]
) -> None:
    x = np.full((40, 6, 1), 8.0)
    lengths = np.full(40, 6)
    x[5, 2], lengths[5] = np.nan, 3
    data = load_dataset(npz_card(write_npz(x=x, y=np.arange(40) % 2, lengths=lengths), missing="interpolate"))
    parts = (data.train, data.validation, data.test.open())
    (filled,) = [part.x[at, :, 0] for part in parts for at, row in enumerate(part.rows) if row == 5]
    assert filled.tolist() == [8, 8, 8, 0, 0, 0]


def test_a_file_that_is_no_archive_is_not_called_a_pickle(tmp_path: Path) -> None:
    file = tmp_path / "toy.npz"
    file.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"toy\.npz: is no \.npz: expected an archive with x and y \(numpy\.savez\)$"):
        read_plain_arrays(file, "toy.npz", ())
