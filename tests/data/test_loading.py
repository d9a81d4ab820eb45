from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import Part, SequenceData, cached_dataset, load_dataset
from harness.data.finalize import digest
from harness.records import DataFacts, Direction, TaskKind

Config = Callable[..., DatasetConfig]
Table = Callable[..., Path]
MARK = 1e9
"""No honest value comes near it."""


def arrays(part: Part) -> list[Any]:
    return [part.x, part.y]


def largest(*values: Any) -> float:
    return max(float(np.abs(value).max()) for value in values)


def scaling_arrays(data: SequenceData) -> list[Any]:
    names = [field.name for field in dataclasses.fields(data.scaling)]
    return [getattr(data.scaling, name) for name in names if name.startswith(("input", "output"))]


def touched(part: Part, window: int) -> set[int]:
    return {row for start in part.rows for row in range(start, start + window)}


# --- forecasts: nothing of the future ---


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("missing", ["error", "interpolate"])
def test_nothing_of_the_future_reaches_training(
    gap: int, stride: int, missing: str, write_table: Table, forecast_card: Config
) -> None:
    rows = 200
    test, validation = range(170, 200), range(140 - gap, 170 - gap)
    keys: dict[str, Any] = {"split": {"gap_steps": gap}, "missing": missing, "window_stride": stride}

    def load(first_marked: int) -> SequenceData:
        random = np.random.default_rng(0)
        values = random.normal(size=(rows, 2))
        values[first_marked:] = MARK
        columns: list[list[Any]] = [list(column) for column in values.T]
        if missing == "interpolate":  # holes at both sides of every edge, where a careless filling looks across
            for edge in (test.start, validation.start, validation.start - gap, test.start - gap):
                for row in range(edge - 2, edge + 2):
                    columns[0][row] = columns[1][row] = None
        return load_dataset(forecast_card(write_table(a=columns[0], y=columns[1]), features=["a", "y"], **keys))

    everything_later = load(validation.start - gap)
    assert largest(*arrays(everything_later.train), *scaling_arrays(everything_later)) < 10
    assert largest(*arrays(everything_later.validation)) == MARK
    test_alone = load(test.start - gap)
    assert largest(*arrays(test_alone.train), *arrays(test_alone.validation), *scaling_arrays(test_alone)) < 10
    assert largest(*arrays(test_alone.test.open())) == MARK


@pytest.mark.parametrize("gap", [0, 7])
def test_no_window_of_one_part_overlaps_one_of_another(gap: int, write_table: Table, forecast_card: Config) -> None:
    path = write_table(y=range(300))
    data = load_dataset(forecast_card(path, split={"gap_steps": gap}, lookback_steps=10, horizon_steps=5))
    parts = (data.train, data.validation, data.test.open())
    rows = [touched(part, 15) for part in parts]
    for earlier, later in itertools.pairwise(rows):
        assert max(earlier) + gap < min(later)
    for part in parts:  # and the rows are what they say they are
        assert np.array_equal(part.x[:, 0, 0], part.rows)
        assert np.array_equal(part.y[:, -1, 0], part.rows + 14)


def test_scaling_is_of_the_training_rows_alone(write_table: Table, forecast_card: Config) -> None:
    values = np.random.default_rng(1).normal(5, 3, 200)
    data = load_dataset(forecast_card(write_table(y=values), lookback_steps=10, window_stride=7))
    train = values[:140]
    assert data.scaling.input_mean == pytest.approx([train.mean()], rel=1e-5)
    assert data.scaling.output_scale == pytest.approx([train.std()], rel=1e-5)


def test_last_rows_count_in_the_source(write_table: Table, forecast_card: Config) -> None:
    data = load_dataset(forecast_card(write_table(y=range(1000)), last_rows=100))
    assert data.train.rows[0] == 900
    assert data.train.x[0, 0, 0] == 900
    assert data.facts.notes == ("last 100 of 1,000 rows",)
    assert data.facts.split == (
        "by time: train rows 901–970, validation rows 971–985, test rows 986–1,000; "
        "no window crosses from one to another"
    )


def test_a_forecast_knows_its_channels_and_targets(write_table: Table, forecast_card: Config) -> None:
    random = np.random.default_rng(0)
    path = write_table(**{name: random.normal(size=100) for name in "abyz"})
    config = forecast_card(path, features=["a", "y"], target=["z", "y"], season_steps=3, metric="rmse", unit="MWh")
    data = load_dataset(config)
    assert (data.channels, data.targets, data.target_channels) == (("a", "y"), ("z", "y"), (-1, 1))
    assert (data.task, data.horizon_steps, data.season_steps) == (TaskKind.FORECAST, 2, 3)
    assert (data.objective.metric, data.objective.direction, data.objective.unit) == ("rmse", Direction.MIN, "MWh")
    assert data.train.y.shape[1:] == (2, 2)
    assert not data.masked
    assert data.scaling.output_mean.shape == (2,)


