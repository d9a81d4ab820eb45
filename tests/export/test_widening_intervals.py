"""Intervals of forecasts that widen with what their targets did in the lookback."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from harness.data import load_dataset
from harness.export import Champion, load
from harness.export.artifact import FILE
from harness.export.build import calibrated
from harness.export.diagnostics import ahead
from harness.export.formats import export
from harness.export.formats.runtimes import Format
from harness.export.intervals import bounds_of, calibrate_numbers, coverage_of, moved
from harness.records import Intervals, Movement


def _windows(count: int, seed: int, restless: float) -> tuple[np.ndarray, np.ndarray]:
    """Lookbacks (count, 20, 2) and what follows (count, 3, 1) of noise, of which each other window has so much more."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(count, 23)) * np.where(np.arange(count) % 2, restless, 1.0)[:, None]
    x = np.stack([random.normal(size=(count, 20)), noise[:, :20]], axis=2)
    return x.astype(np.float32), noise[:, 20:, None].astype(np.float32)


@pytest.mark.parametrize("widening", [True, False])
def test_restless_windows_are_covered_as_calm_ones_are(widening: bool) -> None:
    x, truth = _windows(4000, 0, 5.0)
    said = np.zeros_like(truth)
    found = calibrate_numbers(truth[:2000], said[:2000], 2000, x[:2000], (1,) if widening else ())
    assert (found.movement is not None) is widening
    shares = []
    for part in (slice(2000, None, 2), slice(2001, None, 2)):
        covered = {one.level: one.share for one in coverage_of(found, truth[part], said[part], 1000, x[part])}
        shares.append(covered[80])
    calm, restless = shares
    if widening:
        assert shares == pytest.approx([0.80, 0.80], abs=0.05)
    else:
        assert calm > 0.99
        assert restless < 0.65


def test_each_series_of_a_panel_is_covered_whatever_its_scale() -> None:
    """Half of the series are a thousand times as large as the others: none pays for the others' width."""
    x, truth = _windows(4000, 0, 1000.0)
    said = np.zeros_like(truth)
    found = calibrate_numbers(truth[:2000], said[:2000], 2000, x[:2000], (1,))
    assert found.movement is not None
    for part, scale in ((slice(2000, None, 2), 1.0), (slice(2001, None, 2), 1000.0)):
        covered = {one.level: one.share for one in coverage_of(found, truth[part], said[part], 1000, x[part])}
        assert covered[80] == pytest.approx(0.80, abs=0.05)
        lower, upper = bounds_of(found, said[part], 80, x[part])
        assert float((upper - lower).mean()) / scale == pytest.approx(2 * 1.28, rel=0.2)


def test_stationary_series_are_covered_to_two_points_either_way() -> None:
    for seed in range(3):
        x, truth = _windows(2000, seed, 1.0)
        said = np.zeros_like(truth)
        found = calibrate_numbers(truth[:1000], said[:1000], 1000, x[:1000], (1,))
        forced = Movement((1,), (0.0,))
        by = moved(forced, x)[:, None]
        wide = calibrate_numbers(truth[:1000] / by[:1000], said[:1000], 1000)
        for one in (found, replace(wide, movement=forced)):
            covered = coverage_of(one, truth[1000:], said[1000:], 1000, x[1000:])
            assert max(abs(each.share - each.level / 100) for each in covered) <= 0.02


def test_the_movement_is_the_mean_absolute_change() -> None:
    x = np.array([[[0, 1, 9], [0, 3, 9], [0, 2, 9]], [[0, np.nan, 9], [0, 5, 9], [0, 5, 9]]], np.float32)
    by = moved(Movement((1, 2), (0.5, 0.25)), x)
    assert by.tolist() == [[1.5 + 0.5, 0.25], [0.5, 0.25]]
    found = Intervals(9, {"80": ((2.0, 10.0), (4.0, 20.0))}, movement=Movement((1, 2), (0.5, 0.25)))
    lower, upper = bounds_of(found, np.zeros((2, 2, 2), np.float32), 80, x)
    assert upper.tolist() == [[[4, 2.5], [8, 5]], [[1, 2.5], [2, 5]]]
    assert (lower == -upper).all()


def test_many_windows_move_as_few_do() -> None:
    x, _ = _windows(5000, 3, 2.0)
    by = Movement((1,), (0.1,))
    assert moved(by, x)[4100:4200] == pytest.approx(moved(by, x[4100:4200]))


