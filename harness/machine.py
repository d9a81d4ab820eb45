"""What is of this machine alone: its kind of processor, what is installed, where files lie that came with a task.

A task that runs on another machine names files by their paths on the one it comes from. What was brought along lies
below one folder, the mirror, at the same path; its place is in the environment of the process that runs the task.
"""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

MIRROR_VARIABLE = "HARNESS_MIRROR"
"""The variable with the mirror's folder; not set where tasks find their files where they are."""

THREADS_VARIABLE = "OMP_NUM_THREADS"
"""The variable with the threads of a worker's numeric libraries."""

_WIDEST = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"), ("asimd", "NEON"))
"""Instructions that decide in which order a product is added up → what they are called, the widest first."""

_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {"tensorflow": ("tensorflow-cpu",)}
"""Distributions that are a library under another name: TensorFlow without its code for GPUs is 600 MB smaller."""


def here(path: str | Path) -> Path:
    """Where a file or folder lies on this machine.

    Args:
        path: Where it is on the machine that the task comes from.

    Returns:
        Its place in the mirror where it was brought there; else the path as it is.
    """
    mirrored = to_write(path)
    return mirrored if mirrored.exists() else Path(path)


def to_write(path: str | Path) -> Path:
    """Where a task writes a file that the machine it comes from is to have at this path."""
    root = os.environ.get(MIRROR_VARIABLE)
    return mirror_of(Path(root), path) if root else Path(path)


def mirror_of(root: Path, path: str | Path) -> Path:
    """The place of an absolute path below a mirror's folder."""
    return root.joinpath(*Path(path).absolute().parts[1:])


@functools.cache
def processor() -> str:
    """The kind of this machine's processor, such as `Intel(R) Xeon(R) Processor, AVX-512`.

    Two of one kind give the same scores; its name alone does not tell, since a virtual machine may hide instructions.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    said = dict(reversed([(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]))
    flags = said.get("flags", said.get("Features", "")).split()
    widest = next((name for flag, name in _WIDEST if flag in flags), "")
    return ", ".join(part for part in (said.get("model name") or platform.machine(), widest) if part)


def threads() -> int:
    """Threads of the numeric libraries in this process, as its environment caps them; 0 where it does not."""
    text = os.environ.get(THREADS_VARIABLE, "")
    return int(text) if text.isdigit() else 0


def installed_version(library: str) -> str | None:
    """The version of an installed library, whichever distribution brought it; None where there is none."""
    for name in (library, *_OTHER_NAMES.get(library, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
