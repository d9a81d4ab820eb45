"""(Search space, task, values of hyperparameters) → a Keras model. One builder for every family."""

from harness.starting import load_tensorflow

load_tensorflow()

from harness.models.building import Stack, build_network, build_stack  # noqa: E402
from harness.models.exporting import wrap_for_export  # noqa: E402
from harness.models.shapes import NetworkShape  # noqa: E402

__all__ = ["NetworkShape", "Stack", "build_network", "build_stack", "wrap_for_export"]
