"""A sweep as somebody else sees it who watches: from its folder, or from another machine through MLflow."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from harness.errors import UsageError
from harness.records import Direction, Objective, Phase, TrialKey
from harness.store import Store
from harness.sweeps.events import FamilyProgress, Progress
from harness.sweeps.folders import find_sweep_folder, summarise
from harness.sweeps.live.state import RunningTrial, Standing, read_standing
from harness.tracking import naming
from harness.tracking.client import connect
from harness.tracking.queries import experiment_ids, search_runs


def standing_of(store: Store, sweep_id: str | None) -> Standing:
    """How a sweep of this store stands.

    Args:
        store: Where its folder is.
        sweep_id: Its id; None for the newest.

    Raises:
        UsageError: There is no such sweep.
    """
    folder = find_sweep_folder(store, sweep_id)
    summary = summarise(store, folder.name)
    if summary.state == "running":
        # Before the first second is over there is no file yet.
        return read_standing(folder) or Standing(folder.name, summary.state, time.time())
    events = (summary.error,) if summary.error else summary.outcomes
    return Standing(folder.name, summary.state, time.time(), events=events)


def standing_in_mlflow(store: Store, sweep_id: str | None) -> Standing:
    """The same by what MLflow's runs tell; what runs on no trial is not known there.

    Raises:
        UsageError: MLflow holds no such sweep.
        StoreError: It cannot be read.
    """
    client = connect(store, create=False)
    if sweep_id is None:
        order = {"max_results": 1, "order_by": ["attributes.start_time DESC"]}
        newest = client.search_runs(experiment_ids(client), "tags.phase = 'comparison'", **order)
        sweep_id = next((run.data.tags[naming.SWEEP_ID] for run in newest), None)
    runs = list(search_runs(client, {naming.SWEEP_ID: sweep_id})) if sweep_id else []
    parents = [run for run in runs if naming.COMPARISON_KEY in run.data.tags]
    if sweep_id is None or not parents:
        raise UsageError(f"{store.address}: expected a sweep that MLflow holds, got {sweep_id or 'none'}")
    trials = [run for run in runs if naming.TRIAL_KEY in run.data.tags]
    running = any(run.info.status == "RUNNING" for run in parents)
    over = all(run.info.status in ("FINISHED", "FAILED") for run in parents)
    ended = [run.info.end_time for run in trials if naming.FINAL not in run.data.tags and run.info.end_time]
    return Standing(
        sweep_id,
        "running" if running else "finished" if over else "unfinished",
        time.time(),
        float(sum(end > (time.time() - 60) * 1000 for end in ended)) if running else None,
        tuple(_progress(run, trials) for run in parents if run.info.status == "RUNNING"),
        running=tuple(map(_running, (run for run in trials if naming.FINAL in run.data.tags))),
        events=tuple(run.info.run_name for run in parents if run.info.status != "RUNNING"),
    )


def _progress(parent: Any, trials: Iterable[Any]) -> Progress:
    tags = naming.in_todays_keys(parent.data.tags)
    objective = Objective(tags.get(naming.METRIC, "score"), Direction(tags.get(naming.DIRECTION, "min")))
    mine = [run for run in trials if run.data.tags["dataset"] == tags["dataset"]]
    searched = [run for run in mine if TrialKey.parse(_key(run)).phase is Phase.SEARCH]
    families = tuple(_family(name, searched, objective) for name in tags.get("families", "").split())
    return Progress(tags["dataset"], objective, families, None)


def _family(name: str, searched: Iterable[Any], objective: Objective) -> FamilyProgress:
    mine = [run for run in searched if run.data.tags["arm"] == name]
    states = Counter(run.info.status for run in mine)
    key = naming.TRIAL_METRICS[naming.VALIDATION_SCORE]
    scores = [run.data.metrics[key] for run in mine if run.info.status == "FINISHED" and key in run.data.metrics]
    best = (min if objective.direction is Direction.MIN else max)(scores, default=None)
    return FamilyProgress(name, states["FINISHED"], None, states["RUNNING"], states["FAILED"], best)


def _running(run: Any) -> RunningTrial:
    metrics, tags = run.data.metrics, run.data.tags
    loss, score = (metrics.get(naming.TRIAL_METRICS[name]) for name in ("train_loss", "validation"))
    epochs, most = naming.epochs_of(tags[naming.FINAL])
    return RunningTrial(_key(run), tags["arm"], "", run.info.start_time / 1000, epochs, most, loss, score)


def _key(run: Any) -> str:
    tags = run.data.tags
    return str(tags[naming.TRIAL_KEY]).removeprefix(f"{tags[naming.SWEEP_ID]}/")
