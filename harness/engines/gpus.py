"""Which GPUs there are, and which worker takes which; asked without loading TensorFlow.

Several small trials share one GPU: each worker sees one, and takes of its memory what it needs and no more.
Written to be tested where there is no GPU; on one it was not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

DEVICES = "CUDA_VISIBLE_DEVICES"
_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
_DRIVER = Path("/proc/driver/nvidia/gpus")


def visible_gpus(environment: Mapping[str, str], driver: Path = _DRIVER) -> tuple[str, ...]:
    """The GPUs that this process may use, by the names that `CUDA_VISIBLE_DEVICES` gives them.

    Args:
        environment: The process's. What `CUDA_VISIBLE_DEVICES` says is believed; as CUDA does, it is read up to the
            first name that is none (`-1`, or nothing).
        driver: Where the driver has a folder for each GPU, for when the variable is not set.
    """
    said = environment.get(DEVICES)
    if said is None:
        return tuple(map(str, range(len(list(driver.iterdir()))))) if driver.is_dir() else ()
    names = [name.strip() for name in said.split(",")]
    end = next((place for place, name in enumerate(names) if not name or name.startswith("-")), len(names))
    return tuple(names[:end])


def share_of(slot: int, gpus: Sequence[str]) -> dict[str, str]:
    """Environment of the worker in this slot: its GPU, the slots going round them; nothing where there is none."""
    return {DEVICES: gpus[slot % len(gpus)], _GROWTH: "true"} if gpus else {}
