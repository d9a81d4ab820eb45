"""Every kind of task, end to end: a sweep, a champion, and the logged test score again from what stands on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io

from harness import export
from harness.data import load_dataset
from harness.errors import DataError
from harness.executors import InProcessExecutor
from harness.export import Champion
from harness.export.inputs.batches import read_input
from harness.export.outputs.tables import predictions_of
from harness.export.verification import score_on
from harness.records import ComparisonResult, SweepResult
from harness.store import Store
from harness.sweeps.runner import run_sweep

SPACE = """
name = "{name}"
layer = "{layer}"
[hyperparameters]
units = {{ type = "Fixed", value = 6 }}
embedding_dim = {{ type = "Fixed", value = 4 }}
batch_size = {{ type = "Fixed", value = 16 }}
dropout = {{ type = "Float", min_value = 0.0, max_value = 0.3 }}
learning_rate = {{ type = "Float", min_value = 3e-3, max_value = 3e-2, sampling = "log" }}
"""
CARDS = {
    "steps": """
[source]
kind = "csv"
path = "steps.csv"
[task]
kind = "label"
target = ["doing"]
features = ["a", "b"]
id = "who"
time = "t"
metric = "macro_f1"
class_weight = "balanced"
""",
    "music": """
[source]
kind = "mat"
path = "music.mat"
[task]
kind = "label"
multi_label = true
ahead_steps = 1
[encoding]
scaling = "none"
""",
    "letters": """
[source]
kind = "text"
form = "whole"
path = "letters.txt"
[task]
kind = "next_token"
window_steps = 20
metric = "bits_per_character"
""",
    "panel": """
[source]
kind = "csv"
path = "panel.csv"
[task]
kind = "forecast"
target = ["sales", "visits"]
features = ["sales", "visits", "weather"]
known_covariates = ["holiday"]
id = "shop"
time = "day"
lookback_steps = 14
horizon_steps = 3
metric = "own.py:worst"
direction = "min"
[encoding]
calendar = ["weekday"]
""",
}


def write_project(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for name, layer in (("mine_lstm", "LSTM"), ("mine_gru", "GRU")):
        (folder / f"{name}.toml").write_text(SPACE.format(name=name, layer=layer))
    for name, text in CARDS.items():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{text}')
    rows = [
        {"who": f"w{who:02d}", "t": t, "a": random.normal(), "b": 100 * random.normal(), "doing": ""}
        for who in range(40)
        for t in range(random.integers(3, 9))
    ]
    for row in rows:
        row["doing"] = "run" if row["a"] > 1 else "rest"
    pd.DataFrame(rows).to_csv(folder / "steps.csv", index=False)
    cells = {}
    for name, count in (("traindata", 12), ("validdata", 5), ("testdata", 6)):
        cells[name] = np.empty((1, count), object)
        for number in range(count):
            cells[name][0, number] = (random.random((random.integers(5, 15), 7)) < 0.3).astype(float)
    scipy.io.savemat(folder / "music.mat", cells)
    (folder / "letters.txt").write_text("the cat sat on the mat; " * 120, encoding="utf-8")
    (folder / "own.py").write_text("def worst(truth, said):\n    return abs(truth - said).max()\n")
    days = np.arange(120)
    holiday = (days % 11 == 0).astype(int)
    shops = [
        pd.DataFrame(
            {
                "day": pd.date_range("2024-01-01", periods=120).strftime("%Y-%m-%d"),
                "shop": shop,
                "sales": level * (1 + 0.3 * np.sin(days) - 0.5 * holiday) + random.normal(0, 1, 120),
                "visits": 2 * level + random.normal(0, 1, 120),
                "weather": random.normal(size=120),
                "holiday": holiday,
            }
        )
        for shop, level in (("north", 50.0), ("south", 20.0))
    ]
    # One row of each shop after the other.
    pd.concat(shops).sort_values(["day", "shop"]).to_csv(folder / "panel.csv", index=False)
    return folder


@dataclass(frozen=True)
class Swept:
    """A finished sweep over one dataset of each task."""

    configs: Path
    store: Store
    result: SweepResult

    def comparison(self, name: str) -> ComparisonResult:
        return next(one for one in self.result.comparisons if one.dataset == name)

    def champion(self, name: str) -> Champion:
        return export.load(name, store=self.store)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory, toys: Any) -> Swept:
    configs = write_project(tmp_path_factory.mktemp("tasks"))
    store = toys.store_in(tmp_path_factory.mktemp("store"))
    changes = {"datasets": tuple(CARDS), "families": ("mine_lstm", "mine_gru"), "trials": 2, "confirmations": 0}
    header = toys.header(configs, **changes, workers=1)
    with InProcessExecutor() as executor:
        return Swept(configs, store, run_sweep(header, store, executor, lambda _: None))


@pytest.mark.parametrize("name", sorted(CARDS))
def test_the_champion_gives_the_logged_test_score_again(tasks: Swept, name: str) -> None:
    comparison, champion = tasks.comparison(name), tasks.champion(name)
    assert comparison.champion is not None
    assert all(family.usage.completed == 2 for family in comparison.families)
    part = load_dataset(champion.description.dataset_config).test.open()
    assert score_on(champion, part) == pytest.approx(comparison.champion.test_score, rel=1e-5)
    assert comparison.scores[comparison.champion.trial] == comparison.champion.test_score
    assert all(np.isfinite(baseline.test_score) for baseline in comparison.baselines)


def test_rows_of_a_table_are_read_as_they_were_in_training(tasks: Swept) -> None:
    """`harness predict` on the whole file says of the test part's sequences what the model says of its arrays."""
    champion = tasks.champion("steps")
    part = load_dataset(champion.description.dataset_config).test.open()
    batch = read_input(champion.description, tasks.configs / "steps.csv")
    table = predictions_of(champion.description, batch, champion.predict_batch(batch)).table
    frame = pd.read_csv(tasks.configs / "steps.csv")
    assert len(table) == len(frame)
    expected = champion.predict(part.x, part.lengths)
    ids = list(frame["who"].drop_duplicates())
    for row, sequence in enumerate(part.rows):
        phrase = table[table["who"] == ids[sequence]]
        assert phrase["step"].tolist() == list(range(1, part.lengths[row] + 1))
        np.testing.assert_allclose(phrase["p(run)"], expected[row, : part.lengths[row], 1], atol=1e-6)
        names = np.array(["rest", "run"])[expected[row, : part.lengths[row]].argmax(axis=1)]
        assert phrase["doing"].tolist() == names.tolist()


