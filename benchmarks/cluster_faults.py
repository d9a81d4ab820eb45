"""Breaks a Ray cluster under a sweep in every way that there is; counts what was lost, done twice or closed early.

Two nodes on this machine, each with a HOME and a cache of its own, and a head without a slot, in a network namespace
with loopback alone. Both nodes share this machine's cores, so nothing here is faster for there being two; what is
compared are scores, to the last bit, and counts.

    python benchmarks/cluster_faults.py           # sweeps of 3 data sets x 2 families x 20 trials, MLflow on PostgreSQL
    python benchmarks/cluster_faults.py --short   # no training and no MLflow: the trial runner with tasks that sleep

The last line is the count; the exit code is 1 where anything is lost, doubled or closed early, or a run went wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_nodes import ADDRESS, Cluster, RayNode, cluster, isolated

if TYPE_CHECKING:
    from harness.records import TrialRequest
    from harness.sweeps.trials import TrialRunner

HERE = Path(__file__).resolve().parent
DATASETS, FAMILIES, TRIALS = ("sums", "waves", "more_sums"), ("small_lstm", "small_gru"), 20
FAULTS = ("killed", "hung", "late", "away", "parent", "head")
AWAY_SECONDS = 120.0
LIFE_SECONDS = 900.0
INTERRUPTED = 130

SUMS = """
name = "{name}"
license = "generated"
[source]
kind = "generator"
generator = "adding"
steps = {steps}
sequences = 90
[task]
kind = "regress"
"""
WAVES = """
name = "waves"
license = "generated"
[source]
kind = "csv"
path = "waves.csv"
[task]
kind = "forecast"
target = ["level"]
features = ["level"]
time = "at"
lookback_steps = 6
horizon_steps = 2
"""
SPACE = """
name = "{family}"
layer = "{layer}"
[hyperparameters.units]
type = "Choice"
values = [2, 3]
[hyperparameters.learning_rate]
type = "Float"
min_value = 1e-3
max_value = 1e-1
sampling = "log"
"""


@dataclass
class Counts:
    """What the last line says."""

    runs: int = 0
    lost: int = 0
    doubled: int = 0
    closed_early: int = 0
    wrong: int = 0

    def __str__(self) -> str:
        return (
            f"runs {self.runs}, lost {self.lost}, doubled {self.doubled}, closed early {self.closed_early}, "
            f"otherwise wrong {self.wrong}"
        )


@dataclass
class Sweep:
    """One sweep's folder, and what its commands have said."""

    folder: Path
    short: bool
    server: str = ""
    spoken: list[str] = field(default_factory=list)
    began: float = 0.0

    @property
    def journal(self) -> Path | None:
        return next((self.folder / "mlruns" / "sweeps").glob("*/journal.db"), None)

    def begin(self, engine: bool = True) -> subprocess.Popen[bytes]:
        """The command; the same one goes on with what was not finished."""
        where = ["--engine", "ray", "--address", ADDRESS] if engine else []
        if self.short:
            command = [sys.executable, str(HERE / "cluster_faults.py"), "--stub", str(self.folder)]
        else:
            options = [
                "--trials",
                str(TRIALS),
                "--epochs",
                "2",
                "--seeds",
                "1",
                "--workers",
                "2",
                "-v",
                "--name",
                "faults",
            ]
            options += [word for family in FAMILIES for word in ("--family", family)] + where
            options += ["--tracking-uri", self.server] if self.server else []
            options += ["--register-as", f"{self.folder.name}-{{dataset}}"]
            command = [sys.executable, "-c", "from harness.cli import console; console()", "sweep", *DATASETS, *options]
        self.spoken.append(f"said-{len(self.spoken)}")
        self.began = time.time()
        with (self.folder / self.spoken[-1]).open("wb") as said:
            return subprocess.Popen(command, cwd=self.folder, stdout=said, stderr=said)

    @property
    def said(self) -> str:
        """All that its commands have said."""
        return "".join((self.folder / one).read_text(errors="replace") for one in self.spoken)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The journal's answer; nothing while it is not there or busy."""
        with contextlib.suppress(sqlite3.Error), contextlib.closing(_reading(self.journal)) as connection:
            return connection.execute(query).fetchall()
        return []

    def ended(self) -> int:
        """Searched trials that have ended."""
        query = "SELECT count(*) FROM events WHERE kind = 'ended' AND trial_key LIKE '%/search/%'"
        return int(sum(count for (count,) in self.rows(query)))

    def content(self) -> dict[str, Any]:
        """By key each trial's hyperparameters, seed and scores, all of their digits."""
        asked = dict(self.rows("SELECT trial_key, payload FROM events WHERE kind = 'asked'"))
        ended = dict(self.rows("SELECT trial_key, payload FROM events WHERE kind = 'ended'"))
        sealed = dict(self.rows("SELECT trial_key, payload FROM sealed"))
        found = {}
        for key, payload in asked.items():
            request, record = json.loads(payload), json.loads(ended.get(key, "{}"))
            test = json.loads(sealed.get(key, "{}")).get("test_score")
            scores = (record.get("status"), record.get("validation_score"), record.get("validation_scores"), test)
            found[key] = (request["values"], request["seed"], scores)
        return found

    def costs(self) -> str:
        """Seconds to its first trial, and median milliseconds of a trial that are neither training nor compiling."""
        query = (
            "SELECT a.at, e.at, e.payload FROM events a JOIN events e ON a.trial_key = e.trial_key "
            "WHERE a.kind = 'asked' AND e.kind = 'ended' AND a.trial_key LIKE '%/search/%'"
        )
        trials = [(asked, ended, json.loads(payload)) for asked, ended, payload in self.rows(query)]
        first = min(one["started_at"] for *_, one in trials) - self.began
        beside = [ended - asked - one["fit_seconds"] - one["compile_seconds"] for asked, ended, one in trials]
        return f"first trial after {first:.1f} s, {1000 * statistics.median(beside):.1f} ms beside training (median)"


