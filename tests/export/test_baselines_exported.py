"""Baselines as models: each gives the baseline's own numbers again, or says why it has no formula."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness import baselines
from harness.baselines.base import Fitted
from harness.cli.models import export
from harness.config.dataset import DatasetConfig
from harness.data import SequenceData, load_dataset
from harness.errors import ExportError, UsageError
from harness.export import Champion, load, load_folder
from harness.export.artifact import FILE
from harness.export.baselines import best_baseline
from harness.export.baselines.graphs import graph_of
from harness.export.baselines.reasons import NO_FORMULA, NoGraph
from harness.metrics import at_real_steps
from harness.models import NetworkShape, shape_for_export

APP = typer.Typer()
APP.command()(export)
REFUSED = NO_FORMULA
"""Baselines without a formula of a sequence alone, and those that always say the same."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer kernels and trees, which take their time."""
    monkeypatch.setattr("harness.baselines.sequences.KERNELS", 200)
    monkeypatch.setattr("harness.baselines.summaries.TREES", 50)


def _fitted(data: SequenceData) -> Mapping[str, Fitted]:
    every = [candidate.name for candidate in baselines._candidates(data)]
    return {score.name: made for score, made in baselines.refit(data, every)}


def _both(data: SequenceData, made: Fitted) -> tuple[Any, Any]:
    """What a baseline says of the test part, and what its model says."""
    shape, part = shape_for_export(NetworkShape.of(data)), data.test.open()
    model = graph_of(made.predict, data, shape)
    given = [getattr(part, name) for name in shape.inputs]
    said = np.asarray(model(given if len(given) > 1 else given[0], training=False))
    expected = np.asarray(made.predict(part))
    if data.task.per_step:
        return at_real_steps(expected, part.lengths), at_real_steps(said, part.lengths)
    return expected, said


def _agree(data: SequenceData) -> set[str]:
    """The baselines whose models agree with them."""
    found = set()
    for name, made in _fitted(data).items():
        if name in REFUSED:
            with pytest.raises(NoGraph):
                graph_of(made.predict, data, shape_for_export(NetworkShape.of(data)))
            continue
        expected, said = _both(data, made)
        spread = float(expected.std()) or 1.0
        assert said == pytest.approx(expected, abs=1e-3 * spread, rel=1e-4), name
        found.add(name)
    return found


EXPECTED = {
    "load": {"persistence", "ridge on the lags"},
    "shops": {"persistence", "ridge on the lags"},
    "words": {
        "logistic regression on mean, spread and end",
        "logistic regression on raw steps",
        "extra trees on summaries",
        "random convolution kernels",
    },
    "sums": {
        "ridge on mean, spread and end",
        "ridge on raw steps",
        "extra trees on summaries",
        "random convolution kernels",
    },
    "steps": {"logistic regression on the step", "logistic regression on steps beside"},
    "letters": {"frequencies after the present token"},
}


def test_models_say_what_their_baselines_say(of_every_task: Any) -> None:
    data = load_dataset(DatasetConfig.model_validate(of_every_task.plain["dataset"]))
    assert _agree(data) == EXPECTED[data.name]


def test_models_of_texts_sum_over_their_tokens(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    texts = [" ".join(random.choice(["good", "fine", "bad", "poor", "day"], random.integers(2, 7))) for _ in range(90)]
    said = ["yes" if "good" in text or "fine" in text else "no" for text in texts]
    pd.DataFrame({"text": texts, "said": said}).to_csv(tmp_path / "texts.csv", index=False)
    config = {
        "name": "texts",
        "source": {"kind": "csv", "path": str(tmp_path / "texts.csv")},
        "task": {"kind": "classify", "text": "text", "target": "said", "tokens": "words", "metric": "log_loss"},
    }
    data = load_dataset(DatasetConfig.model_validate(config))
    assert _agree(data) == {"logistic regression on counts of tokens"}


def _as_if_swept(built: Any, tmp_path: Path, *, best: str | None, **changes: float) -> Champion:
    """A champion whose sweep scored the baselines."""
    champion = load_folder(built.folder)
    every = [candidate.name for candidate in baselines._candidates(_data(champion))]
    scores = {score.name: score.test_score for score, _ in baselines.refit(_data(champion), [best] if best else every)}
    evidence = {
        "verdict": "undecided",
        "headline": "use the baseline",
        "why": "",
        "details": [],
        "cautions": [],
        "budget": "3 trials",
        "oracle": "random",
        "epochs": 3,
        "arms": {},
        "baselines": {**scores, **changes},
        **({"best_baseline": best} if best else {}),
    }
    plain = replace(champion.description, evidence=evidence).to_json()
    folder = tmp_path / "swept"
    folder.mkdir()
    for file in built.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / FILE).write_text(json.dumps(plain), encoding="utf-8")
    return load_folder(folder)


def _data(champion: Champion) -> SequenceData:
    return load_dataset(champion.description.dataset_config)


def test_the_best_baseline_is_exported_as_a_model_of_its_own(forecast: Any, tmp_path: Path) -> None:
    champion = _as_if_swept(forecast, tmp_path, best="ridge on the lags")
    done = CliRunner().invoke(APP, [champion.where, "--baseline", "--to", str(tmp_path / "out")])
    assert done.exception is None, done.exception
    again = load(tmp_path / "out")
    logged = champion.description.evidence["baselines"]["ridge on the lags"]
    assert again.description.family == "ridge on the lags"
    assert again.description.test_score == pytest.approx(logged, rel=1e-3)
    assert "ridge on the lags" in done.stderr
    frame = pd.read_csv(forecast.data)
    assert len(again.predict_frame(frame, interval=[80])) == 4
    card = (tmp_path / "out" / "README.md").read_text()
    assert "without a recurrent cell (ridge on the lags)" in card
    assert "it is the best baseline of the sweep by its validation score" in card


def test_the_best_baseline_is_found_where_it_was_not_recorded(regress: Any, tmp_path: Path) -> None:
    found = best_baseline(_as_if_swept(regress, tmp_path, best=None))
    every = [candidate.name for candidate in baselines._candidates(_data(found))]
    scores = [score for score, _ in baselines.refit(_data(found), every)]
    assert found.description.family == min(scores, key=lambda score: score.validation_score).name


def test_another_score_than_the_recorded_one_is_refused(forecast: Any, tmp_path: Path) -> None:
    champion = _as_if_swept(forecast, tmp_path, best="ridge on the lags", **{"ridge on the lags": 1.0})
    with pytest.raises(ExportError, match=r"ridge on the lags: fitted again, it has the test mae .* recorded 1$"):
        best_baseline(champion)


def test_a_baseline_without_a_formula_is_refused_in_one_line(forecast: Any, letters: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the best baseline, Theta method, cannot be exported: it") as caught:
        best_baseline(_as_if_swept(forecast, tmp_path, best="Theta method"))
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="no baseline was scored beside it"):
        best_baseline(load_folder(letters.folder))
