"""Champions whose inputs are tokens or categories: they read files of the form that they were trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import DataError
from harness.export.formats import Format, export
from harness.export.inputs.batches import read_input
from harness.export.predictor import Champion, load
from harness.export.scoring import Scorer
from harness.export.streaming import read_portions
from harness.records import TaskKind

Build = Callable[..., Any]


def again(champion: Champion) -> tuple[Any, Any]:
    """What a champion says of its whole dataset, by the places of the sequences in the source."""
    data = load_dataset(champion.description.dataset_config)
    parts = (data.train, data.validation, data.test.open())
    rows = np.concatenate([part.rows for part in parts])
    outputs = [champion.predict(part.x, part.lengths, part.future) for part in parts]
    return rows, outputs


@pytest.fixture(scope="module")
def molecules(tmp_path_factory: pytest.TempPathFactory, build_champion_of: Build) -> Any:
    folder, random = tmp_path_factory.mktemp("molecules"), np.random.default_rng(0)
    smiles = ["".join(random.choice(list("CNO1="), random.integers(1, 9))) for _ in range(50)]
    frame = pd.DataFrame({"smiles": smiles, "level": random.normal(3, 2, 50)})
    frame.to_csv(folder / "molecules.csv", index=False)
    config = {
        "name": "molecules",
        "source": {"kind": "csv", "path": str(folder / "molecules.csv")},
        "task": {"kind": "regress", "text": "smiles", "target": "level"},
    }
    return build_champion_of(config, folder, folder / "molecules.csv")


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory, build_champion_of: Build) -> Any:
    folder, random = tmp_path_factory.mktemp("speech"), np.random.default_rng(1)
    words = [("the", "DET"), ("cat", "NOUN"), ("sat", "VERB"), (".", "PUNCT")]
    lines = []
    for number in range(60):
        lines += ["\t".join(words[at]) for at in random.integers(0, 4, 2 + number % 5)] + [""]
    (folder / "speech.conll").write_text("\n".join(lines))
    config = {
        "name": "speech",
        "source": {"kind": "conll", "path": str(folder / "speech.conll")},
        "task": {"kind": "label", "metric": "log_loss"},
    }
    return build_champion_of(config, folder, folder / "speech.conll")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, build_champion_of: Build) -> Any:
    folder = tmp_path_factory.mktemp("events")
    rows = [(f"c{case:02d}", step, "abc"[(case + step) % 3]) for case in range(40) for step in range(2 + case % 4)]
    pd.DataFrame(rows, columns=["case", "at", "event"]).to_csv(folder / "log.csv", index=False)
    config = {
        "name": "events",
        "source": {"kind": "csv", "path": str(folder / "log.csv")},
        "task": {"kind": "next_token", "token": "event", "id": "case", "time": "at"},
        "split": {"rule": "shuffled"},
    }
    return build_champion_of(config, folder, folder / "log.csv")


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory, build_champion_of: Build) -> Any:
    folder, random = tmp_path_factory.mktemp("weather"), np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=200, freq="h").astype(str),
            "sky": random.choice(["rain", "sunny", "cloudy"], 200),
            "y": random.normal(size=200),
        }
    )
    frame.to_csv(folder / "weather.csv", index=False)
    config = {
        "name": "weather",
        "source": {"kind": "csv", "path": str(folder / "weather.csv")},
        "task": {
            "kind": "forecast",
            "target": ["y"],
            "time": "at",
            "lookback_steps": 6,
            "horizon_steps": 2,
            "categorical": ["sky"],
        },
    }
    return build_champion_of(config, folder, folder / "weather.csv")


def test_a_column_of_texts_is_read_by_its_name(molecules: Any, tmp_path: Path) -> None:
    champion = load(molecules.folder)
    said = [portion.batch for portion in read_portions(champion.description, molecules.data)]
    assert [batch.label for batch in said] == ["row"]
    rows, outputs = again(champion)
    expected = np.empty((50, 1), np.float32)
    expected[rows] = np.concatenate(outputs)
    np.testing.assert_allclose(champion.predict_batch(said[0]), expected, rtol=1e-5)
    assert champion.predict_frame(pd.DataFrame({"smiles": ["CCO", " CCO "]}))["level"].nunique() == 1
    with pytest.raises(DataError, match="has no column 'smiles': expected a text in each row"):
        champion.predict_frame(pd.DataFrame({"text": ["CCO"]}))


def test_a_token_a_line_is_read_with_or_without_labels(speech: Any, tmp_path: Path) -> None:
    champion = load(speech.folder)
    batch = read_input(champion.description, speech.data)
    assert len(batch.x) == 60
    assert batch.names[:2] == (1, 4)
    (tmp_path / "new.txt").write_text("the\ncat\n\nunheard\nsat\n.\n")
    batch = read_input(champion.description, tmp_path / "new.txt")
    assert batch.lengths.tolist() == [2, 3]
    assert batch.x[1, 0] == 0
    table = champion.tabulate(batch).table
    assert table[["line", "step"]].to_numpy().tolist() == [[1, 1], [1, 2], [4, 1], [4, 2], [4, 3]]
    frame = pd.DataFrame({"sequence": ["p", "p", "q", "q", "q"], "token": ["the", "cat", "unheard", "sat", "."]})
    pd.testing.assert_frame_equal(champion.predict_frame(frame)[table.columns[1:]], table[table.columns[1:]])
    answer = Scorer(champion).predict(frame)
    assert answer["sequence"].tolist() == ["p", "p", "q", "q", "q"]


def test_a_token_a_row_is_read_in_pieces(events: Any) -> None:
    champion = load(events.folder)
    whole = champion.tabulate(read_input(champion.description, events.data)).table
    for size in (3, 1000):
        portions = read_portions(champion.description, events.data, piece_rows=size, sequences=7)
        tables = [champion.tabulate(portion.batch).table for portion in portions]
        assert len(tables) == 6
        pd.testing.assert_frame_equal(pd.concat(tables, ignore_index=True), whole, rtol=1e-5)
    assert whole["case"].nunique() == 40
    assert set(whole["token"]) == {"a", "b", "c"}
    with pytest.raises(DataError, match=r"has no column 'event' \(\[task\] token\)"):
        champion.predict_frame(pd.DataFrame({"case": ["c"], "at": [1], "evnt": ["a"]}))


def test_labels_in_every_line_are_left_out_and_said(molecules: Any, tmp_path: Path) -> None:
    lines = [f"{row % 2} so it {'was' if row % 2 else 'is'} {'on ' * (row % 4)}" for row in range(40)]
    (tmp_path / "a.train").write_text("\n".join(lines), "latin-1")
    source = {
        "kind": "text",
        "form": "lines",
        "separator": " ",
        "encoding": "latin-1",
        "path": str(tmp_path / "a.train"),
    }
    config = {"name": "lines", "source": source, "task": {"kind": "classify", "tokens": "words"}}
    card = DatasetConfig.model_validate(config).model_dump(mode="json")
    words = ("\N{REPLACEMENT CHARACTER}", "so", "it", "was", "is", "on")
    description = replace(
        load(molecules.folder).description, task=TaskKind.CLASSIFY, classes=("0", "1"), vocabulary=words, card=card
    )
    labelled = read_input(description, tmp_path / "a.train")
    assert labelled.assumed == "Every line has a label, as in the training data: it is left out."
    assert labelled.x[1].tolist() == [1, 2, 3, 5, 0, 0]
    (tmp_path / "b.txt").write_text("\n".join(line[2:] for line in lines))
    plain = read_input(description, tmp_path / "b.txt")
    assert np.array_equal(plain.x, labelled.x)
    assert plain.assumed == ""


def test_categories_are_encoded_as_in_training(weather: Any, tmp_path: Path) -> None:
    champion = load(weather.folder)
    assert champion.description.channels == ("y", "sky=cloudy", "sky=rain", "sky=sunny")
    frame = pd.read_csv(weather.data)
    batch = read_input(champion.description, weather.data)
    sky = frame["sky"].iloc[-6:].to_numpy()
    assert np.array_equal(batch.x[0, :, 1:], np.stack([sky == name for name in ("cloudy", "rain", "sunny")], axis=1))
    frame.loc[frame.index[-1], "sky"] = "hail"
    frame.to_csv(tmp_path / "new.csv", index=False)
    result = CliRunner().invoke(app, ["predict", str(weather.folder), str(tmp_path / "new.csv")])
    assert result.exit_code == 0, result.output
    assert "sky: in 1 row a category that the model does not know" in result.stderr
    with pytest.raises(DataError, match="has no column 'sky'"):
        champion.predict_frame(frame.drop(columns="sky"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["molecules", "speech", "weather"])
def test_an_export_gives_the_same_outputs(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    champion = load(request.getfixturevalue(name).folder)
    exported = export(champion, Format.KERAS, tmp_path / "out")
    assert exported.agreement.largest < 1e-4
    card = (tmp_path / "out" / "README.md").read_text()
    assert ("`column=category` is 1 where" in card) == (name == "weather")