@pytest.mark.parametrize(
    ("cases", "lookback", "channels", "flat"),
    [(37, 20, (1,), False), (38, 1, (1,), False), (38, 20, (-1,), False), (38, 20, (), False), (38, 20, (1,), True)],
)
def test_where_there_is_too_little_to_go_by_all_are_as_wide(
    cases: int, lookback: int, channels: tuple[int, ...], flat: bool
) -> None:
    x, truth = _windows(38, 0, 9.0)
    x = x[:, :lookback] * (0.0 if flat else 1.0)
    assert calibrate_numbers(truth, np.zeros_like(truth), cases, x, channels).movement is None
    x, truth = _windows(38, 0, 9.0)
    assert calibrate_numbers(truth, np.zeros_like(truth), 38, x, (1,)).movement is not None


@pytest.fixture(scope="module")
def restless(build_champion_of: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A champion of fixed weights of a series that is restless for 60 hours in every 120."""
    folder = tmp_path_factory.mktemp("restless")
    hours = np.arange(1500)
    spread = np.where(hours // 60 % 2, 200.0, 40.0)
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=1500, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "demand": 5000 + np.random.default_rng(0).normal(0, 1, 1500) * spread,
            "temperature": 15 + 5 * np.cos(hours / 24 * 2 * np.pi),
            "holiday": hours % 7 == 0,
        }
    )
    frame.to_csv(folder / "load.csv", index=False)
    task = {"kind": "forecast", "target": ["demand"], "features": ["demand", "temperature", "holiday"], "time": "time"}
    config = {
        "name": "load",
        "source": {"kind": "csv", "path": str(folder / "load.csv")},
        "task": {**task, "lookback_steps": 12, "horizon_steps": 4, "unit": "MWh"},
    }
    built = build_champion_of(config, folder, folder / "load.csv")
    champion = load(built.folder)
    data = load_dataset(champion.description.dataset_config)
    constant = SimpleNamespace(predict=lambda x, *_: np.full((len(x), 4, 1), 5000, np.float32))
    test = data.test.open()
    found = calibrated(data, cast("Champion", constant), test, constant.predict(test.x))
    plain = {**json.loads((built.folder / FILE).read_text(encoding="utf-8")), "intervals": found.to_json()}
    (built.folder / FILE).write_text(json.dumps(plain), encoding="utf-8")
    return built


def test_a_champion_of_a_restless_series_says_wider_intervals_in_restless_times(restless: Any) -> None:
    champion = load(restless.folder)
    found = champion.description.intervals
    assert found is not None
    assert found.movement is not None
    test = load_dataset(champion.description.dataset_config).test.open()
    given = champion.predict(test.x, interval=(80,))
    wide = (given.upper[80] - given.lower[80])[:, 0, 0]
    assert wide.max() > 3 * wide.min()
    assert {one.level: one.share for one in found.coverage}[80] == pytest.approx(0.8, abs=0.1)
    frame = pd.read_csv(restless.data)
    table = champion.predict_frame(frame, interval=(80,))
    alone = Movement((0,), found.movement.least)
    half = np.array(found.half_widths["80"])[:, 0] * moved(alone, frame[["demand"]].to_numpy()[None, -12:])[0, 0]
    assert (table["demand_upper_80"] - table["demand"]).to_numpy() == pytest.approx(half, rel=1e-3)

    drawn = ahead(champion.description, test.x[:3], given.prediction[:3], ["a", "b", "c"]).forecast
    assert drawn is not None
    shown = [one.moved * drawn.half_widths["80"][0] for one in drawn.windows]
    assert shown == pytest.approx(wide[:3] / 2, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(Format))
def test_every_export_widens_them_alike(restless: Any, kind: Format, tmp_path: Path) -> None:
    champion, folder = load(restless.folder), tmp_path / "out"
    export(champion, kind, folder)
    own = runpy.run_path(str(folder / "predict.py"))
    x = load_dataset(champion.description.dataset_config).test.open().x[:40]
    given = champion.predict(x, interval=(80,))
    bounds = own["interval"](own["predict"](x), 80, x)
    for mine, expected in zip(bounds, (given.lower[80], given.upper[80]), strict=True):
        assert np.abs(mine - expected).max() <= 1e-4 * given.prediction.std() + 1e-6 * np.abs(expected).max()
