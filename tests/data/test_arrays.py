from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import harness.data
from harness.data import Part, Scaling, Sealed

MAY_OPEN = {"training", "baselines", "export"}


def test_scaling_there_and_back() -> None:
    random = np.random.default_rng(0)
    y = (random.normal(size=(50, 3, 2)) * [1e-3, 4e5] + [7.0, -2e4]).astype(np.float32)
    flat = y.reshape(-1, 2)
    scaling = Scaling(flat.mean(0), flat.std(0), flat.mean(0), flat.std(0))
    scaled = scaling.scale_outputs(y, y[:, None])
    assert np.allclose(scaled.reshape(-1, 2).mean(0), 0, atol=1e-3)
    assert np.allclose(scaled.reshape(-1, 2).std(0), 1, atol=1e-3)
    restored = scaling.restore_outputs(scaled, y[:, None])
    assert np.abs(restored / y - 1).max() < 1e-5
    assert scaled.dtype == scaling.scale_inputs(y).dtype == restored.dtype == np.float32


def test_what_is_sealed_shows_nothing_until_opened() -> None:
    part = Part(*(np.full(2, 12345, kind) for kind in (np.float32, np.int32, np.float32, np.int64)))
    sealed = Sealed(part)
    assert "12345" not in f"{sealed!r} {sealed}"
    assert sealed.open() is part
    with pytest.raises(AttributeError):
        _ = sealed.x  # type: ignore[attr-defined]


def test_only_scoring_opens_what_is_sealed() -> None:
    package = Path(harness.data.__file__).parents[1]
    callers = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if re.search(r"\btest\.open\(\)", path.read_text(encoding="utf-8"))
    }
    assert callers <= MAY_OPEN
    assert "baselines" in callers  # or the pattern no longer finds what it looks for


def test_records_are_frozen_and_compare_by_identity() -> None:
    part = Part(*(np.zeros(2, kind) for kind in (np.float32, np.int32, np.float32, np.int64)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.x = part.y  # type: ignore[misc, assignment]
    assert part == part  # comparing arrays would raise
    assert len(part) == 2
