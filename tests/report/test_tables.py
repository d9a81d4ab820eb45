"""Tables to go on with."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable

import pytest

from harness.records import ComparisonResult, SweepResult, TrialStatus
from harness.report.text import latex, markdown, trials_csv
from harness.stats.table import OPTIONAL, REQUIRED

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]


def read(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


def test_trials_come_back_with_all_their_digits(make_comparison: Make) -> None:
    comparison = make_comparison(failed=2, replicates=2)
    table = trials_csv([comparison])
    assert table.splitlines()[0] == (
        "dataset,family,replicate,trial,validation,test,direction,metric,parameters,fit_seconds,status"
    )
    assert "\r" not in table
    rows = read(table)
    assert len(rows) == len(comparison.rows)
    for shown, row in zip(rows, comparison.rows, strict=True):
        assert (shown["dataset"], shown["family"]) == (row.dataset, row.family)
        assert (int(shown["replicate"]), int(shown["trial"])) == (row.replicate, row.trial)
        assert (shown["direction"], shown["metric"], shown["status"]) == ("min", "mae", row.status.value)
        if row.status is TrialStatus.COMPLETED:
            assert (float(shown["validation"]), float(shown["test"])) == (row.validation, row.test)
            assert int(shown["parameters"]) == row.parameters
        else:
            assert (shown["validation"], shown["test"]) == ("", "")


def test_a_failed_trial_never_shows_a_score(make_comparison: Make) -> None:
    comparison = make_comparison()
    failed = dataclasses.replace(comparison.rows[0], status=TrialStatus.FAILED)
    table = read(trials_csv([dataclasses.replace(comparison, rows=(failed,))]))
    assert (table[0]["validation"], table[0]["test"]) == ("", "")


def test_verdict_decides_the_same_from_the_table(make_comparison: Make) -> None:
    import pandas as pd

    from harness.stats import decide

    comparison = make_comparison(levels=(301.0, 201.0), replicates=2)
    decision = decide(pd.read_csv(io.StringIO(trials_csv([comparison]))))
    verdict = decision.verdicts[comparison.dataset]
    assert verdict.family == comparison.verdict.family == "gru"
    assert verdict.expected == pytest.approx(dict(comparison.verdict.expected))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r\n@", " +"])
def test_no_cell_of_text_is_a_formula(make_comparison: Make, start: str) -> None:
    comparison = make_comparison()
    name = f"{start}cmd|' /C calc'!A0"
    rows = tuple(dataclasses.replace(row, dataset=name, family=name) for row in comparison.rows[:2])
    objective = dataclasses.replace(comparison.objective, metric=name)
    for cells in read(trials_csv([dataclasses.replace(comparison, rows=rows, objective=objective)])):
        assert {cells["dataset"], cells["family"], cells["metric"]} == {f"'{name.strip()}"}


def test_a_negative_score_stays_a_number(make_comparison: Make) -> None:
    comparison = make_comparison()
    rows = (dataclasses.replace(comparison.rows[0], test=-0.25),)
    assert read(trials_csv([dataclasses.replace(comparison, rows=rows)]))[0]["test"] == "-0.25"


def test_no_comparison_is_a_head_alone() -> None:
    assert trials_csv([]) == ",".join((*REQUIRED, *OPTIONAL)) + "\n"


def test_markdown_has_a_line_a_family(three_datasets: SweepResult) -> None:
    lines = markdown(three_datasets).splitlines()
    assert lines[0].startswith("of 3 datasets gru wins 1")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 6
    assert len({line.count("|") for line in table}) == 1
    family = three_datasets.comparisons[0].families[0]
    cells = [cell.strip() for cell in table[2].split("|")[1:-1]]
    assert cells[1:3] == ["gru wins", "lstm"]
    assert float(cells[3]) == pytest.approx(family.test_score, rel=1e-3)
    assert cells[0].startswith("vic\\_elec")


def test_latex_compiles_as_a_table(three_datasets: SweepResult) -> None:
    table = latex(three_datasets)
    body = table.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == 6
    assert all(line.count(" & ") == 6 and line.endswith(r"\\") for line in body)
    assert r"vic\_elec" in table
    assert r"$\pm$" in table


def test_markup_in_names_is_escaped(make_comparison: Make, make_sweep: MakeSweep) -> None:
    hostile = r"a|b <script> [x](y) `c` \ & % $ # _ { } ~ ^"
    sweep = make_sweep([make_comparison(baselines=[(hostile, 200.0)])])
    row = next(line for line in markdown(sweep).splitlines() if "script" in line)
    assert r"a\|b \<script\> \[x\](y) \`c\` \\ \& % $ \# \_" in row
    line = next(line for line in latex(sweep).splitlines() if "script" in line)
    assert r"\textbackslash{} \& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{}" in line
