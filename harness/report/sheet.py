"""Pictures → one drawing of all of them, with what stands under each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from harness.report.axes import FONT, HEIGHT, WIDTH
from harness.report.view import Drawing
from harness.text import printable

_COLUMNS = 2
_GAP, _LINE, _LETTERS = 24.0, 15.0, 68
_MOST_LINES = 4


def sheet(title: str, pictures: Sequence[Drawing]) -> str:
    """One SVG on white, two pictures in a row.

    Args:
        title: What they show, for those who cannot see it.
        pictures: The pictures, whose ids differ from each other.
    """
    columns = min(_COLUMNS, len(pictures))
    wide, high = WIDTH + _GAP, HEIGHT + _LINE * _MOST_LINES + _GAP
    size = f"{columns * wide + _GAP:g} {-(-len(pictures) // columns) * high + _GAP:g}"
    width, height = size.split()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {size}" '
        f'width="{width}" height="{height}" color="#1b1f24" font-family="{escape(FONT)}" role="img">',
        f"<title>{escape(printable(title))}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, picture in enumerate(pictures):
        x, y = _GAP + number % columns * wide, _GAP + number // columns * high
        parts.append(
            picture.svg.replace("<svg ", f'<svg x="{x:g}" y="{y:g}" width="{WIDTH:g}" height="{HEIGHT:g}" ', 1)
        )
        lines = textwrap.wrap(printable(picture.caption), _LETTERS, max_lines=_MOST_LINES, placeholder=" …")
        y += HEIGHT
        for line in lines:
            y += _LINE
            parts.append(f'<text x="{x:g}" y="{y:g}" font-size="12" fill="#59636e">{escape(line)}</text>')
    return "".join([*parts, "</svg>"])
