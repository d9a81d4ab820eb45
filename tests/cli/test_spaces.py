import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.spaces import app
from harness.config import find_space
from harness.errors import ConfigError, UsageError

FAMILIES = {
    "conv_attention": "ConvAttention",
    "conv_attention_parity": "ConvAttention",
    "dlinear": "DLinear",
    "gru": "GRU",
    "gru_parity": "GRU",
    "lstm": "LSTM",
    "lstm_parity": "LSTM",
    "mingru": "MinGRU",
    "mingru_parity": "MinGRU",
    "rnn": "SimpleRNN",
    "tcn": "TCN",
    "tcn_parity": "TCN",
}
MORE = {"ConvAttention": "cell, kernel_size, ", "TCN": "kernel_size, "}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_list_names_the_families_and_what_is_searched():
    header, *rows = run("list").splitlines()
    assert header.split() == ["NAME", "LAYER", "TITLE", "HYPERPARAMETERS", "CONFIG"]
    assert [row.split()[:2] for row in rows] == [[name, layer] for name, layer in FAMILIES.items()]
    for row, layer in zip(rows, FAMILIES.values(), strict=True):
        assert row.endswith("built in")
        if layer == "DLinear":
            assert " kernel_size, learning_rate, schedule  " in row
            continue
        searched = f"layers, {MORE.get(layer, '')}dropout, learning_rate, schedule"
        in_order = f"{searched}, recurrent_parameters" if "_parity" in row else f"units, {searched}"
        assert f" {in_order}  " in row
    assert [one["name"] for one in json.loads(run("list", "--json"))] == list(FAMILIES)


def test_an_invalid_config_is_listed_and_fails_the_check_of_all():
    Path("search_spaces").mkdir()
    Path("search_spaces/bad.toml").write_text('name = "bad"\nlayer = "LSTN"\n')
    known = "LSTM, GRU, SimpleRNN, MinGRU, TCN, ConvAttention, DLinear"
    error = f'search_spaces/bad.toml: layer = "LSTN": expected one of {known}. Did you mean LSTM?'
    assert f"invalid: {error}\n" in run("list")
    result = CliRunner().invoke(app, ["check", "--all"])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "1 of 13 search spaces are invalid"
    assert f"bad: {error}\n" in result.output
    assert "gru: valid (built in)\n" in result.output
    with pytest.raises(ConfigError) as caught:
        run("check", "bad")
    assert str(caught.value) == error


def test_check_of_one():
    assert run("check", "gru") == "gru: valid (built in)\n"
    with pytest.raises(UsageError, match=r"^expected either"):
        run("check")


def test_show_prints_every_hyperparameter_with_what_is_extended():
    lines = [line.split(maxsplit=1) for line in run("show", "lstm").splitlines()]
    assert ["layer", "LSTM, sized by units"] in lines
    assert ["units", "Choice [16, 32, 64]"] in lines
    assert ["learning_rate", "Float 0.0003 to 0.03, log"] in lines
    assert ["bidirectional", "as the dataset has it"] in lines
    assert json.loads(run("show", "lstm", "--json"))["card"]["hyperparameters"]["clip_norm"]["value"] == 1.0


def test_diff_prints_what_differs():
    assert run("diff", "lstm", "gru") == "layer\n  lstm: LSTM\n  gru: GRU\n"
    assert json.loads(run("diff", "lstm", "gru", "--json")) == [{"key": "layer", "first": "LSTM", "second": "GRU"}]
    assert run("diff", "lstm", "lstm") == "lstm and lstm: nothing differs but their names\n"


def test_new_begins_from_another_and_can_be_changed():
    output = run("new", "wide", "--from", "lstm")
    assert output.startswith("wrote search_spaces/wide.toml, so far the same as lstm\n")
    assert run("diff", "lstm", "wide") == "lstm and wide: nothing differs but their names\n"
    path = Path("search_spaces/wide.toml")
    path.write_text(path.read_text() + '\n[hyperparameters.units]\ntype = "Choice"\nvalues = [128, 256]\n')
    assert run("diff", "lstm", "wide") == (
        "hyperparameters.units\n"
        '  lstm: {type = "Choice", values = [16, 32, 64]}\n'
        '  wide: {type = "Choice", values = [128, 256]}\n'
    )


def test_new_may_override_a_built_in_one_and_extend_a_file_elsewhere():
    run("new", "lstm", "--from", "lstm")
    assert find_space("lstm").overrides
    Path("other").mkdir()
    Path("other/mine.toml").write_text('name = "mine"\nextends = "_recurrent"\nlayer = "GRU"\n')
    run("new", "next", "--from", "other/mine.toml")
    assert 'extends = "../other/mine.toml"' in Path("search_spaces/next.toml").read_text()
    assert find_space("next").config.layer == "GRU"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("new", "mine", "--from", "lstn"), 'family "lstn" is unknown. Did you mean lstm, tcn?'),
        (
            ("new", "_mine", "--from", "lstm"),
            'name "_mine": expected letters, digits, `_`, `.` and `-`, at most 80, no sign first',
        ),
        (("show", "nowhere/x.toml"), "nowhere/x.toml: no such file"),
        (("list", "--config-dir", "nowhere"), "--config-dir nowhere: expected a folder with configs"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message):
    with pytest.raises(UsageError) as caught:
        run(*arguments)
    assert str(caught.value) == message
    assert not Path("search_spaces").exists()


def test_new_replaces_a_file_only_with_force_and_never_extends_itself():
    run("new", "mine", "--from", "gru")
    with pytest.raises(UsageError, match="is there already"):
        run("new", "mine", "--from", "lstm")
    with pytest.raises(UsageError, match="cannot extend itself"):
        run("new", "mine", "--from", "mine", "--force")
    run("new", "mine", "--from", "lstm", "--force")
    assert find_space("mine").config.layer == "LSTM"
