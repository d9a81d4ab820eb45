"""From saved weights to a champion's folder."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import DataError, ExportError
from harness.export import Description, agrees
from harness.export.artifact import read_description
from harness.export.build import build_champion


def test_a_folder_holds_one_model_and_its_description(built: Any) -> None:
    files = ["champion.json", "example.npz", "model.keras", "trained_on.npz"]
    assert sorted(path.name for path in built.folder.iterdir()) == files
    assert sorted(path.name for path in built.folder.parent.iterdir() if path.name.startswith(".")) == []
    description = read_description(built.folder)
    assert description == Description.from_json(json.loads(json.dumps(description.to_json())))
    assert (description.trial, description.family, description.sweep_id, description.seed) == (
        f"{description.name}/gru/r1/search/0003",
        "gru",
        "s1",
        11,
    )
    assert description.dataset_config.name == description.name
    assert description.test_score == built.plain["test_score"]


def test_nothing_in_it_is_a_pickle(built: Any) -> None:
    with zipfile.ZipFile(built.folder / "model.keras") as archive:
        names = archive.namelist()
    assert not [name for name in names if "pickle" in name or name.endswith(".pkl")]
    config = json.loads(zipfile.ZipFile(built.folder / "model.keras").read("config.json"))
    modules = {layer["module"].split(".")[0] for layer in config["config"]["layers"]}
    assert modules == {"keras"}  # no custom objects
    np.load(built.folder / "example.npz", allow_pickle=False).close()


def test_shapes_say_what_is_free(forecast: Any, classify: Any) -> None:
    series, words = read_description(forecast.folder), read_description(classify.folder)
    assert (series.inputs, series.output) == ({"x": (-1, 12, 3)}, (-1, 4, 1))
    # Sequences longer than any in the data may come.
    assert (words.inputs, words.output, words.steps) == ({"x": (-1, -1, 2), "lengths": (-1,)}, (-1, 3), None)
    assert words.classes == ("no", "perhaps", "yes")


def test_a_score_that_is_not_the_logged_one_is_refused(built: Any, tmp_path: Path) -> None:
    wrong = built.plain["test_score"] * 1.0001
    with pytest.raises(ExportError, match="expected the logged"):
        build_champion({**built.plain, "test_score": wrong, "folder": str(tmp_path / "c")})
    assert list(tmp_path.iterdir()) == []


def test_changed_data_is_refused(forecast: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"load: the data changed: digest .*, expected abc"):
        build_champion({**forecast.plain, "digest": "abc", "folder": str(tmp_path / "c")})


def test_weights_that_are_missing_or_do_not_fit(forecast: Any, classify: Any, tmp_path: Path) -> None:
    for weights in (str(tmp_path / "none.npz"), classify.plain["weights"]):
        with pytest.raises(ExportError, match=r"expected the weights of trial load/gru/r1/search/0003"):
            build_champion({**forecast.plain, "weights": weights, "folder": str(tmp_path / "c")})
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_the_folder(regress: Any, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "stale").touch()
    build_champion({**regress.plain, "folder": str(tmp_path / "c")})
    assert not (tmp_path / "c" / "stale").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_agreement_is_to_the_fifth_digit(forecast: Any, classify: Any) -> None:
    series, words = read_description(forecast.folder), read_description(classify.folder)
    score = series.test_score
    assert agrees(series, score * (1 + 0.9e-5))
    assert not agrees(series, score * (1 + 2e-5))
    assert not agrees(series, float("nan"))
    assert agrees(words, words.test_score + 0.9e-5)
    assert not agrees(words, words.test_score + 3e-5)
