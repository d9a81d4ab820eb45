import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.datasets import app
from harness.config import find_dataset
from harness.errors import ConfigError, DataError, HarnessError, UsageError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    hours = pd.date_range("2024-01-01", periods=400, freq="h")
    y = np.sin(np.arange(400) / 4)
    pd.DataFrame({"t": hours, "y": y, "wind": y**2}).to_csv("my.csv", index=False)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_list_names_datasets_and_invalid_configs(project):
    Path("datasets").mkdir()
    Path("datasets/bad.toml").write_text('name = "bad"\n')
    output = run("list")
    header, *rows, last = output.splitlines()
    assert header.split() == [
        *("NAME", "TASK", "ROWS", "STEPS", "CHANNELS", "CLASSES", "TITLE", "LICENCE", "CONFIG"),
    ]
    suites = [row for row in rows if row.startswith("suite ")]
    table = [row for row in rows if row not in suites and not row.startswith(("task label: ", "rows: "))]
    found = {row.split()[0]: row.split()[1:6] for row in table}
    assert found["adding_50"] == ["regress", "2,000", "50", "2", "–"]
    assert found["japanese_vowels"] == ["classify", "640", "7–29", "12", "9"]
    assert found["vic_elec"] == ["forecast", "52,608", "48", "3", "–"]
    assert all(row.endswith("built in") for row in table)
    assert "suite known-answers: adding_200, adding_50, adding_600" in output
    assert last == "invalid: datasets/bad.toml: missing table [source]"


def test_list_as_json_holds_configs_and_errors(project):
    Path("mine").mkdir()
    Path("mine/bad.toml").write_text('name = "bad"\n')
    plain = json.loads(run("list", "--json", "--config-dir", "mine"))
    found = {one["name"]: one for one in plain}
    assert found["bad"]["error"] == "mine/bad.toml: missing table [source]"
    assert found["bad"]["card"] is None
    assert found["vic_elec"]["card"]["task"]["horizon_steps"] == 48
    assert found["vic_elec"]["builtin"] is True
    assert len(found["vic_elec"]["sha256"]) == 64


