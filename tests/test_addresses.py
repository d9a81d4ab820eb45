"""Addresses as they are shown: no password of one is seen, in an address or in a library's words about it."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import harness
from harness.errors import UsageError
from harness.store import Store, find_store, hide_passwords, hide_passwords_in

ROOT = Path(harness.__file__).parent
KINDS = ("postgresql", "postgresql+psycopg", "mysql", "mssql+pyodbc", "http", "https")
# What the mask itself is made of cannot be told from it.
passwords = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4, max_size=12)
words = st.text(st.sampled_from("abcxyz019._-"), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql+psycopg://a:b@h/d", "postgresql+psycopg://***@h/d"),
        ("mysql://bob:s3@cret@db/x", "mysql://***@db/x"),
        ("postgresql://u:p/w@h/db", "postgresql://***@h/db"),
        ("http://user:pa:ss@h:5000/team", "http://***@h:5000/team"),
        ("postgresql://u:p?w@h/db", "postgresql://***"),
        ("postgresql://h/db?user=u&password=secret", "postgresql://h/db?***"),
        ("postgresql://u:pw@h/db?sslpassword=x&sslmode=require", "postgresql://***@h/db?***"),
        ("https://some-token@h/path", "https://***@h/path"),
        ("postgresql://reader@h/db", "postgresql://***@h/db"),
        ("postgresql:u:secret@h/db", "postgresql:***"),
        ("sqlite:////x/a:b@c/y.db", "sqlite:////x/a:b@c/y.db"),
        ("http://h:5000", "http://h:5000"),
        ("https://mlflow.example/a@b", "https://mlflow.example/a@b"),
        ("databricks", "databricks"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert hide_passwords(address) == shown
    assert Store.__dataclass_fields__["tracking_uri"].repr is False


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(KINDS), words, passwords, words, words, st.sampled_from(["", "?a=b", "?c=d@e"]))
@example("mysql", "bob", "s3@cret", "db", "x", "")
@example("postgresql", "mlflow", "mlflow", "mlflow", "mlflow", "")
def test_no_password_is_shown_wherever_it_stands(
    kind: str, user: str, password: str, host: str, database: str, options: str
) -> None:
    for written in (password, quote(password, safe=""), quote_plus(password)):
        for address in (
            f"{kind}://{user}:{written}@{host}:5432/{database}{options}",
            f"{kind}://:{written}@{host}/{database}{options}",
            f"{kind}://{host}/{database}?user={user}&password={written}",
            f"{kind}://{user}@{host}/{database}?sslmode=require&token={written}",
        ):
            shown = hide_passwords(address)
            assert shown.startswith(f"{kind}://")
            assert password not in shown.removeprefix(f"{kind}://")
            assert written not in shown.removeprefix(f"{kind}://")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(KINDS), passwords, words)
@example("postgresql", 'it\'s "a\\b"', "db")
def test_no_password_is_left_in_a_librarys_words(kind: str, password: str, host: str) -> None:
    for written in (password, quote(password, safe="")):
        address = f"{kind}://user:{written}@{host}/base"
        for phrase in (
            f"Failed to parse: {address}/api",
            f"connection to {password} failed",
            f"could not open {quote(password, safe='')}: refused",
            f"could not open {quote(password, safe=' +')}: refused",
            f"got {password!r} of {password!a}",
            json.dumps({"message": password}),
        ):
            hidden = hide_passwords_in(phrase, address)
            assert password not in hidden
            assert quote(password, safe="") not in hidden


def test_what_a_library_takes_for_the_host_is_hidden_too() -> None:
    phrase = hide_passwords_in('could not translate host name "cret@db"', "mysql://bob:s3@cret@db/x")
    assert phrase == 'could not translate host name "***@db"'


def test_another_address_in_a_text_is_hidden_too() -> None:
    phrase = hide_passwords_in("server: cannot reach postgresql://mlf:hunter2@db/x (timeout)", "http://h:5000")
    assert phrase == "server: cannot reach postgresql://***@db/x (timeout)"


@pytest.mark.parametrize(
    "address",
    [
        "mysql://bob:s3@cret@db/x",
        "http://bob:s3/cret@db/x",
        "http://bob:s3?cret@db/x",
        "http://bob:s3#cret@db/x",
        "postgresql://bob:s3[cret@db/x",
        "postgresql:bob:s3cret@db",
        "postgresql://bob:s3cret@db:port/x",
        "http://bob:s3cret@db:port/x",
        "postgres://bob:s3cret@db/x",
        "http://",
    ],
)
def test_an_address_that_would_be_cut_inside_its_password_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="expected") as caught:
        find_store(None, address, {})
    assert "\n" not in str(caught.value)
    assert "cret" not in str(caught.value)


def test_a_password_may_hold_what_libraries_understand() -> None:
    for address in ("postgresql://u:p/w:x@h/db", "http://u:pa:ss@h:5000", "postgresql:///db?host=/run", "databricks"):
        assert find_store(None, address, {}).tracking_uri == address


def test_no_message_is_made_with_an_address_that_may_hold_a_password() -> None:
    guilty = [
        f"{path.relative_to(ROOT)}, line {node.lineno}"
        for path in ROOT.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text()))
        if isinstance(text, ast.JoinedStr)
        for node in ast.walk(text)
        if isinstance(node, ast.Attribute) and node.attr == "tracking_uri"
    ]
    assert guilty == []


def test_a_near_kind_of_database_is_named() -> None:
    with pytest.raises(UsageError, match=r"Did you mean postgresql\?"):
        find_store(None, "postgres://bob:pw@db/x", {})
