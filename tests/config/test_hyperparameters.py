"""What the cards refuse is what Keras Tuner would refuse or read otherwise: asked of Keras Tuner itself."""

import pytest
from pydantic import ValidationError

from harness.config import SearchSpace, list_spaces


def accepted(name, **given) -> bool:
    try:
        SearchSpace(name="a", layer="LSTM", hyperparameters={name: given})
    except ValidationError:
        return False
    return True


@pytest.fixture(scope="module")
def hyperparameters():
    import keras_tuner

    return keras_tuner.HyperParameters


def test_shipped_spaces_are_spaces_of_keras_tuner_and_reach_both_ends(hyperparameters):
    for found in list_spaces():
        space = hyperparameters()
        for name, given in found.config.hyperparameters.items():
            getattr(space, given.type)(name, **given.arguments())
        assert [one.name for one in space.space] == list(found.config.hyperparameters)
        assert all(sorted(one.values)[-1] == 0.4 for one in space.space if one.name == "dropout")


def test_keras_tuner_still_stops_before_the_end_of_some_ranges(hyperparameters):
    # 0.5 // 0.1 is 4 in floating point. When this fails Keras Tuner has mended it, and the check can go.
    given = {"min_value": 0.0, "max_value": 0.5, "step": 0.1}
    space = hyperparameters()
    space.Float("dropout", **given)
    assert max(space.space[0].values) == pytest.approx(0.4)
    assert not accepted("dropout", type="Float", **given)


@pytest.mark.parametrize(
    "given",
    [
        {"min_value": 0.0, "max_value": 0.4, "step": 0.1},
        {"min_value": 0.0, "max_value": 0.5, "step": 0.25},
        {"min_value": 0.001, "max_value": 0.1, "step": 10, "sampling": "log"},
    ],
)
def test_ranges_whose_end_keras_tuner_reaches_are_accepted(given, hyperparameters):
    space = hyperparameters()
    space.Float("dropout", **given)
    assert max(space.space[0].values) == pytest.approx(given["max_value"])
    assert accepted("dropout", type="Float", **given)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Choice", {"values": [1, 2.0]}),
        ("Choice", {"values": ["adam"], "ordered": True}),
        ("Choice", {"values": [1, 2], "default": 3}),
        ("Float", {"min_value": 0.5, "max_value": 0.1}),
        ("Float", {"min_value": 0.0, "max_value": 0.1, "sampling": "log"}),
        ("Float", {"min_value": 0.1, "max_value": 0.2, "sampling": "log", "step": 1}),
        ("Int", {"min_value": 1.5, "max_value": 3}),
    ],
)
def test_what_keras_tuner_refuses_is_refused_on_the_card(kind, given, hyperparameters):
    with pytest.raises((ValueError, TypeError)):
        getattr(hyperparameters(), kind)("units", **given)
    assert not accepted("units", type=kind, **given)


def test_keras_tuner_reads_truth_values_as_numbers(hyperparameters):
    space = hyperparameters()
    space.Choice("bidirectional", [True, False])
    assert [type(value) for value in space.space[0].values] == [int, int]
    assert not accepted("bidirectional", type="Choice", values=[True, False])
    assert accepted("bidirectional", type="Boolean")


def test_a_condition_works_in_keras_tuner_as_the_card_says_it(hyperparameters):
    config = SearchSpace(
        name="a",
        layer="LSTM",
        hyperparameters={
            "layers": {"type": "Choice", "values": [1, 2]},
            "dropout": {"type": "Fixed", "value": 0.2, "parent_name": "layers", "parent_values": [2]},
        },
    )
    space = hyperparameters()
    for name, given in config.hyperparameters.items():
        getattr(space, given.type)(name, **given.arguments())
    assert space.values == {"layers": 1}