def test_a_channel_without_a_value_to_train_on(write_table: Table, forecast_card: Config) -> None:
    from harness.errors import DataError

    late = [None] * 150 + list(range(50))
    config = forecast_card(write_table(a=late, y=range(200)), features=["a"], missing="interpolate")
    with pytest.raises(DataError, match="column 'a' has no value in the training part"):
        load_dataset(config)
    early = list(range(150)) + [None] * 50
    config = forecast_card(write_table(a=early, y=range(200)), features=["a"], missing="interpolate")
    with pytest.raises(
        DataError, match="no window of the test part is left: of 25 a channel has no value in the lookback: expected"
    ):
        load_dataset(config)


# --- sequences: nothing of the sequences held out ---


@pytest.mark.parametrize(
    ("rule", "kind"), [("stratified", "classify"), ("shuffled", "classify"), ("shuffled", "regress")]
)
def test_nothing_of_the_sequences_held_out_reaches_training(
    rule: str, kind: str, write_npz: Callable[..., Path], npz_card: Config
) -> None:
    random = np.random.default_rng(0)
    x, lengths = random.normal(size=(120, 6, 2)), random.integers(1, 7, 120)
    y = random.integers(0, 3, 120) if kind == "classify" else random.normal(size=120)

    def load(marked: Any) -> SequenceData:
        values, answers = x.copy(), y.copy()
        values[marked] = MARK
        if kind == "regress":
            answers[marked] = MARK
        path = write_npz(x=values, y=answers, lengths=lengths)
        return load_dataset(npz_card(path, kind=kind, split={"rule": rule, "seed": 3}))

    plain = load([])
    held_out = load([*plain.validation.rows, *plain.test.open().rows])
    for before, after in zip(arrays(plain.train), arrays(held_out.train), strict=True):
        assert np.array_equal(before, after)
    for before, after in zip(scaling_arrays(plain), scaling_arrays(held_out), strict=True):
        assert np.array_equal(before, after)
    assert largest(held_out.validation.x) == largest(held_out.test.open().x) == MARK
    test_alone = load(plain.test.open().rows)
    assert np.array_equal(plain.validation.x, test_alone.validation.x)
    assert largest(*scaling_arrays(test_alone)) < 10


def test_nothing_of_an_archives_test_part_reaches_training(tmp_path: Path) -> None:
    random = np.random.default_rng(0)

    def write(name: str, n: int, value: float | None) -> str:
        lines = ["@classLabel true a b", "@data"]
        for number in range(n):
            values = random.normal(size=5) if value is None else np.full(7, value)
            lines.append(",".join(map(str, values)) + ":" + "ab"[number % 2])
        (tmp_path / name).write_text("\n".join(lines))
        return str(tmp_path / name)

    source = {"kind": "ts", "train": write("train.ts", 40, None), "test": write("test.ts", 10, MARK)}
    data = load_dataset(DatasetConfig.model_validate({"name": "toy", "source": source, "task": {"kind": "classify"}}))
    assert largest(data.train.x, data.validation.x, *scaling_arrays(data)) < 10
    assert largest(data.test.open().x) == MARK
    assert sorted([*data.train.rows, *data.validation.rows]) == list(range(40))
    assert data.test.open().rows.tolist() == list(range(40, 50))
    assert data.masked
    assert data.train.x.shape[1] == 7  # one shape for all parts


def test_scaling_counts_real_steps_only(write_npz: Callable[..., Path], npz_card: Config) -> None:
    random = np.random.default_rng(0)
    x, lengths = random.normal(50, 4, size=(80, 9, 2)), random.integers(2, 10, 80)
    data = load_dataset(npz_card(write_npz(x=x, y=np.arange(80) % 2, lengths=lengths)))
    real = np.concatenate([x[row, : lengths[row]] for row in data.train.rows])
    assert data.scaling.input_mean == pytest.approx(real.mean(axis=0), rel=1e-5)
    assert data.scaling.input_scale == pytest.approx(real.std(axis=0), rel=1e-5)
    assert data.masked
    assert (data.facts.steps, data.train.lengths.dtype) == ((2, 9), np.int32)
    for part in (data.train, data.validation, data.test.open()):
        assert np.array_equal(part.lengths, lengths[part.rows])
        assert not part.x[np.arange(9) >= part.lengths[:, None]].any()
        assert np.allclose(part.x[:, :2], x[part.rows][:, :2])


def test_real_zeros_at_the_end_are_no_padding(write_npz: Callable[..., Path], npz_card: Config) -> None:
    x = np.ones((40, 5, 1))
    x[:, 3:] = 0
    data = load_dataset(npz_card(write_npz(x=x, y=np.arange(40) % 2)))
    assert data.train.lengths.tolist() == [5] * len(data.train)
    assert not data.masked
    assert data.scaling.input_mean == pytest.approx([0.6])


def test_classes_have_no_scaling(write_npz: Callable[..., Path], npz_card: Config) -> None:
    y = np.array(["yes", "no"] * 20)
    data = load_dataset(npz_card(write_npz(x=np.random.default_rng(0).normal(size=(40, 3, 2)), y=y)))
    assert (data.classes, data.targets, data.target_channels) == (("no", "yes"), ("class",), ())
    assert (data.train.y.dtype, data.train.y.shape) == (np.int32, (28,))
    assert (data.scaling.output_mean.tolist(), data.scaling.output_scale.tolist()) == ([0], [1])
    assert all(data.classes[code] == y[row] for code, row in zip(data.train.y, data.train.rows, strict=True))


