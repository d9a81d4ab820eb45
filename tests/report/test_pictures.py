"""Pictures of what a champion does: well-formed, small, and in the report where they were recorded."""

from __future__ import annotations

import dataclasses
import math
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.records import (
    ClassDiagnostics,
    Diagnostics,
    ForecastDiagnostics,
    ForecastWindow,
    NumberDiagnostics,
)
from harness.records.diagnostics import OTHERS
from harness.report import pictures
from harness.report.html import html
from harness.report.pictures.classes import wilson
from harness.report.view import ComparisonView

SVG = "{http://www.w3.org/2000/svg}"


def _window(place: str, steps: int, before: int = 24) -> ForecastWindow:
    line = tuple(math.sin(step / 5) for step in range(steps))
    return ForecastWindow(place, tuple(math.cos(step / 5) for step in range(before)), line, line, 0.5, 7)


def _forecast(steps: int = 12, **changes: Any) -> Diagnostics:
    windows = tuple(_window(place, steps) for place in ("best", "median", "worst"))
    line = tuple(0.1 * (step + 1) for step in range(steps))
    widths = {"80": line, "95": tuple(2 * value for value in line)}
    found = ForecastDiagnostics("de<mand>", "MWh", windows, widths, line, line, 40)
    return Diagnostics("load", "test part", forecast=dataclasses.replace(found, **changes))


def _classes(names: tuple[str, ...]) -> Diagnostics:
    size = len(names)
    confusion = tuple(tuple(9 if row == column else column % 2 for column in range(size)) for row in range(size))
    found = ClassDiagnostics((0.35, 0.94), (0.5, 1.0), (4, 90), 0.06, not names, names, confusion)
    return Diagnostics("words", "test part", classes=found)


def _numbers(count: int = 300) -> Diagnostics:
    line = tuple(step / 10 for step in range(count))
    found = NumberDiagnostics("fat", "%", line, line[::-1], {"80": 1.0, "95": 2.0}, 1000, 0.1, 0.5)
    return Diagnostics("tecator", "test part", numbers=found)


EVERY = {
    "forecast": _forecast(),
    "one step": _forecast(1),
    "long": _forecast(2000),
    "no history": _forecast(windows=(dataclasses.replace(_window("best", 12), before=()),), naive_errors=()),
    "ahead": _forecast(windows=(ForecastWindow("north", (1.0, math.nan, 2.0), (3.0,) * 12),), errors=()),
    "flat": _forecast(windows=(ForecastWindow("best", (0.0,) * 3, (0.0,) * 12, (0.0,) * 12, 0.0, 1),), half_widths={}),
    "two classes": _classes(("no", "yes")),
    "many classes": _classes((*(f"a class <of> many letters {number}" for number in range(10)), OTHERS)),
    "labels": _classes(()),
    "numbers": _numbers(),
    "one number": _numbers(1),
}


def _texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("found", EVERY.values(), ids=EVERY)
def test_every_picture_is_well_formed_small_and_told(found: Diagnostics) -> None:
    drawn = list(pictures.drawn(found, "a"))
    assert len({name for name, *_ in drawn}) == len(drawn) > 0
    ids: list[str] = []
    for name, svg, caption in drawn:
        root = ElementTree.fromstring(svg)
        assert "nan" not in svg.lower(), name
        assert root.get("role") == "img"
        title, told = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None
        assert title.text
        assert told is not None
        assert found.dataset in str(told.text)
        assert caption.endswith(".")
        assert len(svg) < 45_000
        ids += [element.get("id") or "" for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert sum(len(svg) for _, svg, _ in drawn) < 120_000


def test_a_forecast_stands_beside_what_it_is_to_be_compared_with() -> None:
    drawn = {name: (_texts(svg), caption) for name, svg, caption in pictures.drawn(_forecast(), "a")}
    assert list(drawn) == ["forecast-best", "forecast-median", "forecast-worst", "horizon"]
    texts, caption = drawn["forecast-worst"]
    assert {"history", "actual", "forecast", "80 %", "95 %"} <= {*texts}
    assert caption == (
        "The worst of 40 windows by mean absolute error, 0.500 MWh, from row 8 of the source on. "
        "Bands are the 80 % and 95 % intervals."
    )
    texts, caption = drawn["horizon"]
    assert {"last value repeated", "forecast"} <= {*texts}
    assert "from 0.100 MWh at the first step to 1.20 MWh at step 12" in caption


def test_a_confusion_matrix_numbers_columns_whose_names_are_long() -> None:
    short = {name: _texts(svg) for name, svg, _ in pictures.drawn(_classes(("no", "yes")), "a")}["confusion"]
    assert short.count("yes") == 2
    long = {name: _texts(svg) for name, svg, _ in pictures.drawn(EVERY["many classes"], "a")}["confusion"]
    assert {str(number) for number in range(1, 12)} <= {*long}


def test_wilson_is_known_at_both_ends() -> None:
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_the_report_shows_what_the_champion_does(make_comparison: Any, make_sweep: Any) -> None:
    plain = make_comparison()
    assert not ComparisonView(plain).pictures
    assert "What the exported model does" not in html(make_sweep([plain]))
    champion = dataclasses.replace(plain.champion, diagnostics=_forecast())
    again = dataclasses.replace(plain, champion=type(champion).from_json(champion.to_json()))
    before, page = html(make_sweep([plain])), html(make_sweep([again]))
    assert "What the exported model does on the test part" in page
    assert "The worst of 40 windows" in page
    assert len(page) - len(before) < 150_000


def test_a_champion_of_before_has_no_pictures(make_comparison: Any) -> None:
    champion = make_comparison().champion
    plain = champion.to_json()
    del plain["diagnostics"]
    assert type(champion).from_json(plain) == champion
