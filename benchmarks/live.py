"""What it costs to show a trial's epochs while it trains: processor time an epoch, in the worker and in the parent.

    python benchmarks/live.py
    python benchmarks/live.py --epochs 1000 --every 0.05

A thousand epochs of a long trial, told of once a second as a sweep does (here sooner, to get it over with: `--every`),
by the sweep's own code: the worker's notes, the mailbox, the file of `harness watch`, and MLflow on sqlite. Wanted: at
most 2 ms an epoch in the worker and 5 ms in the parent. The worst case is a note for every epoch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from harness.notes import Mailbox, Post, telling
from harness.records import DataFacts, Phase, TaskKind, TrialKey, TrialRequest
from harness.store import Store
from harness.sweeps.live import state
from harness.sweeps.live.state import Live
from harness.tracking import RunWriter
from harness.training import told

WORKER_MS, PARENT_MS = 2.0, 5.0
"""What is wanted at most."""

FACTS = DataFacts(
    title="made",
    task=TaskKind.CLASSIFY,
    digest="0" * 64,
    sizes=(100, 20, 20),
    steps=(10, 10),
    channels=("a",),
    targets=(),
    classes=("x", "y"),
    license="",
    split="shuffled",
    notes=(),
)


def cost(epochs: int, every: float, epoch_seconds: float) -> tuple[float, float, int]:
    """Processor milliseconds an epoch in worker and parent, and the notes that were sent.

    Args:
        epochs: Epochs of the trial.
        every: Seconds between two notes; 0 for one an epoch.
        epoch_seconds: How long an epoch takes.
    """
    told.EVERY_SECONDS = state.EVERY_SECONDS = every
    request = TrialRequest(TrialKey("made", "gru", 1, Phase.SEARCH, 1), "gru", {"units": 32}, 1, epochs, epochs)
    mailbox = Mailbox()
    post, worker, parent, notes = Post(mailbox.address), 0.0, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), f"sqlite:///{folder}/mlflow.db")
        writer = RunWriter(store, "s1", "live")
        writer.comparison_started("made", FACTS, {})
        live = Live(Path(folder), lambda _: None, writer.epochs)
        live.began(request)
        live.heard(request, {"worker": "1 on here", "started_at": time.time(), "divisions": 1})
        losses, scores, teller = list[float](), list[float](), told.Told()
        with telling(str(request.key), post):
            for epoch in range(epochs):
                time.sleep(epoch_seconds)
                losses.append(1 / (epoch + 1))
                scores.append(2 / (epoch + 1))
                began = time.process_time()
                teller.epoch(losses, scores)
                worker += time.process_time() - began
                began = time.process_time()
                for note in mailbox.read():
                    live.heard(request, note.values)
                    notes += 1
                live.write()
                parent += time.process_time() - began
    mailbox.close()
    post.close()
    return 1000 * worker / epochs, 1000 * parent / epochs, notes


def main() -> None:
    """Print both cases; exit code 1 where either is dearer than wanted."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=1000)
    arguments.add_argument("--every", type=float, default=0.05)
    given = arguments.parse_args()
    dear = False
    print("| a note | epochs | notes | worker, ms an epoch | parent, ms an epoch |\n|---|---:|---:|---:|---:|")
    for words, every in ((f"every {given.every:g} s, an epoch 10 ms", given.every), ("every epoch", 0.0)):
        worker, parent, notes = cost(given.epochs, every, 0.01)
        print(f"| {words} | {given.epochs:,} | {notes:,} | {worker:.3f} | {parent:.2f} |")
        dear |= worker > WORKER_MS or (every > 0 and parent > PARENT_MS)
    sys.exit(dear)


if __name__ == "__main__":
    main()
