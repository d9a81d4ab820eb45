"""The figures of verdicts: differences with their intervals, and ranks. Records in, SVG text out; they decide nothing.

Each function takes a `name` that is put before the ids of the figure's parts (unique in a page) and returns None when
there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.records import Across, CaseInterval, ComparisonResult, Outcome, Verdict
from harness.report.axes import INK, PLAIN, dots, drawing, label_ticks, letters_wide, look_of, render, sides
from harness.report.format import axis_words
from harness.text import level_text, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OVERVIEW_KEY = "Coloured: a winner is named. Square: practically equal. Hollow: undecided."
"""What the markers of `overview` and `difference` mean."""

_MOST_MARGINS = 10.0
"""As far as the axis of `overview` goes to show whole intervals, to either side; points are shown wherever they are."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A difference of the first two families of a verdict, positive where the first is better.

    Attributes:
        label: Of what: models, configurations or families.
        low: Lower end of its interval.
        middle: The difference.
        high: Upper end.
        family: Which family it names; None where it names none.
        over_cases: Its second interval, over test cases.
        equal: Whether it says that both are practically equal.
    """

    label: str
    low: float
    middle: float
    high: float
    family: str | None
    over_cases: CaseInterval | None = None
    equal: bool = False

    @property
    def ends(self) -> tuple[float, ...]:
        """All ends of its intervals."""
        over = self.over_cases
        return (self.low, self.high, over.low, over.high) if over else (self.low, self.high)


def difference(comparison: ComparisonResult, name: str = "difference") -> str | None:
    """The differences of two families' models, configurations and searches, over the margin in which they are equal."""
    verdict = comparison.verdict
    answers = list(_answers(verdict))
    if not answers:
        return None
    first, second = (shortened(family, 16) for family in verdict.families[:2])
    labels = [answer.label for answer in answers] if len(answers) > 1 else []
    left = 16.0 + letters_wide(labels) if labels else 14.0
    with drawing(height=80.0 + 36.0 * len(answers), left=left, top=28.0) as axes:
        _zones(axes, verdict.margin)
        for line, answer in enumerate(answers):
            _interval(axes, line, answer, comparison)
            if over := answer.over_cases:
                axes.plot((over.low, over.high), (line + 0.33, line + 0.33), color=INK, linewidth=1)
        reach = 1.15 * max(map(abs, (*(end for answer in answers for end in answer.ends), verdict.margin, 1e-300)))
        axes.set(xlim=(-reach, reach), ylim=(len(answers) - 0.4, -0.6))
        sides(axes, f"{second} better", f"{first} better")
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"difference of the test {axis_words(comparison.objective)}")
        title = f"Differences of {first} and {second} with {level_text(verdict.level)} intervals"
        return render(axes, name, title, "The grey zone is the equivalence margin.")


def overview(comparisons: Sequence[ComparisonResult], name: str = "overview") -> str | None:
    """The differences of all datasets, each divided by its own equivalence margin.

    None as well unless two datasets or more compare the same two families and have a margin.
    """
    drawn = [each for each in comparisons if _has_interval(each.verdict) and each.verdict.margin > 0]
    compared = {each.verdict.families for each in drawn}
    if len(drawn) < 2 or len(compared) > 1 or len(compared.pop()) != 2:
        return None
    labels = [shortened(each.dataset, 22) for each in drawn]
    first, second = (shortened(family, 16) for family in drawn[0].verdict.families[:2])
    with drawing(height=80.0 + 22.0 * len(drawn), left=16.0 + letters_wide(labels), top=28.0) as axes:
        _zones(axes, 1.0)
        for line, each in enumerate(drawn):
            _interval(axes, line, _of_families(each.verdict, each.verdict.margin), each)
        # A margin that is tiny beside the scatter would make the axis so long that all points lie on zero.
        farthest = max(abs(each.verdict.difference) / each.verdict.margin for each in drawn)
        reach = min(1.05 * max(map(abs, (*axes.get_xlim(), 1.0))), max(_MOST_MARGINS, 1.2 * farthest))
        axes.set(xlim=(-reach, reach), ylim=(len(drawn) - 0.4, -0.6))
        sides(axes, f"{second} better", f"{first} better")
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("difference ÷ equivalence margin")
        title = f"Differences of {first} and {second} on {len(drawn)} datasets"
        return render(axes, name, title, OVERVIEW_KEY)


