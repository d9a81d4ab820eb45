import tomllib

import numpy as np
import pandas as pd
import pytest

from harness.config import DatasetConfig
from harness.config.inferred.infer import InferredConfig, UserHints, infer_task
from harness.config.inferred.template import dataset_text
from harness.errors import UsageError

HOURS = pd.date_range("2024-01-01", periods=2000, freq="h").astype(str)


def series(rows=2000, **more) -> pd.DataFrame:
    y = np.sin(np.arange(rows))
    return pd.DataFrame({"when": HOURS[:rows], "y": y, "wind": y * 2, "station": "north", **more})


def gestures(sequences=60, steps=10, **more) -> pd.DataFrame:
    ids = np.repeat(np.arange(sequences), steps)
    return pd.DataFrame(
        {
            "id": ids,
            "step": np.tile(np.arange(steps), sequences),
            "a": np.sin(ids),
            "b": np.cos(ids),
            "label": np.where(ids % 2, "left", "right"),
            **more,
        }
    )


def inferred(frame: pd.DataFrame, **hints) -> InferredConfig:
    found = infer_task(frame, UserHints(**hints), "my.csv")
    # Whatever is guessed, the card that is written says it.
    config = DatasetConfig.model_validate(tomllib.loads(dataset_text("my", "csv", "../my.csv", found)))
    assert config.task.kind == found.task
    return found


def test_hours_of_a_named_target_are_forecast_a_day_ahead():
    found = inferred(series(), target="y", time="when")
    assert (found.task, found.target, found.time, found.id) == ("forecast", "y", "when", None)
    assert found.features == ("y", "wind")
    assert found.numbers == {"lookback_steps": 24, "horizon_steps": 24, "season_steps": 24, "window_stride": 1}
    assert (found.metric, found.missing) == ("mae", "error")
    assert "season_steps = 24: a day at a step of 1 hour" in found.because
    assert any(line.startswith("left out: station (") for line in found.because)


def test_the_column_of_times_is_found_and_the_finer_one_taken():
    frame = series(date=[hour[:10] for hour in HOURS])
    assert inferred(frame, target="y").time == "when"
    assert inferred(pd.DataFrame({"t": range(300), "y": np.zeros(300)})).time == "t"


def test_a_target_is_taken_where_its_name_or_being_alone_says_so():
    assert inferred(series()).target == "y"
    assert inferred(pd.DataFrame({"temperature": np.zeros(300)})).target == "temperature"
    with pytest.raises(UsageError, match=r"^my.csv: which column is to be predicted\? Expected --target, one of a, b$"):
        inferred(pd.DataFrame({"a": np.zeros(300), "b": np.zeros(300)}))


def test_the_users_words_go_before_every_guess():
    found = inferred(series(), target="wind", features=("y",), horizon_steps=3, lookback_steps=7)
    assert (found.target, found.features) == ("wind", ("y",))
    assert found.numbers == {"lookback_steps": 7, "horizon_steps": 3, "window_stride": 1}
    assert not [line for line in found.because if line.startswith(("horizon", "lookback", "target"))]


def test_a_short_series_gets_a_window_that_fits_its_smallest_part():
    months = pd.date_range("2010-01-01", periods=144, freq="MS").astype(str)
    found = inferred(pd.DataFrame({"month": months, "passengers": np.arange(144.0)}))
    window = found.numbers["lookback_steps"] + found.numbers["horizon_steps"]
    assert window < round(144 * 0.15)
    assert any("since there are only 144 rows" in line for line in found.because)
    with pytest.raises(UsageError, match=r"^my.csv: 12 rows: expected more"):
        inferred(pd.DataFrame({"y": np.zeros(12)}))


def test_many_windows_are_thinned_out():
    found = inferred(pd.DataFrame({"y": np.zeros(30_000)}))
    assert found.numbers["window_stride"] == 10
    assert 30_000 / found.numbers["window_stride"] <= 3000


def test_gaps_are_interpolated_and_said():
    frame = series()
    frame.loc[[5, 6], "wind"] = np.nan
    found = inferred(frame)
    assert found.missing == "interpolate"
    assert 'missing = "interpolate": 2 missing values' in found.because


