"""Every script in `benchmarks/` runs with what `make test` installs: its help here, a smallest setting as a slow test.

What a script measures is not judged: a busy machine misses targets. That it comes to its last line is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
DIGITS = str(BENCHMARKS / "recorded" / "digits.csv")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

SMALLEST: dict[str, tuple[str, str]] = {
    "against_before": (
        f"italy_power_demand --before {BENCHMARKS.parent} --trials 5",
        r"geometric mean at equal seconds, 5 trials a family: [\d.]+ over 1 sets",
    ),
    "baselines": ("japanese_vowels --seconds 5", r"\| japanese_vowels"),
    "calibrate": (f"{DIGITS} --replays 1 --trials 5 --shift 0.2", r"digits lstm .*shift 20 %: power"),
    "champions": ("mlruns", r"\d champions, of which 0 "),
    "false_winners": (f"{DIGITS} --replays 1 --way random --shift 0.2 --workers 1 --keep cells", r"\| digits"),
    "cluster_faults": ("--short --faults killed", r"runs 1, lost 0, doubled 0, closed early 0"),
    "faults": ("--kills 1", r"lost 0, doubled 0"),
    "golden": (f"--against {BENCHMARKS.parent}", r"^equal$"),
    "interval_coverage": ("--names", r"vic_elec"),
    "known_answers": ("counting --look", r"1 replicates"),
    "large_files": ("japanese_vowels --sequences 20 --forms csv", r"csv +20"),
    "limits": ("--kind leave", r"leave: killed"),
    "live": ("--epochs 20", r"\| every epoch \| 20 \| 20 \|"),
    "loading": ("--rows 500", r"\d"),
    "many_datasets": ("--datasets 1 --trials 1 --seeds 0 --offline", r'"trials": 2'),
    "memory": ("--trials 51", r'"workers": 1'),
    "oracles": (
        "--dataset adding_50 --oracle tpe --oracle hyperband --replicates 1 --epochs 2 --trials 2",
        r"\| adding_50 \(mse, min\) \| [\d.]+ ± ",
    ),
    "overhead": ("--trials 4", r'"trials": 4'),
    "parent": ("--trials 20 --slots 10 --seconds 0.1", r"^20 trials: \d+ a second"),
    "pictures": ("--to pictures", r"report\.png: \d+ kB"),
    "power_curves": ("cells power.svg", r"^$"),
    "profile_trial": ("--units 2", r"\d"),
    "published": ("counting --minutes 0.1", r"\| counting \| lstm \| accuracy \| 1 \| [\d.]+ "),
    "readers": ("--rounds 1", r"round 1: \d+ polls"),
    "record_trials": ("--trials 1 --epochs 1 --dataset digits --output recorded", r"digits\.csv: lstm 1, gru 1 trials"),
    "recommendations": ("--replays 2", r"## The recommendation"),
    "resuming": ("--trials 2", r"2 trials, random, 2 workers"),
    "serving": ("tiny_waves --requests 12 --clients 2", r"\d"),
    "spaces": ("adding_50 --trials 1 --new units=2", r"adding_50 +best of 20 in \d+ s"),
    "throughput": ("--size tiny", r"tiny: [\d.]+ times plain Keras Tuner's trials"),
    "two_families": ("--replays 1 --study real --keep pairs", r"times as often|named none"),
    "verdict_cost": ("--datasets 1", r"its size"),
    "workers": ("--size tiny", r"\d"),
}
"""Each script's smallest setting, and what it then prints."""

AGAINST: dict[str, tuple[str, str]] = {
    "many_datasets": ("--datasets 1 --trials 1 --seeds 0 --offline", r"1 datasets: [\d.]+ times faster"),
    "overhead": ("--trials 4 --rounds 1", r'"ratio": [\d.]+'),
    "throughput": ("--size tiny --workers 1", r"tiny: [\d.]+ times /.*'s trials a minute"),
}
"""The smallest setting of scripts that also measure the code of another checkout, and what they then print."""

HELP = """
import contextlib, io, json, runpy, sys, warnings
warnings.simplefilter("ignore")
said = {}
for path in sys.argv[1:]:
    sys.argv, out = [path, "--help"], io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(path, run_name="__main__")
        said[path] = "no exit"
    except SystemExit as end:
        said[path] = out.getvalue() if not end.code else f"left with {end.code}"
print(json.dumps(said))
"""


def test_every_script_is_started_and_described() -> None:
    assert sorted(SMALLEST) == SCRIPTS
    described = re.findall(r"^\| `(\w+)\.py", (BENCHMARKS / "README.md").read_text(), re.MULTILINE)
    assert sorted(described) == SCRIPTS


@pytest.mark.slow
def test_every_script_tells_its_options() -> None:
    paths = [str(BENCHMARKS / f"{name}.py") for name in SCRIPTS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(BENCHMARKS), *sys.path])}
    done = subprocess.run([sys.executable, "-c", HELP, *paths], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    for path, text in json.loads(done.stdout.splitlines()[-1]).items():
        assert text.startswith("usage:"), (path, text)
        assert Path(path).name in text


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Path:
    """A folder with a store of two models: a forecast's, and a classifier's."""
    folder = tmp_path_factory.mktemp("benchmarks")
    write_project(folder / "datasets")
    plan = ["--trials", "5", "--epochs", "2", "--confirmations", "0", "--workers", "1"]
    run(folder, [*HARNESS, "sweep", "tiny_waves", "japanese_vowels", "--cards", "datasets", *plan])
    return folder


HARNESS = [sys.executable, "-c", "from harness.cli import main; main()"]


def run(folder: Path, command: list[str]) -> str:
    """What a command prints that comes to its end, whatever it then thinks of what it measured."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode in (0, 1), done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_in_its_smallest_setting(name: str, project: Path) -> None:
    if name == "pictures" and not any(map(shutil.which, BROWSERS)):
        pytest.skip(f"no browser: {', '.join(BROWSERS)}")
    arguments, printed = SMALLEST[name]
    if name == "power_curves" and not (project / "cells").exists():
        run(project, [sys.executable, str(BENCHMARKS / "false_winners.py"), *SMALLEST["false_winners"][0].split()])
    phrase = run(project, [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments.split()])
    assert re.search(printed, phrase), phrase
    if name == "power_curves":
        assert (project / "power.svg").read_text().startswith("<?xml")


@pytest.mark.slow
@pytest.mark.parametrize("name", AGAINST)
def test_a_script_measures_another_checkout(name: str, tmp_path: Path) -> None:
    arguments, printed = AGAINST[name]
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments.split(), "--against", str(BENCHMARKS.parent)]
    phrase = run(tmp_path, command)
    assert re.search(printed, phrase), phrase
