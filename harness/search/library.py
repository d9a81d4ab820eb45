"""Keras Tuner, loaded for its oracles alone: without Keras and TensorFlow, which take 2.8 s of a processor and 400 MB.

An oracle draws numbers; of Keras it uses two words, for its copies of a search space. So its modules are imported over
a stand-in for Keras that has these, and are taken out of `sys.modules` again: whoever imports Keras or Keras Tuner
afterwards, such as a builder of the user's, gets the real ones.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from harness._tensorflow import NOT_NEEDED, OWN_PROCESS_VARIABLE, load_keras_tuner, without

_OURS = ("keras", "keras_tuner")


def load_oracles(*, gaussian: bool) -> ModuleType:
    """Keras Tuner with its oracles, `HyperParameters` and `Objective`; the real one where Keras is loaded anyway.

    It is in a process of a user's too, who may go on with what is in `sys.modules`.

    Args:
        gaussian: Whether its Bayesian oracle is to be used, which wants scikit-learn and SciPy.
    """
    if OWN_PROCESS_VARIABLE not in os.environ or any(name in sys.modules for name in _OURS):
        return load_keras_tuner(gaussian=gaussian)
    return _alone(gaussian=gaussian)


def load_early(oracle: str) -> None:
    """Load what a plan's oracle needs before other threads import anything, which could miss what is kept out here.

    Args:
        oracle: The plan's.
    """
    if OWN_PROCESS_VARIABLE in os.environ and oracle != "tpe":
        load_oracles(gaussian=oracle == "bayesian")


@functools.cache
def _alone(*, gaussian: bool) -> ModuleType:
    sys.modules.update(_stand_ins())
    try:
        with without(() if gaussian else NOT_NEEDED):
            return importlib.import_module("keras_tuner")
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]


def _stand_ins() -> dict[str, ModuleType]:
    """What an oracle uses of Keras, and what Keras Tuner 1.4.8 imports besides, by name."""
    keras, empty = ModuleType("keras"), ModuleType("empty")
    said: dict[str, Any] = {
        "version": lambda: "3.",
        "config": SimpleNamespace(backend=lambda: "none"),
        "callbacks": SimpleNamespace(Callback=object),
        "utils": SimpleNamespace(legacy=SimpleNamespace(deserialize_keras_object=_copied)),
    }
    vars(keras).update(said)
    others = ("keras.random", "keras.src", "keras.src.ops", "keras_tuner.applications", "keras_tuner.src.applications")
    return {"keras": keras, **dict.fromkeys(others, empty)}


def _copied(config: dict[str, Any], _: Any, classes: dict[str, Any]) -> Any:
    """A hyperparameter or a condition as it was written, as Keras reads it."""
    return classes[config["class_name"]].from_config(config["config"])
