"""Families of the user's: a builder in a file, and search spaces that name it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.config import find_dataset
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.records import Phase, TrialKey, TrialRequest, Value
from harness.user_code import digest_of

HERE = Path(__file__).parent
LAYERED = {
    "units": {"type": "Choice", "values": [2, 3]},
    "layers": {"type": "Choice", "values": [1, 2]},
    "bidirectional": {"type": "Boolean"},
    "embedding_dim": {"type": "Fixed", "value": 3},
}


@pytest.fixture(scope="session")
def built() -> Callable[..., SearchSpace]:
    """The search space of a builder, before it has been asked for its hyperparameters."""

    def space(name: str, file: Path = HERE / "builders.py") -> SearchSpace:
        location = f"{file}:{name}"
        return SearchSpace(name=name.replace("_", "-"), build=location, code_sha256=digest_of(location))

    return space


@pytest.fixture(scope="session")
def layered() -> Callable[[str], SearchSpace]:
    """The search space of a shipped layer, for networks of a few units."""
    return lambda layer: SearchSpace.model_validate({"name": "tiny", "layer": layer, "hyperparameters": LAYERED})


@pytest.fixture(scope="session")
def champion_of() -> Callable[..., Path]:
    """Trains one trial of a family and builds its champion in `folder/champion`."""

    def build(config: DatasetConfig, space: SearchSpace, values: Mapping[str, Value], folder: Path) -> Path:
        from harness.export.build import build_champion
        from harness.models import NetworkShape
        from harness.models.discover import discovered
        from harness.training.trial import run_trial

        data = load_dataset(config)
        space = space if space.layer else discovered(NetworkShape.of(data), space, gaussian=False)
        request = TrialRequest(TrialKey(config.name, space.name, 1, Phase.SEARCH, 1), space.name, dict(values), 3, 2, 2)
        plain = {"request": request.to_json(), "digest": data.facts.digest, "weights_to": str(folder / "w.npz")}
        spaces = {space.name: space.model_dump_json()}
        sealed = run_trial({**plain, "dataset": config.model_dump_json(), "spaces": spaces})["sealed"]
        champion = {"dataset": config.model_dump(), "space": space.model_dump(), "weights": plain["weights_to"]}
        champion |= {"folder": str(folder / "champion"), "sweep_id": "none", "test_score": sealed.test_score}
        build_champion({**plain, **champion})
        return folder / "champion"

    return build


@pytest.fixture(scope="session")
def alone(
    tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path], champion_of: Callable[..., Path]
) -> Path:
    """The project of a champion that needs `mingru.py`, in `champion` beside it."""
    project = write_project(tmp_path_factory.mktemp("champion"))
    shutil.copy(HERE / "mingru.py", project / "mingru.py")
    location = f"{project / 'mingru.py'}:build_model"
    space = SearchSpace(name="mingru", build=location, code_sha256=digest_of(location))
    dataset = find_dataset(str(project / "tiny_adding.toml")).config
    champion_of(dataset, space, {"units": 4, "layers": 1, "learning_rate": 1e-2, "dropout": 0.1}, project)
    return project
