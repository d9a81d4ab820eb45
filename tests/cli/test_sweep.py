"""`harness sweep`: a user's first day for real, and every refusal in one line with nothing written."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

TOYS = ("--config-dir", "configs", "--family", "tiny_lstm", "--family", "tiny_gru")


def test_a_users_own_table_is_swept_from_the_config_that_new_wrote(first_day) -> None:
    assert first_day.new.code == 0
    assert (first_day.folder / "datasets" / "my.toml").is_file()
    assert first_day.finished.code == 0
    assert first_day.finished.out.startswith("my: 3 trials per family, random search, at most 2 epochs per trial\n")
    assert "best baseline: " in first_day.finished.out
    assert re.search(r"models:/my@(champion|candidate)", first_day.finished.out)
    *_, address, page = first_day.finished.out.splitlines()
    assert address == "Open them with: harness ui"
    assert Path(page.removeprefix("Report: ")).is_file()
    assert max(map(len, first_day.finished.out.splitlines())) <= 80 + len(str(first_day.folder))


def test_ctrl_c_ends_all_processes_and_says_how_to_resume(first_day) -> None:
    assert first_day.interrupted.code == 130
    assert first_day.interrupted.out == ""
    assert first_day.workers_left == []
    *_, last = first_day.interrupted.err.splitlines()
    assert last.startswith("harness: interrupted; finished trials are kept. To resume, run the same command again, or ")
    assert last.endswith(f"`harness sweep --resume {first_day.sweep_id}`")


def test_the_same_command_resumes_and_trains_nothing_twice(first_day) -> None:
    assert first_day.interrupted.err.startswith(f"starting a new sweep, {first_day.sweep_id}\n")
    assert first_day.finished.err.startswith(f"resuming sweep {first_day.sweep_id}\n")
    phrase = first_day.interrupted.err + first_day.finished.err
    trained = re.findall(r"^(my/\w+/r1/search/\d+) validation", phrase, flags=re.M)
    assert len(trained) == len(set(trained)) == 6


def test_progress_is_plain_lines_without_a_terminal(first_day) -> None:
    assert "\x1b" not in first_day.finished.err
    assert "my: lstm 3/3 trials, best validation MAE " in first_day.finished.err
    assert "; searches done\n" in first_day.finished.err


def test_configs_that_override_built_in_ones_are_named(first_day) -> None:
    for cell in ("lstm", "gru"):
        assert re.search(rf"search_spaces/{cell}\.toml overrides the built-in config {cell}\n", first_day.finished.err)


def test_after_a_finished_sweep_the_same_command_starts_a_new_one_and_says_so(first_day, interrupt, run) -> None:
    ran, left = interrupt(first_day.folder, *first_day.command, when="starting a new sweep")
    (other,) = re.findall(r"^starting a new sweep, (\S+)\n", ran.err)
    assert other != first_day.sweep_id
    assert (ran.code, left) == (130, [])
    assert run(first_day.folder, "sweeps", "rm", other, "--yes").code == 0


def test_a_dry_run_tells_the_fits_and_writes_nothing(first_day, run) -> None:
    def files() -> dict[Path, int]:
        """Without the index that SQLite makes beside MLflow's database for whoever reads it."""
        found = (path for path in sorted(first_day.folder.rglob("*")) if path.is_file())
        return {path: path.stat().st_mtime_ns for path in found if not path.name.endswith(("-wal", "-shm"))}

    before = files()
    ran = run(first_day.folder, "sweep", "my", "--trials", "4", "--epochs", "3", "--dry-run", "--workers", "1")
    assert (ran.code, ran.err) == (0, "")
    assert "families: lstm, gru\nbudget: 4 trials per family, random search, at most 3 epochs per trial\n" in ran.out
    assert "8 trials and 10 retrainings with fresh seeds" in ran.out
    assert re.search(r"^in all: 18 fits, at most about \d+ s on 1 worker, reckoned from ", ran.out, flags=re.M)
    assert files() == before


