"""Recurrent families read both ways where the task sees the whole sequence; the quickstart and next steps do not."""

from __future__ import annotations

import pytest

from harness.config import find_dataset, find_space, make_plan
from harness.config.spaces.sized import sized
from harness.config.sweep import find_sweep, read_sweep
from harness.sweeps.plan import resolve

SHIPPED = ("lstm", "gru", "rnn", "lstm_parity", "gru_parity")


def searched(family: str, dataset: str) -> list[str]:
    config, space = find_dataset(dataset).config, find_space(family).config
    assert config is not None
    assert space is not None
    return [*sized({family: space}, config, 50)[family].hyperparameters]


@pytest.mark.parametrize("family", SHIPPED)
def test_both_directions_are_searched_where_the_whole_sequence_is_seen(family: str) -> None:
    assert "bidirectional" in searched(family, "gun_point")
    assert "bidirectional" in searched(family, "adding_50")
    assert "bidirectional" not in searched(family, "vic_elec")
    assert "bidirectional" not in searched(family, "jsb_chorales")


def test_the_quickstart_reads_one_way() -> None:
    header = resolve(read_sweep(find_sweep("quickstart"), {}))
    spaces = sized(header.spaces, header.datasets["japanese_vowels"], 29)
    assert {space.hyperparameters["bidirectional"].value for space in spaces.values()} == {False}


def test_the_plan_of_published_scores_fits_its_datasets() -> None:
    header = resolve(read_sweep(find_sweep("published"), {}))
    assert [*header.datasets] == ["jsb_chorales", "nottingham", "musedata"]
    assert header.spaces["lstm"].hyperparameters["units"].values == (64, 128, 256)


def test_one_option_leaves_a_direction_out() -> None:
    plan = make_plan({"datasets": ("gun_point",), "hyperparameters": {"bidirectional": [False]}})
    assert resolve(plan).spaces["gru"].hyperparameters["bidirectional"].value is False
