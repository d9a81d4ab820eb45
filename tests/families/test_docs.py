"""docs/families.md shows the file that the tests run."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "families.md"


def test_the_page_shows_the_cell_that_is_tested() -> None:
    code = Path(__file__).with_name("mingru.py").read_text()
    assert f"```python\n{code}```\n" in PAGE.read_text()


def test_the_page_names_the_tools_that_a_builder_has() -> None:
    from harness.models import NetworkShape

    table = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = [name.partition("(")[0].strip("` ") for cell in table for name in cell.replace("`, `", "`|`").split("|")]
    assert len(named) > 10
    assert [name for name in named if not hasattr(NetworkShape, name)] == []
