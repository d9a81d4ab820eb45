"""The executor of a Ray cluster that somebody has started: an actor a slot, our own worker process inside each.

The one package that imports Ray. It never starts a cluster.
"""

import os

# Read when Ray is imported. What matters of its log is said by this package, in one line.
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

from harness.executors.ray.cluster import Node, connect, disconnect, nodes
from harness.executors.ray.executor import RayExecutor
from harness.executors.ray.needs import Needs

__all__ = ["Needs", "Node", "RayExecutor", "connect", "disconnect", "nodes"]
