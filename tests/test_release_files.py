"""What a release says of itself is true: versions agree, workflows name targets that exist, Windows gets one line."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import harness

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").glob("*.yml")}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_version_is_said_once_and_the_citation_agrees() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["dynamic"] == ["version"]
    assert citation["version"] == harness.__version__
    assert citation["license"] == PROJECT["license"]


def test_workflows_run_what_the_makefile_has() -> None:
    run = {word for flow in WORKFLOWS.values() for step in steps(flow) for word in _targets(step.get("run", ""))}
    assert run == {"check", "test", "test-lowest", "coverage", "docs", "dist"}
    assert run <= TARGETS


def _targets(command: str) -> list[str]:
    return re.findall(r"^make ([a-z-]+)", command, re.M)


def test_all_pythons_are_tested() -> None:
    pythons = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert WORKFLOWS["tests"]["jobs"]["test"]["strategy"]["matrix"]["python"] == pythons


def test_actions_are_pinned_by_their_major_version() -> None:
    used = [step["uses"] for flow in WORKFLOWS.values() for step in steps(flow) if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@(v\d+|release/v\d+)", one)] == []


def test_no_workflow_may_write_but_those_that_publish() -> None:
    may = {
        f"{name}: {job}": sorted(what["permissions"])
        for name, flow in WORKFLOWS.items()
        for job, what in flow["jobs"].items()
        if "permissions" in what
    }
    assert all(flow["permissions"] == {"contents": "read"} for flow in WORKFLOWS.values())
    assert may == {"docs: publish": ["id-token", "pages"], "release: publish": ["id-token"]}


def test_issue_forms_have_what_a_report_needs() -> None:
    forms = [yaml.safe_load(path.read_text()) for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")]
    forms = [form for form in forms if "body" in form]
    assert len(forms) == 3
    for form in forms:
        assert {"name", "description", "body"} <= form.keys()
        fields = [field["id"] for field in form["body"]]
        assert len(fields) == len(set(fields))
    asked = [field["attributes"]["label"] for form in forms for field in form["body"]]
    assert asked.count("`harness --version -v`") == 2


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import harness.cli", r"harness: [^\n]*WSL 2[^\n]*\n"),
        (
            "import harness\ntry: harness.sweep\nexcept ImportError as error: sys.exit(error.msg)",
            r"[^\n]*WSL 2[^\n]*\n",
        ),
    ],
)
def test_plain_windows_is_answered_in_one_line(code: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.platform = 'win32'\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert re.fullmatch(says, done.stderr), done.stderr
