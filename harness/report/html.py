"""The report as one HTML file that loads nothing, opens offline, and says the same where its one script does not run.

It lays out what `view`, `page` and `differences` say. Text from configs, data and errors is escaped on its way into the
page, without exception: only SVG made here and the script, which the page's policy names by its hash, are let through.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness import text
from harness.records import SweepResult
from harness.report import differences
from harness.report.axes import APPEARANCES
from harness.report.format import run_filter
from harness.report.page import script
from harness.report.page.atlas import among
from harness.report.page.cards import Card, card_of
from harness.report.page.private import without_data
from harness.report.page.table import TrialsTable, table_of
from harness.report.text import families_over_all
from harness.report.view import ComparisonView, Drawing
from harness.stats.words import brief
from harness.stats.words.wording import QUESTION, across_lines
from harness.store import hide_passwords_in
from harness.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

THREE_QUESTIONS = (
    "Which of the selected models to use, by their errors on the same test cases; whether that was luck of the seed, "
    "by the selected hyperparameters trained again with fresh seeds; and which family a new search would favour, by "
    "all trials. What is recommended is the better of the models where the test cases tell, else what validation "
    "selected."
)
"""What a verdict answers."""

MOST_FAILURES = 20
"""Failed trials listed of one dataset; the rest is counted."""

MOST_PICTURED = 25
"""Datasets of a sweep all of whose figures are in its page: of one they take 0.3 s to draw, and 100 kB."""


def html(
    result: SweepResult,
    ui_command: str = "harness ui",
    links: Mapping[str, str] = MappingProxyType({}),
    views: Sequence[ComparisonView] | None = None,
    options: str = "",
) -> str:
    """The sweep's report as a page.

    Args:
        result: The sweep as it stands.
        ui_command: The command that opens MLflow's UI on the sweep's store.
        links: Address in MLflow's UI of each dataset's comparison, by its name, and of trials, by their key's text;
            what does not lead to a server by the web's own protocols is left out.
        views: Those of the comparisons, where they are used elsewhere too; each with an anchor of its own.
        options: What a command is given besides to mean the sweep's store, such as ` --store DIR`.

    Returns:
        A whole HTML document.
    """
    if not result.data_in_report:
        result, options = without_data(result), ""
        ui_command = ui_command.partition(" --")[0]
    if views is None:
        views = [
            ComparisonView(
                one,
                f"dataset-{place}",
                result.to_extend(options),
                pictured=len(result.comparisons) <= MOST_PICTURED,
            )
            for place, one in enumerate(result.comparisons, start=1)
        ]
    answer, more = _answer(result, brief.answers([view.verdict for view in views]))
    cards = list(map(card_of, views))
    tables = [table_of(view.result, view.style) for view in views]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            answer=answer,
            more=more,
            when=_when(result),
            views=views,
            cards=cards,
            tables=tables,
            atlas=[among(view.result) for view in views],
            data=script.block(_data(views, cards, tables)),
            policy=script.policy(),
            script=script.script(),
            licence=script.licence(),
            most_failures=MOST_FAILURES,
            most_pictured=MOST_PICTURED,
            links={name: address for name, address in links.items() if address.startswith(("http://", "https://"))},
            families=list(dict.fromkeys(family.name for view in views for family in view.families)),
            question=QUESTION,
            three_questions=THREE_QUESTIONS,
            overview=differences.overview(result.comparisons),
            ranks=differences.ranks(result.across) if result.across else None,
            across=across_lines(result.across) if result.across else (),
            tracking_uri=printable(hide_passwords_in(result.tracking_uri)),
            ui_command=printable(hide_passwords_in(ui_command)),
            overview_key=differences.OVERVIEW_KEY,
            appearances=APPEARANCES,
            text=text,
            run_filter=run_filter,
        )
    )


def _when(result: SweepResult) -> str:
    """When the sweep began and ended, in local time: `2026-12-01 05:17 to 05:20`; empty where that is not known."""
    if result.began is None or result.ended is None:
        return ""
    began, ended = map(time.localtime, (result.began, result.ended))
    until = "%H:%M" if began[:3] == ended[:3] else "%Y-%m-%d %H:%M"
    return f"{time.strftime('%Y-%m-%d %H:%M', began)} to {time.strftime(until, ended)}"


def _data(views: Sequence[ComparisonView], cards: Sequence[Card], tables: Sequence[TrialsTable]) -> dict[str, Any]:
    """What the page's script makes tooltips and the whole tables of."""
    svgs = {f"{view.anchor}-{name}": one.svg for view in views for name, one in view.drawn.items()}
    svgs |= {f"{card.anchor}-card": card.figure for card in cards}
    found = {name: getattr(svg, "tips", {}) for name, svg in svgs.items()}
    return {
        "figures": {name: tips for name, tips in found.items() if tips},
        "tables": {view.anchor: table.data for view, table in zip(views, tables, strict=True)},
    }


def page_of(title: str, drawings: Sequence[Drawing]) -> str:
    """A page of pictures alone.

    Args:
        title: What they show.
        drawings: The pictures, whose ids differ from each other.

    Returns:
        A whole HTML document.
    """
    template = environment().get_template("pictures.html.j2")
    return template.render(title=title, drawings=drawings, appearances=APPEARANCES)


def _answer(result: SweepResult, use: str) -> tuple[str, str]:
    """The heading, and what stands below it.

    Args:
        result: The sweep.
        use: What to use in one sentence; empty where verdicts of 0.1.0 do not say it.
    """
    if len(result.comparisons) < 2:
        return use or result.overall, ""
    counts, tests = families_over_all(result)
    if not use:
        return _capital(counts), _capital(tests)
    return use, f"Families over all their trials, {'; '.join(filter(None, (counts, tests)))}."


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def environment() -> Environment:
    """Where the templates are, with everything escaped that is not marked as the page's own."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    environment = Environment(
        autoescape=True,
        loader=PackageLoader("harness.report"),
        undefined=StrictUndefined,
        # Markup is a subclass of text: the page's own.
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = Markup
    environment.filters["tied"] = _tied
    environment.filters["told"] = lambda sentence: Markup(
        _COMMAND.sub(r"<code>\1</code>", str(escape(_tied(sentence))))
    )
    return environment


_COMMAND = re.compile(r"`([^`]*)`")
"""What a sentence sets apart as a command."""


def _tied(sentence: str) -> str:
    """The sentence with each percent sign on the line of its number."""
    return printable(sentence).replace(" %", "\N{NO-BREAK SPACE}%")
