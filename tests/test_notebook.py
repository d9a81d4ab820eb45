"""The notebook of the documentation, run from its first cell to its last in a kernel of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import harness

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebooks" / "first_comparison.ipynb"
MOST_BYTES = 100_000
WORDS = {"winner": "wins", "practically_equal": "practically equal", "undecided": "undecided"}


def outputs_of(notebook: Any) -> list[dict[str, str]]:
    """What every code cell showed, by type: the cells in order."""
    shown = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found: dict[str, str] = {}
            for output in cell.outputs:
                data = output.get("data") or {output.get("name", output.output_type): output.get("text", "")}
                for kind, text in data.items():
                    found[kind] = found.get(kind, "") + text
            shown.append(found)
    return shown


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    # No cell has a limit of time: the machine may be a slow one.
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    return outputs_of(notebook)


@pytest.mark.slow
def test_it_runs_from_arrays_to_a_prediction(shown: list[dict[str, str]]) -> None:
    arrays, search, verdict, numbers, *_, prediction = shown
    assert arrays["text/plain"] == "((900, 8, 8), (900,))"
    assert "starting a new sweep, digit_rows-" in search["text/plain"]
    assert verdict["stdout"].startswith("digit_rows: 6 trials per family")
    outcome = numbers["stdout"].split()[0]
    assert WORDS[outcome] in " ".join(verdict["stdout"].split())
    assert "models:/digit_rows@" in verdict["stdout"]
    right = re.match(r"(lstm|gru): (\d+) of 897 right", prediction["stdout"])
    assert right
    assert int(right[2]) > 450  # by chance a tenth
    assert re.search(rf"@(champion|candidate) \({right[1]}\)", verdict["stdout"])


@pytest.mark.slow
def test_one_progress_bar_a_family_ends_full(shown: list[dict[str, str]]) -> None:
    page = shown[1]["text/html"]
    assert page.count("<table>") == 1  # shown once and then changed in place
    assert page.count('<progress max="6" value="6">') == 2
    assert "searches done" in page


@pytest.mark.slow
def test_its_figures_are_pictures(shown: list[dict[str, str]]) -> None:
    drawn = [cell["image/svg+xml"] for cell in shown if "image/svg+xml" in cell]
    assert len(drawn) == 2
    assert all("digit_rows" in one or "lstm and gru" in one for one in drawn)


@pytest.mark.slow
def test_no_cell_complained(shown: list[dict[str, str]]) -> None:
    assert [cell["stderr"] for cell in shown if "stderr" in cell] == []


def test_what_is_in_the_repository_was_run_is_small_and_of_no_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert not re.search(r"/(home|root|tmp|Users|work)/", text)
    kept = outputs_of(nbformat.read(NOTEBOOK, as_version=4))
    assert all(kept)
    code = "\n".join(cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code")
    assert set(re.findall(r"harness\.(\w+)\(", code)) <= set(harness.__all__)
