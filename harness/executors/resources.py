"""What a machine has and what workers hold of it: GPUs, asked without loading TensorFlow, and memory.

Several small trials share one GPU: each worker sees one, and takes of its memory what it needs and no more.
Written to be tested where there is no GPU; on one it was not measured.

A limit of the address space (`RLIMIT_AS`) would count what TensorFlow reserves and never touches, so the resident size
is watched from outside.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.errors import UsageError

DEVICES = "CUDA_VISIBLE_DEVICES"
_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
_DRIVER = Path("/proc/driver/nvidia/gpus")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus(environment: Mapping[str, str], driver: Path = _DRIVER) -> tuple[str, ...]:
    """The GPUs that this process may use, by the names that `CUDA_VISIBLE_DEVICES` gives them.

    Args:
        environment: The process's. What `CUDA_VISIBLE_DEVICES` says is believed; as CUDA does, it is read up to the
            first name that is none (`-1`, or nothing).
        driver: Where the driver has a folder for each GPU, for when the variable is not set.
    """
    phrase = environment.get(DEVICES)
    if phrase is None:
        return tuple(map(str, range(len(list(driver.iterdir()))))) if driver.is_dir() else ()
    names = [name.strip() for name in phrase.split(",")]
    end = next((place for place, name in enumerate(names) if not name or name.startswith("-")), len(names))
    return tuple(names[:end])


def share_of(slot: int, gpus: Sequence[str]) -> dict[str, str]:
    """Environment of the worker in this slot: its GPU, the slots going round them; nothing where there is none."""
    return {DEVICES: gpus[slot % len(gpus)], _GROWTH: "true"} if gpus else {}


TRIALS_PER_GPU = 4
"""Trials that share one GPU unless told otherwise. A guess: it was not measured on one."""


def default_workers(trials_per_gpu: int | None = None) -> int:
    """Worker processes where their number is not given: one a core, or so many for each GPU.

    Raises:
        UsageError: A number of trials a GPU, where there is no GPU.
    """
    gpus = len(visible_gpus(os.environ))
    if trials_per_gpu is not None and not gpus:
        raise UsageError(
            f"--trials-per-gpu {trials_per_gpu}: no GPU is visible here (CUDA_VISIBLE_DEVICES, NVIDIA's driver); "
            "expected --workers"
        )
    return gpus * (trials_per_gpu or TRIALS_PER_GPU) if gpus else cores()


MB = 1_000_000
EVERY_SECONDS = 0.1

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")

# The first is the container's own, the second the whole machine's.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


class Watch:
    """Calls some functions again and again in a thread of its own, from `begin` to `end`."""

    def __init__(self, watched: Sequence[Callable[[], None]]) -> None:
        self._watched = watched
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start the thread, unless it is running."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="memory-watch", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """End the thread and wait for it. May be called twice."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            for look in self._watched:
                look()


def resident_bytes(pid: int) -> int:
    """Resident size of a process; 0 when there is no such process any more."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def machine_mb() -> int:
    """Memory of this machine in megabytes, or of the container that this process runs in."""
    import psutil

    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        total = min(total, int(_CONTAINER_LIMIT.read_text()))
    return total // MB


LEAST_MEMORY_MB, SHARE_OF_MEMORY = 2000, 0.8


def memory_share(total_mb: int, slots: int) -> int:
    """What one of a machine's slots may take of its memory, in megabytes, where nothing is said.

    Its part of four fifths of all that there is, and at least 2,000 (TensorFlow alone takes 700).
    """
    return max(LEAST_MEMORY_MB, round(SHARE_OF_MEMORY * total_mb / slots))


def kernel_kills() -> int:
    """How often the kernel has ended a process for want of memory; 0 where it does not say."""
    for counter in _COUNTERS:
        try:
            fields = dict(line.split() for line in counter.read_text().splitlines())
            return int(fields["oom_kill"])
        except (OSError, ValueError, KeyError):
            continue
    return 0
