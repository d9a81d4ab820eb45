"""Datasets with an answer at every step: what goes in, what is to come out, and that no part sees another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from harness.config.dataset import DatasetConfig
from harness.data import SequenceData, load_dataset
from harness.data.encoding import UNKNOWN
from harness.errors import DataError

Table = Callable[..., Path]


def config(source: dict[str, Any], task: dict[str, Any], **more: Any) -> DatasetConfig:
    return DatasetConfig.model_validate({"name": "tiny", "source": source, "task": task, **more})


def parts(data: SequenceData) -> tuple[Any, Any, Any]:
    return data.train, data.validation, data.test.open()


def rolls(path: Path, sizes: tuple[int, int, int] = (6, 3, 2), seed: int = 0) -> dict[str, Any]:
    """A `.mat` of piano rolls with 5 keys, silent steps among them."""
    random = np.random.default_rng(seed)
    content: dict[str, Any] = {}
    for name, count in zip(("traindata", "validdata", "testdata"), sizes, strict=True):
        cells = np.empty((1, count), object)
        for number in range(count):
            cells[0, number] = (random.random((random.integers(4, 12), 5)) < 0.4).astype(np.float64)
            cells[0, number][1] = 0  # silence is no padding
        content[name] = cells
    scipy.io.savemat(path, content)
    return content


def test_music_the_next_step_is_the_answer_and_the_parts_are_the_files_own(tmp_path: Path) -> None:
    content = rolls(tmp_path / "r.mat")
    task = {"kind": "label", "multi_label": True, "ahead_steps": 1}
    data = load_dataset(config({"kind": "mat", "path": str(tmp_path / "r.mat")}, task, encoding={"scaling": "none"}))
    assert data.targets == data.channels
    assert data.objective.metric == "nll"
    assert data.objective.unit == "nats a step"
    assert not data.knows_future
    for part, name in zip(parts(data), ("traindata", "validdata", "testdata"), strict=True):
        cells = content[name][0]
        assert part.lengths.tolist() == [len(cell) - 1 for cell in cells]
        for row, cell in enumerate(cells):
            real = part.lengths[row]
            assert np.array_equal(part.x[row, :real], cell[:-1])
            assert np.array_equal(part.y[row, :real], cell[1:])
            assert not part.x[row, real:].any()
            assert not part.y[row, real:].any()


def test_classes_of_steps_by_id(write_table: Table) -> None:
    path = write_table(
        who=["b", "a"] * 6, t=[n // 2 for n in range(12)], v=range(12), kind=["rest", "run"] * 3 + ["run", "rest"] * 3
    )
    task = {"kind": "label", "target": ["kind"], "id": "who", "time": "t"}
    table = config({"kind": "csv", "path": str(path)}, {**task, "window_steps": 3}, split={"rule": "time"})
    with pytest.raises(DataError, match="1 for the validation part: expected at least 2, a step and its answer"):
        load_dataset(table)
    data = load_dataset(
        config({"kind": "csv", "path": str(path)}, task, split={"rule": "time", "validation": 0.33, "test": 0.33})
    )
    assert data.classes == ("rest", "run")
    assert data.channels == ("v",)
    assert data.train.x[:, :, 0].tolist() == [[0, 2], [1, 3]]
    assert data.train.y.tolist() == [[0, 0], [1, 1]]
    assert data.knows_future


def test_a_table_without_an_id_is_one_sequence_cut_into_pieces(write_table: Table) -> None:
    path = write_table(v=range(100), on=[n % 3 == 0 for n in range(100)], off=[n % 5 == 0 for n in range(100)])
    task = {"kind": "label", "target": ["on", "off"], "multi_label": True, "window_steps": 10, "features": ["v"]}
    data = load_dataset(config({"kind": "csv", "path": str(path)}, task, split={"rule": "time"}))
    assert [len(part) for part in parts(data)] == [7, 1, 1]
    assert not data.masked
    assert data.test.open().x[0, :, 0].tolist() == list(range(85, 95))
    assert data.train.y[0, :, 0].tolist() == [n % 3 == 0 for n in range(10)]
    assert "10 steps at the ends fill no piece and are left out" in data.facts.notes


def test_arrays_with_an_answer_a_step(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, lengths = random.normal(size=(30, 6, 2)), random.integers(2, 7, 30)
    np.savez(tmp_path / "a.npz", x=x, y=random.integers(0, 3, (30, 6)) + 7, lengths=lengths)
    data = load_dataset(
        config({"kind": "npz", "path": str(tmp_path / "a.npz")}, {"kind": "label", "metric": "macro_f1"})
    )
    assert data.classes == ("7", "8", "9")
    np.savez(tmp_path / "b.npz", x=x, y=random.integers(0, 2, (30, 6, 3)), lengths=lengths)
    flags = load_dataset(
        config({"kind": "npz", "path": str(tmp_path / "b.npz")}, {"kind": "label", "multi_label": True})
    )
    assert flags.targets == ("label_1", "label_2", "label_3")
    with pytest.raises(DataError, match="3 answers a step: expected one class"):
        load_dataset(config({"kind": "npz", "path": str(tmp_path / "b.npz")}, {"kind": "label"}))


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_no_step_of_a_later_part_is_seen_by_an_earlier_one(write_table: Table, ahead: int) -> None:
    """The rows after the training part are marked with a value that no training row has."""
    rows = 200
    future = np.arange(rows) >= 140
    path = write_table(v=np.where(future, 1e6, np.sin(np.arange(rows))), y=np.where(future, 1, np.arange(rows) % 2))
    task = {"kind": "label", "target": ["y"], "ahead_steps": ahead, "window_steps": 7, "features": ["v"]}
    data = load_dataset(config({"kind": "csv", "path": str(path)}, task, split={"rule": "time"}))
    assert np.abs(data.train.x).max() <= 1
    assert np.abs(data.scaling.input_mean).max() < 1
    assert data.train.rows.tolist() == [0] * len(data.train)
    counts = len(data.train) * 7 + ahead
    assert counts <= 140
    assert np.array_equal(data.train.y.ravel(), (np.arange(len(data.train) * 7) + ahead) % 2)


@pytest.mark.parametrize(
    ("y", "more", "phrase"),
    [
        ([0.5, 1, 2, 3], {}, "expected text or a whole number at each step"),
        ([1, 1, 1, 1], {}, "all steps are of the class '1'"),
        (["a", "a", "a", "b"], {}, "no step of class 'b' is in the training part"),
        ([0, 1, 2, 1], {"multi_label": True}, "step 21: label 'y' is '2.0': expected 0 or 1"),
        ([0, None, 1, 1], {}, "expected a value, got an empty cell"),
    ],
)
def test_answers_that_are_none_are_one_line(
    write_table: Table, y: list[Any], more: dict[str, Any], phrase: str
) -> None:
    path = write_table(v=range(40), y=[value for value in y for _ in range(10)])
    task = {"kind": "label", "target": ["y"], **more}
    with pytest.raises(DataError, match=phrase) as caught:
        load_dataset(config({"kind": "csv", "path": str(path)}, task, split={"rule": "time"}))
    assert "\n" not in str(caught.value)


def text(tmp_path: Path, content: str, task: dict[str, Any] | None = None, **source: Any) -> DatasetConfig:
    (tmp_path / "t.txt").write_text(content, encoding="utf-8")
    form = {"form": "whole", **source}
    return config({"kind": "text", "path": str(tmp_path / "t.txt"), **form}, {"kind": "next_token", **(task or {})})


def test_a_long_text_is_cut_and_the_answer_is_the_next_character(tmp_path: Path) -> None:
    content = "abcab" * 100 + "abcabz" * 50
    data = load_dataset(text(tmp_path, content, {"window_steps": 20}))
    assert not data.masked
    assert data.vocabulary == data.classes
    assert set(data.vocabulary) <= {UNKNOWN, *"abcz"}
    for part in parts(data):
        assert np.array_equal(part.x[:, 1:], part.y[:, :-1])
    words = "".join(data.vocabulary[number] for number in data.train.x.ravel())
    assert content.startswith(words)
    assert data.facts.classes == ()


def test_what_only_later_parts_hold_is_unknown(tmp_path: Path) -> None:
    data = load_dataset(text(tmp_path, "ab" * 350 + "Z" * 300, {"window_steps": 10}))
    assert data.vocabulary == (UNKNOWN, "a", "b")
    assert not data.test.open().x.any()
    assert any("100.00% of test" in note for note in data.facts.notes)


def test_a_line_a_sequence_of_words(tmp_path: Path) -> None:
    content = "\n".join(f"label\tsee spot run {'far ' * (n % 4)}" for n in range(30)) + "\n\n"
    task = {"tokens": "words", "metric": "accuracy"}
    spec = text(tmp_path, content, task, form="lines")
    data = load_dataset(spec.model_copy(update={"split": spec.split.model_copy(update={"rule": "shuffled"})}))
    assert set(data.vocabulary) == {UNKNOWN, "see", "spot", "run", "far"}
    assert data.masked
    assert data.facts.steps == (2, 5)
    assert sum(data.facts.sizes) == 30


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        ("aaaaaaaaaaaaaaaaaaaaaaaaaa", "has one token, 'a'"),
        ("  \n ", "nothing but blanks"),
        ("ab", "expected at least 2"),
    ],
)
def test_a_text_that_says_nothing_is_one_line(tmp_path: Path, content: str, phrase: str) -> None:
    with pytest.raises(DataError, match=phrase):
        load_dataset(text(tmp_path, content))


def test_class_weights_are_scikit_learns_balanced_ones_of_real_steps(tmp_path: Path) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    random = np.random.default_rng(0)
    x, lengths = random.normal(size=(40, 8, 1)), random.integers(1, 9, 40)
    y = (random.random((40, 8)) < 0.2).astype(int)
    np.savez(tmp_path / "a.npz", x=x, y=y, lengths=lengths)
    task = {"kind": "label", "class_weight": "balanced"}
    data = load_dataset(config({"kind": "npz", "path": str(tmp_path / "a.npz")}, task))
    train = data.train
    answers = train.y[np.arange(8) < train.lengths[:, None]]
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=answers)
    assert data.class_weights == pytest.approx(expected)


def test_broken_mat_files_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.mat"
    source = {"kind": "mat", "path": str(path)}
    task = {"kind": "label", "multi_label": True, "ahead_steps": 1}
    rolls(path)
    whole = path.read_bytes()
    for content, phrase in (
        (whole[: len(whole) // 2], "cannot be read as a MATLAB file; is it cut off?"),
        (b"no such file at all", "cannot be read as a MATLAB file"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=phrase) as caught:
            load_dataset(config(source, task))
        assert "\n" not in str(caught.value)
    scipy.io.savemat(path, {"traindata": np.zeros((3, 3)), "other": 1})
    with pytest.raises(DataError, match="traindata is no cell array"):
        load_dataset(config(source, task))
    with pytest.raises(DataError, match=r"has no variable .train.\. Did you mean traindata"):
        load_dataset(config({**source, "train_name": "train"}, task))


@pytest.mark.parametrize("multi_label", [False, True])
def test_what_an_archive_holds_in_its_padding_is_never_read(tmp_path: Path, multi_label: bool) -> None:
    """NaN and numbers that are no answers beyond the lengths: the same dataset to the last bit."""
    random = np.random.default_rng(0)
    x, lengths = random.normal(size=(30, 6, 2)), random.integers(1, 7, 30)
    y = random.integers(0, 2, (30, 6, 3) if multi_label else (30, 6)).astype(float)
    padding = np.arange(6) >= lengths[:, None]
    task = {"kind": "label", "multi_label": multi_label}
    digests = []
    for garbage in (0.0, np.nan, 999.0):
        x[padding], y[padding] = garbage, garbage
        np.savez(tmp_path / "a.npz", x=x, y=y, lengths=lengths)
        digests.append(load_dataset(config({"kind": "npz", "path": str(tmp_path / "a.npz")}, task)).facts.digest)
    assert len(set(digests)) == 1