def test_sequences_with_one_label_each_are_classified():
    found = inferred(gestures())
    assert (found.task, found.target, found.id, found.time) == ("classify", "label", "id", "step")
    assert found.features == ("a", "b")
    assert found.metric == "accuracy"


def test_rare_classes_ask_for_a_balanced_metric():
    labels = np.repeat(np.where(np.arange(60) < 10, "rare", "common"), 10)
    assert inferred(gestures(label=labels)).metric == "balanced_accuracy"


def test_sequences_with_one_number_each_are_regressed():
    found = inferred(gestures(label=np.repeat(np.linspace(0, 1, 60), 10)))
    assert (found.task, found.target, found.metric) == ("regress", "label", "mae")


def test_text_to_predict_without_sequences_asks_for_them():
    frame = gestures().drop(columns="id")
    with pytest.raises(UsageError, match=r"^my.csv: which rows form a sequence\? Expected --id COLUMN"):
        inferred(frame)
    assert inferred(gestures().rename(columns={"id": "run"}), id="run").task == "classify"


def test_an_id_makes_a_forecast_of_a_panel():
    frame = pd.concat([series(500), series(400, station="south")])
    found = inferred(frame, id="station", target="y")
    assert (found.task, found.id, found.target) == ("forecast", "station", "y")
    assert "id = station: its 2 values tell the series of a panel apart" in found.because
    assert found.numbers["lookback_steps"] + found.numbers["horizon_steps"] < 400


def test_labels_of_rows_with_an_id_and_without():
    frame = gestures(label=np.where(np.arange(600) % 10 == 0, "up", "down"))
    found = inferred(frame, task="label")
    assert (found.task, found.target, found.id, found.metric) == ("label", "label", "id", "balanced_accuracy")
    assert found.features == ("a", "b")
    alone = inferred(frame[["a", "b", "label"]], task="label")
    assert (alone.id, alone.numbers) == (None, {"window_steps": 30})


def test_a_table_is_no_text():
    with pytest.raises(UsageError, match=r'--task next_token: expected a config with \[source\] kind = "text"'):
        inferred(series(), task="next_token")


@pytest.mark.parametrize(
    ("frame", "hints", "message"),
    [
        (series(), {"target": "z"}, "--target z: no such column in my.csv. Known: station, when, wind, y"),
        (series(), {"time": "wen"}, "--time wen: no such column in my.csv. Did you mean when, wind?"),
        (series(), {"features": ("y", "win")}, "--features win: no such column in my.csv. Did you mean wind, when?"),
        (
            series(),
            {"target": "station", "task": "forecast"},
            "--target station: expected a column of numbers for a forecast, got text",
        ),
        (series(), {"task": "forcast"}, "--task forcast: unknown. Did you mean forecast?"),
        (series(), {"horizon_steps": 0}, "--horizon 0: expected a whole number of at least 1"),
        (gestures(), {"horizon_steps": 3}, "--horizon 3: expected no such option for a task of kind classify"),
        (
            pd.DataFrame({"a;b": ["1;2"] * 300}),
            {},
            "my.csv: looks like semicolons: --separator ';'",
        ),
        (
            pd.concat([series(), series()]),
            {},
            "my.csv: column when: 2,000 rows repeat the time of another row: expected --id COLUMN, which tells several "
            "series apart, or --on-duplicates first, last or mean",
        ),
        (
            series(y=["oops" if row == 4 else str(row) for row in range(2000)]),
            {"target": "y"},
            "my.csv: column 'y', row 5: 'oops': expected a number",
        ),
        (
            gestures()[["id", "label"]],
            {},
            "my.csv: no column of numbers is left for the inputs: expected --features a,b",
        ),
        (pd.DataFrame({"word": ["a", "b"] * 200}), {"task": "forecast"}, "my.csv: no column of numbers to forecast"),
    ],
)
def test_what_only_the_user_can_know_is_asked_for(frame, hints, message):
    with pytest.raises(UsageError) as caught:
        inferred(frame, **hints)
    assert str(caught.value) == message