def test_a_text_is_read_as_it_was_in_training_and_comes_back(tasks: Swept, tmp_path: Path) -> None:
    champion = tasks.champion("letters")
    vocabulary = champion.description.vocabulary
    part = load_dataset(champion.description.dataset_config).test.open()
    text = "".join(vocabulary[number] for number in part.x[0])
    (tmp_path / "new.txt").write_text(text, encoding="utf-8")
    batch = read_input(champion.description, tmp_path / "new.txt")
    table = predictions_of(champion.description, batch, champion.predict_batch(batch)).table
    assert "".join(table["token"]) == text
    expected = champion.predict(part.x[:1])[0]
    np.testing.assert_allclose(table["p(next)"], expected.max(axis=1), atol=1e-6)
    assert table["next"].tolist() == [vocabulary[number] for number in expected.argmax(axis=1)]
    frame = champion.predict_frame(pd.DataFrame({"text": [text, text[:3]]}))
    assert frame["row"].tolist() == [0] * len(text) + [1] * 3


def test_labels_have_a_probability_each(tasks: Swept) -> None:
    champion = tasks.champion("music")
    part = load_dataset(champion.description.dataset_config).test.open()
    phrase = champion.predict(part.x, part.lengths)
    assert phrase.shape == part.y.shape
    assert 0 <= phrase.min() < phrase.max() <= 1
    garbage = np.where(np.arange(part.x.shape[1])[:, None] < part.lengths[:, None, None], part.x, 7)
    again = champion.predict(garbage, part.lengths)
    real = np.arange(part.x.shape[1]) < part.lengths[:, None]
    np.testing.assert_array_equal(again[real], phrase[real])


def test_a_panel_is_forecast_with_what_is_known_in_advance(tasks: Swept) -> None:
    """The last windows of the test part, from rows of a table whose targets are not there yet."""
    champion, comparison = tasks.champion("panel"), tasks.comparison("panel")
    assert comparison.objective.metric == "worst"
    assert champion.description.known == ("holiday", "weekday_sine", "weekday_cosine")
    part = load_dataset(champion.description.dataset_config).test.open()
    assert part.future is not None
    frame = pd.read_csv(tasks.configs / "panel.csv")
    frame.loc[frame["day"] >= "2024-04-27", ["sales", "visits", "weather"]] = np.nan
    table = champion.predict_frame(frame)
    assert table["shop"].tolist() == ["north"] * 3 + ["south"] * 3
    assert table["day"].tolist() == ["2024-04-27", "2024-04-28", "2024-04-29"] * 2
    last = [len(part.x) // 2 - 1, len(part.x) - 1]
    expected = champion.predict(part.x[last], None, part.future[last])
    np.testing.assert_allclose(table[["sales", "visits"]], expected.reshape(6, 2), rtol=1e-5)
    assert comparison.champion is not None
    worst = np.abs(champion.predict(part.x, None, part.future) - part.y).max()
    assert comparison.champion.test_score == pytest.approx(worst, rel=1e-5)


def test_rows_to_come_that_hold_their_target_are_refused(tasks: Swept) -> None:
    with pytest.raises(DataError, match=r"the last 3 rows hold 'sales': expected rows that are still to come"):
        tasks.champion("panel").predict_frame(pd.read_csv(tasks.configs / "panel.csv"))
