from pathlib import Path

import pytest

from harness.config import find_sweep, make_plan, read_sweep
from harness.config.lookup import builtin_folder
from harness.config.sweep import SweepConfig
from harness.errors import ConfigError, UsageError


@pytest.fixture
def write_sweep(project):
    def write(text: str, name: str = "mine") -> Path:
        path = Path("sweeps") / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_the_quickstart_is_built_in(project):
    plan = read_sweep(find_sweep("quickstart"), {})
    assert plan == SweepConfig(
        name="quickstart",
        datasets=("japanese_vowels", "vic_elec", "adding_50"),
        families=("lstm", "gru"),
        trials=10,
        epochs=15,
        patience_epochs=4,
        min_steps=200,
        seeds=5,
        seed=1,
        hyperparameters={"bidirectional": (False,)},
    )


@pytest.mark.parametrize("options", [{}, {"seeds": 1}, {"confirmations": 1}])
def test_a_plan_of_an_earlier_version_is_read(write_sweep, options) -> None:
    """Its key `confirmations` is called `seeds` since 0.2, in files, in journals and in Python."""
    plan = read_sweep(write_sweep('datasets = ["a"]\nconfirmations = 4\n'), options)
    assert plan.seeds == (1 if options else 4)
    assert SweepConfig.model_validate({**plan.model_dump(mode="json"), "seeds": 2}).seeds == 2


def test_a_sweep_is_found_by_path_then_in_the_folder_then_built_in(write_sweep):
    assert find_sweep("quickstart").parent == builtin_folder("sweeps")
    mine = write_sweep('datasets = ["a"]\n', "quickstart")
    assert find_sweep("quickstart") == mine
    assert find_sweep("sweeps/quickstart.toml") == mine
    with pytest.raises(ConfigError, match=r'^sweep "quickstrat" is unknown\. Did you mean quickstart\?$'):
        find_sweep("quickstrat")
    with pytest.raises(ConfigError, match=r"^sweeps/other.toml: no such file"):
        find_sweep("sweeps/other.toml")


def test_options_go_before_the_file_and_those_not_given_change_nothing(write_sweep):
    path = write_sweep('datasets = ["a"]\ntrials = 5\nseed = 3\n')
    plan = read_sweep(path, {"trials": 7, "epochs": None, "datasets": [], "families": ()})
    assert (plan.name, plan.datasets, plan.trials, plan.seed, plan.epochs) == ("mine", ("a",), 7, 3, 30)


def test_an_option_for_one_budget_drops_the_files_other_one(write_sweep):
    by_trials, by_minutes = (
        write_sweep('datasets = ["a"]\ntrials = 5\n'),
        write_sweep('datasets = ["a"]\nminutes = 2\n', "m"),
    )
    plan = read_sweep(by_trials, {"minutes": 1.5})
    assert (plan.trials, plan.minutes) == (None, 1.5)
    plan = read_sweep(by_minutes, {"trials": 9})
    assert (plan.trials, plan.minutes) == (9, None)


def test_minutes_alone_leave_no_number_of_trials():
    assert make_plan({"datasets": ["a"], "minutes": 5.0}).trials is None
    assert make_plan({"datasets": ["a"]}).trials == 20
    plan = make_plan({"datasets": ["a"], "minutes": 5.0})
    assert SweepConfig.model_validate(plan.model_dump(mode="json")) == plan


def test_cards_named_by_path_are_read_from_the_sweeps_folder(write_sweep, project):
    path = write_sweep('datasets = ["../datasets/a.toml", "b"]\nfamilies = ["lstm", "./own.toml"]\n')
    plan = read_sweep(path, {})
    assert plan.datasets == ("sweeps/../datasets/a.toml", "b")
    assert plan.families == ("lstm", "sweeps/own.toml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trials": 0}, "--trials = 0: expected a whole number of at least 1"),
        ({"trials": 3, "minutes": 2.0}, "--minutes = 2.0: expected no minutes where trials = 3 is given, or no trials"),
        ({"minutes": -1.0}, "--minutes = -1.0: expected a number greater than 0"),
        ({"minutes": float("nan")}, "--minutes = nan: expected a number greater than 0"),
        ({"seeds": -1}, "--seeds = -1: expected a whole number of at least 0"),
        ({"epochs": 2.5}, "--epochs = 2.5: expected a whole number of at least 1, got a number with a fraction"),
        (
            {"oracle": "bayes"},
            '--oracle = "bayes": expected one of random, bayesian, tpe, hyperband, grid. Did you mean bayesian?',
        ),
        ({"patience_epochs": 0}, "--patience-epochs = 0: expected a whole number of at least 1"),
        (
            {"families": ["gru"]},
            '--family = ["gru"]: expected at least two families; the same one twice is an A/A comparison',
        ),
        ({"datasets": ["a", "b", "a"]}, 'DATASET = ["a", "b", "a"]: expected each dataset once, got a twice'),
        ({"datasets": ()}, "DATASET: expected at least one dataset, or --config with a sweep that names some"),
        ({"trails": 3}, "unknown key 'trails'. Did you mean trials, threads, families?"),
    ],
)
def test_a_wrong_option_is_named(values, message):
    with pytest.raises(UsageError) as caught:
        make_plan({"datasets": ["a"], **values})
    assert str(caught.value) == message


def test_with_a_file_the_one_who_is_wrong_is_named(write_sweep):
    path = write_sweep('datasets = ["a"]\nepochs = 0\n')
    with pytest.raises(UsageError) as caught:
        read_sweep(path, {"epochs": -3})
    assert str(caught.value) == "--epochs = -3: expected a whole number of at least 1"
    with pytest.raises(ConfigError) as caught:
        read_sweep(path, {"trials": 3})
    assert str(caught.value) == "sweeps/mine.toml: epochs = 0: expected a whole number of at least 1"


def test_one_family_may_play_itself():
    assert make_plan({"datasets": ["a"], "families": ["lstm", "lstm"]}).families == ("lstm", "lstm")
