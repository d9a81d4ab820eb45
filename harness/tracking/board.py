"""A leaderboard as a run of its own."""

from __future__ import annotations

from collections.abc import Mapping

from harness.store import Store
from harness.text import counted
from harness.tracking.client import connect

EXPERIMENT = "leaderboard"


def log_leaderboard(store: Store, files: Mapping[str, str], verdicts: int) -> str:
    """Keep a leaderboard in MLflow.

    Args:
        store: Where to.
        files: Name of each artifact → text.
        verdicts: How many verdicts they show.

    Returns:
        Id of the run.

    Raises:
        StoreError: The store cannot be used.
    """
    client = connect(store)
    run = client.create_run(
        client.experiment(EXPERIMENT),
        run_name=counted(verdicts, "verdict"),
        tags={"phase": "leaderboard", "mlflow.source.name": "harness leaderboard"},
    )
    client.log_metric(run.info.run_id, "verdicts", verdicts)
    for name, text in files.items():
        client.log_text(run.info.run_id, text, name)
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)
