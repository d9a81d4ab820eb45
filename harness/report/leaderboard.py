"""All verdicts of some stores as a table: on a screen, as CSV, and as a page that loads nothing and runs nothing."""

from __future__ import annotations

import csv
import dataclasses
import io
import time
from collections.abc import Sequence

from harness import text
from harness.records import Direction, Leaderboard, LeaderboardRow, Objective
from harness.report.axes import APPEARANCES
from harness.report.format import metric_words
from harness.stats.words.sentences import probability_text, regret_text
from harness.text import MISSING, joined, significant

HEADER = ("DATASET", "USE", "SURE", "METRIC", "SCORE", "BASELINE", "MODEL", "DATE", "SWEEP")
SPARE = ("SWEEP", "MODEL", "DATE", "SURE")
"""What a narrow terminal goes without, the first of them first."""

WORDS = ("USE", "SURE", "METRIC", "BASELINE", "MODEL", "SWEEP")
"""The columns without numbers."""

DIGITS = 4


def cells(row: LeaderboardRow) -> tuple[str, ...]:
    """A row as text, in the order of `HEADER`."""
    objective = Objective(row.metric, Direction(row.direction), row.unit)
    return (
        row.dataset,
        row.use,
        certainty(row),
        metric_words(objective),
        _score(row.score, row),
        f"{_score(row.baseline_score, row)} {row.baseline}" if row.baseline else MISSING,
        f"{row.model}{f' @{row.alias}' if row.alias else ''}" or MISSING,
        day(row.decided_at),
        row.sweep_id,
    )


def _score(score: float | None, row: LeaderboardRow) -> str:
    return MISSING if score is None else joined(significant(score, DIGITS), row.unit)


def certainty(row: LeaderboardRow) -> str:
    """How sure the answer is: `0.72, at worst 5 % more error`; a dash where the verdict abstains."""
    if row.probability is None:
        return MISSING
    worst = "" if row.regret is None else f", at worst {regret_text(row.regret)}"
    return f"{probability_text(row.probability)}{worst}"


def day(seconds: float) -> str:
    """A local date, such as `2026-11-30`."""
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def to_csv(board: Leaderboard) -> str:
    """The rows as CSV with full numbers; times in UTC."""
    written = io.StringIO()
    names = [one.name for one in dataclasses.fields(LeaderboardRow)]
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(names)
    for row in board.rows:
        values = {name: getattr(row, name) for name in names}
        values["families"] = " ".join(row.families)
        values["decided_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row.decided_at))
        writer.writerow(["" if values[name] is None else values[name] for name in names])
    return written.getvalue()


def to_html(board: Leaderboard) -> str:
    """The rows as a whole HTML document."""
    from harness.report.html import environment

    return (
        environment()
        .get_template("leaderboard.html.j2")
        .render(
            header=HEADER,
            words=[HEADER.index(name) for name in WORDS],
            rows=[cells(row) for row in board.rows],
            unread=board.unread,
            counts=counts(board.rows),
            appearances=APPEARANCES,
            text=text,
        )
    )


def counts(rows: Sequence[LeaderboardRow]) -> list[tuple[str, int]]:
    """How often each answer was given, the most frequent first."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.use] = found.get(row.use, 0) + 1
    return sorted(found.items(), key=lambda item: -item[1])
