"""Where work runs: in this process, or in local worker processes. Knows only errors and records.

Importing it loads neither TensorFlow nor NumPy; a task's function is imported where the task runs.
"""

from harness.executors.base import Done, Executor, InProcessExecutor, Shared, Task
from harness.executors.pool import PoolExecutor
from harness.executors.resources import machine_mb, visible_gpus

__all__ = ["Done", "Executor", "InProcessExecutor", "PoolExecutor", "Shared", "Task", "machine_mb", "visible_gpus"]
