"""What the tables of `against_before.py` and `published.py` say of rows that were kept."""

from __future__ import annotations

import tomllib
from pathlib import Path

import published
import pytest
from against_before import AFTER, DEFAULT, EQUAL, Row, ratio_of, table, with_metric
from throughput import HERE

from harness.metrics import METRICS


def rows(*found: tuple[str, int, str, float]) -> dict[tuple[str, int, str, int | None], Row]:
    made = [Row(dataset, seed, side, None, test, 0.1, "candidate", 40, 60.0) for dataset, seed, side, test in found]
    return {row.key: row for row in made}


def test_a_ratio_is_the_geometric_mean_over_seeds_that_both_have() -> None:
    known = rows(
        ("digits", 1, AFTER, 0.1),
        ("digits", 1, EQUAL, 0.2),
        ("digits", 2, AFTER, 0.1),
        ("digits", 2, EQUAL, 0.8),
        ("digits", 3, AFTER, 0.1),
    )
    assert ratio_of(known, "digits", EQUAL) == pytest.approx(0.25)


def test_the_last_line_is_the_geometric_mean_over_sets() -> None:
    known = rows(
        ("digits", 1, AFTER, 0.1),
        ("digits", 1, DEFAULT, 0.2),
        ("plaid", 1, AFTER, 0.1),
        ("plaid", 1, DEFAULT, 0.8),
        ("gun_point", 1, AFTER, 0.3),
    )
    lines = table(known, DEFAULT)
    assert lines[-1] == "geometric mean at each side's defaults: 0.25 over 2 sets (wanted: at most 0.6)"
    assert [line for line in lines if line.startswith("| digits | 1 | 0.2 | 40, 60 | 0.1 | 40, 60 | 0.50 |")]
    assert not [line for line in lines if "gun_point" in line]


def test_a_set_is_swept_by_the_metric_of_the_table(tmp_path: Path) -> None:
    with_metric(HERE, "japanese_vowels", "log_loss", tmp_path)
    config = tomllib.loads((tmp_path / "japanese_vowels.toml").read_text())
    assert config["task"]["metric"] == "log_loss"
    assert config["reference"]["metric"] == "accuracy"


def test_each_published_metric_is_one_of_the_packages_own() -> None:
    assert {one.metric for one in published.PUBLISHED.values()} <= {*METRICS}


def test_a_family_behind_the_published_score_is_said_to_miss_it() -> None:
    row = published.Row("mnist1d", 1, 18.0, {"lstm": 0.8, "gru": 0.9}, {"lstm": 9, "gru": 9}, 60.0)
    (lstm, free), (gru, reached) = published.lines("mnist1d", [row])
    assert free
    assert not reached
    assert "| mnist1d | lstm | accuracy | - | 0.8 |" in lstm
    assert "| mnist1d | gru | accuracy | 0.91 | 0.9 | 0.9 | 9 | 60 | no |" in gru
    ahead = published.Row("mnist1d", 1, 18.0, {"gru": 0.92}, {"gru": 9}, 60.0)
    assert published.lines("mnist1d", [ahead])[0][1]
