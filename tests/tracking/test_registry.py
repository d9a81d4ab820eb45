"""Champions in the registry. The model's file goes in byte for byte, so any bytes will do here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from harness.errors import StoreError, UsageError
from harness.records import DataFacts
from harness.store import Store
from harness.tracking import RunWriter, connect, move_alias, register, resolve
from harness.tracking.client import Connection
from harness.tracking.registry import registered_versions


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "toy", trial: int = 1, **changes: Any) -> Path:
        folder = tmp_path / f"{name}-{trial}"
        folder.mkdir()
        champion = {
            "name": name,
            "sweep_id": "s1",
            "trial": f"{name}/gru/r1/search/{trial:04d}",
            "family": "gru",
            "arm": "gru",
            "metric": "mae",
            "task": "regress",
            "test_score": 0.25,
            "values": {"units": 32},
            "inputs": {"x": [-1, 5, 2]},
            "output": [-1, 1],
            "requirements": ["keras==3.15.1"],
            **changes,
        }
        (folder / "champion.json").write_text(json.dumps(champion))
        (folder / "model.keras").write_bytes(b"the network")
        arrays = {"x": np.ones((2, 5, 2), np.float32), "lengths": np.array([5, 3], np.int32)}
        np.savez(folder / "example.npz", **{key: arrays[key] for key in champion["inputs"]})
        return folder

    return make


@pytest.fixture
def projected(store: Store, facts: DataFacts) -> Store:
    writer = RunWriter(store, "s1", "nightly")
    for name in ("toy", "vic_elec"):
        writer.comparison_started(name, facts, {})
    return store


def _model_file(folder: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((folder / "MLmodel").read_text())
    return found


def test_a_version_without_an_alias(projected: Store, save: Callable[..., Path]) -> None:
    registered = register(projected, save(), {"verdict": "winner", "why": "gru is the winner"})
    assert (registered.name, registered.version) == ("toy", "1")
    version = connect(projected).get_model_version("toy", "1")
    assert version.tags == {
        "verdict": "winner",
        "why": "gru is the winner",
        "sweep_id": "s1",
        "dataset": "toy",
        "family": "gru",
        "arm": "gru",
        "metric": "mae",
        "test_score": "0.25",
        "status": "tested",
        "trial_key": "s1/toy/gru/r1/search/0001",
    }
    run = connect(projected).get_run(version.run_id)
    page = f"#/experiments/{run.info.experiment_id}/runs/{version.run_id}"
    assert version.description.startswith("gru is the winner\n\ngru, test mae 0.25; trial `toy/gru/r1/search/0001`")
    assert f"[the comparison]({page})" in version.description
    assert connect(projected).get_registered_model("toy").aliases == {}
    with pytest.raises(UsageError, match="expected the alias champion or candidate, got none; name a version"):
        resolve(projected, "toy")


def test_tags_tell_verdict_scores_and_budget(projected: Store, save: Callable[..., Path]) -> None:
    family = {"expected_test_score": 0.26, "validation_score": 0.24}
    evidence = {
        "winner": "gru",
        "headline": "toy: gru wins",
        "budget": "12 trials a family",
        "arms": {"gru": family, "lstm": {"expected_test_score": 0.3, "validation_score": 0.28}},
        "baselines": {"ridge": 0.4, "persistence": 0.5},
    }
    register(projected, save(evidence=evidence, direction="min"), {})
    version = connect(projected).get_model_version("toy", "1")
    wanted = {
        "winner": "gru",
        "budget": "12 trials a family",
        "validation_score": "0.24",
        "expected_test_gru": "0.26",
        "expected_test_lstm": "0.3",
        "best_baseline": "0.4",
    }
    assert wanted.items() <= version.tags.items()
    assert "toy: gru wins" in version.description


def test_a_refitted_model_is_another_version_and_untested(projected: Store, save: Callable[..., Path]) -> None:
    first = register(projected, save(), {})
    refitted = json.loads((first.path / "champion.json").read_text())
    folder = save(trial=2)
    (folder / "champion.json").write_text(json.dumps({**refitted, "refit": True, "test_score": None}))
    second = register(projected, folder, {})
    assert (first.version, second.version) == ("1", "2")
    tags = connect(projected).get_model_version("toy", "2").tags
    assert (tags["status"], tags["trial_key"]) == ("untested", "s1/toy/gru/r1/search/0001/refit")
    assert "test_score" not in tags
    assert register(projected, folder, {}).version == "2"


def test_versions_are_read_with_their_aliases_and_pages(projected: Store, save: Callable[..., Path]) -> None:
    for trial in (1, 2):
        register(projected, save(trial=trial), {"verdict": "winner"})
    register(projected, save("vic_elec"), {})
    move_alias(projected, "toy", "2", "champion")
    found = registered_versions(projected)
    assert [one.reference for one in found] == ["toy/1", "toy/2", "vic_elec/1"]
    assert [one.aliases for one in found] == [(), ("champion",), ()]
    assert found[0].page == f"#/experiments/{found[0].experiment_id}/runs/{found[0].run_id}"
    assert found[1].tags["verdict"] == "winner"
    assert [one.reference for one in registered_versions(projected, "vic_elec")] == ["vic_elec/1"]
    with pytest.raises(UsageError, match=r"Did you mean vic_elec\?"):
        registered_versions(projected, "vic_elek")


def test_its_files_hold_one_keras_file_and_no_pickle(projected: Store, save: Callable[..., Path]) -> None:
    folder = register(projected, save(), {}).path
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"MLmodel", "champion.json", "data/model.keras", "requirements.txt", "input_example.json"} <= files
    assert not [name for name in files if "pickle" in name or name.endswith((".pkl", ".bin", ".joblib"))]
    assert (folder / "data/model.keras").read_bytes() == b"the network"
    assert "keras==3.15.1" in (folder / "requirements.txt").read_text().splitlines()
    model = _model_file(folder)
    assert set(model["flavors"]) == {"keras", "python_function"}
    assert model["metadata"]["champion"]["trial"] == "toy/gru/r1/search/0001"
    assert json.loads(model["signature"]["inputs"]) == [
        {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 5, 2]}}
    ]


def test_two_inputs_have_names(projected: Store, save: Callable[..., Path]) -> None:
    folder = register(projected, save(inputs={"x": [-1, -1, 2], "lengths": [-1]}), {}).path
    inputs = json.loads(_model_file(folder)["signature"]["inputs"])
    assert [(given["name"], given["tensor-spec"]["dtype"]) for given in inputs] == [
        ("x", "float64"),
        ("lengths", "int64"),
    ]


def test_it_is_an_output_of_the_comparisons_run(
    projected: Store, save: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    register(projected, save(), {})
    assert list((tmp_path / "here").iterdir()) == []  # no second store
    client = connect(projected)
    version = client.get_model_version("toy", "1")
    run = client.get_run(version.run_id)
    assert run.data.tags["comparison_key"] == "s1/toy"
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (model.source_run_id, model.artifact_location) == (version.run_id, version.source)
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "toy", "version": "1"}]


def test_registering_again_is_the_same_version(projected: Store, save: Callable[..., Path]) -> None:
    folder = save()
    assert register(projected, folder, {}) == register(projected, folder, {})
    assert register(projected, save(trial=2), {}).version == "2"


CALLS = (
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "log_outputs",
    "create_registered_model",
    "create_model_version",
    "set_logged_model_tags",
)


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_after_any_of_its_calls_leaves_nothing_twice(
    projected: Store, save: Callable[..., Path], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killing(connection: Connection, name: str) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            value = getattr(connection._client, name)(*arguments, **named)
            if name == call:
                raise Killed
            return value

        return done

    folder = save()
    with monkeypatch.context() as patched:
        patched.setattr(Connection, "__getattr__", killing)
        with pytest.raises(Killed):
            register(projected, folder, {})
    registered = register(projected, folder, {})
    assert (registered.path / "data/model.keras").read_bytes() == b"the network"
    client = connect(projected)
    (version,) = client.search_model_versions("name = 'toy'")
    (model,) = client.search_logged_models([client.get_run(version.run_id).info.experiment_id])
    assert str(model.status) == "READY"
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "toy", "version": "1"}]
    outputs = client.get_run(version.run_id).outputs.model_outputs
    assert [output.model_id for output in outputs] == [model.model_id]


def test_references(projected: Store, save: Callable[..., Path]) -> None:
    paths = [register(projected, save(trial=trial), {}).path for trial in (1, 2)]
    move_alias(projected, "toy", "1", "candidate")
    for reference in ("toy", "toy@candidate", "models:/toy@candidate", "toy/1", "models:/toy/1"):
        assert resolve(projected, reference).path == paths[0]
    move_alias(projected, "toy", "2", "champion")
    assert resolve(projected, "toy").path == paths[1]
    move_alias(projected, "toy", "1", "champion")
    assert resolve(projected, "toy@champion").version == "1"


@pytest.mark.parametrize(
    ("reference", "phrase"),
    [
        ("vic_elek", r"model vic_elek: expected the name of a registered model in sqlite.*Did you mean vic_elec\?"),
        ("zzz", "Known: vic_elec"),
        ("vic_elec@chamion", "expected the alias chamion, got champion"),
        ("vic_elec/7", "version 7: expected one of 1"),
        ("a/b/c", "expected a folder, a name, name@alias"),
        ("", "expected a folder, a name"),
    ],
)
def test_references_to_nothing(projected: Store, save: Callable[..., Path], reference: str, phrase: str) -> None:
    register(projected, save("vic_elec"), {})
    move_alias(projected, "vic_elec", "1", "champion")
    with pytest.raises(UsageError, match=phrase):
        resolve(projected, reference)


def test_an_empty_registry_and_no_store(projected: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No model is registered there yet"):
        resolve(projected, "toy")
    with pytest.raises(StoreError, match="no sweep has run in this store yet"):
        resolve(Store(tmp_path / "none", f"sqlite:///{tmp_path}/none/mlflow.db"), "toy")


def test_a_champion_of_a_sweep_that_is_not_there(projected: Store, save: Callable[..., Path]) -> None:
    with pytest.raises(StoreError, match="comparison s2/toy: has no run"):
        register(projected, save(sweep_id="s2"), {})
    assert connect(projected).search_registered_models() == []


def test_files_that_are_gone(projected: Store, save: Callable[..., Path]) -> None:
    import shutil

    shutil.rmtree(register(projected, save(), {}).path)
    with pytest.raises(StoreError, match="the model's files are gone"):
        resolve(projected, "toy/1")
