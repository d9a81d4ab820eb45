"""Addresses of a sweep's runs in MLflow's UI, for its report. Where MLflow is away a report has no links."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import HarnessError
from harness.store import Store
from harness.tracking.connection import database_file
from harness.tracking.reading import run_addresses
from harness.tracking.servers import FIRST_PORT, HOST


def links_of(store: Store, sweep_id: str) -> Mapping[str, str]:
    """Address of each comparison, by its dataset, and of each trial, by its key's text; empty where MLflow is away.

    Of a store on this machine they are those at which `harness ui` shows them, unless another program has its port.
    """
    if store.local and not database_file(store).is_file():
        return {}
    try:
        return run_addresses(store, sweep_id, f"http://{HOST}:{FIRST_PORT}")
    except HarnessError:
        return {}
