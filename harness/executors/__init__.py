"""Where work runs: in this process, in local worker processes, on a Ray cluster. Knows only errors and records.

Importing it loads neither TensorFlow nor NumPy; a task's function is imported where the task runs.
"""

from harness.executors.base import Done, Executor, Shared, Task
from harness.executors.in_process import InProcessExecutor
from harness.executors.pool import PoolExecutor
from harness.executors.resources import machine_mb, memory_share, visible_gpus

__all__ = [
    "Done",
    "Executor",
    "InProcessExecutor",
    "PoolExecutor",
    "Shared",
    "Task",
    "machine_mb",
    "memory_share",
    "visible_gpus",
]
