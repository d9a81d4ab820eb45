"""Runs in MLflow → scores and comparisons of a sweep, from what MLflow holds alone. Writes nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.store import Store, without_user
from harness.tracking import naming
from harness.tracking.client import Connection, connect, pages

RUNS_A_PAGE = 1000
EXPERIMENTS_A_PAGE = 1000


def read_sweep_scores(store: Store, sweep_id: str) -> list[dict[str, Any]]:
    """All trials of a sweep, in the order of their keys.

    Args:
        store: Where they are.
        sweep_id: The sweep's id.

    Returns:
        A row a trial: `dataset`, `arm`, `family`, `replicate`, `number`, `phase`, `seed`, `status`,
        `validation_score`, `test_score` (None where there is none, or it is still sealed), `parameters`,
        `fit_seconds`, `failure` (None unless it failed), `values` (hyperparameters as text), `trial_key`, `run_id`.

    Raises:
        UsageError: MLflow holds no such sweep.
        StoreError: The store cannot be used.
    """
    client = connect(store, create=False)
    runs = list(search_runs(client, {naming.SWEEP_ID: sweep_id}))
    tables = {run.data.tags["dataset"]: run.info.run_id for run in runs if naming.TRIALS_IN in run.data.tags}
    own = [
        run
        for run in runs
        if naming.TRIAL_KEY in run.data.tags
        and naming.FINAL not in run.data.tags
        and run.data.tags["dataset"] not in tables
    ]
    rows = [*map(_row, own), *(row for run_id in tables.values() for row in _tabled(client, run_id))]
    if not rows:
        raise UsageError(f"sweep {sweep_id}: expected one that MLflow holds in {store.address}, got none")
    return sorted(rows, key=lambda row: str(row["trial_key"]))


def run_addresses(store: Store, sweep_id: str, local: str, dataset: str | None = None) -> dict[str, str]:
    """Where MLflow's UI shows the runs of a sweep.

    Args:
        store: Where they are.
        sweep_id: The sweep's id.
        local: Address of the UI on a local store; a server's own is taken where the store is one.
        dataset: The dataset whose runs are meant; None for all.

    Returns:
        Address of each comparison, by its dataset's name, and of each trial, by its key's text.

    Raises:
        StoreError: The store cannot be used.
    """
    base = without_user(store.tracking_uri) if store.tracking_uri.startswith("http") else local
    found = {}
    wanted = {naming.SWEEP_ID: sweep_id, **({"dataset": dataset} if dataset else {})}
    for run in search_runs(connect(store, create=False), wanted):
        key = run.data.tags.get(naming.TRIAL_KEY, "").removeprefix(f"{sweep_id}/")
        name = key or run.data.tags.get("dataset", "")
        found[name] = f"{base}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    return found


@dataclass(frozen=True, slots=True)
class RecordedComparison:
    """What MLflow holds of a comparison besides its trials.

    Attributes:
        dataset: Name of the dataset.
        run_id: The parent run.
        finished: Whether it was concluded; until then it holds no verdict.
        tags: The parent run's.
        metrics: The parent run's.
        files: Text of its artifacts by their place, as far as they were asked for and are there.
    """

    dataset: str
    run_id: str
    finished: bool
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    files: Mapping[str, str]


def read_comparisons(store: Store, sweep_id: str, wanted: Callable[[str], bool]) -> list[RecordedComparison]:
    """The parent runs of a sweep, in the order of their names.

    Args:
        store: Where they are.
        sweep_id: The sweep's id.
        wanted: Whether to read the artifact of this place, such as `configs/lstm.json`.

    Raises:
        StoreError: The store cannot be used, or an artifact that it lists cannot be read.
    """
    client = connect(store, create=False)
    found = [
        RecordedComparison(
            dataset=run.data.tags["dataset"],
            run_id=run.info.run_id,
            finished=run.info.status == "FINISHED",
            tags=naming.in_todays_keys(run.data.tags),
            metrics=naming.in_todays_keys(run.data.metrics),
            files=_texts(client, run.info.run_id, wanted),
        )
        for run in search_runs(client, {naming.SWEEP_ID: sweep_id, "phase": "comparison"})
    ]
    return sorted(found, key=lambda comparison: comparison.dataset)


def ends_of_histories(store: Store, run_ids: Iterable[str], metric: str) -> dict[str, float]:
    """The value that the history of one of a trial's metrics ends with, by run; runs without one are left out.

    MLflow keeps the latest value a second time, and shows the one in tables and the other in figures.

    Raises:
        StoreError: The store cannot be used.
    """
    client = connect(store, create=False)
    ends = {}
    for run_id in run_ids:
        keys = (naming.TRIAL_METRICS[metric], metric)  # the second in stores of earlier days
        if history := next((found for key in keys if (found := client.get_metric_history(run_id, key))), None):
            ends[run_id] = float(max(history, key=lambda point: (point.step, point.timestamp, point.value)).value)
    return ends


def _texts(client: Connection, run_id: str, wanted: Callable[[str], bool]) -> dict[str, str]:
    listed = client.list_artifacts(run_id)
    deeper = [client.list_artifacts(run_id, entry.path) for entry in listed if entry.is_dir]
    files = (entry.path for entry in chain(listed, *deeper) if not entry.is_dir)
    places = sorted(place for place in files if wanted(naming.todays_place(place)))  # earlier places come first
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        read = {place: Path(client.download_artifacts(run_id, place, folder)) for place in places}
        return {naming.todays_place(place): file.read_text(encoding="utf-8") for place, file in read.items()}


def search_runs(client: Connection, tags: Mapping[str, str], experiment: str | None = None) -> Iterator[Any]:
    """Runs with these tags, page by page.

    Args:
        client: An open store.
        tags: Names and values that a run must have.
        experiment: Id of the experiment to search; None for all.
    """
    if quoted := next((value for value in tags.values() if "'" in value), None):
        raise UsageError(f"{quoted}: expected a name without quotation marks")
    conditions = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    where = [experiment] if experiment else experiment_ids(client)
    return pages(client.search_runs, where, conditions, max_results=RUNS_A_PAGE, order_by=["attributes.run_id"])


def experiment_ids(client: Connection) -> list[str]:
    """Ids of all experiments, the one changed last first."""
    newest = {"max_results": EXPERIMENTS_A_PAGE, "order_by": ["last_update_time DESC"]}
    return [experiment.experiment_id for experiment in pages(client.search_experiments, **newest)]


def _tabled(client: Connection, run_id: str) -> list[dict[str, Any]]:
    """The rows of a comparison whose trials have no runs; none before it is over."""
    found = _texts(client, run_id, lambda place: place == naming.RUNS_FILE)
    return [{**row, "run_id": run_id} for text in found.values() for row in json.loads(text)]


def _row(run: Any) -> dict[str, Any]:
    tags, held = run.data.tags, run.data.metrics
    # By what they tell, whichever version wrote them.
    metrics = {name: held[key] for name, new in naming.TRIAL_METRICS.items() for key in (name, new) if key in held}
    return {
        **{name: tags[name] for name in ("dataset", "arm", "family", "phase", "status", "trial_key")},
        **{name: int(tags[name]) for name in ("replicate", "number", "seed")},
        **{name: metrics.get(name) for name in (naming.VALIDATION_SCORE, naming.TEST_SCORE, "fit_seconds")},
        "parameters": int(metrics["parameters"]) if "parameters" in metrics else None,
        "failure": tags.get("failure"),
        "values": {key.removeprefix("hp/"): value for key, value in run.data.params.items() if key.startswith("hp/")},
        "run_id": run.info.run_id,
    }
