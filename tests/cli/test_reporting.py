"""`harness report`, `harness trials`, and `harness verdict` on the table that they print."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from harness.journal import EventKind, Journal
from harness.records import Verdict
from harness.stats.words.sentences import recommendation, three


@pytest.fixture
def store(first_day, tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(first_day.folder / "mlruns")


def test_report_says_what_the_sweep_said_and_writes_html(first_day, store, command) -> None:
    ran = command("report", "--store", store)
    assert (ran.code, ran.err) == (0, "wrote report.html\n")
    reported, said = ran.out.splitlines(), first_day.finished.out.partition("\nRuns in MLflow:")[0].splitlines()
    counting = [line for line in said if "shown by `harness report" in line]
    assert [line for line in said if line not in (*reported, *counting)] == []
    assert bool(counting) == any(line.startswith("  Warning: ") for line in reported)
    assert f"harness ui --store {store}" in ran.out
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_report_to_a_place_that_is_not_there_is_refused(store, command) -> None:
    ran = command("report", "--store", store, "--output", "nowhere/report.html")
    assert (ran.code, "Open them with:" in ran.out) == (2, True)  # the answer is not kept back
    assert ran.err == "harness: --output nowhere/report.html: cannot be written: No such file or directory\n"


@pytest.mark.parametrize("words", [("report",), ("report", "nobody"), ("trials", "nobody")], ids=" ".join)
def test_without_a_sweep_it_is_wrong_use_and_writes_nothing(words, command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command(*words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_trials_prints_the_table_that_verdict_decides_from(first_day, store, command) -> None:
    ran = command("trials", first_day.sweep_id, "--csv", "--store", store)
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    kinds = [(row["dataset"], row["family"], row["phase"]) for row in rows]
    assert [kinds.count(("my", "gru", phase)) for phase in ("search", "confirmation")] == [3, 1]
    Path("scores.csv").write_text(ran.out, encoding="utf-8")
    again = command("verdict", "scores.csv", "--trials", "3", "--json")
    assert again.code == 0
    (decided,) = [json.loads(again.out)["verdicts"][name] for name in ("my",)]
    assert decided["outcome"] == "undecided"
    assert decided["completed"] == {"lstm": 3, "gru": 3}


def test_trials_as_json_has_the_same_numbers(first_day, store, command) -> None:
    plain = json.loads(command("trials", first_day.sweep_id, "--json", "--store", store).out)
    table = csv.DictReader(io.StringIO(command("trials", first_day.sweep_id, "--store", store).out))
    for row, line in zip(plain, (line for line in table if line["phase"] == "search"), strict=True):
        assert row["test"] == float(line["test"])
        assert row["validation"] == float(line["validation"])
        assert (row["family"], str(row["trial"]), row["status"]) == (line["family"], line["trial"], line["status"])


def test_report_as_json_is_one_document_with_the_records_and_the_sentences(first_day, store, command) -> None:
    ran = command("report", first_day.sweep_id, "--store", store, "--json")
    plain = json.loads(ran.out)
    with Journal.read(first_day.folder / "mlruns" / "sweeps" / first_day.sweep_id) as journal:
        recorded = journal.last(EventKind.DECIDED, "my").payload
    assert plain["verdicts"] == {"my": recorded}
    found = Verdict.from_json(recorded)
    sentences = plain["answers"]["my"]
    assert sentences["recommendation"] == recommendation(found)
    assert sentences["sentences"] == list(three(found))
    assert found.reasons_to_abstain
    assert plain["verdicts"]["my"]["recommendation"]["probability"] is None
    assert (plain["sweep_id"], plain["across"], plain["unfinished"]) == (first_day.sweep_id, None, {})
    assert plain["champions"]["my"]["name"] == "my"


def test_trials_is_one_table_at_a_time(store, command) -> None:
    ran = command("trials", "x", "--csv", "--json", "--store", store)
    assert (ran.code, ran.err) == (2, "harness: --csv and --json: expected one of them\n")


@pytest.mark.parametrize(("name", "begins"), [("r.md", "my: "), ("r.tex", "% needs ")])
def test_the_verdicts_as_a_table_by_the_files_name(store, command, name, begins) -> None:
    ran = command("report", "--store", store, "--output", name)
    assert (ran.code, ran.err) == (0, f"wrote {name}\n")
    written = Path(name).read_text(encoding="utf-8")
    assert written.startswith(begins)
    assert "my (" in written


def test_another_ending_is_wrong_use(store, command) -> None:
    ran = command("report", "--store", store, "--output", "r.pdf")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "harness: --output r.pdf: expected a name that ends in .html, .md or .tex\n"


def test_the_report_links_the_runs(first_day, store, command) -> None:
    assert command("report", "--store", store).code == 0
    page = Path("report.html").read_text(encoding="utf-8")
    assert page.count("http://127.0.0.1:5000/#/experiments/1/runs/") >= 3