def test_one_number_a_sequence(write_npz: Callable[..., Path], npz_card: Config) -> None:
    y = np.linspace(-1, 5, 40)
    data = load_dataset(npz_card(write_npz(x=np.ones((40, 3, 2)), y=y), kind="regress", unit="m"))
    assert (data.train.y.dtype, data.train.y.shape, data.targets, data.classes) == (np.float32, (28, 1), ("y",), ())
    assert data.scaling.output_mean == pytest.approx([y[data.train.rows].mean()], rel=1e-5)
    assert data.facts.notes == ("constant in the training part: channel_1, channel_2",)
    assert data.scaling.input_scale.tolist() == [1, 1]


# --- the record of it ---


def test_the_digest_changes_with_any_single_value() -> None:
    def parts() -> list[Part]:
        return [
            Part(np.zeros((3, 2, 2), np.float32), np.full(3, 2, np.int32), np.zeros((3, 1), np.float32), np.arange(3))
            for _ in range(3)
        ]

    names = (("a", "b"), ("y",), ())
    seen = {digest(parts(), names)}
    for number in range(3):
        for field in ("x", "lengths", "y"):
            for place in range(getattr(parts()[number], field).size):
                changed = parts()
                getattr(changed[number], field).flat[place] += 1
                seen.add(digest(changed, names))
    assert len(seen) == 1 + 3 * (12 + 3 + 3)
    others = [(("a", "c"), ("y",), ()), (("a",), ("b", "y"), ()), (("a", "b"), (), ("y",)), (("b", "a"), ("y",), ())]
    seen.update(digest(parts(), other) for other in others)
    assert len(seen) == 1 + 54 + 4
    assert all(len(text) == 32 and int(text, 16) >= 0 for text in seen)


def test_the_digest_tells_apart_what_has_the_same_bytes() -> None:
    flat = Part(np.zeros((2, 6, 1), np.float32), np.full(2, 6, np.int32), np.zeros(2, np.int32), np.arange(2))
    deep = dataclasses.replace(flat, x=np.zeros((2, 3, 2), np.float32))
    moved = (dataclasses.replace(flat, x=flat.x[:1]), dataclasses.replace(flat, x=np.zeros((3, 6, 1), np.float32)))
    assert len({digest(parts, ()) for parts in ((flat, flat), (deep, flat), moved)}) == 3


def test_loading_depends_on_nothing_but_the_card(write_table: Table, forecast_card: Config) -> None:
    config = forecast_card(write_table(y=np.random.default_rng(0).normal(size=100)))
    first, second = load_dataset(config), load_dataset(config)
    assert first.facts == second.facts
    shifted = load_dataset(config.model_copy(update={"split": config.split.model_copy(update={"test": 0.2})}))
    assert shifted.facts.digest != first.facts.digest


def test_the_facts_travel_as_plain_values(write_npz: Callable[..., Path], npz_card: Config) -> None:
    path = write_npz(x=np.random.default_rng(0).normal(size=(40, 3, 2)), y=np.arange(40) % 2)
    facts = load_dataset(npz_card(path)).facts
    assert DataFacts.from_json(facts.to_json()) == facts
    assert (facts.sizes, facts.steps, facts.title) == ((28, 6, 6), (3, 3), "toy")
    assert facts.split == "stratified by class (seed 0): 28 train, 6 validation, 6 test"


def test_arrays_are_read_only_and_shared_within_a_process(write_table: Table, forecast_card: Config) -> None:
    config = forecast_card(write_table(y=range(100)))
    data = cached_dataset(config)
    assert cached_dataset(DatasetConfig.model_validate(config.model_dump(mode="json"))) is data
    for part in (data.train, data.validation, data.test.open()):
        for name in ("x", "lengths", "y", "rows"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(part, name)[0] = 1


def test_printing_a_dataset_shows_nothing_of_the_test_part(write_table: Table, forecast_card: Config) -> None:
    data = load_dataset(forecast_card(write_table(y=[*range(90), *[987654] * 15])))
    assert largest(data.test.open().y) == 987654
    assert "987654" not in repr(data)
    assert "test=Sealed(…)" in repr(data)


def test_fifty_thousand_rows(tmp_path: Path, forecast_card: Config) -> None:
    # How long it takes is for benchmarks/loading.py, which has the machine to itself.
    values = np.random.default_rng(0).normal(size=(50_000, 8))
    frame = pd.DataFrame(values, columns=list("abcdefgy"))
    frame.insert(0, "t", pd.date_range("2020-01-01", periods=50_000, freq="h"))
    frame.to_csv(tmp_path / "big.csv", index=False)
    data = load_dataset(forecast_card(tmp_path / "big.csv", time="t", lookback_steps=48))
    assert data.train.x.shape == (34951, 48, 8)
