"""`harness atlas answer`: what the committed tables say, recomputed from them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.atlas.tables import TABLES, TablesOption, where
from harness.cli.common import JsonOption, count_option
from harness.cli.terminal.output import say, say_json, say_table, say_wrapped
from harness.errors import UsageError


def answer(
    tables: TablesOption = TABLES,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write the answer as one page, with figure and table.", show_default=False
        ),
    ] = None,
    splits: Annotated[
        int | None,
        count_option("N", "Splits of each family's trials in the check for false winners; 0 for none. [200]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether LSTM or GRU is better over all data sets, how surely, and what it depends on.

    Everything is computed again from the tables, in a minute or so: the pooled mean, each data set, moderators, costs,
    baselines, prediction of unseen data sets, and the check of the rule by splits of single families' trials.
    """
    from harness.atlas import false_winners
    from harness.atlas.answer import answer_of
    from harness.atlas.plan import read_plan
    from harness.atlas.report import words
    from harness.atlas.report.page import page
    from harness.atlas.tables import read_tables
    from harness.disk import replace_text

    if splits is not None and splits < 0:
        raise UsageError(f"--splits {splits}: expected at least 0")
    found = read_tables(where(tables))
    if not found.datasets:
        raise UsageError(f"{tables}: no rows yet; `harness atlas rows` writes them")
    its = answer_of(found, read_plan().by_name, false_winners.SPLITS if splits is None else splits)
    if html:
        replace_text(html, page(its))
    if as_json:
        say_json({"answer": words.headline(its), "state": words.state(its), **its.to_json()})
        return
    for line in filter(None, (words.headline(its), words.state(its), *words.findings(its))):
        say_wrapped(line)
    say("")
    say_table(words.BY_TASK, words.by_task(its))
    say_wrapped(words.KEY_BY_TASK)
    say("")
    shown = words.HEADER[: words.SHORT]
    say_table(shown, [cells[: words.SHORT] for cells in words.table(its)], words.SPARE)
    say_wrapped(words.KEY)
    say("")
    for line in words.limits(its):
        say_wrapped(line)
