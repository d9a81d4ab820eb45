"""Tables of other people: what is wrong with one is said in a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.errors import TableError
from harness.records import Outcome, TrialStatus
from harness.stats import decide
from harness.stats.table import columns_of, read_columns


def scores(datasets=("toy",), families=("lstm", "gru"), trials=8, worse=0.5) -> pd.DataFrame:
    rows = []
    for dataset in datasets:
        for place, family in enumerate(families):
            random = np.random.default_rng(place)
            for trial, value in enumerate(random.random(trials), start=1):
                score = round(0.1 + worse * place + 0.1 * float(value), 6)
                rows.append((dataset, family, 1, trial, score, score))
    return pd.DataFrame(rows, columns=["dataset", "family", "replicate", "trial", "validation", "test"])


def test_a_pandas_table_is_decided():
    decision = decide(scores())
    verdict = decision.verdicts["toy"]
    assert (verdict.outcome, verdict.family) == ("winner", "lstm")
    assert verdict.margin == 0
    assert decide(scores(), "max").verdicts["toy"].family == "gru"
    assert decision.overall.startswith("toy: use lstm's model")


def test_a_mapping_of_lists_of_text_is_the_same():
    columns = {name: [str(value) for value in scores()[name]] for name in scores().columns}
    assert decide(columns) == decide(scores())


def test_the_direction_column_has_the_word():
    table = scores(datasets=("a", "b"))
    table["direction"] = ["min"] * 16 + ["MAX "] * 16
    decision = decide(table, direction="max")
    assert [verdict.family for verdict in decision.verdicts.values()] == ["lstm", "gru"]


def test_the_order_of_rows_is_nothing():
    table = scores(datasets=("b", "a"))
    permutation_p = table.sample(frac=1, random_state=1)
    assert decide(permutation_p).verdicts["a"] == decide(table).verdicts["a"]


def test_optional_columns_are_read():
    table = scores(worse=0.0)
    table["parameters"] = [400.0] * 8 + [300.0] * 7 + [np.nan]
    table["fit_seconds"] = 1.5
    table["status"] = "completed"
    table["metric"] = "mae"
    table["note"] = "whatever"
    read = read_columns(columns_of(table))
    assert read.rows[0].parameters == 400
    assert read.rows[-1].parameters is None
    assert read.rows[0].fit_seconds == 1.5
    assert read.objectives["toy"].metric == "mae"


def test_failed_rows_need_no_scores():
    table = scores(trials=20)
    table["status"] = ["failed", *["completed"] * 19] * 2
    table.loc[[0, 20], ["validation", "test"]] = np.nan
    read = read_columns(columns_of(table))
    assert (read.rows[0].status, read.rows[0].test) == (TrialStatus.FAILED, None)
    verdict = decide(table).verdicts["toy"]
    assert verdict.completed == {"gru": 19, "lstm": 19}
    assert verdict.trials == 19


def test_the_margin_may_be_told_for_all_or_for_each():
    table = scores(datasets=("a", "b"), worse=0.0)
    assert {verdict.margin for verdict in decide(table, margin=0.3).verdicts.values()} == {0.3}
    each = decide(table, margin={"a": 0.3}).verdicts
    assert (each["a"].outcome, each["b"].outcome) == (Outcome.PRACTICALLY_EQUAL, Outcome.UNDECIDED)


def test_all_equal_scores_are_no_crash():
    table = scores()
    table[["validation", "test"]] = 0.1
    assert decide(table).verdicts["toy"].outcome is Outcome.UNDECIDED
    assert decide(table, margin=0.01).verdicts["toy"].outcome is Outcome.PRACTICALLY_EQUAL


def change(place: int, column: str, value: object):
    def changed(table: pd.DataFrame) -> pd.DataFrame:
        table[column] = table[column].astype(object) if column in table else None
        table.loc[place, column] = value
        return table

    return changed


def with_column(name: str, values):
    return lambda table: table.assign(**{name: values})


BROKEN = {
    "missing column": (
        lambda table: table.rename(columns={"validation": "validaton"}),
        "column 'validation' is missing: expected dataset, family, replicate, trial, validation, test. "
        "Did you mean validaton?",
    ),
    "no columns": (lambda table: pd.DataFrame(), "column 'dataset' is missing: expected dataset, family, replicate, "),
    "no rows": (lambda table: table.iloc[:0], "no rows: expected one row a trial"),
    "column twice": (
        lambda table: pd.concat([table, table[["test"]]], axis=1),
        "columns: test appear twice: expected each once",
    ),
    "one family": (
        lambda table: table[table.family == "gru"],
        "column family: only 'gru': expected at least two families to compare",
    ),
    "family with one row": (
        lambda table: table.iloc[:9],
        "dataset 'toy': gru has 1 row: expected at least 2",
    ),
    "other datasets for other families": (
        lambda table: table.assign(dataset=["a"] * 8 + ["b"] * 8),
        "dataset 'a': no row of gru: expected the same families on every dataset",
    ),
    "nan": (change(4, "test", np.nan), "row 5: test = nan: expected a finite score in a completed row"),
    "infinity": (
        change(0, "validation", np.inf),
        "row 1: validation = inf: expected a finite score in a completed row",
    ),
    "empty score": (change(2, "test", ""), "row 3: test = '': expected a finite score in a completed row"),
    "no score": (change(2, "test", None), "row 3: test = None: expected a finite score in a completed row"),
    "text for a score": (change(2, "test", "0,5"), "row 3: test = '0,5': expected a finite score in a completed row"),
    "half a trial": (change(1, "trial", 1.5), "row 2: trial = 1.5: expected a whole number of at least 0"),
    "negative replicate": (change(1, "replicate", -1), "row 2: replicate = -1: expected a whole number of at least 0"),
    "endless replicate": (
        change(1, "replicate", "inf"),
        "row 2: replicate = 'inf': expected a whole number of at least 0",
    ),
    "no dataset": (change(1, "dataset", " "), "row 2: dataset = ' ': expected a name"),
    "no family": (change(1, "family", None), "row 2: family = None: expected a name"),
    "same trial twice": (
        change(3, "trial", 3),
        "rows 3 and 4: both are trial 3 of replicate 1 of lstm on toy: expected each trial once",
    ),
    "unknown status": (with_column("status", "done"), "row 1: status = 'done': expected completed or failed"),
    "no status": (with_column("status", None), "row 1: status = None: expected completed or failed"),
    "negative parameters": (
        with_column("parameters", -3),
        "row 1: parameters = -3: expected a whole number of at least 0",
    ),
    "endless seconds": (
        with_column("fit_seconds", np.inf),
        "row 1: fit_seconds = inf: expected a number of at least 0",
    ),
    "unknown direction": (with_column("direction", "down"), "row 1: direction = 'down': expected min or max"),
    "two directions": (
        with_column("direction", ["min"] * 5 + ["max"] * 11),
        "row 6: direction = 'max': expected 'min', as before on toy",
    ),
    "two metrics": (
        with_column("metric", ["mae"] * 9 + ["rmse"] * 7),
        "row 10: metric = 'rmse': expected 'mae', as before on toy",
    ),
    "accuracies read as losses": (
        with_column("metric", "accuracy"),
        "row 1: direction = 'min': expected 'max', for accuracy",
    ),
    "escapes": (
        change(1, "trial", "\x1b[2J\nx"),
        "row 2: trial = '�[2J x': expected a whole number of at least 0",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_is_said_in_one_line(fault):
    spoil, message = BROKEN[fault]
    with pytest.raises(TableError) as caught:
        decide(spoil(scores()))
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"direction": "up"}, "direction = 'up': expected min or max"),
        (
            {"oracle": "bayes"},
            "oracle = 'bayes': expected one of random, bayesian, tpe, hyperband, grid. Did you mean bayes",
        ),
        ({"level": 95}, "level = 95: expected a share between 0.5 and 0.999"),
        ({"margin": -0.1}, "margin = -0.1 of toy: expected a number of at least 0"),
        ({"region": float("nan")}, "margin = nan of toy: expected a number of at least 0"),
        ({"trials": 0}, "trials = 0: expected at least 1"),
        ({"trials": 9}, "trials = 9: expected at most 8, the completed trials of lstm on toy"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(TableError) as caught:
        decide(scores(), **arguments)
    assert str(caught.value).startswith(message)


def test_what_pandas_calls_missing_is_missing():
    table = scores().convert_dtypes()
    table["parameters"] = pd.array([300] * 15 + [None], dtype="Int64")
    assert read_columns(columns_of(table)).rows[-1].parameters is None
    table.loc[2, "test"] = pd.NA
    with pytest.raises(TableError, match="row 3: test = <NA>: expected a finite score"):
        decide(table)


@pytest.mark.parametrize("table", [[1, 2], "table.csv", None])
def test_what_is_no_table(table):
    with pytest.raises(TableError, match="expected a pandas table or a mapping of lists"):
        decide(table)


def test_columns_of_unequal_length():
    columns = {name: list(scores()[name]) for name in scores().columns}
    columns["test"] = columns["test"][:-1]
    with pytest.raises(TableError, match=r"columns: lengths \[15, 16\]: expected the same of all"):
        decide(columns)
