"""Writes what comes from atlas/tables: the part of docs/atlas.md between its two markers, and atlas/summary.json.

The summary is what the package carries of the Atlas, for reports and `--prior atlas`.

    python docs/atlas.py

`tests/atlas/test_docs.py` asks whether the page is about the tables as they are, and, where there is time, whether the
numbers come out again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.atlas.answer import Answer, answer_of
from harness.atlas.model import Posterior
from harness.atlas.plan import read_plan
from harness.atlas.prior import summary_of
from harness.atlas.report import words
from harness.atlas.tables import read_tables

PAGE = Path(__file__).with_name("atlas.md")
TABLES = PAGE.parents[1] / "atlas" / "tables"
SUMMARY = TABLES.with_name("summary.json")
BEGIN, END = "<!-- made by docs/atlas.py from tables {} -->", "<!-- end of what is made -->"
_MADE = re.compile(re.escape(BEGIN).replace(r"\{\}", "([0-9a-f]+)") + ".*?" + re.escape(END), re.DOTALL)


def digest() -> str:
    """SHA-256 of all tables, by name and content, in 16 digits."""
    content = hashlib.sha256()
    for path in sorted(TABLES.rglob("*.csv")):
        content.update(path.relative_to(TABLES).as_posix().encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]


def digest_of_page() -> str:
    """The digest of the tables that the page was made from; empty where its markers are gone."""
    found = _MADE.search(PAGE.read_text(encoding="utf-8"))
    return found[1] if found else ""


def made() -> tuple[str, str]:
    """The page, whole, and the summary; the latter is empty until every data set of the plan has a row."""
    tables, plan = read_tables(TABLES), read_plan()
    summary = ""
    if tables.datasets:
        answer = answer_of(tables, plan.by_name)
        lines = list(_lines(answer))
        # Before the run is over its rows are no sample of the plan: the smallest data sets came first.
        if answer.pooled and tables.datasets.keys() >= plan.by_name.keys():
            posterior = Posterior([one.estimate for one in answer.standings])
            its = summary_of(posterior, answer.standings, f"{plan.version}-{digest()[:8]}", answer.prior)
            summary = json.dumps(its.to_json(), indent=1) + "\n"
    else:
        lines = [
            f"**The run is not complete: none of the {len(plan.datasets)} data sets of the plan has rows yet.** "
            "Nothing is known."
        ]
    part = "\n".join([BEGIN.format(digest()), "", *lines, "", END])
    return _MADE.sub(lambda _: part, PAGE.read_text(encoding="utf-8")), summary


def _lines(answer: Answer) -> Iterator[str]:
    if state := words.state(answer):
        yield f"**{state}**\n"
    yield f"> {words.headline(answer)}\n"
    yield "### By task\n"
    yield from _table(words.BY_TASK, words.by_task(answer), ("TASK",))
    yield f"\n{words.KEY_BY_TASK}\n"
    yield "### What there is besides\n"
    yield from (f"- {line}" for line in words.findings(answer))
    yield "\n### Every data set\n"
    yield from _table(words.HEADER[: words.SHORT], [cells[: words.SHORT] for cells in words.table(answer)], words.WORDS)
    yield f"\n{words.KEY}\n"
    yield "### What it does not say\n"
    yield from (f"- {line}" for line in words.limits(answer))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], wordy: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(head.lower() for head in header)} |"
    yield f"|{'|'.join('---' if head in wordy else '---:' for head in header)}|"
    for cells in rows:
        yield f"| {' | '.join(cell.replace('|', ' ') for cell in cells)} |"


if __name__ == "__main__":
    page, summary = made()
    PAGE.write_text(page, encoding="utf-8")
    if summary:
        SUMMARY.write_text(summary, encoding="utf-8")
