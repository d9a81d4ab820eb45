"""What a family is, and the families there are: (shape, values of hyperparameters) → a network."""

from harness._tensorflow import load_tensorflow

load_tensorflow()

from harness.models.families import Family, Network, build_network, family_of  # noqa: E402
from harness.models.network import Stack, build_stack  # noqa: E402
from harness.models.shape import NetworkShape  # noqa: E402
from harness.models.wrap import shape_for_export, wrap_for_export  # noqa: E402

__all__ = [
    "Family",
    "Network",
    "NetworkShape",
    "Stack",
    "build_network",
    "build_stack",
    "family_of",
    "shape_for_export",
    "wrap_for_export",
]
