"""LSTM or GRU? Tune both with equal budgets on your data, and get a verdict that holds.

    import harness

    result = harness.sweep("vic_elec", trials=20)  # shows how far it is; verbose=0 does not
    print(result)  # what to use, by how much it is better, and how sure that is
    result = harness.compare(X, y, task="classify", trials=20)
    print(harness.summary(result))
    champion = harness.load("vic_elec")

Importing this package loads neither TensorFlow nor MLflow; what needs them loads them when called.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.export import load as load
    from harness.report.text import summary as summary
    from harness.report.view import figures as figures
    from harness.stats import decide as decide
    from harness.sweeps import compare as compare
    from harness.sweeps import sweep as sweep
    from harness.sweeps.live.progress import ProgressDisplay as ProgressDisplay

__version__ = "0.2.0"
__all__ = ["ProgressDisplay", "__version__", "compare", "decide", "figures", "load", "summary", "sweep"]

_HOMES = {
    "ProgressDisplay": "harness.sweeps.live.progress",
    "compare": "harness.sweeps",
    "decide": "harness.stats",
    "figures": "harness.report.view",
    "load": "harness.export",
    "summary": "harness.report.text",
    "sweep": "harness.sweeps",
}

_RENAMED = {"Watcher": "ProgressDisplay"}
"""Names of 0.1.0, for one more version."""


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if sys.platform == "win32" and (name in _HOMES or name == "sklearn"):
        from harness.errors import NEEDS_POSIX

        raise ImportError(NEEDS_POSIX)
    if name == "sklearn":
        return import_module("harness.sklearn")
    name = _RENAMED.get(name, name)
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return __all__
