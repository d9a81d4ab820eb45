"""Runs in MLflow → the scores of a sweep, from what MLflow holds alone. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import UsageError
from harness.store import Store
from harness.tracking import naming
from harness.tracking.connection import Connection, connect

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
        `fit_seconds`, `trial_key`, `run_id`.

    Raises:
        UsageError: MLflow holds no such sweep.
        StoreError: The store cannot be used.
    """
    client = connect(store, create=False)
    runs = search_runs(client, experiment_ids(client), {naming.SWEEP_ID: sweep_id})
    rows = [_row(run) for run in runs if naming.TRIAL_KEY in run.data.tags]
    if not rows:
        raise UsageError(f"sweep {sweep_id}: expected one that MLflow holds in {store.tracking_uri}, got none")
    return sorted(rows, key=lambda row: str(row["trial_key"]))


def search_runs(client: Connection, experiments: Sequence[str], tags: Mapping[str, str]) -> Iterator[Any]:
    """Runs with these tags, page by page.

    Args:
        client: An open store.
        experiments: Ids of the experiments to search.
        tags: Names and values that a run must have.
    """
    conditions = " and ".join(f"tags.`{name}` = '{_quotable(value)}'" for name, value in tags.items())
    token: str | None = None
    while True:
        page = client.search_runs(
            list(experiments),
            conditions,
            max_results=RUNS_A_PAGE,
            page_token=token,
            order_by=["attributes.run_id"],
        )
        yield from page
        token = page.token
        if not token:
            return


def experiment_ids(client: Connection) -> list[str]:
    """Ids of all experiments, the one changed last first."""
    found: list[str] = []
    token: str | None = None
    while True:
        page = client.search_experiments(
            max_results=EXPERIMENTS_A_PAGE, page_token=token, order_by=["last_update_time DESC"]
        )
        found += [experiment.experiment_id for experiment in page]
        token = page.token
        if not token:
            return found


def _quotable(value: str) -> str:
    if "'" in value:
        raise UsageError(f"{value}: expected a name without quotation marks")
    return value


def _row(run: Any) -> dict[str, Any]:
    tags, metrics = run.data.tags, run.data.metrics
    return {
        **{name: tags[name] for name in ("dataset", "arm", "family", "phase", "status", "trial_key")},
        **{name: int(tags[name]) for name in ("replicate", "number", "seed")},
        **{name: metrics.get(name) for name in (naming.VALIDATION_SCORE, naming.TEST_SCORE, "fit_seconds")},
        "parameters": int(metrics["parameters"]) if "parameters" in metrics else None,
        "run_id": run.info.run_id,
    }
