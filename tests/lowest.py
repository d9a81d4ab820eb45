"""The lowest version of each direct dependency that `pyproject.toml` allows, as constraints for pip.

`python tests/lowest.py > lowest.txt`. pip itself knows no lowest resolution.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
EXTRAS = ("onnx",)
"""Not `litert`, which wants a newer Keras than the lowest."""


def constraints(requirements: Iterable[str]) -> list[str]:
    """`name==version` for each requirement with a lower bound.

    Args:
        requirements: Such as `keras>=3.13,<4`.

    Raises:
        ValueError: One has no lower bound, so that nobody knows what it works with.
    """
    lines = []
    for requirement in map(Requirement, requirements):
        bounds = [clause.version for clause in requirement.specifier if clause.operator in (">=", "==", "~=")]
        if len(bounds) != 1:
            raise ValueError(f"{requirement}: expected one lower bound, such as {requirement.name}>=1.0")
        lines.append(f"{requirement.name}=={bounds[0]}")
    return lines


def direct() -> list[str]:
    """What the project depends on, the extras included that write formats."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    return [*project["dependencies"], *(one for extra in EXTRAS for one in project["optional-dependencies"][extra])]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in constraints(direct())))
