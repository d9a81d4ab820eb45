"""Every card that comes with the package is in order, and says where its data is from."""

import subprocess
import sys

import pytest

from harness.config import (
    DatasetConfig,
    check_shared,
    find_dataset,
    find_space,
    find_sweep,
    list_datasets,
    list_spaces,
    read_sweep,
)
from harness.config.lookup import builtin_folder
from harness.config.space import TRAINING, SearchSpace

DATASETS = [found for found in list_datasets() if found.builtin]
SPACES = [found for found in list_spaces() if found.builtin]
SWEEPS = sorted(builtin_folder("sweeps").glob("*.toml"))


@pytest.mark.parametrize("found", DATASETS, ids=lambda found: found.name)
def test_a_dataset_is_in_order_and_says_where_it_is_from(found):
    assert found.error is None
    config = found.config
    assert all((config.title, config.license, config.homepage, config.citation))
    assert DatasetConfig.model_validate(config.model_dump(mode="json")) == config
    assert DatasetConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("found", SPACES, ids=lambda found: found.name)
def test_a_search_space_is_in_order_and_travels(found):
    assert found.error is None
    assert found.config.title
    assert SearchSpace.model_validate(found.config.model_dump(mode="json")) == found.config


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_is_in_order_and_names_cards_that_are_there(path):
    plan = read_sweep(find_sweep(path.stem), {})
    assert plan.name == path.stem
    for name in plan.datasets:
        assert find_dataset(name).config is not None
    check_shared([space for name in plan.families if (space := find_space(name).config)])


def test_the_families_share_every_hyperparameter_and_differ_in_the_layer_alone():
    configs = [found.config for found in SPACES if found.config.capacity == "units" and found.config.network.stack]
    assert [(config.name, config.layer) for config in configs] == [
        ("gru", "GRU"),
        ("lstm", "LSTM"),
        ("rnn", "SimpleRNN"),
    ]
    assert configs[0].hyperparameters == configs[1].hyperparameters == configs[2].hyperparameters
    # Which only tokens have, and only spaces in parameters, and what follows the data or is constant.
    others = {"embedding_dim", "recurrent_parameters", "batch_size", "summary"}
    assert {*configs[0].hyperparameters, *configs[0].by_data} == {*configs[0].network.names, *TRAINING} - others


def test_the_families_in_parameters_differ_in_the_layer_alone_too():
    stacks = [found.config for found in SPACES if found.config.network.stack]
    configs = [config for config in stacks if config.capacity == "parameters"]
    assert [(config.name, config.layer) for config in configs] == [("gru_parity", "GRU"), ("lstm_parity", "LSTM")]
    assert configs[0].hyperparameters == configs[1].hyperparameters
    others = {"embedding_dim", "units", "batch_size", "summary"}
    assert {*configs[0].hyperparameters, *configs[0].by_data} == {*configs[0].network.names, *TRAINING} - others


def test_the_forecast_of_the_quickstart_has_at_most_3000_windows():
    task = find_dataset("vic_elec").config.task
    rows = task.last_rows - task.lookback_steps - task.horizon_steps + 1
    assert 1000 < rows / task.window_stride <= 3000


def test_importing_cards_loads_no_heavy_library():
    heavy = "{'pandas', 'numpy', 'tensorflow', 'keras', 'keras_tuner', 'mlflow', 'sklearn', 'scipy'}"
    code = (
        f"import sys, harness.config as c; c.list_datasets(); c.list_spaces(); print({heavy} & {{*sys.modules}} or [])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
