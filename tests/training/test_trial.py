"""One trial: the same seed gives the same, the loop learns as `model.fit` does, weights come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.errors import DataError
from harness.models import NetworkShape, build_network, build_stack, wrap_for_export
from harness.models.network import model_of
from harness.records import FailureKind, Phase, TaskKind, TrialKey, TrialRecord, TrialRequest, TrialStatus
from harness.training.batches import TensorPart
from harness.training.evaluate import in_original_units
from harness.training.loop import CompiledNetwork, TrialHyperparameters
from harness.training.ops import loss_of
from harness.training.trial import load_weights, run_trial

ADDING = DatasetConfig.model_validate(
    {
        "name": "adding",
        "source": {"kind": "generator", "generator": "adding", "steps": 8, "sequences": 120},
        "task": {"kind": "regress"},
    }
)
LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}


def space(family: str) -> SearchSpace:
    units = {"units": {"type": "Choice", "values": [4, 8]}}
    return SearchSpace.model_validate({"name": family, "layer": LAYERS[family], "hyperparameters": units})


def plain(family: str = "gru", seed: int = 1, config: DatasetConfig = ADDING, **changes: Any) -> dict[str, Any]:
    values = {"units": 4, "dropout": 0.2, "learning_rate": 1e-2, "batch_size": 16} | changes
    request = TrialRequest(TrialKey(config.name, family, 1, Phase.SEARCH, 1), family, values, seed, 4, 4)
    return {
        "request": request.to_json(),
        "dataset": config.model_dump_json(),
        "spaces": {family: space(family).model_dump_json()},
        "digest": load_dataset(config).facts.digest,
        "weights_to": None,
    }


def test_the_record_is_whole_and_says_nothing_of_the_test_part(tmp_path: Path) -> None:
    answer = run_trial(plain() | {"weights_to": str(tmp_path / "w" / "w.npz")})
    record = answer["trial"]
    assert TrialRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert record.status is TrialStatus.COMPLETED
    assert record.epochs == len(record.train_losses) == len(record.validation_scores) == 4
    assert record.validation_score == min(record.validation_scores) == record.validation_scores[record.best_epoch - 1]
    assert record.gradient_steps == 4 * -(-84 // 16)
    assert 0 < record.recurrent_parameters < record.parameters
    assert repr(answer["sealed"].test_score) not in repr(record)
    assert load_weights(tmp_path / "w" / "w.npz")[0].shape == (2, 12)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    def scores(seed: int):
        answer = run_trial(plain(seed=seed))
        return answer["trial"].validation_scores, answer["sealed"].test_score

    first, other = scores(1), scores(2)
    assert scores(1) == first
    assert other != first


def test_trials_that_share_a_compiled_function_do_not_touch_each_other() -> None:
    alone = run_trial(plain(seed=5, learning_rate=3e-3, dropout=0.0))["trial"]
    run_trial(plain(seed=6, learning_rate=3e-2, dropout=0.4))
    again = run_trial(plain(seed=5, learning_rate=3e-3, dropout=0.0))["trial"]
    assert again.validation_scores == alone.validation_scores
    assert again.compile_seconds < 0.5


def test_a_learning_rate_beyond_sense_is_a_failure_and_not_a_score() -> None:
    answer = run_trial(plain(learning_rate=1e30, clip_norm=1e30, optimizer="sgd"))
    record = answer["trial"]
    assert record.status is TrialStatus.FAILED
    assert record.failure is FailureKind.DIVERGED
    assert record.validation_score is None
    assert answer["sealed"] is None
    assert "expected finite numbers" in record.message


def test_going_on_with_a_trial_is_the_same_as_training_on(tmp_path: Path) -> None:
    """Weights, optimiser and everything random go on where the rung below ended; also when that is lost."""
    whole, first = plain(seed=3), plain(seed=3)
    first["request"] |= {"epochs": 2}
    state = str(tmp_path / "state.npz")
    started = run_trial(first | {"state_to": state})["trial"]
    later = plain(seed=3)
    later["request"] |= {"continues": first["request"]["key"], "begins_after": 2}
    rest = run_trial(later | {"state_from": state})
    alone = run_trial(later | {"state_from": str(tmp_path / "lost.npz")})
    at_once = run_trial(whole)["trial"]
    continued, again = (answer["trial"] for answer in (rest, alone))
    assert started.train_losses + continued.train_losses == at_once.train_losses == again.train_losses
    assert continued.epochs == 2
    assert continued.validation_score == again.validation_score == min(at_once.validation_scores[2:])
    assert continued.validation_score == continued.validation_scores[continued.best_epoch - 1]
    assert again.validation_score == again.validation_scores[again.best_epoch - 1]
    assert rest["sealed"] == alone["sealed"]


@pytest.mark.parametrize(("floor", "epochs"), [(0.0, 4), (1e9, 6)])
def test_a_trial_below_the_median_is_stopped_and_says_so(floor: float, epochs: int) -> None:
    given = plain(seed=3)
    given["request"] |= {"epochs": 6, "patience_epochs": 6, "floor": [floor, floor, floor]}
    record = run_trial(given)["trial"]
    assert (record.epochs, record.pruned) == (epochs, epochs == 4)
    assert record.status is TrialStatus.COMPLETED
    assert record.validation_score == min(record.validation_scores)


def test_data_that_changed_is_refused() -> None:
    with pytest.raises(DataError, match="the data changed"):
        run_trial(plain() | {"digest": "0" * 32})


@pytest.mark.parametrize("family", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(("masked", "layers"), [(False, 1), (True, 1), (False, 2), (True, 2)])
def test_learns_as_model_fit_does(family: str, masked: bool, layers: int) -> None:
    """The same initial weights and order of batches: the same losses for ten epochs, to 1e-3 relative."""
    chance = np.random.default_rng(3)
    rows, steps, batch = 96, 7, 32
    shape = NetworkShape(TaskKind.REGRESS, steps, 3, masked, 1, 1)
    x = chance.normal(size=(rows, steps, 3)).astype(np.float32)
    lengths = chance.integers(2, steps + 1, rows).astype(np.int32) if masked else np.full(rows, steps, np.int32)
    y = x[:, :2].sum(axis=(1, 2), keepdims=True)[:, 0].astype(np.float32)
    values = {"units": 5, "layers": layers}
    fast = CompiledNetwork(build_stack(shape, space(family), values), "adam", loss_of(shape, "mse"), batch, xla=True)
    weights = fast.network.initial_weights(11)
    fast.reset(weights)
    plain_model = build_network(shape, space(family), values)
    plain_model.set_weights(weights)
    optimizer = keras.optimizers.Adam(5e-3, global_clipnorm=1.0)
    plain_model.compile(optimizer=optimizer, loss="mse", jit_compile=False)
    part = TensorPart.of(x, lengths, y)
    for epoch in range(10):
        order = chance.permutation(rows)
        loss = fast.epoch(part, order, epoch, TrialHyperparameters(5e-3, 0.0, 1.0))
        inputs = [x[order], lengths[order]] if masked else x[order]
        history = plain_model.fit(inputs, y[order], batch_size=batch, shuffle=False, verbose=0)
        assert loss == pytest.approx(history.history["loss"][0], rel=1e-3)


def test_a_last_smaller_batch_counts_as_many_rows_as_it_has() -> None:
    chance = np.random.default_rng(4)
    shape = NetworkShape(TaskKind.REGRESS, 4, 1, False, 1, 1)
    x, y = chance.normal(size=(10, 4, 1)).astype(np.float32), chance.normal(size=(10, 1)).astype(np.float32)
    network = CompiledNetwork(
        build_stack(shape, space("gru"), {"units": 3}), "sgd", loss_of(shape, "mse"), 8, xla=False
    )
    weights = network.network.initial_weights(1)
    network.restore(weights)
    loss = network.epoch(
        TensorPart.of(x, np.full(10, 4, np.int32), y), np.arange(10), 1, TrialHyperparameters(0.0, 0.0, 1.0)
    )
    squares = (network.network.model.predict(x, verbose=0) - y)[:, 0] ** 2
    assert loss == pytest.approx((squares[:8].mean() + squares[8:].mean()) / 2, rel=1e-5)


def test_padding_counts_for_nothing_and_real_zeros_count() -> None:
    shape = NetworkShape(TaskKind.CLASSIFY, 6, 2, True, 3, 1)
    network = model_of(build_stack(shape, space("lstm"), {"units": 4, "bidirectional": True, "layers": 2}))
    chance = np.random.default_rng(0)
    x = chance.normal(size=(4, 6, 2)).astype(np.float32)
    lengths = np.array([3, 4, 2, 5], np.int32)
    garbage = np.where(np.arange(6)[None, :, None] < lengths[:, None, None], x, 99.0)
    np.testing.assert_allclose(network([x, lengths]), network([garbage, lengths]), atol=1e-6)
    zeroed = x.copy()
    zeroed[:, 1] = 0.0
    assert np.abs(network([zeroed, lengths]) - network([x, lengths])).max() > 1e-3


@pytest.mark.parametrize(
    ("task", "masked"), [(TaskKind.FORECAST, False), (TaskKind.CLASSIFY, True), (TaskKind.REGRESS, True)]
)
def test_the_exported_model_takes_raw_values_and_loads_where_only_keras_is_known(
    task: TaskKind, masked: bool, tmp_path: Path
) -> None:
    data = load_dataset(ADDING)
    chance = np.random.default_rng(1)
    shape = NetworkShape(
        task, 8, 2, masked, 1 if task is not TaskKind.CLASSIFY else 3, 2 if task is TaskKind.FORECAST else 1
    )
    network = build_network(shape, space("lstm"), {"units": 4, "dropout": 0.3})
    exported = wrap_for_export(network, shape, data.scaling)
    exported.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    x = chance.normal(5, 3, size=(6, 8, 2)).astype(np.float32)
    lengths = chance.integers(1, 9, 6).astype(np.int32)
    raw = loaded.predict([x, lengths] if masked else x, verbose=0)
    scaled = data.scaling.scale_inputs(x)
    inner = network.predict([scaled, lengths] if masked else scaled, verbose=0)
    if task is TaskKind.CLASSIFY:
        expected = np.exp(inner) / np.exp(inner).sum(axis=1, keepdims=True)
    else:
        expected = in_original_units(data, data.validation, inner)
    np.testing.assert_allclose(raw, expected, rtol=1e-5, atol=1e-5)


def test_initial_weights_draw_nothing_from_the_global_state() -> None:
    stack = build_stack(NetworkShape(TaskKind.REGRESS, 4, 1, False, 1, 1), space("gru"), {"units": 3})
    model_of(stack)
    np.random.seed(0)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    first = stack.initial_weights(1)
    assert (np.random.get_state(legacy=False)["state"]["key"] == before).all()
    for one, same, other in zip(first, stack.initial_weights(1), stack.initial_weights(2), strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one == other).all() == (one.ndim == 1 or "bias" in str(one.shape) or not one.any())


def test_a_batch_larger_than_the_training_part_is_all_of_it() -> None:
    """As Keras takes it: one step an epoch, and no memory for a billion rows."""
    whole, larger = (run_trial(plain(batch_size=size))["trial"] for size in (84, 1_000_000_000))
    assert larger.validation_scores == whole.validation_scores
    assert larger.gradient_steps == whole.gradient_steps == 4
