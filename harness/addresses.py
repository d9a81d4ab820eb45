"""Addresses of servers and databases as they may be shown: without their passwords. Pure text; knows no library.

A password may hold any character, escaped or not, so an address is never parsed by the rules of URLs here: everything
before the last `@` counts as user and password, and everything after a `?` as options that may hold one. That hides
too much of an odd address rather than too little.
"""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

HIDDEN = "***"

SHORTEST_FRAGMENT = 4
"""Characters from which on a password is hidden wherever it stands: a shorter one would make holes in every word."""

_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^\s\"'<>]+")
_FILES = ("sqlite", "file")
_SECRET_OPTION = re.compile(r"pass|pwd|secret|token|key|credential|sig|odbc_connect", re.IGNORECASE)
_ODBC_PASSWORD = re.compile(r"\b(?:pwd|password)=\{?([^;}]+)", re.IGNORECASE)


def hide_passwords(address: str) -> str:
    """The address with `***` in the place of user and password, and of options after a `?`.

    Args:
        address: Such as `postgresql://user:password@host/database`; a path is returned as it is.
    """
    scheme, mark, rest = address.partition("://")
    if _is_file(scheme.partition(":")[0]):
        return address
    if not mark:
        return f"{address.partition(':')[0]}:{HIDDEN}" if ":" in address and "@" in address else address
    if "@" in rest.partition("?")[2]:  # it may end a password that holds a `?`, or belong to an option
        return f"{scheme}://{HIDDEN}"
    user = _user(rest)
    shown = f"{HIDDEN}@{rest.removeprefix(f'{user}@')}" if user else rest
    shown = f"{shown.partition('?')[0]}?{HIDDEN}" if "?" in shown else shown
    for secret in _secrets(address):
        shown = shown.replace(secret, HIDDEN)
    return f"{scheme}://{shown}"


def hide_passwords_in(text: str, address: str = "") -> str:
    """A text, such as a library's error, without the passwords of the addresses in it.

    Args:
        text: Any text.
        address: An address whose passwords are hidden wherever the text has them, percent-encoded, quoted or bare.
    """
    if not _is_file(address.partition(":")[0]):
        text = text.replace(address, hide_passwords(address)) if address else text
        for secret in _secrets(address):
            text = text.replace(secret, HIDDEN)
    return _ADDRESS.sub(lambda found: hide_passwords(found[0]), text)


def without_user(address: str) -> str:
    """The address of a server's pages: without user, options and the slash at its end."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _is_file(scheme: str) -> bool:
    return scheme.partition("+")[0].lower() in _FILES


def _user(rest: str) -> str:
    """What stands before the last `@`: a user with or without a password, or a token; empty where that is a path."""
    user = rest.rpartition("@")[0]
    return user if ":" in user or "/" not in user else ""


def _secrets(address: str) -> list[str]:
    """What must not be seen of an address, in every way that libraries write it; the longest first."""
    scheme, _, rest = address.partition("://")
    options, user = rest.partition("?")[2], _user(rest)
    password = user.partition(":")[2] or (user if scheme.lower().startswith("http") else "")  # a token
    # A library that ends the password at the first `@` or `/` takes what follows for the host and names it.
    found = {password, *re.split("[@/?#:]", password)}
    found |= {value for name, value in parse_qsl(options) if _SECRET_OPTION.search(name)}
    found |= {match for value in list(found) for match in _ODBC_PASSWORD.findall(unquote_plus(value))}
    written = {form for secret in found for form in _ways_to_write(secret)}
    return sorted((form for form in written if len(form) >= SHORTEST_FRAGMENT), key=len, reverse=True)


def _ways_to_write(secret: str) -> set[str]:
    plain = {secret, unquote(secret), unquote_plus(secret)}
    encoded = {write(one) for one in plain for write in (_quoted, _quoted_like_sqlalchemy, quote_plus)}
    escaped = {write(one)[1:-1] for one in plain for write in (repr, ascii, json.dumps)}
    return plain | encoded | escaped


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _quoted_like_sqlalchemy(text: str) -> str:
    return quote(text, safe=" +")
