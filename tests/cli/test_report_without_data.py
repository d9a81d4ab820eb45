"""`--no-data-in-report` on a sweep that was really run: in the page that a command writes, and in MLflow's files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.config import make_plan
from harness.journal import Journal
from harness.store import find_store
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.plan import SweepHeader
from harness.sweeps.results import Results


def test_a_command_s_page_has_no_path_and_no_window(first_day, command, tmp_path) -> None:
    place = ("--store", str(first_day.folder / "mlruns"))
    pages = []
    for name, options in (("shown.html", ()), ("kept.html", ("--no-data-in-report",))):
        assert command("report", first_day.sweep_id, *place, "-o", str(tmp_path / name), *options).code == 0
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    shown, kept = pages
    for told in (str(first_day.folder), "of the source on", "forecast-"):
        assert told in shown
        assert told not in kept
    assert "<h3>Scores</h3>" in kept


def test_mlflow_s_files_follow_the_sweep_s_plan(first_day) -> None:
    store = find_store(first_day.folder / "mlruns")
    folder = store.sweeps / first_day.sweep_id
    with Journal.read(folder) as journal:
        results = Results(journal)
        sync = MlflowSync(store, results.header, folder, offline=True)
        so_far, result = results.sweep(folder.name, store.address), results.comparison("my")
        shown = sync._files(results, result, so_far)
        kept = sync._files(results, result, replace(so_far, data_in_report=False))
    assert str(first_day.folder) in shown["report.html"]
    assert str(first_day.folder) not in kept["report.html"]
    gone = shown.keys() - kept.keys()
    assert gone
    assert all(Path(name).name.startswith("forecast-") for name in gone)


def test_a_plan_says_so_and_older_ones_show_all(first_day) -> None:
    assert make_plan({"datasets": ("my",), "data_in_report": False}).data_in_report is False
    with Journal.read(first_day.folder / "mlruns" / "sweeps" / first_day.sweep_id) as journal:
        plain = dict(journal.plan)
    plain["plan"] = {key: value for key, value in plain["plan"].items() if key != "data_in_report"}
    assert SweepHeader.from_json(plain).plan.data_in_report is True
