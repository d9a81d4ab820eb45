from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import SequenceData, load_dataset

Sequences = Callable[..., SequenceData]
Series = Callable[..., SequenceData]
Text = Callable[[str], SequenceData]


@pytest.fixture
def sequences(tmp_path: Path) -> Sequences:
    """A task and arrays → the dataset."""

    def make(task: dict[str, Any], **arrays: Any) -> SequenceData:
        np.savez(tmp_path / "toy.npz", **arrays)
        source = {"kind": "npz", "path": str(tmp_path / "toy.npz")}
        return load_dataset(DatasetConfig.model_validate({"name": "toy", "source": source, "task": task}))

    return make


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """Columns, and keys of the task → the forecast of `y`."""

    def make(columns: dict[str, Any], **task: Any) -> SequenceData:
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
        (tmp_path / "toy.csv").write_text("\n".join(lines))
        task = {"kind": "forecast", "target": ["y"], "lookback_steps": 12, "horizon_steps": 5} | task
        source = {"kind": "csv", "path": str(tmp_path / "toy.csv")}
        return load_dataset(DatasetConfig.model_validate({"name": "toy", "source": source, "task": task}))

    return make


@pytest.fixture
def text(tmp_path: Path) -> Text:
    """A text → the dataset of its next characters."""

    def make(whole: str) -> SequenceData:
        (tmp_path / "toy.txt").write_text(whole)
        source = {"kind": "text", "form": "whole", "path": str(tmp_path / "toy.txt")}
        task = {"kind": "next_token", "metric": "perplexity"}
        return load_dataset(DatasetConfig.model_validate({"name": "toy", "source": source, "task": task}))

    return make
