import pytest

from harness.config import check_reads_forward, check_shared, find_space
from harness.config.dataset import DatasetConfig
from harness.config.space import Difference, Hyperparameter, SearchSpace, differences, in_words
from harness.errors import ConfigError


def space(name="lstm", layer="LSTM", **hyperparameters) -> SearchSpace:
    return SearchSpace(name=name, layer=layer, hyperparameters=hyperparameters)


UNITS = {"type": "Choice", "values": (8, 16)}
FIXED = {"type": "Fixed", "value": 2}


def test_all_differences_are_named():
    one = space(units=UNITS, layers=FIXED)
    other = space("gru", "GRU", units={**UNITS, "values": (8, 32)}, batch_size={"type": "Fixed", "value": 16})
    assert differences(one, other) == [
        Difference("layer", "LSTM", "GRU"),
        Difference(
            "hyperparameters.units",
            '{type = "Choice", values = [8, 16]}',
            '{type = "Choice", values = [8, 32]}',
        ),
        Difference("hyperparameters.layers", '{type = "Fixed", value = 2}', None),
        Difference("hyperparameters.batch_size", None, '{type = "Fixed", value = 16}'),
    ]
    assert differences(one, space("copy", units=UNITS, layers=FIXED)) == []


def test_the_shipped_families_differ_in_the_layer():
    found = differences(find_space("lstm").config, find_space("gru").config)
    assert found == [Difference("layer", "LSTM", "GRU")]


def test_families_that_are_compared_share_their_hyperparameters_or_say_why_not():
    one, other = space(units=UNITS, layers=FIXED), space("gru", "GRU", units=UNITS)
    message = (
        r"^search space lstm: \[hyperparameters.layers\] missing key 'reason': why lstm has layers and gru has not$"
    )
    for pair in ([one, other], [other, one]):
        with pytest.raises(ConfigError, match=message):
            check_shared(pair)
    check_shared([space(units=UNITS, layers={**FIXED, "reason": "why not"}), other])
    check_shared([one, one])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (UNITS, "Choice [8, 16]"),
        (FIXED, "Fixed 2"),
        ({"type": "Boolean"}, "Boolean"),
        ({"type": "Int", "min_value": 8, "max_value": 64, "step": 8}, "Int 8 to 64 in steps of 8"),
        (
            {"type": "Float", "min_value": 1e-4, "max_value": 0.1, "sampling": "log"},
            "Float 0.0001 to 0.1, log",
        ),
        (
            {**FIXED, "parent_name": "layers", "parent_values": (1, 2)},
            "Fixed 2, where layers is one of [1, 2]",
        ),
    ],
)
def test_a_hyperparameter_in_words(given, words):
    assert in_words(Hyperparameter(**given)) == words


@pytest.mark.parametrize("asked", [{"type": "Boolean"}, {"type": "Fixed", "value": True}])
def test_layers_that_read_backwards_are_refused_where_they_would_see_the_answers(asked):
    backwards, forwards = space(bidirectional=asked), space(bidirectional={"type": "Fixed", "value": False})
    source = {"kind": "npz", "path": "a.npz"}
    ahead = {"kind": "label", "ahead_steps": 1}
    music = DatasetConfig.model_validate({"name": "music", "source": source, "task": ahead})
    with pytest.raises(ConfigError, match=r"\[hyperparameters.bidirectional\] .*: expected false for music"):
        check_reads_forward(music, [forwards, backwards])
    check_reads_forward(music, [forwards])
    steps = DatasetConfig.model_validate({"name": "steps", "source": source, "task": {"kind": "label"}})
    check_reads_forward(steps, [backwards])
