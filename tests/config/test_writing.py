import tomllib
from pathlib import Path

import pytest

from harness.config import DatasetConfig, find_space
from harness.config.inferred.infer import InferredConfig
from harness.config.inferred.template import (
    check_new_name,
    dataset_text,
    hyperparameter_lines,
    name_from,
    path_from,
    space_text,
    write_new,
)
from harness.errors import UsageError

FORECAST = InferredConfig(
    task="forecast",
    target="y",
    features=("y", "wind"),
    time="when",
    id=None,
    metric="mae",
    missing="interpolate",
    numbers={"lookback_steps": 24, "horizon_steps": 12, "season_steps": 24, "window_stride": 2},
)


def test_a_forecasts_card_reads_back_as_it_was_guessed():
    config = DatasetConfig.model_validate(tomllib.loads(dataset_text("my", "csv", "../my.csv", FORECAST)))
    assert (config.name, config.source.path, config.missing) == ("my", "../my.csv", "interpolate")
    assert (config.task.target, config.task.features, config.task.time) == (("y",), ("y", "wind"), "when")
    assert (config.task.lookback_steps, config.task.horizon_steps, config.task.season_steps) == (24, 12, 24)
    assert (config.split.rule, config.split.validation, config.split.test) == ("time", 0.15, 0.15)


def test_strange_names_of_columns_and_files_are_quoted():
    strange = 'we"ird, \\ \t naïve'
    inferred = InferredConfig("classify", strange, ("a",), None, "id", "accuracy", "error")
    config = DatasetConfig.model_validate(tomllib.loads(dataset_text("my", "csv", 'a "b"\\\nc.csv', inferred)))
    assert config.task.target == strange
    assert config.source.path == 'a "b"\\\nc.csv'


def test_a_search_spaces_card_changes_nothing_until_a_comment_is_taken_away(project):
    origin = find_space("lstm").config
    text = space_text("mine", origin, "lstm")
    path = Path("search_spaces/mine.toml")
    write_new(path, text, force=False)
    assert find_space("mine").config.hyperparameters == origin.hyperparameters
    for line in ("[hyperparameters.units]", 'type = "Choice"', "values = [16, 32, 64]"):
        assert f"# {line}\n" in text
        text = text.replace(f"# {line}\n", f"{line}\n".replace("64", "128"), 1)
    write_new(path, text, force=True)
    assert find_space("mine").config.hyperparameters["units"].values == (16, 32, 128)


def test_every_hyperparameters_lines_are_toml_that_says_the_same():
    for name, given in find_space("lstm").config.hyperparameters.items():
        phrase = tomllib.loads("\n".join(hyperparameter_lines(name, given)))["hyperparameters"][name]
        assert phrase == {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in given.model_dump(exclude_none=True).items()
        }


def test_a_card_is_written_whole_and_replaces_none_unasked(project):
    path = Path("datasets/my.toml")
    write_new(path, "one\n", force=False)
    with pytest.raises(UsageError, match=r"^datasets/my.toml: is there already; expected --force"):
        write_new(path, "two\n", force=False)
    assert path.read_text() == "one\n"
    write_new(path, "two\n", force=True)
    assert [found.name for found in path.parent.iterdir()] == ["my.toml"]
    assert path.read_text() == "two\n"
    Path("file").touch()
    with pytest.raises(UsageError, match=r"^file/my.toml: cannot be written: "):
        write_new(Path("file/my.toml"), "three\n", force=False)


@pytest.mark.parametrize(
    ("file", "name"),
    [("my.csv", "my"), ("air line (2).csv", "air_line_2_"), ("_x.csv", "x"), ("数.csv", "data"), ("a.b.csv", "a.b")],
)
def test_a_name_is_made_from_the_files(file, name):
    assert name_from(Path(file)) == name
    check_new_name(name)


@pytest.mark.parametrize("name", ["a b", "", "_shared", "a/b", "x" * 81])
def test_a_name_that_no_card_can_have_is_refused(name):
    with pytest.raises(UsageError, match="expected letters, digits"):
        check_new_name(name)


def test_the_path_is_from_the_cards_folder_even_where_that_is_a_link(project):
    (project / "else" / "where").mkdir(parents=True)
    Path("my.csv").touch()
    assert path_from(Path("datasets"), Path("my.csv")) == "../my.csv"
    Path("datasets").symlink_to(project / "else" / "where")
    assert path_from(Path("datasets"), Path("my.csv")) == "../../my.csv"
    assert (Path("datasets").resolve() / "../../my.csv").resolve() == (project / "my.csv").resolve()
