"""Texts as sequences of tokens: classified, made by rule, and read from the files that Keras downloads."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.baselines import compute
from harness.config.dataset import DatasetConfig
from harness.config.sources import GeneratorSource
from harness.data import load_dataset
from harness.data.readers.texts import WRITTEN
from harness.errors import AbsentDataError, DataError


def config(source: dict[str, Any], **more: Any) -> DatasetConfig:
    task = {"kind": "classify"} | more.pop("task", {})
    return DatasetConfig.model_validate({"name": "toy", "source": source, "task": task, **more})


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    words = {"ham": ["see", "you", "soon", "dear"], "spam": ["win", "a", "prize", "now"]}
    lines = [f"{kind}\t{' '.join(random.permutation(words[kind]))} {kind[0]}" for kind in ("ham", "spam") * 30]
    path = tmp_path / "sms.tsv"
    path.write_text("\n".join(lines))
    return path


def test_lines_with_a_label_become_tokens_that_the_training_part_knows(messages: Path) -> None:
    text = messages.read_text()
    data = load_dataset(config({"kind": "text", "path": str(messages), "form": "lines"}, task={"tokens": "words"}))
    assert data.classes == ("ham", "spam")
    assert data.train.x.dtype == np.int32
    last = data.test.open().rows[-1]
    lines = text.splitlines()
    lines[last] += " unheard"
    messages.write_text("\n".join(lines))
    again = load_dataset(config({"kind": "text", "path": str(messages), "form": "lines"}, task={"tokens": "words"}))
    assert again.vocabulary == data.vocabulary
    assert "unheard" not in again.vocabulary
    test = again.test.open()
    assert test.x[-1, test.lengths[-1] - 1] == 0  # the unknown token
    assert np.array_equal(again.train.x[:, : data.train.x.shape[1]], data.train.x)
    written = [again.vocabulary[number] for number in again.train.x[0, : again.train.lengths[0]]]
    assert " ".join(written) == lines[again.train.rows[0]].partition("\t")[2]
    names = [score.name for score in compute(again)]
    linear = [f"logistic regression on {what}" for what in ("counts of tokens", "tokens and pairs of them")]
    assert names == ["majority class", *linear]


def test_a_folder_a_class_and_a_file_a_class(tmp_path: Path) -> None:
    for kind, words in (("Irish", "Neill"), ("Scottish", "Ross")):
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / f"{kind}.txt").write_text("\n".join(f"{words}{at}" for at in range(12)))
        (tmp_path / "folders" / kind).mkdir(parents=True)
        for at in range(12):
            (tmp_path / "folders" / kind / f"{at:02d}.txt").write_text(f"{words}{at}")
    digests = []
    for form in ("files", "folders"):
        data = load_dataset(config({"kind": "text", "path": str(tmp_path / form), "form": "folders"}))
        assert data.classes == ("Irish", "Scottish")
        digests.append(data.facts.digest)
    assert digests[0] == digests[1]


@pytest.mark.skipif(importlib.util.find_spec("names") is None, reason="names holds the data")
def test_first_names_of_one_sex() -> None:
    texts = WRITTEN["first_names"](GeneratorSource(kind="generator", generator="first_names"))
    assert dict(zip(texts.texts, texts.y, strict=True))["Agatha"] == "female"
    assert np.unique(texts.y, return_counts=True)[1].tolist() == [3944, 888]
    assert len(set(texts.texts)) == len(texts.texts)


@pytest.mark.parametrize("name", ["anbn", "anbncn"])
def test_strings_that_must_be_counted(name: str) -> None:
    texts = WRITTEN[name](GeneratorSource(kind="generator", generator=name, steps=61, sequences=400))
    symbols = name.replace("n", "")
    counts = []
    for text in texts.texts:
        found = re.fullmatch("".join(f"({symbol}+)" for symbol in symbols) + r"\.", text)
        assert found
        assert len({len(run) for run in found.groups()}) == 1
        counts.append(len(found[1]))
    train, validation, test = np.split(np.array(counts), np.cumsum(texts.own_parts)[:-1])
    assert train.max() < validation.min() <= validation.max() < test.min()
    assert test.max() == 60 // len(symbols)


def npz_of_keras(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def lists(count: int) -> Any:
    made = np.empty(count, object)
    for at in range(count):
        made[at] = [1, 2 + at % 2, *range(4, 4 + at % 5)]
    return made


def test_a_stand_in_of_imdb_with_pickled_lists_is_read_as_keras_writes_it(tmp_path: Path) -> None:
    y = np.arange(40) % 2
    file = npz_of_keras(tmp_path / "imdb.npz", x_train=lists(40), y_train=y, x_test=lists(30), y_test=y[:30])
    source = {"kind": "keras", "dataset": "imdb", "steps": 4, "path": str(file)}
    data = load_dataset(config(source, task={"tokens": "words"}))
    assert (sum(data.facts.sizes), data.facts.sizes[2]) == (70, 30)
    assert data.facts.steps == (2, 4)
    assert data.classes == ("0", "1")
    fewer = load_dataset(config({**source, "sequences": 20}, task={"tokens": "words"}))
    assert (sum(fewer.facts.sizes), fewer.facts.sizes[2]) == (20, 10)


def test_a_stand_in_of_reuters_comes_in_one_piece(tmp_path: Path) -> None:
    file = npz_of_keras(tmp_path / "reuters.npz", x=lists(50), y=np.arange(50) % 3)
    source = {"kind": "keras", "dataset": "reuters", "steps": 6, "path": str(file)}
    data = load_dataset(config(source, task={"tokens": "words"}))
    assert (sum(data.facts.sizes), data.facts.sizes[2]) == (50, 10)


@pytest.mark.parametrize(("steps", "channels"), [(28, 28), (784, 1)])
def test_a_stand_in_of_mnist_is_read_by_rows_or_pixels(steps: int, channels: int, tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 255, (60, 28, 28)).astype(np.uint8)
    y = np.arange(60) % 3
    file = npz_of_keras(tmp_path / "mnist.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    data = load_dataset(config({"kind": "keras", "dataset": "mnist", "steps": steps, "path": str(file)}))
    assert data.train.x.shape[1:] == (steps, channels)
    assert np.array_equal(data.test.open().x[0].reshape(28, 28), x[40])


def test_an_evil_stand_in_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return print, ("code ran",)

    bad = np.empty(1, object)
    bad[0] = Evil()
    file = npz_of_keras(tmp_path / "imdb.npz", x_train=bad, y_train=[0], x_test=lists(1), y_test=[0])
    with pytest.raises(DataError, match="expected NumPy's arrays and nothing else"):
        load_dataset(config({"kind": "keras", "dataset": "imdb", "steps": 4, "path": str(file)}))


def test_what_was_not_downloaded_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(AbsentDataError, match=r"imdb.npz not downloaded yet: `harness datasets fetch \w+`$"):
        load_dataset(config({"kind": "keras", "dataset": "imdb", "steps": 4}))


def test_copy_memory_is_as_published() -> None:
    source = {"kind": "generator", "generator": "copy_memory", "steps": 40, "sequences": 100}
    data = load_dataset(config(source, task={"kind": "label", "metric": "log_loss"}))
    symbols, y = data.train.x.argmax(axis=2), np.array([int(name) for name in data.classes])[data.train.y]
    assert np.array_equal(symbols[:, :10], y[:, -10:])
    assert (symbols[:, 10:29] == 0).all()
    assert (symbols[:, 29] == 9).all()
    assert (symbols[:, 30:] == 0).all()
    assert (y[:, :-10] == 0).all()
    assert json.dumps(data.facts.to_json())
