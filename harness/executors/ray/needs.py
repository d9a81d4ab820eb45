"""What one slot takes of a node, and how many fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Needs:
    """What one slot takes.

    Attributes:
        cpus: Processors, as the cluster counts them.
        gpus: GPUs; a fraction lets several slots share one.
        resources: The cluster's own resources, by name.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)

    def named(self) -> dict[str, float]:
        """The amounts by Ray's names, those of nothing left out."""
        amounts = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return {name: amount for name, amount in amounts.items() if amount > 0}

    def fit(self, resources: Mapping[str, float]) -> int:
        """How many slots a node with these resources holds."""
        return min((math.floor(resources.get(name, 0.0) / amount + 1e-9) for name, amount in self.named().items()))

    def shortage(self, nodes: Mapping[str, Mapping[str, float]]) -> str:
        """Why no node holds a slot, in one line, for messages.

        Args:
            nodes: What each node has, by its name.
        """
        for name, amount in self.named().items():
            most = max((resources.get(name, 0.0) for resources in nodes.values()), default=0.0)
            if most < amount:
                return f"a slot takes {amount:g} {name}, and no node has more than {most:g}"
        wanted = ", ".join(f"{amount:g} {name}" for name, amount in self.named().items())
        return f"a slot takes {wanted}, and no node has all of it"
