"""The page's one script and its data: let in by the script's hash alone, and data that can never become markup.

The script is `vendor/tablesort.min.js`, unchanged, and `templates/report.js`. Without it the page says the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from harness.text import printable

if TYPE_CHECKING:
    from markupsafe import Markup

_BASE = "default-src 'none'; style-src 'unsafe-inline'"
_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


@cache
def source() -> str:
    """The script's text."""
    folder = files("harness.report")
    parts = (folder / "vendor" / "tablesort.min.js", folder / "templates" / "report.js")
    return "\n".join(part.read_text(encoding="utf-8").replace("\r\n", "\n") for part in parts)


@cache
def licence() -> str:
    """The licence of what is built in, as its authors ask for it to go along."""
    return (files("harness.report") / "vendor" / "tablesort.LICENCE.txt").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """The page's Content-Security-Policy: nothing is loaded, and no script runs but the one with this hash."""
    digest = base64.b64encode(hashlib.sha256(source().encode()).digest()).decode()
    return f"{_BASE}; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def script() -> Markup:
    """The script as the page's own."""
    from markupsafe import Markup

    return Markup(source())


def block(data: Any) -> Markup:
    """Plain values as JSON between two tags of HTML, whatever letters they hold.

    Args:
        data: Dictionaries, lists, numbers, and texts, which become printable; numbers that are none become null.
    """
    from markupsafe import Markup

    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_ESCAPED))


def _plain(data: Any) -> Any:
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {printable(str(key)): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data
