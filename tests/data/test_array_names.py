"""An archive whose inputs are called X, as in scikit-learn's examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.config.sources import ArraysSource
from harness.data.readers.arrays import read_arrays
from harness.data.readers.unnamed import guess_sequences
from harness.errors import UsageError

INPUTS = np.arange(24.0).reshape(4, 3, 2)


def test_inputs_called_x_in_capitals(tmp_path: Path) -> None:
    np.savez(tmp_path / "waves.npz", X=INPUTS, y=np.array(["a", "b", "a", "b"]))
    raw = read_arrays(ArraysSource(kind="npz", path=str(tmp_path / "waves.npz")))
    assert raw.x.tolist() == INPUTS.tolist()
    np.savez(tmp_path / "both.npz", X=INPUTS, x=INPUTS + 1, y=np.zeros(4))
    both = read_arrays(ArraysSource(kind="npz", path=str(tmp_path / "both.npz")))
    assert both.x.tolist() == (INPUTS + 1).tolist()


def test_a_target_of_an_archive_says_what_to_do(tmp_path: Path) -> None:
    np.savez(tmp_path / "waves.npz", X=INPUTS, y=np.array(["a", "b", "a", "b"]))
    with pytest.raises(
        UsageError, match=r"--target: expected none, got .*waves.npz: an .npz's answers are its array y"
    ):
        guess_sequences(tmp_path / "waves.npz", {"target": "y"})
