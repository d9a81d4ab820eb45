"""The ten further sets of `against_before.py`: half forecasts, each from a config that this version reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from against_before import CARDS, DEFAULT, FURTHER, Row, table, with_metric
from throughput import HERE

from harness.config import find_dataset
from harness.data import load_dataset

ATLAS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "atlas"


def test_half_of_the_ten_are_forecasts(tmp_path: Path) -> None:
    assert {path.stem for path in CARDS.glob("*.toml")} == {*FURTHER}
    kinds = []
    for name in FURTHER:
        with_metric(HERE, name, "log_loss", tmp_path, tmp_path)
        task = find_dataset(name, [tmp_path]).config.task
        kinds.append(task.kind)
        assert task.metric == ("mae" if task.kind == "forecast" else "log_loss")
    assert kinds.count("forecast") == 5 == len(kinds) / 2


def test_what_is_wanted_of_them_is_their_own() -> None:
    made = [
        Row("coffee", 1, side, None, test, 0.1, "candidate", 40, 60.0) for side, test in (("after", 1), (DEFAULT, 2))
    ]
    assert table({row.key: row for row in made}, DEFAULT)[-1].endswith("0.50 over 1 sets (wanted: at most 0.85)")


def test_a_further_set_loads_from_the_given_folder(tmp_path: Path) -> None:
    if not ATLAS.is_dir():
        pytest.skip("the Atlas is not here")
    with_metric(HERE, "coffee", "log_loss", tmp_path, ATLAS)
    assert load_dataset(find_dataset("coffee", [tmp_path]).config).facts.sizes[2] == 28
