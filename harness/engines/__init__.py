"""Where work runs: in this process, or in local worker processes. Knows only errors and records.

Importing it loads neither TensorFlow nor NumPy; a task's function is imported where the task runs.
"""

from harness.engines.base import Done, Engine, Task
from harness.engines.gpus import visible_gpus
from harness.engines.inprocess import InProcessEngine
from harness.engines.memory import machine_mb
from harness.engines.processes import ProcessEngine

__all__ = ["Done", "Engine", "InProcessEngine", "ProcessEngine", "Task", "machine_mb", "visible_gpus"]
