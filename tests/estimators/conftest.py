"""A stub in place of training: data is checked, written and read again as in a sweep; a linear model stands for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import harness.sklearn.base
import harness.sweeps
from harness.config import find_dataset
from harness.data import SequenceData, load_dataset
from harness.export import Champion, Description
from harness.records import ChampionInfo, Direction


@dataclass(frozen=True, repr=False)
class StubChampion(Champion):
    """A champion without a network; what goes in is checked as for any other."""

    def __reduce__(self) -> tuple[Any, ...]:
        return StubChampion, (self.description, self.model, self.where)

    @property
    def _call(self) -> Callable[[list[Any]], Any]:  # type: ignore[override]
        def call(arrays: list[Any]) -> Any:
            flat = arrays[0].reshape(len(arrays[0]), -1).astype(np.float64)
            if self.description.classes:
                return self.model.predict_proba(flat)
            said = np.asarray(self.model.predict(flat))
            return said.reshape(len(flat), *[size for size in self.description.output if size > 0])

        return call


def trained(data: SequenceData, config: Any) -> StubChampion:
    """A linear model of the training part."""
    flat, y = data.train.x.reshape(len(data.train.x), -1), data.train.y
    learner = LogisticRegression(C=1e3, max_iter=500) if data.classes else Ridge(1e-3, solver="svd")
    model = make_pipeline(StandardScaler(), learner).fit(flat, y if data.classes else y.reshape(len(y), -1))
    shortest, longest = data.facts.steps
    masked = shortest != longest
    output = (-1, config.task.horizon_steps, len(data.targets)) if config.task.kind == "forecast" else (-1, 1)
    about = Description(
        *(config.name, "", data.task, "gru", "gru", "s-1", "k", 1, {}, data.objective.metric, Direction.MIN, "", 0.5),
        *(data.channels, data.targets, data.classes, masked, None if masked else longest),
        horizon_steps=getattr(config.task, "horizon_steps", 1),
        scaling={},
        digest="",
        license="",
        card=config.model_dump(mode="json"),
        space={},
        inputs={"x": (-1, -1, len(data.channels)), **({"lengths": (-1,)} if masked else {})},
        known=data.known,
        output=output,
        requirements=(),
        versions={},
    )
    return StubChampion(about, model, config.name)


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Puts the stub in training's place; returns a maker of estimators whose store is the test's."""
    made: dict[str, StubChampion] = {}

    def sweep(config: Path, **asked: Any) -> Any:
        found = find_dataset(str(config)).config
        assert found is not None
        made[found.name] = trained(load_dataset(found), found)
        info = ChampionInfo(found.name, "1", "candidate", asked["families"][-1], "gru", "k", "", 0.5, "")
        verdict = SimpleNamespace(outcome="undecided", recommendation=None)
        return SimpleNamespace(comparisons=(SimpleNamespace(champion=info, verdict=verdict),))

    monkeypatch.setattr(harness.sweeps, "sweep", sweep)
    monkeypatch.setattr(harness.sklearn.base, "champion_of", lambda info: made[info.name])
    return partial(_made, tmp_path)


def _made(folder: Path, kind: Callable[..., Any], **parameters: Any) -> Any:
    return kind(store=folder / "store", **parameters)
