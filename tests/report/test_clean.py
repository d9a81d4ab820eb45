"""Text that could steer a terminal or break a page."""

from __future__ import annotations

import pytest

from harness.text import printable, shortened


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain, größer, 円, 🙂", "plain, größer, 円, 🙂"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("\x1b[31mred\x07", "�[31mred�"),
        ("nul\x00 and \x9b", "nul� and �"),
        ("turned \u202egnp.exe", "turned �gnp.exe"),
        ("half \ud800 pair", "half � pair"),
        ("\ufffe\uffff", "��"),
    ],
)
def test_unfit_characters_are_replaced(text: str, clean: str) -> None:
    assert printable(text) == clean
    clean.encode("utf-8")


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abc defg", 5) == "abc…"
