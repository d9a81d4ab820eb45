"""The shipped networks beside the recurrent stacks: their equations by NumPy, their size, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.checks.conformance import PROBLEMS, check_family
from harness.config import check_shared, check_tasks, find_dataset, find_space
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.config.spaces.networks import NETWORKS
from harness.config.spaces.overrides import overridden
from harness.errors import ConfigError, UsageError
from harness.export.formats import Format, export
from harness.models import family_of
from harness.models.adapt import custom_layers
from harness.models.cells import CELLS
from harness.models.shipped import SHIPPED
from harness.models.shipped.tcn import receptive_steps

SMALL: dict[str, dict[str, Any]] = {
    "units": {"type": "Choice", "values": [2, 3]},
    "layers": {"type": "Choice", "values": [1, 2]},
    "kernel_size": {"type": "Choice", "values": [2, 3]},
    "cell": {"type": "Choice", "values": ["LSTM", "GRU"]},
    "dropout": {"type": "Fixed", "value": 0.0},
    "embedding_dim": {"type": "Fixed", "value": 3},
}
LABELS = PROBLEMS["label"]
FORECAST = PROBLEMS["forecast"]


def space_of(layer: str, **more: Any) -> SearchSpace:
    named = {name: one for name, one in {**SMALL, **more}.items() if name in (*NETWORKS[layer].names, "batch_size")}
    return SearchSpace.model_validate({"name": layer.lower(), "layer": layer, "hyperparameters": named})


def parity_of(layer: str) -> SearchSpace:
    sized = {name: one for name, one in SMALL.items() if name in NETWORKS[layer].names and name != "units"}
    sized["recurrent_parameters"] = {"type": "Choice", "values": [300, 900]}
    plain = {"name": "equal", "layer": layer, "capacity": "parameters", "hyperparameters": sized}
    return SearchSpace.model_validate(plain)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_every_layer_that_a_search_space_may_name_is_built() -> None:
    assert set(NETWORKS) == set(CELLS) | set(SHIPPED)
    assert {name for name, network in NETWORKS.items() if network.stack} == set(CELLS)


@pytest.mark.parametrize(("steps", "layers"), [(6, 2), (9, 1), (None, 1)])
def test_mingru_is_its_step_of_the_paper(steps: int | None, layers: int) -> None:
    network = family_of(space_of("MinGRU")).build(replace(LABELS, steps=steps), {"units": 3, "layers": layers})
    chance = np.random.default_rng(0)
    network.model.set_weights([chance.normal(size=one.shape) for one in network.model.get_weights()])
    hidden = x = chance.normal(size=(4, steps or 11, 2)).astype(np.float32)
    weights = network.model.get_weights()
    for update_kernel, update_bias, kernel, bias in (weights[4 * n : 4 * n + 4] for n in range(layers)):
        state, states = np.zeros((4, 3)), []
        for step in range(x.shape[1]):
            update = sigmoid(hidden[:, step] @ update_kernel + update_bias)
            state = (1 - update) * state + update * (hidden[:, step] @ kernel + bias)
            states.append(state)
        hidden = np.stack(states, axis=1)
    lengths = np.array([2, 3, 5, x.shape[1]], np.int32)
    outputs = np.asarray(network.model([x, lengths], training=False))
    assert np.allclose(outputs, hidden @ weights[-2] + weights[-1], atol=1e-4)


def test_a_tcn_sees_so_many_steps_back_and_none_ahead() -> None:
    values = {"units": 3, "layers": 2, "kernel_size": 3}
    seen = receptive_steps(3, 2)
    assert seen == 13
    shape = replace(LABELS, steps=20, masked=False)
    network = family_of(space_of("TCN")).build(shape, values)
    chance = np.random.default_rng(1)
    network.model.set_weights([np.abs(chance.normal(size=one.shape)) for one in network.model.get_weights()])
    x = np.abs(chance.normal(size=(1, 20, 2))).astype(np.float32)
    other = x.copy()
    other[:, 4] += 1
    differs = np.abs(network.model(other) - network.model(x))[0].max(axis=-1) > 1e-4
    assert np.flatnonzero(differs).tolist() == list(range(4, 4 + seen))


def test_attention_is_the_weighed_mean_of_real_states() -> None:
    shape = PROBLEMS["classify, lengths differ"]
    values = {"units": 3, "layers": 1, "kernel_size": 2, "cell": "GRU"}
    model = family_of(space_of("ConvAttention")).build(shape, values).model
    chance = np.random.default_rng(2)
    x, lengths = chance.normal(size=(3, 6, 2)).astype(np.float32), np.array([2, 4, 6], np.int32)
    states = type(model)(model.inputs, model.get_layer("gru_1").output)([x, lengths])
    kernel, bias = model.get_layer("attention").get_weights()
    (worth,) = model.get_layer("attention_worth").get_weights()
    scores = np.tanh(np.asarray(states) @ kernel + bias) @ worth
    pooled = [
        (np.exp(score[:length]) / np.exp(score[:length]).sum() * state[:length]).sum(axis=0)
        for score, state, length in zip(scores, np.asarray(states), lengths, strict=True)
    ]
    head, offset = model.get_layer("head").get_weights()
    assert np.allclose(model([x, lengths]), np.stack(pooled) @ head + offset, atol=1e-5)


@pytest.mark.parametrize("width", [4, 25])
def test_dlinear_is_its_two_linear_maps(width: int) -> None:
    wide = {"kernel_size": {"type": "Choice", "values": [4, 25]}}
    network = family_of(space_of("DLinear", **wide)).build(FORECAST, {"kernel_size": width})
    x = np.random.default_rng(3).normal(size=(5, 6, 2)).astype(np.float32)
    ends = np.pad(x, [(0, 0), ((width - 1) // 2, width // 2), (0, 0)], mode="edge")
    trend = np.stack([ends[:, step : step + width].mean(axis=1) for step in range(6)], axis=1)
    first, first_bias, second, second_bias = network.model.get_weights()
    wanted = np.einsum("bsc,sh->bhc", trend, first) + np.einsum("bsc,sh->bhc", x - trend, second)
    wanted += (first_bias + second_bias)[:, None]
    assert np.allclose(network.model(x), wanted, atol=1e-5)


def test_dlinear_continues_the_targets_past_alone() -> None:
    shape = replace(FORECAST, channels=3, outputs=1, target_channels=(1,))
    model = family_of(space_of("DLinear")).build(shape, {}).model
    x = np.random.default_rng(4).normal(size=(2, 6, 3)).astype(np.float32)
    other = np.where(np.arange(3) == 1, x, 9.0).astype(np.float32)
    assert np.array_equal(model(x), model(other))
    with pytest.raises(UsageError, match="a target is not among the features"):
        family_of(space_of("DLinear")).build(replace(shape, target_channels=(-1,)), {})


@pytest.mark.parametrize("layer", SHIPPED)
def test_a_forecast_reads_its_lookback_alone(layer: str) -> None:
    space, values = space_of(layer), {"lookback_steps": 4, "layers": 1}
    model = family_of(space).build(FORECAST, values).model
    x = np.random.default_rng(5).normal(size=(2, 6, 2)).astype(np.float32)
    early, late = x.copy(), x.copy()
    early[:, 1] += 1
    late[:, 2] += 1
    assert np.array_equal(model(x), model(early))
    assert not np.allclose(model(x), model(late))


@pytest.mark.parametrize("layer", ["MinGRU", "TCN", "ConvAttention"])
@pytest.mark.parametrize("problem", ["classify", "classify tokens"])
def test_equal_parameters_give_the_most_units_that_fit(layer: str, problem: str) -> None:
    shape, family = PROBLEMS[problem], family_of(parity_of(layer))
    values = {"layers": 2, "kernel_size": 3, "cell": "LSTM", "embedding_dim": 3}
    network = family.build(shape, {**values, "recurrent_parameters": 900})
    wider = family_of(space_of(layer)).build(shape, {**values, "units": network.units + 1})
    assert network.recurrent_parameters <= 900 < wider.recurrent_parameters
    for one in (network, wider):
        outside = sum(model_layer.count_params() for model_layer in one.model.layers if is_end(model_layer.name))
        assert one.recurrent_parameters + outside == one.model.count_params()
    assert family.structure(shape, {**values, "recurrent_parameters": 900}) != family.structure(
        shape, {**values, "recurrent_parameters": 300}
    )


def is_end(name: str) -> bool:
    return name in ("embedding", "head")


@pytest.mark.parametrize(
    ("layer", "hyperparameters", "phrase"),
    [
        ("DLinear", None, 'capacity.*: expected no such key with layer = "DLinear", which has no units to fit'),
        (
            "TCN",
            {"bidirectional": {"type": "Boolean"}},
            'expected no such key with layer = "TCN", which has no bidirec',
        ),
        ("TCN", {"kernel_sise": {"type": "Fixed", "value": 3}}, "unknown hyperparameter 'kernel_sise'.*kernel_size"),
        ("ConvAttention", {"cell": {"type": "Choice", "values": ["LSTN"]}}, "expected cell to be one of LSTM, GRU, Si"),
    ],
)
def test_what_a_network_has_not_is_refused(
    tmp_path: Path, layer: str, hyperparameters: dict[str, Any] | None, phrase: str
) -> None:
    given = hyperparameters or {"recurrent_parameters": {"type": "Choice", "values": [1250]}}
    lines = ['name = "mine"', f'layer = "{layer}"', "" if hyperparameters else 'capacity = "parameters"']
    lines += [
        f"[hyperparameters.{name}]\n" + "\n".join(f"{key} = {value!r}" for key, value in one.items())
        for name, one in given.items()
    ]
    (tmp_path / "mine.toml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=phrase) as caught:
        find_space(str(tmp_path / "mine.toml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "family", "phrase"),
    [
        ("japanese_vowels", "dlinear", "DLinear cannot do classify: expected forecast, since it continues each"),
        ("jsb_chorales", "conv_attention", "ConvAttention cannot do .*expected forecast, classify, regress, since its"),
    ],
)
def test_a_task_that_a_network_cannot_do_is_refused(dataset: str, family: str, phrase: str) -> None:
    config, space = find_dataset(dataset).config, find_space(family).config
    assert config is not None
    assert space is not None
    with pytest.raises(ConfigError, match=phrase) as caught:
        check_tasks(config, [space])
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="cannot do"):
        family_of(space).build(LABELS, {})


def test_a_target_that_is_no_input_is_refused_before_a_sweep() -> None:
    config, space = find_dataset("vic_elec").config, find_space("dlinear").config
    assert config is not None
    assert space is not None
    check_tasks(config, [space])
    task = config.task.model_copy(update={"features": ("Temperature",)})
    with pytest.raises(ConfigError, match="expected 'Demand' among the features"):
        check_tasks(config.model_copy(update={"task": task}), [space])


def test_families_of_other_networks_are_compared_without_reasons() -> None:
    names = ("lstm", "gru", "rnn", "mingru", "tcn", "conv_attention", "dlinear")
    spaces = [space for name in names if (space := find_space(name).config)]
    check_shared(spaces)
    lacking = space_of("MinGRU").model_copy(update={"name": "lacking", "by_data": ("lookback_steps",)})
    with pytest.raises(ConfigError, match=r"lstm: \[hyperparameters.learning_rate\] missing key 'reason'.*lacking"):
        check_shared([*spaces, lacking])


def test_a_set_value_reaches_the_families_that_have_it() -> None:
    spaces = {name: space for name in ("lstm", "dlinear") if (space := find_space(name).config)}
    changed = overridden(spaces, {"units": (8,)})
    assert changed["lstm"].hyperparameters["units"].value == 8
    assert changed["dlinear"] == spaces["dlinear"]


CHEAP = {"MinGRU": "classify, lengths differ", "TCN": "label", "ConvAttention": "regress", "DLinear": "forecast"}


@pytest.mark.parametrize("layer", SHIPPED)
def test_a_shipped_network_conforms(layer: str) -> None:
    sizes = {"units": 3, "layers": 1, "kernel_size": 3, "cell": "GRU"}
    one_point = space_of(layer, **{name: {"type": "Fixed", "value": size} for name, size in sizes.items()})
    assert told(one_point, CHEAP[layer]) == {CHEAP[layer]: []}


@pytest.mark.slow
@pytest.mark.parametrize("family", ["mingru", "tcn", "conv_attention", "dlinear", "mingru_parity", "tcn_parity"])
def test_shipped_families_conform_on_every_problem(family: str) -> None:
    space = find_space(family).config
    assert space is not None
    assert told(space) == {name: [] for name in PROBLEMS}


def told(space: SearchSpace, *names: str) -> dict[str, list[str]]:
    problems = {name: PROBLEMS[name] for name in names or PROBLEMS}
    return {name: [one.what for one in findings] for name, findings in check_family(space, problems)}


@pytest.mark.parametrize("layer", SHIPPED)
def test_a_champion_needs_no_code(layer: str) -> None:
    assert custom_layers(family_of(space_of(layer)).build(FORECAST, {}).model) == ()


ADDING = {
    "name": "adding",
    "source": {"kind": "generator", "generator": "adding", "steps": 6, "sequences": 90},
    "task": {"kind": "regress"},
}
COPY = {
    "name": "copy",
    "source": {"kind": "generator", "generator": "copy_memory", "steps": 24, "sequences": 90},
    "task": {"kind": "label"},
}
ORDER = {
    "name": "order",
    "source": {"kind": "generator", "generator": "temporal_order", "steps": 12, "sequences": 90},
    "task": {"kind": "classify"},
}
WAVES = {
    "name": "waves",
    "source": {"kind": "csv", "path": "waves.csv"},
    "task": {"kind": "forecast", "target": ["y"], "lookback_steps": 6, "horizon_steps": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "data"),
    [
        *(("MinGRU", ADDING), ("MinGRU", COPY), ("MinGRU", ORDER)),
        *(("TCN", COPY), ("TCN", ORDER), ("ConvAttention", ADDING), ("ConvAttention", ORDER), ("DLinear", WAVES)),
    ],
    ids=lambda one: one if isinstance(one, str) else one["name"],
)
def test_shipped_networks_export_as_they_promise(
    champion_of: Callable[..., Path], layer: str, data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = np.arange(120)
    Path("waves.csv").write_text("y,z\n" + "".join(f"{np.sin(n / 3):.4f},{np.cos(n / 5):.4f}\n" for n in steps))
    space = space_of(layer)
    promised = family_of(space).formats
    assert set(promised) == {kind.value for kind in Format}
    config = DatasetConfig.model_validate(data)
    champion = harness.load(champion_of(config, space, {"units": 3, "layers": 2, "kernel_size": 2}, tmp_path))
    for kind in promised:
        assert export(champion, Format(kind), tmp_path / kind).agreement.largest <= 1e-4
