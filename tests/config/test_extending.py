import hashlib

import pytest

from harness.config import find_space
from harness.errors import ConfigError

PART = """
[hyperparameters.units]
type = "Choice"
values = [8, 16]

[hyperparameters.dropout]
type = "Fixed"
value = 0.1
"""


def test_a_child_replaces_its_parents_hyperparameter_as_a_whole(write_space):
    write_space("_part", PART)
    write_space("mine", 'extends = "_part"\nlayer = "GRU"\n[hyperparameters.units]\ntype = "Fixed"\nvalue = 4\n')
    config = find_space("mine").config
    assert config.layer == "GRU"
    assert config.hyperparameters["units"].arguments() == {"value": 4}
    assert config.hyperparameters["dropout"].arguments() == {"value": 0.1}
    assert list(config.hyperparameters) == ["units", "dropout"]


def test_a_chain_may_be_longer_and_hands_down_the_layer_but_no_name(write_space):
    write_space("_part", PART)
    write_space("one", 'title = "One"\nextends = "_part"\nlayer = "GRU"\n')
    write_space("two", 'extends = "one"\n')
    config = find_space("two").config
    assert (config.name, config.title, config.layer) == ("two", "", "GRU")
    assert config.hyperparameters == find_space("one").config.hyperparameters


def test_a_users_card_may_extend_the_built_in_card_that_it_overrides(write_space):
    write_space("lstm", 'extends = "lstm"\n[hyperparameters.units]\ntype = "Fixed"\nvalue = 8\n')
    found = find_space("lstm")
    assert found.overrides
    assert found.config.layer == "LSTM"
    assert found.config.hyperparameters["units"].value == 8
    assert found.config.hyperparameters["learning_rate"].sampling == "log"


def test_a_parent_may_be_named_by_its_path_from_the_card(write_space):
    write_space("_part", PART, folder="shared")
    write_space("mine", 'extends = "../shared/_part.toml"\nlayer = "LSTM"\n')
    assert find_space("mine").config.hyperparameters["dropout"].value == 0.1


def test_a_parent_beside_the_card_goes_before_one_of_that_name_elsewhere(write_space):
    write_space("_recurrent", PART)
    write_space("mine", 'extends = "_recurrent"\nlayer = "LSTM"\n')
    assert set(find_space("mine").config.hyperparameters) == {"units", "dropout"}
    assert set(find_space("gru").config.hyperparameters) > {"units", "dropout"}


def test_the_hash_covers_the_whole_chain(write_space):
    part = write_space("_part", PART)
    mine = write_space("mine", 'extends = "_part"\nlayer = "LSTM"\n')
    before = find_space("mine").sha256
    assert before == hashlib.sha256(mine.read_bytes() + part.read_bytes()).hexdigest()
    part.write_text(PART.replace("0.1", "0.2"))
    assert find_space("mine").sha256 != before


def test_a_circle_is_an_error(write_space):
    write_space("one", 'extends = "two"\nlayer = "LSTM"\n')
    write_space("two", 'extends = "one"\n')
    with pytest.raises(ConfigError) as caught:
        find_space("one")
    assert str(caught.value) == 'search_spaces/two.toml: extends = "one": goes round in a circle, one → two → one'


def test_a_fault_is_blamed_on_the_file_that_holds_it(write_space):
    write_space("_part", PART.replace("[8, 16]", "[8, 0]"))
    write_space("mine", 'extends = "_part"\nlayer = "LSTM"\n')
    with pytest.raises(ConfigError, match=r"^search_spaces/_part.toml: \[hyperparameters.units\] values = \[8, 0\]"):
        find_space("mine")
    write_space("_part", PART.replace("values", "vales"))
    with pytest.raises(ConfigError, match=r"^search_spaces/_part.toml: \[hyperparameters.units\] unknown key 'vales'"):
        find_space("mine")


def test_a_hyperparameter_of_one_family_alone_needs_its_reason(write_space):
    write_space("_part", PART)
    own = 'extends = "_part"\nlayer = "LSTM"\n[hyperparameters.layers]\ntype = "Fixed"\nvalue = 2\n'
    write_space("mine", own)
    with pytest.raises(ConfigError, match="missing key 'reason': why only this family has layers"):
        find_space("mine")
    write_space("mine", own + 'reason = "it alone is stable when stacked"\n')
    assert find_space("mine").config.hyperparameters["layers"].reason == "it alone is stable when stacked"
