"""Functions for engines to run; imported by dotted path, in workers as well."""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.executors.worker import _end_after_parent
from harness.machine import here, to_write
from harness.notes import tell

_seen: list[str] = []
_ballast: list[bytes] = []


class Unhappy(Exception):
    pass


def double(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"doubled": arguments["number"] * 2}


def echo(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"got": arguments}


def tells(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of so many things, each of so many letters; what was taken."""
    return {
        "taken": [tell({"number": number, "text": "x" * arguments["letters"]}) for number in range(arguments["notes"])]
    }


def tells_and_sleeps(arguments: Mapping[str, Any]) -> dict[str, Any]:
    tell({"number": 1})
    time.sleep(arguments["seconds"])
    return {}


def spoil(arguments: Any) -> dict[str, Any]:
    arguments["list"].append("spoilt")
    arguments["new"] = 1
    return {}


def fail(arguments: Mapping[str, Any]) -> dict[str, Any]:
    raise Unhappy("first line\nsecond line")


def exhaust(arguments: Mapping[str, Any]) -> dict[str, Any]:
    raise MemoryError("no more room")


def leave(arguments: Mapping[str, Any]) -> dict[str, Any]:
    sys.exit(3)


def return_what(arguments: Mapping[str, Any]) -> Any:
    return {
        "nothing": None,
        "list": [1, 2],
        "set": {"deep": [{"values": {1, 2}}]},
        "object": {"thing": Unhappy()},
        "number key": {"by_number": {1: "one"}},
        "tuple": {"pair": (1, 2)},
    }[arguments["what"]]


def sleep(arguments: Mapping[str, Any]) -> dict[str, Any]:
    if "started" in arguments:
        Path(arguments["started"]).write_text(str(os.getpid()))
    time.sleep(arguments["seconds"])
    return {"pid": os.getpid()}


def pid(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"pid": os.getpid()}


def remember(arguments: Mapping[str, Any]) -> dict[str, Any]:
    _seen.append(arguments["name"])
    return {"pid": os.getpid(), "seen": _seen}


BEGUN_SECONDS = 0.2
"""After which pebble knows that a task has begun: of a worker that ends sooner it may not know with which exit code."""


def die(arguments: Mapping[str, Any]) -> dict[str, Any]:
    time.sleep(BEGUN_SECONDS)
    os._exit(arguments["code"])


def kill_self(arguments: Mapping[str, Any]) -> dict[str, Any]:
    time.sleep(BEGUN_SECONDS)
    os.kill(os.getpid(), arguments["signal"])
    time.sleep(30)
    return {}


def spin(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Native code that never lets another thread of the process run."""
    sys.setswitchinterval(1000)
    while True:
        pow(3, 1_000_000)


def deaf(arguments: Mapping[str, Any]) -> dict[str, Any]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return sleep(arguments)


def environment(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: os.environ.get(name) for name in arguments["names"]}


def heavy_modules(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"modules": sorted({"tensorflow", "keras", "numpy", "pandas", "mlflow"} & set(sys.modules))}


def grow(arguments: Mapping[str, Any]) -> dict[str, Any]:
    _ballast.append(b"x" * (arguments["megabytes"] * 1_000_000))
    return {"pid": os.getpid()}


def large(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": "y" * arguments["characters"], "got": len(arguments["text"])}


def sleep_and_spin(arguments: Mapping[str, Any]) -> dict[str, Any]:
    Path(arguments["started"]).write_text(str(os.getpid()))
    return spin(arguments)


def watch_only() -> None:
    threading.Thread(target=_end_after_parent, daemon=True).start()
    print("watching", flush=True)
    time.sleep(60)


def allocate_without_end(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """By 20 MB at a time, so that what looks on has time to see it."""
    while True:
        _ballast.append(b"x" * 20_000_000)
        time.sleep(0.02)


def loaded(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"loaded": [name for name in arguments["modules"] if name in sys.modules]}


def join_files(arguments: Mapping[str, Any]) -> dict[str, Any]:
    text = " ".join(here(path).read_text() for path in arguments["files"])
    to = to_write(arguments["to"])
    to.parent.mkdir(exist_ok=True)
    to.write_text(text)
    return {"read": text}


def kill_parent(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """As if the machine were lost: of a slot on a cluster what is left ends with its actor."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(30)
    return {}
