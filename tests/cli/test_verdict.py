"""`harness verdict TABLE.csv`, as the command line runs it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.stats import read_csv, verdict
from harness.errors import TableError

HEADER = "dataset,family,replicate,trial,validation,test"


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(verdict)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path):
    """Writes a table: `table(lines, header)`; by default `lstm` is better on `toy` by 0.5."""

    def write(lines=None, header=HEADER, name="table.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *(lines_of() if lines is None else lines)]) + "\n", encoding="utf-8")
        return path

    return write


def lines_of(datasets=("toy",), worse=0.5) -> list[str]:
    lines = []
    for dataset in datasets:
        for place, family in enumerate(("lstm", "gru")):
            for trial, value in enumerate(np.random.default_rng(place).random(12), start=1):
                score = 0.1 + worse * place + 0.1 * value
                lines.append(f"{dataset},{family},1,{trial},{score:.6f},{score:.6f}")
    return lines


def test_the_sentence_comes_first_and_the_numbers_below(run, table):
    done = run(table())
    assert done.exit_code == 0
    first, *numbers = done.stdout.splitlines()
    assert first.startswith("toy: use lstm's model, which validation selected: ")
    assert [line.split(":")[0] for line in numbers[:3]] == ["  Models in hand", "  Configurations", "  Families"]
    assert numbers[3].startswith("  expected test score of the best of 12 trials by validation: ")
    assert "overall" not in done.stdout


def test_several_datasets_have_an_overall_sentence(run, table):
    done = run(table(lines_of(("a", "NA"))))
    assert "NA: use lstm's model" in done.stdout
    assert "overall: of 2 datasets gru wins 0, lstm wins 2, practically equal 0, undecided 0" in done.stdout


def test_options_reach_the_decision(run, table):
    path = table(lines_of(worse=0.0))
    assert (
        "Families: gru and lstm are practically equal in searches of 3 of the 12 trials ("
        in run(path, "--margin", 1).stdout
    )
    assert "toy: use gru's model" in run(table(), "--direction", "max").stdout
    assert "best of 4 trials" in run(path, "--trials", 4).stdout
    assert "95 % interval" in run(path, "--level", 0.95).stdout
    assert "needs at least 3 replicates of each family: gru 1, lstm 1" in run(path, "--oracle", "bayesian").stdout


def test_json_gives_everything(run, table):
    plain = json.loads(run(table(lines_of(("a", "b"))), "--json").stdout)
    assert plain["answers"]["a"]["recommendation"].startswith("a: use lstm's model")
    assert plain["verdicts"]["a"]["recommendation"]["family"] == "lstm"
    assert plain["verdicts"]["a"]["outcome"] == "winner"
    assert plain["verdicts"]["a"]["family"] == "lstm"
    assert len(plain["verdicts"]["a"]["probabilities"]) == 3
    assert plain["across"]["wins"] == {"gru": 0, "lstm": 2}
    assert plain["overall"].startswith("of 2 datasets")


def test_texts_cannot_steer_the_terminal(run, table):
    lines = [line.replace("toy", "to\x1b[31my").replace("gru", "g\u202eru") for line in lines_of()]
    done = run(table(lines))
    assert done.exit_code == 0
    assert all(line.isprintable() for line in done.stdout.splitlines())


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_of_a_spreadsheet_is_read(run, tmp_path, ending):
    path = tmp_path / "table.csv"
    path.write_bytes(("\ufeff" + ending.join([HEADER, *lines_of(), "", ""])).encode())
    assert run(path).exit_code == 0


def test_the_table_that_a_sweep_writes_goes_through(run, table):
    header = f"{HEADER},direction,metric,parameters,fit_seconds,status"
    lines = [f"{line},min,mae,{300 + place},1.5,completed" for place, line in enumerate(lines_of())]
    failed = ["toy,lstm,1,13,,,min,mae,,,failed", "toy,gru,1,13,,,min,mae,,,failed"]
    done = run(table([*lines, *failed], header))
    assert done.stdout.startswith("toy: use lstm's model")


BROKEN = {
    "missing column": ("dataset,family,replicate,trial,valid,test", None, "column 'validation' is missing: expected"),
    "no rows": (HEADER, [], "no rows: expected one row a trial"),
    "family with one row": (HEADER, lines_of()[:13], "dataset 'toy': gru has 1 row: expected at least 2"),
    "one family": (HEADER, lines_of()[:12], "column family: only 'lstm'"),
    "nan": (HEADER, ["toy,lstm,1,1,nan,0.5"], "row 1: validation = 'nan': expected a finite score"),
    "empty": (HEADER, ["toy,lstm,1,1,,0.5"], "row 1: validation = '': expected a finite score"),
    "long row": (HEADER, ["toy,lstm,1,1,0.5,0.5,0.5"], "row 1: 7 cells: expected 6, as in the header"),
    "column twice": (HEADER + ",test", None, "header: 'test' appears twice"),
    "open quote": (HEADER, ['toy,"lstm,1,1,0.5,0.5'], "is no CSV file: unexpected end of data"),
    "semicolons": (HEADER.replace(",", ";"), [], "column 'dataset' is missing"),
}


def refused(done) -> str:
    """The one line of an error, which the command line prints before it leaves with 2; nothing was printed before."""
    assert isinstance(done.exception, TableError)
    assert done.exception.exit_code == 2
    assert done.stdout == ""
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_table_gets_a_line_and_no_verdict(run, table, fault):
    header, lines, message = BROKEN[fault]
    path = table(lines, header)
    assert refused(run(path)).startswith(f"{path}: {message}")


def test_files_that_are_no_tables(run, tmp_path):
    assert refused(run(tmp_path / "no.csv")).endswith("no.csv: cannot be read: No such file or directory")
    assert refused(run(tmp_path)).endswith("cannot be read: Is a directory")
    (tmp_path / "nothing.csv").write_text("")
    assert refused(run(tmp_path / "nothing.csv")).endswith("is empty: expected a header and one row a trial")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    assert refused(run(tmp_path / "binary.csv")).endswith("is not text in UTF-8: expected a CSV file")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--direction", "up"), "direction = 'up': expected min or max"),
        (("--oracle", "randon"), "oracle = 'randon': expected one of random, bayesian, tpe, hyperband, grid"),
        (("--trials", 99), "trials = 99: expected at most 12"),
        (("--margin", -1), "margin = -1.0 of toy: expected a number of at least 0"),
        (("--level", 95), "level = 95.0: expected a share"),
    ],
)
def test_wrong_options(run, table, arguments, message):
    assert message in refused(run(table(), *arguments))


def test_reading_takes_no_text_for_something_else(table):
    path = table(["NA,null,1,1,0.5,0.5"])
    assert read_csv(path)["dataset"] == ["NA"]
    assert read_csv(path)["family"] == ["null"]