def _reading(path: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)


def new_sweep(folder: Path, *, short: bool, server: str = "") -> Sweep:
    """A folder with the configs of a sweep."""
    for name in ("datasets", "search_spaces", "mlruns"):
        (folder / name).mkdir(parents=True)
    for name, steps in (("sums", 6), ("more_sums", 8)):
        (folder / "datasets" / f"{name}.toml").write_text(SUMS.format(name=name, steps=steps))
    (folder / "datasets" / "waves.toml").write_text(WAVES)
    rows = [f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00,{hour % 12 + hour / 300:.3f}" for hour in range(300)]
    (folder / "datasets" / "waves.csv").write_text("at,level\n" + "\n".join(rows) + "\n")
    for family, layer in zip(FAMILIES, ("LSTM", "GRU"), strict=True):
        (folder / "search_spaces" / f"{family}.toml").write_text(SPACE.format(family=family, layer=layer))
    return Sweep(folder, short, server)


# --- the short form's sweep: real journal, runner and cluster; no training -----------------------------------


def stub(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A trial that takes a moment and scores what its seed says."""
    from harness.records import SealedScore, TrialRecord, TrialRequest, TrialStatus

    request = TrialRequest.from_json(arguments["request"])
    time.sleep(0.1)
    score = request.seed / 7
    record = TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=score, best_epoch=1, epochs=1)
    return {"trial": record, "sealed": SealedScore(request.key, score / 3)}


def run_trials(runner: TrialRunner, fresh: list[TrialRequest], started: list[TrialRequest]) -> None:
    """Run what there is of one data set, and print each trial that has ended."""
    runner.run(lambda _: fresh.pop() if fresh else None, lambda one: print(one.key, flush=True), started)


def stub_sweep(folder: Path) -> None:
    """The trials of all data sets, from wherever the journal says they are; a data set closes when all have ended."""
    from harness.config import find_space
    from harness.config.dataset import DatasetConfig
    from harness.executors.ray import RayExecutor
    from harness.journal import EventKind, Journal
    from harness.records import Phase, TrialKey, TrialRequest
    from harness.sweeps.stop import handling_signals
    from harness.sweeps.trials import TrialRunner, TrialSpec

    place = folder / "mlruns" / "sweeps" / "stub"
    spaces = {name: find_space("lstm").config for name in FAMILIES}
    journal = Journal.open(place) if (place / "journal.db").is_file() else Journal.create(place, {"stub": True})
    with handling_signals() as stop, RayExecutor(ADDRESS, 2, 1, say=lambda line: print(line, flush=True)) as executor:
        for name in DATASETS:
            if journal.has(EventKind.CLOSED, name):
                continue
            config = DatasetConfig.model_validate(
                {"name": name, "license": "generated", "source": {"kind": "generator", "generator": "adding",
                 "steps": 6, "sequences": 90}, "task": {"kind": "regress"}}
            )  # fmt: skip
            asked = {event.trial_key: event for event in journal.events(EventKind.ASKED, dataset=name)}
            ended = {event.trial_key for event in journal.events(EventKind.ENDED, dataset=name)}
            keys = [TrialKey(name, family, 1, Phase.SEARCH, one) for one in range(1, TRIALS + 1) for family in FAMILIES]
            fresh = [
                TrialRequest(key, key.family, {}, number, 1, 1)
                for number, key in enumerate(keys, start=1)
                if str(key) not in asked
            ]
            fresh.reverse()
            started = [TrialRequest.from_json(one.payload) for key, one in asked.items() if key not in ended]
            spec = TrialSpec(config, spaces, "", folder / "weights", function="cluster_faults:stub")  # type: ignore[arg-type]
            runner = TrialRunner(executor, journal, spec, lambda: None, stop)
            run_trials(runner, fresh, started)
            journal.append(EventKind.CLOSED, {}, dataset=name)
        journal.append(EventKind.FINISHED, {})
    journal.close()


# --- breaking ------------------------------------------------------------------------------------------------


def until(process: subprocess.Popen[bytes], condition: Callable[[], bool], what: str) -> None:
    """Wait for something while a command runs."""
    end = time.monotonic() + LIFE_SECONDS
    while not condition():
        if process.poll() is not None:
            raise SystemExit(f"the command ended with {process.returncode} before {what}")
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not in {LIFE_SECONDS:.0f} s")
        time.sleep(0.05)


@dataclass
class Rig:
    """The cluster, and how to bring a node of it back."""

    cluster: Cluster
    away_seconds: float
    nodes: dict[str, RayNode] = field(default_factory=dict)

    def up(self, *names: str) -> None:
        """Start these nodes one after the other; two at once would take each other's sockets."""
        for name in names:
            (self.cluster.folder / f"{name}.log").unlink(missing_ok=True)
            self.nodes[name] = self.cluster.head() if name == "head" else self.cluster.node(name)
            self.cluster.wait(name)

    def down(self, *names: str) -> None:
        """Kill these nodes, those of them that are up."""
        for name in names:
            if node := self.nodes.pop(name, None):
                node.kill()


def disturbed(rig: Rig, sweep: Sweep, faults: Sequence[str]) -> int:
    """Run a sweep to its end under some faults, one after the other; the exit code of its last command."""
    if "late" in faults:
        rig.down("second")
    process = sweep.begin()
    for number, fault in enumerate(faults):
        process = strike(rig, sweep, process, fault, 7 + 30 * number)
    code = process.wait(LIFE_SECONDS)
    if "hung" in faults:
        rig.down("second")
    rig.up(*(name for name in ("first", "second") if name not in rig.nodes))
    return code


def strike(rig: Rig, sweep: Sweep, process: subprocess.Popen[bytes], fault: str, after: int) -> subprocess.Popen[bytes]:
    """One fault, once so many trials have ended; the command that runs afterwards."""
    until(process, lambda: sweep.ended() >= after, f"trial {after}")
    if fault == "killed":
        rig.down("second")
    elif fault == "hung":
        rig.nodes["second"].send(signal.SIGSTOP)
    elif fault == "late":
        rig.up("second")
        until(process, lambda: " has slot " in sweep.said, "the late node's slot")
    elif fault == "away":
        rig.down("first", "second")
        time.sleep(rig.away_seconds)
        rig.up("first", "second")
    elif fault == "parent":
        process.kill()
        process.wait()
        process = sweep.begin()
    elif fault == "head":
        rig.down("head", "first", "second")
        if (code := process.wait(LIFE_SECONDS)) != INTERRUPTED:
            raise SystemExit(f"exit code {code} when the head was killed, expected {INTERRUPTED}")
        rig.up("head", "first", "second")
        process = sweep.begin()
    return process


# --- counting ------------------------------------------------------------------------------------------------


def check(sweep: Sweep, fault: str, code: int, expected: Mapping[str, Any], counts: Counts) -> None:
    """Count what a sweep lacks and has twice against the one that nobody disturbed, and print a line."""
    found = sweep.content()
    lost = [key for key, trial in expected.items() if found.get(key) != trial]
    doubled = [key for key in found if key not in expected]
    twice = "SELECT trial_key FROM events WHERE kind = 'ended' GROUP BY trial_key HAVING count(*) > 1"
    doubled += [key for (key,) in sweep.rows(twice)]
    early = closed_early(sweep)
    if sweep.server:
        runs = Counter(runs_of(sweep))
        lost += [f"{key} (MLflow)" for key in (*expected, *DATASETS) if key not in runs]
        doubled += [f"{key} (MLflow)" for key, count in runs.items() if count > 1]
    finished = bool(sweep.rows("SELECT 1 FROM events WHERE kind = 'finished'"))
    wrong = int(code != 0) + int(not finished)
    for word, names in (("lost", lost), ("doubled", doubled), ("closed early", early)):
        for name in names[:5]:
            print(f"  {word}: {name}: {found.get(name)} for {expected.get(name)}")
    if wrong:
        print(f"  exit code {code}, {'' if finished else 'not '}finished: {sweep.said[-1500:]}")
    counts.runs += 1
    counts.lost, counts.doubled = counts.lost + len(lost), counts.doubled + len(doubled)
    counts.closed_early, counts.wrong = counts.closed_early + len(early), counts.wrong + wrong
    said = [
        line for line in sweep.said.splitlines() if "is lost" in line or "has slot" in line or "head is gone" in line
    ]
    said += [line for line in sweep.said.splitlines() if "no slot for" in line]
    print(f"{fault}: lost {len(lost)}, doubled {len(doubled)}, closed early {len(early)}; said: {' | '.join(said[:4])}")


def closed_early(sweep: Sweep) -> list[str]:
    """Data sets that closed before all of their trials had ended."""
    wanted, early = TRIALS * len(FAMILIES), []
    for name in DATASETS:
        before = (
            f"SELECT count(*) FROM events WHERE kind = 'ended' AND trial_key LIKE '{name}/%/search/%' AND seq < "
            f"(SELECT min(seq) FROM events WHERE kind = 'closed' AND dataset = '{name}')"
        )
        if sum(count for (count,) in sweep.rows(before)) < wanted:
            early.append(name)
    return early


def runs_of(sweep: Sweep) -> list[str]:
    """Keys of all finished runs that MLflow holds of a sweep; a comparison's is its dataset's."""
    from harness.store import find_store
    from harness.tracking import connect
    from harness.tracking.queries import search_runs

    assert sweep.journal
    client = connect(find_store(sweep.folder / "mlruns", sweep.server, {}))
    runs = search_runs(client, {"sweep_id": sweep.journal.parent.name})
    done = [run.data.tags for run in runs if run.info.status == "FINISHED"]
    return [str(tags.get("trial_key", tags.get("comparison_key"))).split("/", 1)[1] for tags in done]


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A server on loopback, and its address; no address where PostgreSQL is not installed or cannot run here."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user: list[str] = []
    if not shutil.which("initdb") or (os.geteuid() == 0 and not shutil.which("setpriv")):
        print("PostgreSQL is not installed: MLflow on SQLite")
        yield ""
        return
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = str(folder / "data")
    options = "-c listen_addresses=127.0.0.1 -p 25432 -c fsync=off -k " + str(folder)
    start = [*user, "pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"]
    for command in ([*user, "initdb", "-D", data, "-U", "harness", "--auth=trust"], start):
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    try:
        yield "postgresql://harness@127.0.0.1:25432/postgres"
    finally:
        subprocess.run([*user, "pg_ctl", "-D", data, "-m", "immediate", "stop"], cwd=folder, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def stub_content() -> dict[str, Any]:
    """What a sweep of stubs comes to."""
    found = dict[str, Any]()
    for name in DATASETS:
        for seed in range(1, TRIALS * len(FAMILIES) + 1):
            family, number = FAMILIES[(seed - 1) % len(FAMILIES)], (seed + 1) // len(FAMILIES)
            found[f"{name}/{family}/r1/search/{number:04d}"] = ({}, seed, ("completed", seed / 7, [], seed / 7 / 3))
    return found


def run(faults: Sequence[str], *, short: bool, root: Path, server: str) -> Counts:
    """Without training one sweep under all faults; else one under none and one under each."""
    counts, expected = Counts(), stub_content()
    with cluster({"PYTHONPATH": str(HERE)}) as made:
        rig = Rig(made, 3.0 if short else AWAY_SECONDS)
        rig.up("head", "first", "second")
        locally = 0.0
        if not short:
            began, local = time.monotonic(), new_sweep(root / "local", short=False, server=server)
            code, expected = local.begin(engine=False).wait(LIFE_SECONDS), local.content()
            locally = time.monotonic() - began
            print(f"two local workers: {locally:.1f} s, exit code {code}, {len(expected)} trials; {local.costs()}")
            sys.stdout.flush()
        for struck in [faults] if short else [(), *((fault,) for fault in faults)]:
            what, began = ", ".join(struck) or "calm", time.monotonic()
            sweep = new_sweep(root / (struck[0] if struck else "calm"), short=short, server=server)
            try:
                check(sweep, what, disturbed(rig, sweep, struck), expected, counts)
            except SystemExit as error:
                print(f"{what}: {error}\n{sweep.said[-2000:]}")
                counts.wrong += 1
                break
            took = time.monotonic() - began
            if not (short or struck):
                print(f"  {took:.1f} s, {took / locally:.2f} times as long as locally; {sweep.costs()}")
            sys.stdout.flush()
    return counts


def main() -> None:
    """Run all of it in a namespace, and count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="without training, MLflow and a node that hangs")
    parser.add_argument("--faults", default="", metavar="A,B", help=f"some of {', '.join(FAULTS)}; calm: none")
    parser.add_argument("--stub", default="", help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    named = [one for one in given.faults.split(",") if one not in ("", "calm")]
    if unknown := [one for one in named if one not in FAULTS]:
        parser.error(f"--faults {unknown[0]}: expected some of {', '.join(FAULTS)}, or calm")
    if given.stub:
        stub_sweep(Path(given.stub))
        return
    if not given.inside:
        command = isolated([sys.executable, str(HERE / "cluster_faults.py"), "--inside", *sys.argv[1:]])
        os.execvp(command[0], command)
    faults = named if given.faults else [one for one in FAULTS if not (given.short and one == "hung")]
    with tempfile.TemporaryDirectory(prefix="cluster-faults-") as root, contextlib.ExitStack() as stack:
        server = "" if given.short else stack.enter_context(postgresql())
        counts = run(faults, short=given.short, root=Path(root), server=server)
    print(counts)
    sys.exit(int(bool(counts.lost or counts.doubled or counts.closed_early or counts.wrong)))


if __name__ == "__main__":
    # Here `main` above is found by the name that tasks use for this file, too.
    sys.path.insert(0, str(HERE))
    try:
        main()
    except KeyboardInterrupt:
        sys.stdout.flush()
        os._exit(INTERRUPTED)
