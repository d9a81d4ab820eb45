"""Reads the journal of sweeps while they run, as fast as it can, and counts the trials that are lost or doubled.

Real sweeps of 14 trials as in `faults.py`, and beside each of them, from before its start to its end, one program that
opens, reads and closes the journal read-write with plain `sqlite3`, one that does so read-only, and `harness sweeps
list` in a loop. Every second sweep gets SIGKILL at a random instant, and the same command again. Each must come to the
trials and scores of the first, which nobody disturbs, in journal and MLflow, and the doctor must find nothing.

    python benchmarks/readers.py --rounds 10    # ends with 1 when anything is lost or doubled, or polled too seldom
"""

from __future__ import annotations

import argparse
import contextlib
import random
import select
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faults import LIFE_SECONDS, Counts, Place, check, content, new_place

LEAST_POLLS = 1000
"""How often the journal must have been opened and closed in a round."""


def poll(mode: str, folder: Path) -> int:
    """Open, read and close the journal of a sweep until standard input ends; how often."""
    polls = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        journal = next((folder / "mlruns" / "sweeps").glob("*/journal.db"), None)
        if journal is None:
            time.sleep(0.001)
            continue
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"{journal.as_uri()}?mode={mode}", uri=True)) as connection,
        ):
            connection.execute("SELECT count(*) FROM events").fetchone()
            polls += 1
    return polls


@dataclass
class Polls:
    """How often a sweep's journal was looked at."""

    raw: int = 0
    listed: int = 0


@contextlib.contextmanager
def polled(folder: Path) -> Iterator[Polls]:
    """Look at the journal of the sweep in this folder, by three programs at once, until the block is left."""
    polls, done = Polls(), threading.Event()
    command = [sys.executable, __file__, "--folder", str(folder), "--poll"]
    pipe = subprocess.PIPE
    readers = [subprocess.Popen([*command, mode], text=True, stdin=pipe, stdout=pipe) for mode in ("rw", "ro")]

    def listing() -> None:
        listed = [sys.executable, "-c", "from harness.cli import main; main()", "sweeps", "list"]
        while not done.is_set():
            subprocess.run(listed, cwd=folder, check=True, capture_output=True)
            polls.listed += 1

    thread = threading.Thread(target=listing)
    thread.start()
    try:
        yield polls
    finally:
        done.set()
        polls.raw = sum(int(reader.communicate()[0] or 0) for reader in readers)
        thread.join()


def run(place: Place, kill_after: float | None) -> bool:
    """A sweep to its end; whether it was killed in between."""
    process, killed = place.begin(), False
    if kill_after is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(kill_after)
        if process.poll() is None:
            process.kill()
            process.wait()
            place.phrase, killed, process = place.saying(), True, place.begin()
    code = process.wait(LIFE_SECONDS)
    place.phrase += place.saying()
    if code:
        print(place.saying(), file=sys.stderr)
    return killed


def main() -> None:
    """Run sweeps beside readers, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="K", help="seed of the instants of kills")
    parser.add_argument("--poll", choices=("rw", "ro"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.poll:
        print(poll(given.poll, given.folder))
        return
    counts, chance, seldom = Counts(), random.Random(given.seed), 0
    with tempfile.TemporaryDirectory(prefix="readers-") as root:
        calm, started = new_place(Path(root) / "calm"), time.monotonic()
        run(calm, None)
        seconds, expected = time.monotonic() - started, content(calm)
        for number in range(1, given.rounds + 1):
            place = new_place(Path(root) / f"round-{number}")
            with polled(place.folder) as polls:
                killed = run(place, chance.uniform(0, seconds) if number % 2 == 0 else None)
            lost, doubled = counts.lost, counts.doubled
            check(place, expected, counts)
            seldom += polls.raw + polls.listed < LEAST_POLLS
            print(
                f"round {number}: {polls.raw} polls and {polls.listed} lists, {'killed, ' if killed else ''}"
                f"lost {counts.lost - lost}, doubled {counts.doubled - doubled}",
                flush=True,
            )
    if seldom:
        print(f"{seldom} rounds of fewer than {LEAST_POLLS} polls")
    print(f"trials {len(expected)}, rounds {given.rounds}, doubled {counts.doubled}")
    print(f"lost {counts.lost}")
    sys.exit(1 if counts.lost or counts.doubled or seldom else 0)


if __name__ == "__main__":
    main()
