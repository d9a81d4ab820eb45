"""Wires cards, search, engines, journal, MLflow, verdicts and export for one sweep."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.records import SweepResult
from harness.sweeping.progress import Listener


def cores() -> int:
    """Cores that this process may use: the default number of workers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sweep(
    *datasets: str,
    store: str | Path | None = None,
    tracking_uri: str | None = None,
    cards: Sequence[str | Path] = (),
    listener: Listener = lambda _: None,
    **options: Any,
) -> SweepResult:
    """Compare recurrent cells on datasets, as `harness sweep` does.

    The same call again goes on with a sweep that was not finished.

    Args:
        datasets: Names or paths of dataset cards.
        store: Folder for journals, models and MLflow's database; `./mlruns` by default.
        tracking_uri: MLflow's store, when it is another than the database in that folder.
        cards: Folders with cards, searched before the built-in ones.
        listener: Called with progress, notes and finished comparisons.
        options: Keys of a sweep's TOML file, such as `trials=20`, `families=("lstm", "gru")`, `replicates=3`.

    Returns:
        Verdicts, scores, ledgers and champions.

    Raises:
        CardError: A card or an option is wrong.
        DataError: A dataset is missing or not what its card says.
    """
    from harness.cards import make_plan
    from harness.engines import ProcessEngine
    from harness.store import find_store
    from harness.sweeping.folders import find_unfinished
    from harness.sweeping.planning import resolve
    from harness.sweeping.running import run_sweep
    from harness.sweeping.stopping import hearing_signals

    plan = make_plan({"datasets": datasets, "name": default_name(datasets), **options})
    header = resolve(plan, [Path(folder) for folder in cards])
    place = find_store(Path(store) if store else None, tracking_uri)
    with hearing_signals() as stop, ProcessEngine(plan.workers or cores()) as engine:
        return run_sweep(header, place, engine, listener, resume=find_unfinished(place, header), stop=stop)


def default_name(datasets: Sequence[str]) -> str:
    """A sweep's name where none is given: its dataset's, or `sweep` for several."""
    only = Path(datasets[0]).stem if len(datasets) == 1 else ""
    return re.sub(r"[^A-Za-z0-9]+", "_", only).strip("_") or "sweep"


__all__ = ["cores", "default_name", "sweep"]
