"""`harness trials SWEEP | harness verdict -` gives the sweep's own verdict again, to the last digit."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.journal import EventKind, Journal
from harness.stats.words.wording import in_todays_words

PIPED = [sys.executable, "-c", "from harness.cli import main; main()"]


def recorded(folder: Path) -> dict[str, Any]:
    """The verdicts in a sweep's journal as JSON has them, in today's words."""
    with Journal.read(folder) as journal:
        names = {event.dataset for event in journal.events(EventKind.DECIDED)}
        found = {name: journal.last(EventKind.DECIDED, name).payload for name in names}
    return {name: worded(verdict) for name, verdict in found.items()}


def worded(plain: Any) -> Any:
    match plain:
        case str():
            return in_todays_words(plain)
        case list():
            return [worded(one) for one in plain]
        case Mapping():
            return {key: worded(one) for key, one in plain.items()}
    return plain


def test_a_sweep_of_0_1_0(unpack_example, tmp_path, monkeypatch, command) -> None:
    root = unpack_example(tmp_path) / "mlruns"
    sweep = next(path for path in sorted((root / "sweeps").iterdir()) if path.name.startswith("first-"))
    table = command("trials", sweep.name, "--store", str(root)).out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
    again = json.loads(command("verdict", "-", "--json").out)["verdicts"]
    expected = recorded(sweep)
    assert set(expected) == {"sums", "waves"}
    for name, verdict in expected.items():
        found = worded(again[name])
        assert {key: found[key] for key in verdict} == verdict
        assert found["recommendation"] is None


def test_a_sweep_of_today_through_a_pipe(first_day) -> None:
    folder = first_day.folder / "mlruns" / "sweeps" / first_day.sweep_id
    table = subprocess.run(
        [*PIPED, "trials", first_day.sweep_id], cwd=first_day.folder, capture_output=True, check=True
    ).stdout
    verdict = subprocess.run(
        [*PIPED, "verdict", "-", "--json"], input=table, cwd=first_day.folder, capture_output=True, check=True
    ).stdout
    assert json.loads(verdict)["verdicts"] == recorded(folder)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"trials": 3', '"trials": "x"', "row 1: terms: expected what `harness trials` writes for my"),
        ('"trials": 3', '"trials": 3, "x', "row 1: terms = "),
        ('"cases": ', '"places": ', "row 1: cases = "),
    ],
)
def test_a_table_changed_by_hand_gets_a_line(first_day, command, tmp_path, before, after, message) -> None:
    table = command("trials", first_day.sweep_id, "--store", str(first_day.folder / "mlruns")).out
    doubled = [text.replace('"', '""') for text in (before, after)]
    if doubled[0] not in table:
        pytest.skip(f"no {before} in the table of this sweep")
    path = tmp_path / "table.csv"
    path.write_text(table.replace(*doubled, 1), encoding="utf-8")
    ran = command("verdict", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"harness: {path}: {message}")
    assert ran.err.count("\n") == 1


def test_options_go_before_what_the_table_says(first_day, command) -> None:
    path = first_day.folder / "again.csv"
    path.write_text(
        command("trials", first_day.sweep_id, "--store", str(first_day.folder / "mlruns")).out, encoding="utf-8"
    )
    plain = json.loads(command("verdict", str(path), "--trials", "2", "--margin", "0.5", "--json").out)
    assert (plain["verdicts"]["my"]["trials"], plain["verdicts"]["my"]["region"]) == (2, 0.5)


@pytest.mark.slow  # its workers start, though nothing is left to train
def test_a_finished_sweep_resumed_as_json_prints_nothing_but_the_document(first_day, run) -> None:
    ran = run(first_day.folder, "sweep", "--resume", first_day.sweep_id, "--json")
    assert ran.code == 0, ran.err
    folder = first_day.folder / "mlruns" / "sweeps" / first_day.sweep_id
    assert json.loads(ran.out)["verdicts"] == recorded(folder)
    assert "has finished already" in ran.err
