"""(Search space, task, values of hyperparameters) → a Keras model. One builder for every family."""

from harness._tensorflow import load_tensorflow

load_tensorflow()

from harness.models.network import NetworkShape, Stack, build_network, build_stack  # noqa: E402
from harness.models.wrap import wrap_for_export  # noqa: E402

__all__ = ["NetworkShape", "Stack", "build_network", "build_stack", "wrap_for_export"]
