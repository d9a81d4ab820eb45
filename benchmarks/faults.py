"""Kills sweeps at every phase of their journal, goes on with them, and counts what was lost or done twice.

Real sweeps (worker processes, MLflow, champion) of twelve trials and two workers, all with one seed and the random
oracle, so that each must come to the hyperparameters and scores of the first, which nobody disturbs. The parent or a
worker gets SIGKILL at an instant that is log-uniform from 1 ms to 3 s after the phase. A sweep takes two or three kills
while it searches, each after the phase that was hit least so far, then one after a confirmation was asked for, and one
or more between its verdict and the end of its export. Afterwards the doctor must find nothing.

    python benchmarks/faults.py --kills 60             # ends with 1 when anything is lost or doubled, or a phase missed
    python benchmarks/faults.py --kills 12 --server    # with `mlflow server`, which is stopped and started in between
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from harness.checks.doctor import examine
from harness.store import Store, find_store
from harness.tracking.server import free_port

SEARCHING = ("ask", "start", "end", "tell", "projection")
PHASES = (*SEARCHING, "confirmation", "export")
KILLS_WHILE_SEARCHING = 3
"""The most kills of one sweep that come while it searches: each costs a start of the command."""

LEAST_HITS = 2
"""How often each phase must have been hit."""

SHORTEST_SECONDS, LONGEST_SECONDS = 0.001, 3.0
LIFE_SECONDS = 1800.0
TRIALS, DATASET = 6, "faulty_adding"

CARD = """
name = "faulty_adding"
license = "generated"
[source]
kind = "generator"
generator = "adding"
steps = 6
sequences = 90
[task]
kind = "regress"
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
FAMILIES = {"small_lstm": "LSTM", "small_gru": "GRU"}


@dataclass
class Counts:
    """What the last line says."""

    kills: int = 0
    sweeps: int = 0
    lost: int = 0
    doubled: int = 0
    phases: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"kills {self.kills}, sweeps {self.sweeps}, lost {self.lost}, doubled {self.doubled}"


@dataclass
class Place:
    """One sweep's store, and everything its commands have said so far."""

    folder: Path
    tracking_uri: str = ""
    phrase: str = ""

    @property
    def store(self) -> Store:
        return find_store(self.folder / "mlruns", self.tracking_uri or None, {})

    @property
    def journal(self) -> Path | None:
        return next((self.folder / "mlruns" / "sweeps").glob("*/journal.db"), None)

    def begin(self) -> subprocess.Popen[bytes]:
        """The command; the same one goes on with what was not finished."""
        families = [word for family in FAMILIES for word in ("--family", family)]
        uri = ["--tracking-uri", self.tracking_uri] if self.tracking_uri else []
        options = ["--trials", str(TRIALS), "--epochs", "1", "--confirmations", "1", "--workers", "2", "-v", *uri]
        command = [sys.executable, "-c", "from harness.cli import main; main()", "sweep", DATASET, *options, *families]
        environment = {k: v for k, v in os.environ.items() if k not in ("HARNESS_STORE", "MLFLOW_TRACKING_URI")}
        with (self.folder / "said").open("wb") as phrase:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=phrase, stderr=phrase)

    def saying(self) -> str:
        """What the latest command has said so far."""
        return (self.folder / "said").read_text(errors="replace")


def new_place(folder: Path, tracking_uri: str = "") -> Place:
    """A folder with the cards of the sweep."""
    (folder / "datasets").mkdir(parents=True)
    (folder / "search_spaces").mkdir()
    (folder / "datasets" / f"{DATASET}.toml").write_text(CARD)
    for family, layer in FAMILIES.items():
        config = SPACE.format(family=family, layer=layer)
        (folder / "search_spaces" / f"{family}.toml").write_text(config)
    return Place(folder, tracking_uri)


# --- looking on ---------------------------------------------------------------------------------------------


