"""The report as one HTML file that loads nothing, runs nothing and opens offline.

It lays out what `view` and `figures` say. Text from configs, data and errors is escaped by jinja2 on its way into the
page, without exception: only SVG made here is let through as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness import text
from harness.records import SweepResult, TrialRecord
from harness.report import figures
from harness.report.axes import APPEARANCES
from harness.report.curves import curves_of
from harness.report.drawings import Drawing, difference_of, drawings_of
from harness.report.format import run_filter
from harness.report.view import ComparisonView, Row, fact_rows, pair_rows, selected_rows, usage_rows, view_of
from harness.stats.wording import QUESTION, across_lines
from harness.store import hide_passwords_in
from harness.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_FAILURES = 20
"""Failed trials listed of one dataset; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The part of the page about one dataset.

    Attributes:
        anchor: Its id in the page.
        view: What it says.
        difference: Figure of the difference; None when it is not known.
        drawings: The other figures.
        pairs: Every pair of three families or more.
        budget report: What each family spent.
        selected: The selected trials.
        facts: What the dataset is.
        failures: The failed trials that are listed.
        failed: How many failed.
        link: Address of the comparison's run in MLflow's UI; empty when it is not known.
        server: Where that address expects the UI; empty when there is no address.
        links: Key and address of the selected trials' runs.
    """

    anchor: str
    view: ComparisonView
    difference: Drawing | None
    drawings: tuple[Drawing, ...]
    pairs: list[tuple[str, ...]]
    usage: list[Row]
    selected: list[Row]
    facts: list[tuple[str, str]]
    failures: tuple[TrialRecord, ...]
    failed: int
    link: str
    server: str
    links: tuple[tuple[str, str], ...]


def html(
    result: SweepResult,
    ui_command: str = "harness ui",
    links: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The sweep's report as a page.

    Args:
        result: The sweep as it stands.
        ui_command: The command that opens MLflow's UI on the sweep's store.
        links: Address in MLflow's UI of each dataset's comparison, by its name, and of trials, by their key's text.

    Returns:
        A whole HTML document.
    """
    chapters = [
        _chapter(view_of(comparison, curves_of(comparison)), f"dataset-{number}", links)
        for number, comparison in enumerate(result.comparisons, start=1)
    ]
    answer, more = _answer(result)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            answer=answer,
            more=more,
            chapters=chapters,
            families=list(dict.fromkeys(family.name for chapter in chapters for family in chapter.view.families)),
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


def _chapter(view: ComparisonView, anchor: str, links: Mapping[str, str]) -> Chapter:
    failures = [trial for trial in view.result.trials if trial.failure is not None]
    link = _web(links.get(view.result.dataset, ""))
    return Chapter(
        anchor=anchor,
        view=view,
        difference=difference_of(view, anchor),
        drawings=tuple(drawings_of(view, anchor)),
        pairs=pair_rows(view.result.verdict, view.style),
        usage=usage_rows(view.result),
        selected=selected_rows(view.result),
        facts=fact_rows(view.result.facts),
        failures=tuple(failures[:MOST_FAILURES]),
        failed=len(failures),
        link=link,
        server=link.partition("/#")[0],
        links=tuple(
            (str(family.selected.key), _web(links.get(str(family.selected.key), "")))
            for family in view.result.families
            if family.selected is not None and str(family.selected.key) in links
        ),
    )


def _web(address: str) -> str:
    """The address when it leads to a server by the web's own protocols; empty for anything else."""
    return address if address.startswith(("http://", "https://")) else ""


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_template),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = Markup
    environment.filters["tied"] = _tied
    return environment


def _finalize(value: Any) -> Any:
    return printable(value) if type(value) is str else value  # markup is a subclass: the page's own text


def _tied(sentence: str) -> str:
    """The sentence with its percent signs on the line of their numbers."""
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def _template(name: str) -> str:
    return resources.files("harness.report").joinpath("templates", name).read_text(encoding="utf-8")
