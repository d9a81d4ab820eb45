"""MLflow's UI on a local store.

Knows the store's address; asks MLflow nothing itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from harness.store import Store, database_uri
from harness.tracking.connection import database_file, prepare_environment
from harness.tracking.servers import Server, running


@contextlib.contextmanager
def serving(store: Store, port: int) -> Iterator[Server]:
    """Run MLflow's server until the block is left.

    Args:
        store: A local store that exists.
        port: A free port.

    Raises:
        StoreError: The server ended, or did not answer within two minutes.
    """
    uri = database_uri(database_file(store).absolute())
    arguments = [
        *("server", "--backend-store-uri", uri, "--workers", "1"),
        *("--default-artifact-root", store.artifacts.as_uri(), "--no-serve-artifacts"),
    ]
    environment: dict[str, str] = dict(os.environ)
    prepare_environment(environment)
    # Nobody asks this server for jobs; its executors would be more processes.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with running(arguments, port, store.root, environment) as server:
        yield server
