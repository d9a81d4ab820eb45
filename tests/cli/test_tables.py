"""Tables that fit a terminal."""

from __future__ import annotations

import pytest

from harness.cli.terminal.output import columns_of

TABLE = [
    ["NAME", "TITLE", "NOTE"],
    ["short", "a title that is a good deal longer than twenty columns", "n"],
    ["a_name_that_is_longer_than_twenty", "t", "a note that is longer than twenty"],
]


def test_without_a_terminal_nothing_is_shortened() -> None:
    lines = columns_of(TABLE, None)
    assert lines[1].split("  ")[-1] == "n"
    assert TABLE[1][1] in lines[1]


@pytest.mark.parametrize("width", [30, 60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(len(line) <= width for line in columns_of(TABLE, width, spare=[2]))


def test_a_spare_column_goes_first_then_the_widest_is_shortened_and_names_stay_whole() -> None:
    lines = columns_of(TABLE, 60, spare=[2])
    assert "NOTE" not in lines[0]
    assert lines[2].startswith("a_name_that_is_longer_than_twenty  t")
    assert lines[1].endswith("…")
    assert "NOTE" in columns_of(TABLE, 80, spare=[2])[0]