def test_listing_loads_neither_tensorflow_nor_mlflow_nor_pandas_nor_data():
    code = (
        "import sys; from typer.testing import CliRunner; from harness.cli import datasets;"
        "result = CliRunner().invoke(datasets.app, ['list']); assert result.exit_code == 0, result.output;"
        "print(sorted({'tensorflow', 'keras', 'mlflow', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_show_prints_the_config_and_where_it_is(project):
    output = run("show", "vic_elec")
    path = find_dataset("vic_elec").path
    assert output.startswith(f"# {path}\n# built in, sha256 ")
    assert output.rstrip().endswith(path.read_text().rstrip())
    assert json.loads(run("show", "vic_elec", "--json"))["card"]["task"]["metric"] == "mae"


def test_check_loads_the_data_and_tells_its_facts(project):
    output = run("check", "adding_50")
    assert output.startswith("adding_50: valid (built in)\n")
    assert "  sequences  1,400 train, 300 validation, 300 test; 50 steps\n" in output
    assert "  digest     " in output
    (plain,) = json.loads(run("check", "adding_50", "--json"))
    assert plain["facts"]["sizes"] == [1400, 300, 300]
    assert plain["error"] is None


def test_check_of_one_dataset_raises_its_error(project):
    run("new", "my.csv", "--target", "y")
    Path("my.csv").unlink()
    with pytest.raises(DataError, match=r"^my.csv: no such file"):
        run("check", "my")
    with pytest.raises(ConfigError, match=r'^dataset "mine" is unknown'):
        run("check", "mine")


def test_check_all_goes_on_after_a_fault_and_then_fails(project, monkeypatch):
    Path("builtin").mkdir()
    monkeypatch.setattr("harness.config.lookup.builtin_folder", lambda kind: Path("builtin"))
    run("new", "my.csv", "--target", "y")
    run("new", "my.csv", "--target", "y", "--name", "good")
    config = Path("datasets/my.toml")
    config.write_text(config.read_text().replace("../my.csv", "../gone.csv"))
    result = CliRunner().invoke(app, ["check", "--all"])
    assert result.exit_code == 3
    assert "good: valid (datasets/good.toml)\n" in result.output
    assert "my: not on this machine: gone.csv: no such file" in result.output
    Path("gone.csv").write_text("nothing\n1\n")
    result = CliRunner().invoke(app, ["check", "--all"])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "1 of 2 datasets are invalid"
    plain = json.loads(CliRunner().invoke(app, ["check", "--all", "--json"]).output)
    assert [one["name"] for one in plain if one["error"]] == ["my"]


@pytest.mark.parametrize("arguments", [(), ("vic_elec", "--all")])
def test_check_wants_one_or_all(arguments, project):
    with pytest.raises(UsageError, match=r"^expected either the name or path of a dataset, or --all$"):
        run("check", *arguments)


def test_new_writes_a_config_that_loads_and_names_the_next_commands(project):
    output = run("new", "my.csv", "--target", "y", "--time", "t")
    assert output.startswith("wrote datasets/my.toml\n")
    assert output.endswith("  harness datasets check my\n  harness sweep my\n")
    task = find_dataset("my").config.task
    assert (task.kind, task.target, task.time, task.features) == ("forecast", ("y",), "t", ("y", "wind"))
    assert "my: valid (datasets/my.toml)\n" in run("check", "my")
    assert "  windows    " in run("check", "my")


def test_new_takes_the_users_word(project):
    run(
        "new", "my.csv", "--target", "wind", "--features", "y, wind", "--horizon", "2", "--lookback", "5", "--name", "w"
    )
    task = find_dataset("w").config.task
    assert (task.target, task.features, task.horizon_steps, task.lookback_steps) == (("wind",), ("y", "wind"), 2, 5)


def test_new_reads_parquet_and_other_folders(project):
    Path("data").mkdir()
    frame = pd.DataFrame(
        {"id": np.repeat(range(30), 4), "a": np.arange(120.0), "label": ["x", "x", "x", "x", "y", "y", "y", "y"] * 15}
    )
    frame.to_parquet("data/gestures.parquet")
    run("new", "data/gestures.parquet")
    assert 'path = "../data/gestures.parquet"' in Path("datasets/gestures.toml").read_text()
    assert find_dataset("gestures").config.task.kind == "classify"
    assert "classes    2: x, y" in run("check", "gestures")


def test_new_says_when_it_overrides_a_built_in_dataset(project):
    output = run("new", "my.csv", "--target", "y", "--name", "vic_elec")
    assert output.startswith("wrote datasets/vic_elec.toml, which overrides the built-in one\n")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("gone.csv",), DataError, "gone.csv: no such file"),
        (
            ("my.png",),
            UsageError,
            "my.png: expected a file that ends in .csv, .tsv, .dat, .data, .parquet, .pq, .xlsx, .arff, .tsf, .jsonl, "
            ".ndjson, .txt",
        ),
        (("my.csv", "--target", "z"), UsageError, "--target z: no such column in my.csv. Known: t, wind, y"),
        (
            ("my.csv", "--name", "a b"),
            UsageError,
            'name "a b": expected letters, digits, `_`, `.` and `-`, at most 80, no sign first',
        ),
        (("my.csv", "--task", "forcast"), UsageError, "--task forcast: unknown. Did you mean forecast?"),
    ],
)
def test_new_refuses_in_one_line_and_writes_nothing(arguments, error, message, project):
    with pytest.raises(error) as caught:
        run("new", *arguments)
    assert str(caught.value) == message
    assert not Path("datasets").exists()


def test_new_replaces_a_file_only_with_force(project):
    run("new", "my.csv", "--target", "y")
    with pytest.raises(HarnessError, match="is there already"):
        run("new", "my.csv", "--target", "wind")
    assert find_dataset("my").config.task.target == ("y",)
    run("new", "my.csv", "--target", "wind", "--force")
    assert find_dataset("my").config.task.target == ("wind",)
