"""Every kind of scaling: there and back, fitted on what it is given alone, and the same inside an exported model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data.scaling import Kind, Scaling, fit_inputs, fit_outputs, fit_scaling

KINDS: list[Kind] = ["none", "standard", "robust", "log", "difference"]
RANDOM = np.random.default_rng(0)
ROWS = np.cumsum(RANDOM.normal(size=(400, 3)), axis=0).astype(np.float32) * np.array([1, 50, 0.1], np.float32) + 20


def windows() -> tuple[Any, Any]:
    x = np.stack([ROWS[start : start + 12] for start in range(0, 380, 5)])
    y = np.stack([ROWS[start + 12 : start + 16, :2] for start in range(0, 380, 5)])
    return x, y


def fitted(kind: Kind, **more: Any) -> Scaling:
    x, y = windows()
    return fit_outputs(fit_inputs(ROWS, kind, held=(2,), **more), y, x, (0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_come_back(kind: Kind) -> None:
    x, y = windows()
    scaling = fitted(kind)
    scaled = scaling.scale_outputs(y, x)
    restored = scaling.restore_outputs(scaled, x)
    assert np.abs(restored - y).max() <= 1e-5 * np.abs(y).max()
    if kind in ("standard", "log", "difference"):
        assert np.allclose(scaled.reshape(-1, 2).mean(axis=0), 0, atol=1e-4)
        assert np.allclose(scaled.reshape(-1, 2).std(axis=0), 1, atol=1e-4)


def test_robust_scaling_does_not_mind_an_outlier() -> None:
    rows = np.concatenate([np.arange(101, dtype=np.float32), np.float32([1e9])])[:, None]
    scaling = fit_inputs(rows[:-1], "robust")
    assert (scaling.input_mean.tolist(), scaling.input_scale.tolist()) == ([50], [50])
    assert abs(float(fit_inputs(rows, "robust").input_scale[0]) - 50) < 1
    mostly_zero = np.array([[0]] * 9 + [[5]], np.float32)
    assert fit_inputs(mostly_zero, "robust").input_scale[0] == pytest.approx(1.5)


def test_differences_begin_with_none_and_leave_channels_known_in_advance_alone() -> None:
    scaling = fitted("difference")
    x, _ = windows()
    scaled = scaling.scale_inputs(x) * scaling.input_scale + scaling.input_mean
    assert np.allclose(scaled[:, 0, :2], 0, atol=1e-5)
    assert np.allclose(scaled[:, 1:, :2], np.diff(x[:, :, :2], axis=1), atol=1e-4)
    assert np.allclose(scaled[:, :, 2], x[:, :, 2], atol=1e-4)


def test_a_missing_value_becomes_the_mean_beside_a_flag() -> None:
    rows = ROWS.copy()
    rows[10:20, 1] = np.nan
    x, _ = windows()
    x[0, 3, 1] = x[0, 4, 0] = np.nan
    scaling = fit_inputs(rows, "standard", fills_gaps=True)
    assert scaling.indicators == (1,)
    scaled = scaling.scale_inputs(x)
    assert scaled.shape[-1] == 4
    assert np.isfinite(scaled).all()
    assert scaled[0, 3, 1] == scaled[0, 4, 0] == 0
    assert scaled[:, :, 3].sum() == scaled[0, 3, 3] == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_the_exported_graph_does_the_same(kind: Kind, masked: bool, tmp_path: Any) -> None:
    import keras

    from harness.models.shape import NetworkShape
    from harness.models.wrap import wrap_for_export
    from harness.records import TaskKind

    if masked and kind == "difference":
        pytest.skip("refused on cards: a change from a missing value is none")
    x, _ = windows()
    rows = ROWS.copy()
    if masked:
        rows[5, 0] = np.nan
        x[1, 2, 0] = x[2, 2, 1] = np.nan
    scaling = fit_outputs(fit_inputs(rows, kind, (2,), fills_gaps=masked), windows()[1], x, (0, 1))
    shape = NetworkShape(TaskKind.FORECAST, 12, 3, False, 2, 4, indicators=len(scaling.indicators))
    inside = keras.Input((12, shape.width))
    hidden = keras.layers.Dense(8, kernel_initializer="ones")(keras.layers.Flatten()(inside))
    network = keras.Model(inside, keras.layers.Reshape((4, 2))(hidden))
    keras.utils.set_random_seed(1)
    network.set_weights([RANDOM.normal(size=weight.shape) * 0.1 for weight in network.get_weights()])
    model = wrap_for_export(network, shape, scaling)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    expected = scaling.restore_outputs(network.predict(scaling.scale_inputs(x), verbose=0), x)
    assert np.abs(loaded.predict(x, verbose=0) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_value_too_many_spreads_away_makes_no_infinity() -> None:
    values = np.float32([[0], [0], [1e-37], [2e-37], [4e-37], [45]])
    middle, spread = fit_scaling(values, "robust")
    assert np.isfinite((values - middle) / spread).all()
