"""Models of other versions of Keras: what is written for them, what is read of them, what is refused."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import ExportError
from harness.export import load_folder
from harness.export.artifact import MODEL_FILE, TRIED, read_model, write_model

ROOT = Path(__file__).parents[2]

LATER = ("input_axes", "output_axes", "quantization_config")
"""Arguments that Keras 3.13 does not know, or its initializers do not."""


def _config(file: Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("config.json"))


def _configs(node: Any) -> Iterator[dict[str, Any]]:
    """Every object's own arguments, at any depth."""
    if isinstance(node, dict):
        if "class_name" in node and isinstance(node.get("config"), dict):
            yield node["config"]
        for part in node.values():
            yield from _configs(part)
    elif isinstance(node, list):
        for part in node:
            yield from _configs(part)


def _rewrite(source: Path, target: Path, change: Callable[[str, Any], Any]) -> Path:
    """A copy of a model whose JSON files were changed, as another version of Keras would have written them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.endswith(".json"):
                content = json.dumps(change(info.filename, json.loads(content))).encode()
            new.writestr(info, content)
    return target


def _with_argument(name: str, value: Any, version: str) -> Callable[[str, Any], Any]:
    """Adds an argument to every initializer and layer, and the version that writes it."""

    def change(file: str, plain: Any) -> Any:
        if file == "metadata.json":
            return {**plain, "keras_version": version}
        for config in _configs(plain):
            if "units" in config or "gain" in config:
                config[name] = value
        return plain

    return change


def test_what_later_versions_added_is_not_written(of_every_task: Any) -> None:
    configs = list(_configs(_config(of_every_task.folder / MODEL_FILE)))
    assert sum("units" in config for config in configs) >= 2
    assert not [config for config in configs if set(LATER) & set(config)]


def test_arguments_that_are_set_are_kept(classify: Any) -> None:
    configs = list(_configs(_config(classify.folder / MODEL_FILE)))
    bidirectional = next(config for config in configs if config.get("merge_mode"))
    backward = bidirectional["backward_layer"]["config"] if "backward_layer" in bidirectional else {}
    assert backward.get("go_backwards", True) is True
    assert {config["return_sequences"] for config in configs if "return_sequences" in config} == {True}


def test_a_model_of_a_later_version_is_read(forecast: Any, tmp_path: Path) -> None:
    """What this Keras does not know is ignored where it is switched off."""
    folder = tmp_path / "c"
    shutil.copytree(forecast.folder, folder)
    for value in (None, False):
        change = _with_argument("thinks_deeply", value, "3.99.0")
        _rewrite(forecast.folder / MODEL_FILE, folder / MODEL_FILE, change)
        x = np.random.default_rng(0).normal(size=(3, 12, 3))
        assert np.array_equal(load_folder(folder).predict(x), load_folder(forecast.folder).predict(x))


def test_a_model_that_needs_a_later_version_names_both(forecast: Any, tmp_path: Path) -> None:
    import keras

    change = _with_argument("thinks_deeply", True, "3.99.0")
    file = _rewrite(forecast.folder / MODEL_FILE, tmp_path / MODEL_FILE, change)
    phrase = f"Keras 3.99.0 wrote it, and this is Keras {keras.__version__}: pip install 'keras==3.99.0'"
    with pytest.raises(ExportError, match=re.escape(phrase)) as caught:
        read_model(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "is not a zip"),
        (b"PK\x05\x06" + bytes(18), "no item named 'metadata.json'"),
        (b"nonsense" * 100, "is not a zip"),
    ],
    ids=["empty", "empty archive", "no archive"],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, phrase: str) -> None:
    (tmp_path / MODEL_FILE).write_bytes(content)
    with pytest.raises(ExportError, match=rf"the model cannot be loaded: .*{phrase}"):
        read_model(tmp_path / MODEL_FILE)


@pytest.mark.parametrize("part", ["config.json", "metadata.json"])
@pytest.mark.parametrize("plain", [[], {}, {"class_name": "Functional", "module": "os", "config": []}, "x"])
def test_a_damaged_configuration_is_one_line(forecast: Any, tmp_path: Path, part: str, plain: Any) -> None:
    file = _rewrite(
        forecast.folder / MODEL_FILE, tmp_path / MODEL_FILE, lambda name, old: plain if name == part else old
    )
    if part == "metadata.json" and isinstance(plain, dict):
        read_model(file)  # a version is for messages only
        return
    with pytest.raises(ExportError, match="the model cannot be loaded") as caught:
        read_model(file)
    assert "\n" not in str(caught.value)


def test_writing_what_was_read_changes_nothing(label: Any, tmp_path: Path) -> None:
    model = read_model(label.folder / MODEL_FILE)
    write_model(model, tmp_path / MODEL_FILE)
    assert [weights.tolist() for weights in read_model(tmp_path / MODEL_FILE).get_weights()] == [
        weights.tolist() for weights in model.get_weights()
    ]


@pytest.mark.parametrize("library", TRIED)
def test_the_versions_that_cards_name_are_those_that_are_tried(library: str) -> None:
    """The oldest is the bound that `make test-lowest` installs, the newest stands in the constraints of `make test`."""
    oldest, newest = TRIED[library]
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bound = next(found[1] for line in dependencies if (found := re.match(rf"{library}>=([\d.]+)", line)))
    assert f"{bound}.0" == oldest
    assert f"\n{library}=={newest}\n" in (ROOT / "constraints.txt").read_text()
