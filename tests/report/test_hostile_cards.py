# ruff: noqa: E501 - hostile texts stand on one line
"""Hostile cards and tables: 200 made up, all through the command line; none gets a traceback, a file or markup."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.cli import main
from harness.records import ComparisonResult, SweepResult
from harness.report.html import html
from harness.tracking.naming import keys

NASTY = [
    *("../../../../tmp/owned", "/etc/passwd", "..", "a/b", "C:\\windows\\x", "~/x", "file:///etc/passwd", "%2e%2e/x"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "${x}", "$(touch owned)", "`touch owned`"),
    *("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "\x00", "\x1b]0;owned\x07\x1b[2J", "a\r\nb", "\u202eevil", "\ud800"),
    *("", " ", "nan", "inf", "-1", "1e999", "null", "true", "__proto__", "CON", "x" * 5000, "é\u0301", "🦠", "'; DROP TABLE events"),
]  # fmt: skip
TEXT = st.sampled_from(NASTY) | st.text(max_size=30) | st.just("ok")
CELL = st.sampled_from(["1", "2.5", "-3", "4e2"]) | TEXT


def mostly(value: object) -> st.SearchStrategy[Any]:
    """This value, hostile text in one of ten cases: a card that is wrong everywhere shows one fault only."""
    return st.integers(0, 9).flatmap(lambda number: st.just(value) if number else TEXT)


SOURCE = st.fixed_dictionaries({"path": mostly("table.csv")})


@st.composite
def configs(draw: st.DrawFn) -> tuple[str, str]:
    """A card and a table: mostly whole, with hostile text in a few of their places."""
    names = [draw(mostly("level")), draw(mostly("at")), draw(mostly("who"))]
    rows = [[f"{draw(st.integers(0, 9))}.5", str(hour), "ab"[hour // 20 % 2]] for hour in range(draw(st.sampled_from([3, 80])))]  # fmt: skip
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.integers(0, len(rows) - 1))
        rows[row][draw(st.integers(0, 2))] = draw(CELL)
    buffer = io.StringIO()
    csv.writer(buffer).writerows([names, *rows])
    config = {
        "name": draw(mostly("hostile")),
        "title": draw(TEXT),
        "license": draw(TEXT),
        "homepage": draw(TEXT),
        "source": {"kind": draw(mostly("csv")), **draw(SOURCE)},
        "task": {
            "kind": draw(mostly("forecast")),
            "target": [draw(mostly(names[0]))],
            "features": [names[0]],
            "lookback_steps": draw(st.just(4) | st.integers(-5, 10**9)),
            "horizon_steps": 1,
            "metric": draw(mostly("mae")),
            "unit": draw(TEXT),
        },
    }
    return _toml(config), buffer.getvalue()


def _toml(config: dict[str, Any]) -> str:
    plain = {key: value for key, value in config.items() if not isinstance(value, dict)}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items()]
    for name in ("source", "task"):
        lines += [
            f"[{name}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in config[name].items()),
        ]
    return "\n".join(lines)


def _call(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.fixture
def hostile_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(written=configs())
@example(written=(_toml({"name": "hostile", "title": "x" * 10_000_000, "source": {"kind": "csv", "path": "table.csv"},
                         "task": {"kind": "forecast", "target": ["level"], "lookback_steps": 4, "horizon_steps": 1}}),
                  "level\n" + "\n".join(map(str, range(80)))))  # fmt: skip
def test_no_card_and_no_table_gets_a_traceback_or_a_file_elsewhere(
    written: tuple[str, str], hostile_folder: Path
) -> None:
    config, table = written
    (hostile_folder / "hostile.toml").write_text(config, encoding="utf-8", errors="surrogatepass")
    (hostile_folder / "table.csv").write_text(table, encoding="utf-8", errors="surrogatepass")
    before = _files(hostile_folder.parent.parent)
    for command in (("datasets", "check", "./hostile.toml"), ("datasets", "show", "./hostile.toml")):
        code, out, err = _call(*command)
        assert code in (0, 1, 2)
        assert "Traceback" not in out + err
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", out + err), "a terminal would obey it"
        if code:
            assert err.count("\n") == 1, err
            assert len(err) < 20_000
    assert _files(hostile_folder.parent.parent) == before


@pytest.mark.slow
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(written=configs())
def test_a_card_is_begun_from_any_table_inside_its_folder_or_not_at_all(
    written: tuple[str, str], hostile_folder: Path
) -> None:
    _, table = written
    (hostile_folder / "table.csv").write_text(table, encoding="utf-8", errors="surrogatepass")
    code, out, err = _call("datasets", "new", "table.csv")
    assert code in (0, 1, 2)
    assert "Traceback" not in out + err
    made = _files(hostile_folder.parent.parent) - {Path("deep"), Path("deep/er"), Path("deep/er/table.csv")}
    assert made <= {Path("deep/er/datasets"), Path("deep/er/datasets/table.toml")}
    (hostile_folder / "datasets" / "table.toml").unlink(missing_ok=True)


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(names=st.lists(TEXT, min_size=1, max_size=8, unique=True))
def test_no_name_makes_a_key_that_mlflow_refuses(names: list[str]) -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name

    made = keys("hp", names)
    assert len(set(made.values())) == len(names)
    for key in made.values():
        _validate_metric_name(key)
        _validate_param_name(key)


@pytest.fixture(scope="module")
def calm(make_comparison: Callable[..., ComparisonResult], make_sweep: Callable[..., SweepResult]) -> str:
    """A page whose texts are plain."""
    return html(make_sweep([make_comparison()], unfinished={"late": "x"}), "harness ui")


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXT, min_size=4, max_size=4))
@example(texts=["<script>alert(1)</script>"] * 4)
@example(texts=['"><img src=x onerror=alert(1)>'] * 4)
def test_no_text_becomes_markup_in_the_report(
    texts: list[str],
    calm: str,
    make_comparison: Callable[..., ComparisonResult],
    make_sweep: Callable[..., SweepResult],
) -> None:
    title, label, channel, licence = texts
    whole = make_comparison(facts={"title": title, "classes": (label,), "notes": (label,)})
    facts = dataclasses.replace(whole.facts, channels=(channel,), license=licence)
    page = html(make_sweep([dataclasses.replace(whole, facts=facts)], unfinished={"late": label}), "harness ui")
    for tag in ("<script", "<img", "<iframe"):
        assert page.count(tag) == calm.count(tag)
    assert not re.search(r"<[^>]* on\w+\s*=", page)
