"""Toy tables and cards for the tests of `harness.data`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig


@pytest.fixture
def forecast_card() -> Callable[..., DatasetConfig]:
    """A card over a CSV; keywords go into `[task]`, and `split`, `missing`, `kind` where they belong."""

    def make(
        path: Path | str, *, kind: str = "csv", split: Any = None, missing: str = "error", **task: Any
    ) -> DatasetConfig:
        defaults = {"kind": "forecast", "target": ["y"], "lookback_steps": 4, "horizon_steps": 2}
        return DatasetConfig.model_validate(
            {
                "name": "toy",
                "source": {"kind": kind, "path": str(path)},
                "task": defaults | task,
                "split": split or {},
                "missing": missing,
            }
        )

    return make


@pytest.fixture
def grouped_card() -> Callable[..., DatasetConfig]:
    """A card over a long table with the columns `who`, `label` and features."""

    def make(path: Path | str, *, split: Any = None, missing: str = "error", **task: Any) -> DatasetConfig:
        defaults = {"kind": "classify", "target": "label", "id": "who"}
        return DatasetConfig.model_validate(
            {
                "name": "toy",
                "source": {"kind": "csv", "path": str(path)},
                "task": defaults | task,
                "split": split or {},
                "missing": missing,
            }
        )

    return make


@pytest.fixture
def npz_card() -> Callable[..., DatasetConfig]:
    """A card over an `.npz`."""

    def make(path: Path | str, *, split: Any = None, missing: str = "error", **task: Any) -> DatasetConfig:
        return DatasetConfig.model_validate(
            {
                "name": "toy",
                "source": {"kind": "npz", "path": str(path)},
                "task": {"kind": "classify"} | task,
                "split": split or {},
                "missing": missing,
            }
        )

    return make


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Columns → a CSV."""

    def write(name: str = "toy.csv", **columns: Any) -> Path:
        lines = [",".join(columns)]
        lines += [
            ",".join("" if cell is None else str(cell) for cell in row) for row in zip(*columns.values(), strict=True)
        ]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_text(tmp_path: Path) -> Callable[..., Path]:
    """Text → a file."""

    def write(text: str | bytes, name: str = "toy.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def write_npz(tmp_path: Path) -> Callable[..., Path]:
    """Arrays → an `.npz`."""

    def write(**arrays: Any) -> Path:
        path = tmp_path / "toy.npz"
        np.savez(path, **arrays)
        return path

    return write
