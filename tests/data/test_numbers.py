"""Numbers as people have them: large counters, values that nobody measured, padding, masks and channels first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import SequenceData, load_dataset
from harness.data.readers.arrays import sequences_of
from harness.data.scaling import narrow
from harness.errors import DataError

Config = Callable[..., DatasetConfig]
Write = Callable[..., Path]
READING = 1_700_000_000 + (np.arange(960) % 24) * 2


def meter(forecast_card: Config, write_table: Write, **keys: Any) -> SequenceData:
    lookback = {"target": ["wh"], "lookback_steps": 24, "horizon_steps": 6, "season_steps": 24, **keys}
    scaling = lookback.pop("scaling", "standard")
    config = forecast_card(write_table(wh=READING), **lookback)
    encoding = config.encoding.model_copy(update={"scaling": scaling})
    return load_dataset(config.model_copy(update={"encoding": encoding}))


# --- 64 bits -----------------------------------------------------------------------------------------------------


def test_a_counter_keeps_its_values_and_its_baselines_their_errors(forecast_card: Config, write_table: Write) -> None:
    from harness.baselines import compute

    data = meter(forecast_card, write_table)
    assert len(np.unique(data.train.x)) == 24
    rows, test = READING[816:].astype(np.float64), data.test.open()
    windows = np.array([rows[at : at + 30] for at in range(len(rows) - 29)])
    persistence = np.abs(windows[:, 24:] - windows[:, 23:24]).mean()
    scores = {score.name: score.test_score for score in compute(data)}
    assert scores["persistence"] == pytest.approx(persistence, rel=1e-12)
    assert scores["seasonal naive"] == 0
    assert scores["ridge on the lags"] < 0.5
    assert np.array_equal(test.y[:, :, 0], windows[:, 24:])
    assert not any("constant" in note for note in data.facts.notes)
    assert any("64 bits" in note for note in data.facts.notes)


@pytest.mark.parametrize("scaling", ["none", "standard", "robust", "log", "difference"])
def test_a_counter_is_centred_before_it_is_rounded(forecast_card: Config, write_table: Write, scaling: str) -> None:
    data = meter(forecast_card, write_table, scaling=scaling)
    x, y = data.scaling.scale_inputs(data.train.x), data.scaling.scale_outputs(data.train.y, data.train.x)
    assert x.dtype == np.float32
    if scaling != "none":
        assert len(np.unique(x)) >= 3 if scaling == "difference" else len(np.unique(x)) == 24
        assert x.std() == pytest.approx(1, abs=0.7)
    back = data.scaling.restore_outputs(y.astype(np.float32), data.train.x)
    if scaling in ("standard", "robust", "difference"):
        assert np.abs(back - data.train.y).max() < 1e-3


@pytest.mark.parametrize(
    ("values", "bits"),
    [
        (READING, 64),
        (np.linspace(47.123456, 47.123999, 500), 64),  # degrees: a walk through one street
        (1.7e9 + 3600 * np.arange(500), 64),  # seconds since 1970 whose steps are no powers of two
        (np.where(np.arange(500) % 3 == 0, 0, 1_700_000_000 + np.arange(500)), 64),
        (np.arange(500), 32),
        (np.full(500, 0.1), 32),
        (np.random.default_rng(0).normal(20, 5, 500), 32),
        (np.append(np.random.default_rng(0).normal(20, 5, 499), 3e30), 32),
        (1.7e9 + 1024.0 * np.arange(500), 32),
    ],
    ids=range(9),
)
def test_64_bits_are_for_what_32_would_lose(values: Any, bits: int) -> None:
    assert narrow(np.asarray(values)[:, None]).dtype == np.dtype(f"float{bits}")


def test_whole_sequences_and_numbers_to_predict_keep_their_bits(
    npz_card: Config, write_npz: Callable[..., Path]
) -> None:
    random = np.random.default_rng(0)
    stamps = 1.6e9 + random.normal(0, 20, (40, 6, 1))
    plain = random.normal(size=(40, 6, 1))
    data = load_dataset(npz_card(write_npz(x=stamps, y=np.arange(40) % 2)))
    assert np.array_equal(data.train.x, stamps[data.train.rows])
    answers = stamps[:, 0, 0]
    data = load_dataset(npz_card(write_npz(x=plain, y=answers), kind="regress"))
    assert np.array_equal(data.train.y[:, 0], answers[data.train.rows])
    assert data.train.x.dtype == data.train.y.dtype == np.float64
    data = load_dataset(npz_card(write_npz(x=plain, y=plain[:, 0, 0]), kind="regress"))
    assert data.train.x.dtype == data.train.y.dtype == np.float32


# --- what was not measured ---------------------------------------------------------------------------------------


def sensor(off: range) -> list[Any]:
    noise = np.random.default_rng(0).normal(0, 10, 1000)
    return [None if row in off else f"{value:.3f}" for row, value in enumerate(noise)]


@pytest.mark.parametrize("missing", ["interpolate", "mask"])
def test_a_test_part_that_nobody_measured_is_refused(forecast_card: Config, write_table: Write, missing: str) -> None:
    config = forecast_card(
        write_table(t=range(1000), y=sensor(range(870, 990))),
        missing=missing,
        features=["y"],
        lookback_steps=24,
        horizon_steps=24,
    )
    with pytest.raises(DataError) as error:
        load_dataset(config)
    assert str(error.value) == (
        f"{config.source.path}: no window of the test part is left: of 103 a target was not measured: expected "
        "measured values there ([split] says which rows they are, [task] last_rows leaves out an end without any)"
    )


@pytest.mark.parametrize("missing", ["interpolate", "mask"])
def test_only_measured_targets_are_scored(forecast_card: Config, write_table: Write, missing: str) -> None:
    column = sensor(range(900, 930))
    data = load_dataset(forecast_card(write_table(t=range(1000), y=column), features=["y"], missing=missing))
    values = np.array([np.nan if cell is None else float(cell) for cell in column])
    whole = [
        start
        for part in (range(700), range(700, 850), range(850, 1000))
        for start in part
        if start + 6 <= part.stop and not np.isnan(values[start + 4 : start + 6]).any()
    ]
    empty = [start for start in whole if np.isnan(values[start : start + 4]).all()]
    wanted = [start for start in whole if missing == "mask" or start not in empty]
    parts = (data.train, data.validation, data.test.open())
    assert np.concatenate([part.rows for part in parts]).tolist() == wanted
    for part in parts:
        assert np.array_equal(part.y[:, :, 0], values[part.rows[:, None] + np.arange(4, 6)].astype(np.float32))
    assert "31 windows of the test part left out: a target was not measured" in data.facts.notes
    lost = "1 window of the test part left out: a channel has no value in the lookback" in data.facts.notes
    assert lost == (missing == "interpolate")


def test_a_series_of_a_panel_without_measured_targets_costs_its_windows_alone(
    forecast_card: Config, write_table: Write
) -> None:
    values = np.random.default_rng(0).normal(size=200).round(3).tolist()
    values[185:200] = [None] * 15
    config = forecast_card(write_table(s=["a"] * 100 + ["b"] * 100, y=values), missing="interpolate", id="s")
    data = load_dataset(config)
    assert len(data.test.open()) == 10
    assert "10 windows of the test part left out: a target was not measured" in data.facts.notes


@pytest.mark.parametrize(
    ("kind", "missing"), [("classify", "error"), ("regress", "error"), ("label", "error"), ("label", "interpolate")]
)
def test_an_answer_that_was_not_given_is_refused(
    npz_card: Config, write_npz: Callable[..., Path], kind: str, missing: str
) -> None:
    x = np.random.default_rng(0).normal(size=(40, 6, 1))
    y = np.tile(np.arange(40)[:, None] % 2.0, (1, 6)) if kind == "label" else np.arange(40) % 2.0
    y[3] = np.nan
    with pytest.raises(DataError, match="nan: expected"):
        load_dataset(npz_card(write_npz(x=x, y=y), kind=kind, missing=missing))


@pytest.mark.parametrize("kind", ["classify", "regress"])
@pytest.mark.parametrize("missing", ["interpolate", "mask"])
def test_sequences_without_an_answer_are_left_out_with_their_count(
    npz_card: Config, write_npz: Callable[..., Path], kind: str, missing: str
) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 6, 1)), np.arange(40) % 2.0
    y[[3, 7, 39]] = np.nan
    data = load_dataset(npz_card(write_npz(x=x, y=y), kind=kind, missing=missing))
    parts = (data.train, data.validation, data.test.open())
    rows = np.concatenate([part.rows for part in parts])
    assert sorted(rows) == np.flatnonzero(~np.isnan(y)).tolist()
    for part in parts:
        assert np.array_equal(part.x, x[part.rows].astype(np.float32))
        assert np.array_equal(part.y.reshape(-1), y[part.rows])
    assert "3 sequences without an answer left out" in data.facts.notes
    with pytest.raises(DataError, match="no sequence has an answer"):
        load_dataset(npz_card(write_npz(x=x, y=np.full(40, np.nan)), kind=kind, missing=missing))


# --- arrays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["error", "interpolate", "mask"])
def test_nan_at_the_ends_of_sequences_is_padding(
    npz_card: Config, write_npz: Callable[..., Path], missing: str
) -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 10, 40)
    x = random.normal(size=(40, 10, 2))
    x[np.arange(10) >= lengths[:, None]] = np.nan
    data = load_dataset(npz_card(write_npz(x=x, y=np.arange(40) % 2), missing=missing))
    assert data.facts.steps == (3, 9)
    for part in (data.train, data.validation, data.test.open()):
        assert part.lengths.tolist() == lengths[part.rows].tolist()
        assert part.x.shape[1] == 9
        assert not np.isnan(part.x).any()
    assert "3 to 9 steps: those at the ends without any value are padding" in data.facts.notes


def test_a_value_that_is_missing_in_one_channel_is_no_padding(npz_card: Config, write_npz: Callable[..., Path]) -> None:
    x = np.random.default_rng(0).normal(size=(40, 6, 2))
    x[:, -1, 0] = np.nan
    with pytest.raises(DataError, match=r"missing value \(40 in all\)"):
        load_dataset(npz_card(write_npz(x=x, y=np.arange(40) % 2)))
    x[5] = np.nan
    with pytest.raises(DataError, match=r"x\[5\] has no value: expected one step at least"):
        load_dataset(npz_card(write_npz(x=x, y=np.arange(40) % 2)))


def arrays(**named: Any) -> Any:
    from harness.config.sources import ArraysSource

    return sequences_of(named, ArraysSource(kind="npz", path="it"), "it", per_step=np.ndim(named["y"]) > 1)


def test_what_is_masked_is_missing() -> None:
    x = np.ma.masked_array(np.arange(24).reshape(4, 3, 2), mask=False)
    x[1, 2, 0] = np.ma.masked
    x[2, 1:] = np.ma.masked
    raw = arrays(x=x, y=np.arange(4))
    assert np.argwhere(np.isnan(raw.x)).tolist() == [[1, 2, 0]]
    assert raw.lengths.tolist() == [3, 3, 1, 3]
    ragged = arrays(x=[x[1], x[2, :1]], y=np.arange(2))
    assert np.argwhere(np.isnan(ragged.x)).tolist() == [[0, 2, 0]]


def test_channels_before_steps_are_refused_with_the_way_out() -> None:
    x = np.cumsum(np.random.default_rng(0).normal(size=(40, 3, 50)), axis=2)
    turn = r"x = x\.transpose\(0, 2, 1\)$"
    with pytest.raises(
        DataError, match=r"lengths\[0\] = 50: expected 1 to 3, the steps of x; channels first\? " + turn
    ):
        arrays(x=x, y=np.arange(40), lengths=np.full(40, 50))
    with pytest.raises(DataError, match="a step of x each; x has channels first: " + turn):
        arrays(x=x, y=np.zeros((40, 50), int))
    assert arrays(x=x, y=np.arange(40)).notes == (
        "warning: 3 steps of 50 channels, which change less from channel to channel than from step to step: are "
        "channels first? x = x.transpose(0, 2, 1)",
    )
    assert arrays(x=x.transpose(0, 2, 1), y=np.arange(40)).notes == ()
    with pytest.raises(DataError, match=r"has shape \(40, 50\): expected .* of one channel: x\[:, :, None\]$"):
        arrays(x=x[:, 0], y=np.arange(40))


# --- memory ------------------------------------------------------------------------------------------------------


def test_windows_that_overlap_share_their_memory(forecast_card: Config, write_table: Write) -> None:
    values = np.random.default_rng(0).normal(size=600).round(3)
    data = load_dataset(forecast_card(write_table(y=values), lookback_steps=60, horizon_steps=20))
    copied = [np.ascontiguousarray(part.x) for part in (data.train, data.validation)]
    for part, copy in zip((data.train, data.validation), copied, strict=True):
        assert part.x.strides[:2] == (4, 4)
        assert copy.strides[:2] == (240, 4)
        assert not part.x.flags.writeable
    import hashlib

    parts = (data.train, data.validation, data.test.open())
    told = hashlib.sha256()
    for part in parts:
        for array in (part.x, part.lengths, part.y):
            told.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    told.update(b'[["y"], ["y"], []]')
    assert data.facts.digest == told.hexdigest()[:32]
