from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from harness.config.tasks import ClassifyTask
from harness.errors import UsageError
from harness.metrics import metric_of, objective_of
from harness.records import Direction, Objective
from harness.user_code import in_folder, load_function


def write(folder: Path, text: str) -> Path:
    path = folder / "my_metric.py"
    path.write_text(text)
    return path


def test_a_metric_of_ones_own_scores_and_has_its_direction(tmp_path: Path) -> None:
    path = write(tmp_path, "def hits(truth, prediction):\n    return (prediction.argmax(axis=1) == truth).sum()\n")
    task = ClassifyTask(kind="classify", metric=f"{path}:hits", direction=Direction.MAX)  # type: ignore[arg-type]
    assert objective_of(task) == Objective("hits", Direction.MAX, "")
    assert metric_of(task).of(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]]) == 2.0
    assert str(tmp_path) not in sys.path
    assert "my_metric" not in sys.modules


@pytest.mark.parametrize(
    ("text", "name", "phrase"),
    [
        ("def hits(y, p): return 1", "hit", r"has no function 'hit'. Did you mean hits\?"),
        ("hits = 3", "hits", "has no function 'hits'"),
        ("1 / 0", "hits", "cannot be loaded: ZeroDivisionError"),
        ("def hits(:", "hits", "cannot be loaded: SyntaxError"),
    ],
)
def test_a_file_that_does_not_do_is_one_line(text: str, name: str, phrase: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match=phrase) as caught:
        load_function(f"{path}:{name}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.py: no such file"):
        load_function(f"{tmp_path / 'gone.py'}:f")


@pytest.mark.parametrize("text", ["return None", "raise KeyError('k')", "return truth"])
def test_a_metric_that_gives_no_number_is_named(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"def own(truth, prediction):\n    {text}\n")
    task = ClassifyTask(kind="classify", metric=f"{path}:own", direction=Direction.MIN)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"my_metric.py:own: .*expected one number"):
        metric_of(task).of(np.zeros(3, int), np.eye(3))


def test_paths_are_the_cards_folders(tmp_path: Path) -> None:
    assert in_folder("m.py:f", tmp_path) == f"{tmp_path / 'm.py'}:f"
    assert in_folder("accuracy", tmp_path) == "accuracy"
