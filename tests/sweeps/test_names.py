"""What champions are registered as: names of the user's choice, and never somebody else's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.cli import main
from harness.config import make_plan
from harness.errors import UsageError
from harness.executors import InProcessExecutor
from harness.records import ChampionInfo
from harness.sweeps.plan import SweepHeader, differences, extended, resolve
from harness.sweeps.runner import run_sweep
from harness.tracking import connect


def test_a_champion_is_called_as_its_dataset_unless_told(toys, configs) -> None:
    header = toys.header(configs)
    assert header.registered_name("tiny_waves") == "tiny_waves"
    assert header.registered_as("team-{dataset}.x").registered_name("tiny_waves") == "team-tiny_waves.x"
    assert toys.header(configs, register_as="t-{dataset}").registered_name("tiny_waves") == "t-tiny_waves"
    alone = toys.header(configs, datasets=("tiny_waves",), register_as="mine")
    assert alone.registered_name("tiny_waves") == "mine"
    assert SweepHeader.from_json(alone.to_json()) == alone


def test_one_name_for_several_datasets_is_refused(toys, configs) -> None:
    message = r"--register-as mine: one name for the champions of 2 datasets: expected \{dataset\} in it"
    with pytest.raises(UsageError, match=message):
        toys.header(configs, register_as="mine")
    with pytest.raises(UsageError, match=message):
        toys.header(configs).registered_as("mine")
    alone = toys.header(configs, datasets=("tiny_waves",), register_as="mine")
    with pytest.raises(UsageError, match=message):
        extended(alone, datasets=("tiny_adding",), card_folders=[configs])
    grown = extended(alone.registered_as("a-{dataset}"), datasets=("tiny_adding",), card_folders=[configs])
    assert grown.registered_name("tiny_adding") == "a-tiny_adding"


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a@b", "-a", ".a", "a b", "{data}", "{dataset", "a" * 81, "ä"])
def test_names_that_mlflow_or_a_reference_cannot_take(name: str) -> None:
    with pytest.raises(UsageError, match=r"^--register-as .*expected a name of letters, digits"):
        make_plan({"datasets": ("a",), "register_as": name})


def test_another_name_is_no_other_sweep(toys, configs) -> None:
    header, named = toys.header(configs), toys.header(configs, register_as="a-{dataset}")
    assert header.means_the_same_as(named)
    assert differences(header, named) == []


def test_plans_of_0_1_0_have_no_name(toys, configs) -> None:
    plain = toys.header(configs).to_json()
    del plain["plan"]["register_as"]
    assert SweepHeader.from_json(plain) == toys.header(configs)


def test_champions_of_0_1_0_can_still_be_read() -> None:
    plain = {"name": "a", "version": "1", "alias": "champion", "family": "gru", "arm": "gru", "trial": "t"}
    info = ChampionInfo(**plain, why="why", test_score=0.5, path="folder")
    assert (info.alias_because, info.reference) == ("", "a@champion")
    assert dataclasses.replace(info, alias="").reference == "a/1"


def test_a_sweep_does_not_begin_where_a_name_is_somebody_elses(toys, configs, tmp_path: Path) -> None:
    store = toys.store_in(tmp_path)
    client = connect(store)
    client.create_registered_model("tiny_waves", description="mine alone")
    client.create_model_version("tiny_waves", source=str(tmp_path))
    plan = {"datasets": ("tiny_waves",), "families": ("tiny_lstm", "tiny_gru")}
    header = resolve(make_plan(plan), [configs])
    with pytest.raises(UsageError, match=r"registered model tiny_waves: somebody else's: .* --register-as NAME"):
        run_sweep(header, store, InProcessExecutor(), lambda _: None)
    assert not store.sweeps.exists()
    taken = header.registered_as("tiny_waves")
    with pytest.raises(UsageError, match="somebody else's"):
        run_sweep(taken, store, InProcessExecutor(), lambda _: None)


@pytest.mark.parametrize("arguments", [["--register-as", "x"], ["--register-as", "x", "--sync"]])
def test_the_doctor_takes_a_name_for_one_sweep_alone(arguments: list[str], tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--store", str(tmp_path), *arguments])
    assert left.value.code == 2
    assert "--register-as x: expected together with --sync and a SWEEP" in capsys.readouterr().err