def ranks(across: Across, name: str = "ranks") -> str | None:
    """Average ranks of the families over all datasets, over a bar as long as the critical difference (Demšar 2006)."""
    if not across.average_ranks or across.critical_difference is None:
        return None
    places = sorted(across.average_ranks.items(), key=lambda item: item[1])
    with drawing(height=96.0 + 24.0 * len(places), left=16.0 + letters_wide(list(across.average_ranks))) as axes:
        dots(axes, [rank for _, rank in places], range(len(places)), PLAIN, markersize=8)
        best = places[0][1]
        axes.plot((best, best + across.critical_difference), (-0.8, -0.8), color=INK, linewidth=2.5)
        axes.set_ylim(len(places) - 0.5, -1.3)
        axes.set_yticks(range(len(places)), [shortened(family, 22) for family, _ in places])
        axes.set_xlim(0.8, max(len(places) + 0.2, best + across.critical_difference + 0.2))
        axes.set_xlabel("average rank, 1 is best; the bar is the critical difference")
        axes.grid(True, axis="x")
        label_ticks(axes, "x")
        return render(
            axes, name, "Average ranks of the families", "Families within the bar's length are not told apart."
        )


def _answers(verdict: Verdict) -> Iterator[_Answer]:
    """What there is of the three: of three families or more, where it is about the same two."""
    pair = verdict.families[:2]
    for label, asked in (("models", verdict.models), ("configurations", verdict.configurations)):
        if asked is None or set(asked.families) != set(pair) or not math.isfinite(asked.low + asked.high):
            continue
        ends = (asked.low, asked.difference, asked.high)
        low, middle, high = ends if asked.families == pair else (-end for end in reversed(ends))
        yield _Answer(label, low, middle, high, asked.family)
    if _has_interval(verdict):
        yield _of_families(verdict)


def _of_families(verdict: Verdict, unit: float = 1.0) -> _Answer:
    return _Answer(
        "families",
        verdict.low / unit,
        verdict.difference / unit,
        verdict.high / unit,
        verdict.family,
        verdict.over_cases if unit == 1.0 else None,
        equal=verdict.outcome is Outcome.PRACTICALLY_EQUAL,
    )


def _has_interval(verdict: Verdict) -> bool:
    """Whether there is a difference of the families to draw, and it is not withheld."""
    return (
        not verdict.reasons_to_abstain
        and len(verdict.families) > 1
        and all(map(math.isfinite, (verdict.low, verdict.difference, verdict.high)))
    )


def _zones(axes: Axes, margin: float) -> None:
    axes.axvspan(-margin, margin, color=INK, alpha=0.13, linewidth=0)
    axes.axvline(0, color=INK, alpha=0.5, linewidth=0.8)


def _interval(axes: Axes, line: int, answer: _Answer, comparison: ComparisonResult) -> None:
    color, marker, fill = _look(answer, comparison)
    axes.plot((answer.low, answer.high), (line, line), color=color, linewidth=2.5, solid_capstyle="butt")
    axes.plot(answer.middle, line, marker, color=color, markerfacecolor=fill, markersize=9, markeredgewidth=1.8)


def _look(answer: _Answer, comparison: ComparisonResult) -> tuple[str, str, str]:
    """Colour of the line, marker, and what fills the marker."""
    looks = {family.family.name: look_of(place) for place, family in enumerate(comparison.families)}
    if look := looks.get(answer.family or ""):
        return look.color, look.marker, look.color
    return (INK, "s", INK) if answer.equal else (INK, "o", "none")
