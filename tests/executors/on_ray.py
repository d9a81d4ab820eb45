"""Started by `test_ray.py` inside a network namespace: a cluster of one node, and tests that need one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "benchmarks")]

if __name__ == "__main__":
    from ray_nodes import ADDRESS, cluster

    with cluster({"PYTHONPATH": str(HERE)}) as made:
        made.head(cpus=6)
        made.wait("head")
        os.environ["HARNESS_TEST_RAY"] = ADDRESS
        code = pytest.main(["-q", "-n", "0", "-p", "no:cacheprovider", "--tb=short", *sys.argv[1:]])
    sys.exit(code)
