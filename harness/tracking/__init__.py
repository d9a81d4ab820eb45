"""The only place that imports MLflow's client: a sweep's records → runs, a champion → a registered model.

Knows records and the store, nothing of journals, searches or networks. What it writes is a projection: it can
be made again at any time, without duplicates.
"""

from harness.tracking.client import connect
from harness.tracking.queries import read_sweep_scores
from harness.tracking.registry import Registered, move_alias, register, resolve
from harness.tracking.runs import RunWriter
from harness.tracking.views import Showing

__all__ = ["Registered", "RunWriter", "Showing", "connect", "move_alias", "read_sweep_scores", "register", "resolve"]