def rows(database: Path | None, query: str) -> list[tuple[Any, ...]]:
    """The answer of a database that somebody else writes; nothing while it is not there or busy."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []


def events(place: Place, kind: str, like: str = "%") -> int:
    """How many events of a kind the journal holds."""
    query = f"SELECT count(*) FROM events WHERE kind = '{kind}' AND trial_key LIKE '{like}'"
    return int(sum(count for (count,) in rows(place.journal, query)))


def busy_seconds(process: int) -> float:
    """Seconds of computing of all workers of a sweep."""
    total = 0.0
    for worker in workers(process):
        with contextlib.suppress(psutil.Error):
            total += sum(worker.cpu_times()[:2])
    return total


def projected(place: Place) -> int:
    """Runs that MLflow holds; for a server, whose database is its own, the ends stand in."""
    if place.tracking_uri:
        return events(place, "ended")
    return int(sum(count for (count,) in rows(place.folder / "mlruns" / "mlflow.db", "SELECT count(*) FROM runs")))


def registered(place: Place) -> int:
    """Models and versions that MLflow holds, those of other sweeps of the same server among them."""
    folder = place.folder / "mlruns" if not place.tracking_uri else place.folder.parent / "server"
    query = "SELECT (SELECT count(*) FROM logged_models) + (SELECT count(*) FROM model_versions)"
    return int(sum(count for (count,) in rows(folder / "mlflow.db", query)))


def workers(process: int) -> list[psutil.Process]:
    """The worker processes of a sweep."""
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(process).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    return []


def signs(place: Place, process: int) -> dict[str, Callable[[], float]]:
    """For each phase a number that grows when it is reached."""
    return {
        "ask": lambda: events(place, "asked", "%/search/%"),
        "start": lambda: round(busy_seconds(process), 1) if events(place, "asked") > events(place, "ended") else 0.0,
        "end": lambda: events(place, "ended", "%/search/%"),
        "tell": lambda: len(re.findall(r" validation \S+ in epoch ", place.saying())),
        "projection": lambda: projected(place),
        "confirmation": lambda: events(place, "asked", "%/confirmation/%"),
        "export": lambda: events(place, "decided") + registered(place) + events(place, "champion"),
    }


def next_phase(place: Place, counts: Counts, hits: Counter[str], chance: random.Random) -> str | None:
    """After which phase a sweep is killed next: one that it has still before it, the one that was hit least so far.

    Args:
        place: The sweep.
        counts: What was hit in all sweeps.
        hits: What was hit in this one.
        chance: Decides among equals.
    """
    if events(place, "champion"):
        return None
    searching = events(place, "asked", "%/search/%") < TRIALS * len(FAMILIES) - 1
    if searching and sum(hits[phase] for phase in SEARCHING) < KILLS_WHILE_SEARCHING:
        return min(SEARCHING, key=lambda phase: (counts.phases[phase], chance.random()))
    if not hits["confirmation"] and events(place, "asked", "%/confirmation/%") < len(FAMILIES):
        return "confirmation"
    return "export"


# --- disturbing ---------------------------------------------------------------------------------------------


def wait_for(process: subprocess.Popen[bytes], sign: Callable[[], float], more: int) -> bool:
    """Whether a phase was reached so many times more before the command ended."""
    before, end = sign(), time.monotonic() + LIFE_SECONDS
    while process.poll() is None:
        if time.monotonic() > end:
            raise SystemExit(f"a sweep did not come on for {LIFE_SECONDS:.0f} s")
        now = sign()
        if now > before:
            more, before = more - 1, now
            if more <= 0:
                return True
        time.sleep(0.002)
    return False


def kill_after(process: subprocess.Popen[bytes], chance: random.Random, *, worker: bool) -> bool:
    """Wait a log-uniform moment and kill the parent or one of its workers; false when there was nothing to kill."""
    time.sleep(math.exp(chance.uniform(math.log(SHORTEST_SECONDS), math.log(LONGEST_SECONDS))))
    if process.poll() is not None:
        return False
    if not worker:
        process.kill()
        return True
    if not (alive := workers(process.pid)):
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        chance.choice(alive).kill()
        return True
    return False


def run_disturbed(place: Place, counts: Counts, wanted: int, chance: random.Random, server: Server | None) -> None:
    """One sweep to its end, killed again and again until there were enough kills."""
    hits = Counter[str]()
    while True:
        if server:
            server.wait()  # a command that finds none at its start says so and ends, as it should
        process = place.begin()
        disturb(process, place, counts, hits, wanted, chance, server)
        code = process.wait(LIFE_SECONDS)
        place.phrase += place.saying()
        if code == 0 or events(place, "finished"):  # the same command would begin a new sweep
            return
        if code != -signal.SIGKILL and not (server and "MLflow" in place.saying()):
            print(place.saying(), file=sys.stderr)
            counts.lost += 1
            return


def disturb(
    process: subprocess.Popen[bytes],
    place: Place,
    counts: Counts,
    hits: Counter[str],
    wanted: int,
    chance: random.Random,
    server: Server | None,
) -> None:
    """Kill a worker of a running command, or not, and then the command, as long as there are kills to come."""
    worker_lives = True  # one worker a command: a trial whose worker is killed twice has failed, by the product's rule
    while counts.kills < wanted and (phase := next_phase(place, counts, hits, chance)):
        more = 1 if phase == "confirmation" else chance.randint(1, 3)
        if not wait_for(process, signs(place, process.pid)[phase], more):
            return
        if server and chance.random() < 0.7:
            server.away(chance.uniform(0.5, 8.0))
        worker = worker_lives and chance.random() < 0.5
        if not kill_after(process, chance, worker=worker):
            continue
        counts.kills, worker_lives = counts.kills + 1, worker_lives and not worker
        counts.phases[phase] += 1
        hits[phase] += 1
        print(f"{counts.kills}: {'a worker' if worker else 'the parent'} after {phase}", file=sys.stderr, flush=True)
        if not worker:
            return


# --- counting -----------------------------------------------------------------------------------------------


def content(place: Place) -> dict[str, Any]:
    """Hyperparameters, seed and scores of each trial of a finished sweep, by its key."""
    asked = dict(rows(place.journal, "SELECT trial_key, payload FROM events WHERE kind = 'asked'"))
    ended = dict(rows(place.journal, "SELECT trial_key, payload FROM events WHERE kind = 'ended'"))
    sealed = dict(rows(place.journal, "SELECT trial_key, payload FROM sealed"))
    found = {}
    for key, payload in asked.items():
        request, record = json.loads(payload), json.loads(ended.get(key, "{}"))
        score = json.loads(sealed.get(key, "{}")).get("test_score")
        numbers = [record.get("validation_score"), score]
        rounded = [f"{number:.5g}" if number is not None else None for number in numbers]
        found[key] = {
            "values": request["values"],
            "seed": request["seed"],
            "status": record.get("status"),
            "s": rounded,
        }
    return found


def projected_keys(place: Place) -> list[str]:
    """The keys of all runs that MLflow holds and says are finished; a comparison's is its dataset's."""
    from harness.tracking import connect
    from harness.tracking.queries import search_runs

    client = connect(place.store)
    journal = place.journal
    assert journal
    runs = search_runs(client, {"sweep_id": journal.parent.name})
    return [
        str(run.data.tags.get("trial_key", run.data.tags.get("comparison_key"))).split("/", 1)[1]
        for run in runs
        if run.info.status == "FINISHED"
    ]


def models(place: Place) -> list[str]:
    """The models that a sweep logged, with the versions that are registered of them; there should be one."""
    from harness.tracking import connect
    from harness.tracking.queries import experiment_ids

    client, journal = connect(place.store), place.journal
    assert journal
    which = f"tags.sweep_id = '{journal.parent.name}'"
    logged = client.search_logged_models(experiment_ids(client), filter_string=which)
    versions = [one for one in client.search_model_versions() if one.tags["sweep_id"] == journal.parent.name]
    return [*(model.model_id for model in logged), *(f"{one.name}/{one.version}" for one in versions[1:])]


def check(place: Place, expected: dict[str, Any], counts: Counts) -> None:
    """Count what a finished sweep lacks, and what it has twice, against the one that nobody disturbed."""
    found, keys, counts.sweeps = content(place), Counter(projected_keys(place)), counts.sweeps + 1
    lost = [key for key in expected if found.get(key) != expected[key]]
    lost += [f"{key} (MLflow)" for key in (*expected, DATASET) if key not in keys]
    lost += [] if models(place) else ["its model"]
    lost += [] if place.journal and (place.journal.parent / "report.html").is_file() else ["its report"]
    trained = Counter(re.findall(r"^(\S+/search/\d+) validation ", place.phrase, flags=re.M))
    doubled = [key for key in found if key not in expected]
    doubled += [f"{key} (MLflow)" for key, count in keys.items() if count > 1]
    doubled += [f"{key} (trained again)" for key, count in trained.items() if count > 1]
    doubled += [f"{name} (model)" for name in models(place)[1:]]
    doubled += [f"{one.what} (doctor)" for one in examine(place.store) if one.where != "processes"]  # others' as well
    for word, names in (("lost", lost), ("doubled", doubled)):
        for name in names:
            print(f"{word}: {name} in {place.folder}: {found.get(name)} for {expected.get(name)}", file=sys.stderr)
    counts.lost, counts.doubled = counts.lost + len(lost), counts.doubled + len(doubled)


# --- a server that goes away --------------------------------------------------------------------------------


class Server:
    """A real `mlflow server` on loopback, stopped with SIGKILL and started again on the same port and database."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._port = folder, free_port(random.randint(20_000, 30_000))
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process = self._begin()
        self.wait()

    def away(self, seconds: float) -> None:
        """Stop it for so long."""
        self.end()
        time.sleep(seconds)
        self._process = self._begin()

    def end(self) -> None:
        """Kill it with all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> None:
        """Until it answers."""
        from urllib.request import urlopen

        for _ in range(3000):
            with contextlib.suppress(OSError), urlopen(f"{self.uri}/health", timeout=2):
                return
            time.sleep(0.2)
        raise SystemExit("mlflow server did not begin")

    def _begin(self) -> subprocess.Popen[bytes]:
        store = f"sqlite:///{self._folder / 'mlflow.db'}"
        places = ["--backend-store-uri", store, "--artifacts-destination", str(self._folder / "artifacts")]
        address = ["--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        command = [str(Path(sys.executable).parent / "mlflow"), "server", *places, *address]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, process_group=0)


@contextlib.contextmanager
def serving(folder: Path, *, wanted: bool) -> Iterator[Server | None]:
    """A server where one is wanted."""
    server = Server(folder / "server") if wanted else None
    try:
        yield server
    finally:
        if server:
            server.end()


def main() -> None:
    """Run sweeps until there were enough kills, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="K", help="seed of instants and victims")
    parser.add_argument("--server", action="store_true", help="a tracking server that goes away in between")
    given = parser.parse_args()
    counts, chance = Counts(), random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as root, serving(Path(root), wanted=given.server) as server:
        calm = new_place(Path(root) / "calm")
        run_disturbed(calm, counts, 0, chance, None)
        expected = content(calm)
        if len(expected) != TRIALS * len(FAMILIES) + len(FAMILIES):
            sys.exit(f"the undisturbed sweep has {len(expected)} trials\n{calm.phrase}")
        while counts.kills < given.kills and not counts.lost:
            place = new_place(Path(root) / f"sweep-{counts.sweeps + 1}", server.uri if server else "")
            run_disturbed(place, counts, given.kills, chance, server)
            if server:
                server.wait()  # the last time that it went away may have been just now
            check(place, expected, counts)
    print(", ".join(f"{phase} {counts.phases[phase]}" for phase in PHASES))
    missed = [phase for phase in PHASES if counts.phases[phase] < LEAST_HITS]
    if missed and given.kills >= LEAST_HITS * len(PHASES):
        print(f"hit less than {LEAST_HITS} times: {', '.join(missed)}", file=sys.stderr)
    print(counts)
    sys.exit(1 if counts.lost or counts.doubled or (missed and given.kills >= LEAST_HITS * len(PHASES)) else 0)


if __name__ == "__main__":
    main()
