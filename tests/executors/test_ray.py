"""A real cluster of Ray's in a network namespace: what every engine promises, and what a cluster alone can do."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import harness

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "benchmarks"))

from ray_nodes import can_isolate, inside  # noqa: E402

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(not can_isolate(), reason="no network namespace can be made here"),
]


def test_ray_keeps_the_contract_and_refuses_what_it_cannot_use() -> None:
    files = [str(HERE / name) for name in ("test_conformance.py", "test_ray_cluster.py")]
    done = inside([sys.executable, str(HERE / "on_ray.py"), *files], {}, 300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout), done.stdout


def test_nothing_is_lost_doubled_or_closed_early_when_nodes_and_parent_die() -> None:
    script = [sys.executable, str(HERE.parents[1] / "benchmarks" / "cluster_faults.py"), "--inside", "--short"]
    done = inside([*script, "--faults", "killed,away,parent"], {}, 300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("runs 1, lost 0, doubled 0, closed early 0"), done.stdout


def test_one_package_alone_imports_ray() -> None:
    root = Path(harness.__file__).parent
    guilty = [
        path
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if any(name.split(".")[0] == "ray" for name in imported(node)) and path.parent != root / "executors" / "ray"
    ]
    assert guilty == []


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
