"""A network of the user's trains as Keras would train it, in the compiled epoch or by its own fit, and resumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.errors import UsageError
from harness.models import NetworkShape, family_of
from harness.models.discover import discovered
from harness.records import Phase, TaskKind, TrialKey, TrialRequest
from harness.training.batches import TensorPart
from harness.training.cache import trainer_of
from harness.training.loop import TrialHyperparameters
from harness.training.trial import run_trial

CLASSES = NetworkShape(TaskKind.CLASSIFY, 6, 2, masked=False, outputs=3, horizon_steps=1)
ADDING = DatasetConfig.model_validate(
    {
        "name": "adding",
        "source": {"kind": "generator", "generator": "adding", "steps": 6, "sequences": 90},
        "task": {"kind": "regress"},
    }
)


def test_hyperparameters_are_found_in_scopes_behind_conditions_and_in_loops(built: Callable[..., SearchSpace]) -> None:
    found = discovered(CLASSES, built("from_keras_tuner"), gaussian=False).hyperparameters
    assert set(found) == {
        *("filters", "layers", "units_0", "units_1", "drop", "rate", "kind", "hidden", "rate_of_learning"),
    }
    assert (found["hidden"].parent_name, found["hidden"].parent_values) == ("kind", ("hidden",))
    assert found["filters"].max_value == 12  # the last that steps of 4 reach from 4, of 13
    assert found["rate"].type == "Float"


def test_what_the_file_of_the_search_space_declares_stays(built: Callable[..., SearchSpace]) -> None:
    declared = {"units": {"type": "Fixed", "value": 5}, "batch_size": {"type": "Choice", "values": [8, 16]}}
    space = SearchSpace.model_validate({**built("attentive").model_dump(), "hyperparameters": declared})
    found = discovered(CLASSES, space, gaussian=False).hyperparameters
    assert found["units"].value == 5
    assert list(found) == ["units", "batch_size", "filters", "dropout"]
    network = family_of(discovered(CLASSES, space, gaussian=False)).build(
        CLASSES, {"units": 5, "filters": 4, "dropout": 0.0}
    )
    assert network.model.count_params() == 4 * 7 + 4 * 5 * (4 + 5 + 1) + 5 + 3 * 6


def test_a_name_that_was_not_asked_for_before_is_refused(built: Callable[..., SearchSpace]) -> None:
    space = SearchSpace.model_validate(
        {**built("attentive").model_dump(), "hyperparameters": {"units": {"type": "Choice", "values": [4, 8]}}}
    )
    with pytest.raises(UsageError, match="attentive: asks for the hyperparameter 'filters', which it did not ask for"):
        family_of(space).build(CLASSES, {"units": 4})


@pytest.mark.parametrize("xla", [False, True])
def test_a_model_of_keras_layers_learns_as_model_fit_does(built: Callable[..., SearchSpace], xla: bool) -> None:
    """From the same weights and batches the same losses and outputs, its batch normalisation's state included."""
    space = discovered(CLASSES, built("from_keras_tuner"), gaussian=False)
    values = {"filters": 4, "layers": 1, "units_0": 4, "drop": False, "kind": "plain", "rate_of_learning": 1e-2}
    network, chance = family_of(space).build(CLASSES, values), np.random.default_rng(1)
    assert network.training.settings == {"optimizer": "adam", "learning_rate": pytest.approx(1e-2)}
    x = chance.normal(size=(32, 6, 2)).astype(np.float32)
    y = (np.digitize(x[:, 0, 0], [-0.5, 0.5])).astype(np.int32)
    part = TensorPart.of(x, np.full(32, 6, np.int32), y)
    trainer = trainer_of(network, "adam", "mse", 16, xla=xla)
    trainer.prepare(part, part)
    assert trainer.kernel == ("xla-epoch" if xla else "tf-epoch")
    weights = network.initial_weights(4)
    trainer.reset(weights)
    plain = family_of(space).build(CLASSES, values).model
    plain.set_weights(weights)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    plain.compile(optimizer=keras.optimizers.Adam(1e-2, global_clipnorm=1.0), loss=loss, jit_compile=False)
    for epoch in range(5):
        order = chance.permutation(32)
        mine = trainer.epoch(part, order, epoch, TrialHyperparameters(1e-2, 0.0, 1.0))
        theirs = plain.fit(x[order], y[order], batch_size=16, shuffle=False, verbose=0).history["loss"][0]
        assert mine == pytest.approx(theirs, rel=1e-3)
    np.testing.assert_allclose(trainer.predict(part), plain.predict(x, verbose=0), atol=2e-3)
    trainer.restore(trainer.weights())
    np.testing.assert_allclose(trainer.predict(part), network.model(x, training=False), atol=1e-5)


def plain(space: SearchSpace, values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    request = TrialRequest(TrialKey("adding", "mine", 1, Phase.SEARCH, 1), "mine", values, 3, 4, 4)
    return {
        "request": request.to_json() | changes,
        "dataset": ADDING.model_dump_json(),
        "spaces": {"mine": space.model_dump_json()},
        "digest": load_dataset(ADDING).facts.digest,
        "weights_to": None,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attentive", "with_own_step"])
def test_going_on_with_a_trial_is_the_same_as_training_on(
    built: Callable[..., SearchSpace], name: str, tmp_path: Path
) -> None:
    space = discovered(NetworkShape.of(load_dataset(ADDING)), built(name), gaussian=False)
    values = {"units": 4, "filters": 4, "dropout": 0.2} if name == "attentive" else {"units": 4}
    whole, state = run_trial(plain(space, values))["trial"], str(tmp_path / "state.npz")
    first = run_trial(plain(space, values, epochs=2) | {"state_to": state})["trial"]
    later = plain(space, values, continues=str(TrialKey("adding", "mine", 1, Phase.SEARCH, 1)), begins_after=2)
    rest = run_trial(later | {"state_from": state})["trial"]
    assert whole.train_losses == first.train_losses + rest.train_losses
    assert whole.kernel == ("keras-fit" if name == "with_own_step" else "tf-epoch")


@pytest.mark.slow
def test_trials_of_one_graph_share_a_compiled_function_and_nothing_else(built: Callable[..., SearchSpace]) -> None:
    space = discovered(
        NetworkShape.of(load_dataset(ADDING)),
        built("build_model", Path(__file__).with_name("mingru.py")),
        gaussian=False,
    )
    values = {"units": 4, "layers": 1, "dropout": 0.1}
    alone = run_trial(plain(space, {**values, "learning_rate": 1e-2}))["trial"]
    other = run_trial(plain(space, {**values, "learning_rate": 3e-2}))["trial"]
    again = run_trial(plain(space, {**values, "learning_rate": 1e-2}))["trial"]
    assert again.train_losses == alone.train_losses != other.train_losses
    assert other.compile_seconds < alone.compile_seconds / 4
