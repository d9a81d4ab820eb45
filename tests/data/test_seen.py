"""Which windows and sequences of new data a model has seen, wherever the old rows stand in the new table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.data.dataset import Flags
from harness.data.splits import seen_by, unseen

RANDOM = np.random.default_rng(0)
SERIES = RANDOM.normal(size=(400, 2)).round(4)
LOOKBACK, HORIZON = 12, 3


def told(old: dict[str, Any], new: dict[str, Any]) -> Flags | None:
    """Which test cases of the new card's dataset a model of the old one's has not seen."""
    first, second = DatasetConfig.model_validate(old), DatasetConfig.model_validate(new)
    seen = seen_by(load_dataset(first), first)
    assert seen is not None
    data = load_dataset(second)
    return unseen(data, second, data.test.open(), seen)


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def make(begin: int, end: int, **task: Any) -> dict[str, Any]:
        file = tmp_path / f"{begin}-{end}.csv"
        file.write_text("y,p\n" + "\n".join(f"{y},{p}" for y, p in SERIES[begin:end].tolist()))
        steps = {"lookback_steps": LOOKBACK, "horizon_steps": HORIZON}
        kind = {"kind": "forecast", "target": ["y"], "features": ["y", "p"], **steps, **task}
        return {"name": "s", "source": {"kind": "csv", "path": str(file)}, "task": kind}

    return make


@pytest.mark.parametrize("features", [["y", "p"], ["p"]])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("begin", "end"), [(0, 400), (0, 300), (7, 300), (60, 270), (90, 300), (200, 400)])
def test_a_window_is_seen_where_it_shares_an_answer(
    series: Any, begin: int, end: int, stride: int, features: list[str]
) -> None:
    old, new = (series(*rows, features=features, window_stride=stride) for rows in ((0, 300), (begin, end)))
    first = load_dataset(DatasetConfig.model_validate(old))
    answered = {
        row + LOOKBACK + step
        for part in (first.train, first.validation)
        for row in part.rows.tolist()
        for step in range(HORIZON)
    }
    rows = load_dataset(DatasetConfig.model_validate(new)).test.open().rows.tolist()
    flags = told(old, new)
    assert flags is not None
    shares = [not answered.isdisjoint(range(begin + row + LOOKBACK, begin + row + LOOKBACK + HORIZON)) for row in rows]
    if features == ["p"] and stride > 1:  # told by the inputs alone, and on the safe side
        assert not any(flags[shares])
        assert sum(flags) >= len(rows) - sum(shares) - 2 * HORIZON
    else:
        assert flags.tolist() == [not share for share in shares]


def test_windows_too_far_apart_or_cut_otherwise_tell_nothing(series: Any) -> None:
    config = DatasetConfig.model_validate(series(0, 300, window_stride=40))
    assert seen_by(load_dataset(config), config) is None
    assert told(series(0, 300), series(0, 400, window_stride=2)) is None


def test_sequences_are_known_again_in_another_order_and_among_longer_ones(tmp_path: Path) -> None:
    lengths = RANDOM.integers(3, 9, 120)
    sequences = [RANDOM.normal(size=(steps, 2)) for steps in lengths]

    def config(name: str, chosen: list[int], more: int) -> dict[str, Any]:
        x = np.zeros((len(chosen), 9 + more, 2))
        for place, number in enumerate(chosen):
            x[place, : lengths[number]] = sequences[number]
        file = tmp_path / f"{name}.npz"
        np.savez(file, x=x, y=np.arange(float(len(chosen))), lengths=lengths[chosen])
        return {"name": "s", "source": {"kind": "npz", "path": str(file)}, "task": {"kind": "regress"}}

    old = config("old", list(range(80)), 0)
    loaded = load_dataset(DatasetConfig.model_validate(old))
    trained = {*loaded.train.rows.tolist(), *loaded.validation.rows.tolist()}
    order = RANDOM.permutation(120).tolist()
    new = config("new", order, 3)
    rows = load_dataset(DatasetConfig.model_validate(new)).test.open().rows
    flags = told(old, new)
    assert flags is not None
    assert flags.tolist() == [order[row] not in trained for row in rows]
    assert set(flags.tolist()) == {True, False}


def test_pieces_of_a_text_are_known_again_when_the_text_is_shifted(tmp_path: Path) -> None:
    letters = "".join(RANDOM.choice(list("abcd"), 4000, p=[0.5, 0.3, 0.15, 0.05]))

    def config(name: str, text: str) -> dict[str, Any]:
        (tmp_path / f"{name}.txt").write_text(text)
        source = {"kind": "text", "form": "whole", "path": str(tmp_path / f"{name}.txt")}
        return {"name": "s", "source": source, "task": {"kind": "next_token", "window_steps": 20}}

    flags = told(config("old", letters), config("new", letters[1507:2507]))
    assert flags is not None
    assert not flags.any()
    flags = told(config("old", letters[:2000]), config("new", letters[2000:]))
    assert flags is not None
    assert flags.mean() > 0.7  # a run of ten of four letters may stand twice by chance
