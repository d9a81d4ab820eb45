"""The report as one HTML file that loads nothing, runs nothing and opens offline.

It lays out what `view` and `figures` say. Text from configs, data and errors is escaped by jinja2 on its way into the
page, without exception: only SVG made here is let through as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness import text
from harness.records import SweepResult
from harness.report import figures
from harness.report.axes import APPEARANCES
from harness.report.format import run_filter
from harness.report.view import ComparisonView
from harness.stats.wording import QUESTION, across_lines
from harness.store import hide_passwords_in
from harness.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_FAILURES = 20
"""Failed trials listed of one dataset; the rest is counted."""


def html(
    result: SweepResult,
    ui_command: str = "harness ui",
    links: Mapping[str, str] = MappingProxyType({}),
    views: Sequence[ComparisonView] | None = None,
) -> str:
    """The sweep's report as a page.

    Args:
        result: The sweep as it stands.
        ui_command: The command that opens MLflow's UI on the sweep's store.
        links: Address in MLflow's UI of each dataset's comparison, by its name, and of trials, by their key's text;
            what does not lead to a server by the web's own protocols is left out.
        views: Those of the comparisons, where they are used elsewhere too; each with an anchor of its own.

    Returns:
        A whole HTML document.
    """
    if views is None:
        views = [ComparisonView(one, f"dataset-{place}") for place, one in enumerate(result.comparisons, start=1)]
    answer, more = _answer(result)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            answer=answer,
            more=more,
            views=views,
            most_failures=MOST_FAILURES,
            links={name: address for name, address in links.items() if address.startswith(("http://", "https://"))},
            families=list(dict.fromkeys(family.name for view in views for family in view.families)),
            question=QUESTION,
            overview=figures.overview(result.comparisons),
            ranks=figures.ranks(result.across) if result.across else None,
            across=across_lines(result.across) if result.across else (),
            tracking_uri=printable(hide_passwords_in(result.tracking_uri)),
            ui_command=printable(hide_passwords_in(ui_command)),
            overview_key=figures.OVERVIEW_KEY,
            appearances=APPEARANCES,
            text=text,
            run_filter=run_filter,
        )
    )


def _answer(result: SweepResult) -> tuple[str, str]:
    """The heading, and what the sentence over several datasets says besides its counts."""
    if len(result.comparisons) < 2:
        return result.overall, ""
    counts, _, more = result.overall.partition("; ")
    return counts[:1].upper() + counts[1:], more[:1].upper() + more[1:]


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

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
    # A percent sign stands on the line of its number.
    environment.filters["tied"] = lambda sentence: sentence.replace(" %", "\N{NO-BREAK SPACE}%")
    return environment
