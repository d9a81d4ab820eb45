"""Every card that comes with the package is in order, and says where its data is from."""

import subprocess
import sys

import pytest

from harness.cards import (
    DatasetCard,
    check_shared,
    find_dataset,
    find_space,
    find_sweep,
    list_datasets,
    list_spaces,
    read_sweep,
)
from harness.cards.builtin import builtin_folder
from harness.cards.hyperparameters import KNOWN
from harness.cards.schema import SpaceCard

DATASETS = [found for found in list_datasets() if found.builtin]
SPACES = [found for found in list_spaces() if found.builtin]
SWEEPS = sorted(builtin_folder("sweeps").glob("*.toml"))


@pytest.mark.parametrize("found", DATASETS, ids=lambda found: found.name)
def test_a_dataset_is_in_order_and_says_where_it_is_from(found):
    assert found.error is None
    card = found.card
    assert all((card.title, card.license, card.homepage, card.citation))
    assert DatasetCard.model_validate(card.model_dump(mode="json")) == card
    assert DatasetCard.model_validate_json(card.model_dump_json()) == card


@pytest.mark.parametrize("found", SPACES, ids=lambda found: found.name)
def test_a_search_space_is_in_order_and_travels(found):
    assert found.error is None
    assert found.card.title
    assert SpaceCard.model_validate(found.card.model_dump(mode="json")) == found.card


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_is_in_order_and_names_cards_that_are_there(path):
    plan = read_sweep(find_sweep(path.stem), {})
    assert plan.name == path.stem
    for name in plan.datasets:
        assert find_dataset(name).card is not None
    check_shared([find_space(name).card for name in plan.families])


def test_the_families_share_every_hyperparameter_and_differ_in_the_layer_alone():
    cards = [found.card for found in SPACES if found.card.capacity == "units"]
    assert [(card.name, card.layer) for card in cards] == [("gru", "GRU"), ("lstm", "LSTM"), ("rnn", "SimpleRNN")]
    assert cards[0].hyperparameters == cards[1].hyperparameters == cards[2].hyperparameters
    # Which only tokens have, and only spaces in parameters, and what is constant where no card says otherwise.
    others = {"embedding_dim", "recurrent_parameters", "schedule"}
    assert set(cards[0].hyperparameters) == set(KNOWN) - others


def test_the_families_in_parameters_differ_in_the_layer_alone_too():
    cards = [found.card for found in SPACES if found.card.capacity == "parameters"]
    assert [(card.name, card.layer) for card in cards] == [("gru_parity", "GRU"), ("lstm_parity", "LSTM")]
    assert cards[0].hyperparameters == cards[1].hyperparameters
    assert set(cards[0].hyperparameters) == set(KNOWN) - {"embedding_dim", "units", "schedule"}


def test_the_forecast_of_the_quickstart_has_at_most_3000_windows():
    task = find_dataset("vic_elec").card.task
    rows = task.last_rows - task.lookback_steps - task.horizon_steps + 1
    assert 1000 < rows / task.window_stride <= 3000


def test_importing_cards_loads_no_heavy_library():
    heavy = "{'pandas', 'numpy', 'tensorflow', 'keras', 'keras_tuner', 'mlflow', 'sklearn', 'scipy'}"
    code = (
        f"import sys, harness.cards as c; c.list_datasets(); c.list_spaces(); print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
