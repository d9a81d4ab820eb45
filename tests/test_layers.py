"""Arrows go one way: every import inside the package, read from the source, is to a layer before."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).parent
LAYERS = [
    {"errors", "disk", "text", "machine", "notes"},
    {"_tensorflow"},
    {"records", "user_code", "user_source"},
    {"databases"},
    {"store"},
    {"config", "stats", "metrics", "cases"},
    {"journal", "data"},
    {"models", "baselines"},
    {"training"},
    {"executors"},
    {"search", "tracking", "report", "export", "interpret"},
    {"atlas"},
    {"sweeps"},
    {"checks"},
    {"cli"},
    {"sklearn"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
ALONE = {
    "executors": {"errors", "records", "machine", "notes"},
    "stats": {"errors", "records", "text"},
    "search": {"errors", "_tensorflow", "records", "config"},
}
SIDEWAYS = {("export", "tracking")}
"""The one arrow within a layer: a champion is registered, and found again, through the store."""


def imports_of(path: Path) -> set[str]:
    """Top-level parts of the package that a module imports, those inside functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("harness."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("harness.")}
    return found


def part_of(path: Path) -> str:
    """The part a module belongs to: the folder's name, or the module's own."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_to_layers_before(path: Path) -> None:
    part = part_of(path)
    assert part in RANK, f"{part} has no place among the layers"
    for other in imports_of(path) - {part}:
        assert RANK[other] < RANK[part] or (part, other) in SIDEWAYS, f"{path}: {part} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_parts_that_must_not_know_more_do_not(path: Path) -> None:
    part = part_of(path)
    if part in ALONE:
        assert imports_of(path) - {part} <= ALONE[part]


def test_only_tracking_imports_mlflow() -> None:
    guilty = [
        path
        for path in MODULES
        if part_of(path) != "tracking"
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "mlflow" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mlflow")
    ]
    assert guilty == []


def test_the_test_part_is_opened_only_where_it_may_be() -> None:
    allowed = {"training/evaluate.py"}
    openers = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "open"
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "test"
    }
    assert allowed <= openers
    assert {opener.split("/")[0] for opener in openers} <= {"training", "baselines", "export"}