REFUSED = {
    "no dataset": ((), "no dataset: name one or more, or a --config"),
    "unknown dataset": (("tiny_addin", *TOYS), 'dataset "tiny_addin" is unknown. Did you mean tiny_adding'),
    "unknown family": (
        ("tiny_adding", "--config-dir", "configs", "--family", "tiny_lsmt", "--family", "gru"),
        'family "tiny_lsmt" is unknown. Did you mean tiny_lstm',
    ),
    "unknown oracle": (("tiny_adding", *TOYS, "--oracle", "bayes"), '--oracle = "bayes": expected one of random, bay'),
    "unknown sweep file": (("--config", "quickstrat"), 'sweep "quickstrat" is unknown. Did you mean quickstart?'),
    "missing sweep file": (("--config", "gone.toml"), "gone.toml: no such file"),
    "no trials": (("tiny_adding", *TOYS, "--trials", "0"), "--trials = 0: expected a whole number of at least 1"),
    "text for trials": (("tiny_adding", "--trials", "x"), "Invalid value for '--trials': got \"x\", expected a whole"),
    "no minutes": (("tiny_adding", *TOYS, "--minutes", "0"), "--minutes = 0.0: expected a number greater than 0"),
    "minutes that are none": (("tiny_adding", *TOYS, "--minutes", "nan"), "--minutes = nan: expected a number great"),
    "two currencies": (("tiny_adding", *TOYS, "--minutes", "1", "--trials", "3"), "--minutes = 1.0: expected no min"),
    "no workers": (("tiny_adding", *TOYS, "--workers", "0"), "--workers = 0: expected a whole number of at least 1"),
    "negative seeds": (("tiny_adding", *TOYS, "--seeds", "-1"), "--seeds = -1: expected a whole number of at least 0"),
    "an unknown family before all else": (
        ("tiny_adding", "--config-dir", "configs", "--family", "tiny_gruu", "--trials", "0"),
        'family "tiny_gruu" is unknown. Did you mean tiny_gru,',
    ),
    "one family": (
        ("tiny_adding", "--config-dir", "configs", "--family", "tiny_gru"),
        "expected at least two families",
    ),
    "a dataset twice": (("tiny_adding", "tiny_adding", *TOYS), "expected each dataset once, got tiny_adding twice"),
    "by name and path": (("tiny_adding", "configs/tiny_adding.toml", *TOYS), "tiny_adding: named twice; expected each"),
    "a table for a config": (("my.csv",), "my.csv: expected a dataset's config; write one with `harness datasets n"),
    "a name with a slash": (("tiny_adding", *TOYS, "--name", "a/b"), '--name = "a/b": expected a name of letters'),
    "configs that are not there": (
        ("tiny_adding", "--config-dir", "nowhere"),
        "--config-dir nowhere: expected a folder with configs",
    ),
    "unknown id": (("--resume", "nobody"), "unknown sweep 'nobody' in "),
    "resume and a plan": (
        ("tiny_adding", *TOYS, "--resume", "nobody"),
        "--resume nobody: the sweep keeps the plan that it started with; leave out DATASET, --family, --config-dir",
    ),
    "resume and a file": (("--config", "quickstart", "--resume", "x", "--dry-run"), "leave out --config, --dry-run"),
    "quiet and verbose": (("tiny_adding", *TOYS, "-q", "-v"), "--quiet and --verbose: expected one of them"),
    "a file for a store": (("tiny_adding", *TOYS, "--store", "configs/waves.csv"), "waves.csv: expected a folder for"),
    "an old store": (("tiny_adding", *TOYS, "--store", "old"), "holds MLflow's old file store (0/meta.yaml)"),
    "an old store's address": (("tiny_adding", *TOYS, "--tracking-uri", "./runs"), "mlflow migrate-filestore"),
    "a password": (
        ("tiny_adding", *TOYS, "--tracking-uri", "ftp://me:secret@x"),
        "MLflow's store ftp:…: expected http",
    ),
    "misspelt option": (("tiny_adding", "--trails", "3"), "No such option: --trails. Did you mean --trials"),
}


def assert_refused(ran, message: str, code: int = 2) -> None:
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert "secret" not in ran.err
    assert not Path("mlruns").exists()


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_wrong_use_is_refused_in_one_line_and_writes_nothing(arguments, message, command, project) -> None:
    (project / "old" / "0").mkdir(parents=True)
    (project / "old" / "0" / "meta.yaml").touch()
    assert_refused(command("sweep", *arguments), message)


CONFIG, DATA = "tiny_waves.toml", "waves.csv"
BROKEN = {
    "unknown key": (
        CONFIG,
        'name = "tiny_waves"',
        'name = "tiny_waves"\nbogus = 1',
        "configs/tiny_waves.toml: unknown key",
    ),
    "wrong type": (
        CONFIG,
        "lookback_steps = 6",
        'lookback_steps = "six"',
        '[task] lookback_steps = "six": expected a whol',
    ),
    "share of 1.5": (CONFIG, "test = 0.2", "test = 1.5", "[split] test = 1.5: expected a share between 0 and 1"),
    "missing file": (CONFIG, '"waves.csv"', '"gone.csv"', "configs/gone.csv: no such file"),
    "wrong hash": (
        CONFIG,
        '"waves.csv"',
        f'"waves.csv"\nsha256 = "{"a" * 64}"',
        "the file is not the one the config means",
    ),
    "no target": (DATA, "level", "lvl", "has no column 'level' ([task] target). Did you mean lvl?"),
    "text for a number": (DATA, "\n2024-01-03 05:00,", "\n2024-01-03 05:00,abc", "column 'level', row "),
    "nothing for a number": (DATA, "\n2024-01-03 05:00,", "\n2024-01-03 05:00,,", "waves.csv: "),
    "a window longer than the rows": (CONFIG, "lookback_steps = 6", "lookback_steps = 600", "300 rows leave "),
}


@pytest.mark.parametrize(("file", "old", "new", "message"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["sweep", "dry run"])
def test_bad_configs_and_data_are_refused_in_one_line_and_write_nothing(
    dry, file, old, new, message, command, project
) -> None:
    path = project / "configs" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert_refused(command("sweep", "tiny_waves", *TOYS, *dry), message)


def test_missing_values_are_refused_unless_the_config_allows_them(command, project) -> None:
    path = project / "configs" / DATA
    path.write_text(re.sub(r"(2024-01-03 05:00),[^,]*,", r"\1,,", path.read_text()))
    ran = command("sweep", "tiny_waves", *TOYS)
    assert_refused(ran, "missing value (1 in all): expected a number")
    assert 'missing = "interpolate"' in ran.err


def test_a_server_that_does_not_answer_is_said_soon_and_nothing_is_written(run, project) -> None:
    began = time.monotonic()
    ran = run(project, "sweep", "tiny_adding", *TOYS, "--tracking-uri", "http://127.0.0.1:1")
    assert time.monotonic() - began < 60  # ten seconds are promised, to a machine that does nothing else
    assert_refused(ran, "harness: http://127.0.0.1:1: no answer (", code=1)


def test_a_store_that_cannot_be_made_is_said(command, project) -> None:
    ran = command("sweep", "tiny_adding", *TOYS, "--store", os.devnull + "/store")
    assert_refused(ran, "mlflow.db: ", code=1)
