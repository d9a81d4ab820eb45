"""docs/families.md shows the file that the tests run."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "families.md"


def test_the_page_shows_the_cell_that_is_tested() -> None:
    code = Path(__file__).with_name("mingru.py").read_text()
    assert f"```python search_spaces/mingru.py\n{code}```\n" in PAGE.read_text()


def test_the_page_names_the_tools_that_a_builder_has() -> None:
    from harness.models import NetworkShape

    tools = PAGE.read_text().partition("| name | what it is |")[2]
    table = [line.split("|")[1] for line in tools.splitlines() if line.startswith("| `")]
    named = [name.partition("(")[0].strip("` ") for cell in table for name in cell.replace("`, `", "`|`").split("|")]
    assert len(named) > 10
    assert [name for name in named if not hasattr(NetworkShape, name)] == []


def test_the_page_lists_every_shipped_family_with_its_tasks_and_formats() -> None:
    from harness.config import list_spaces
    from harness.models import family_of
    from harness.records import TaskKind

    text = PAGE.read_text()
    rows = {cells[1].strip(" `"): cells for line in text.splitlines() if len(cells := line.split("|")) == 7}
    for space in (found.config for found in list_spaces() if found.builtin and found.config):
        if space.capacity == "parameters":
            assert f"`{space.name}`" in text
            continue
        *_, tasks, formats, _ = rows[space.name]
        able = [kind.value for kind in TaskKind if kind in space.network.tasks]
        assert sorted(tasks.strip().split(", ")) == (["all"] if len(able) == len(TaskKind) else sorted(able))
        written = [one.strip(" `") for one in formats.split(",")]
        assert written in (["the same four"], list(family_of(space).formats))
