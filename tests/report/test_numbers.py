"""How numbers are written."""

from __future__ import annotations

import math
import statistics

import pytest

from harness.report.format import Style, mean_and_spread, style_of
from harness.text import count, counted, duration_text, fixed, level_text, percent, short, significant, ticks


@pytest.mark.parametrize(
    ("values", "spreads", "expected"),
    [
        ([209.6, 187.2], [7.3, 6.2], Style(1)),
        ([0.9421, 0.9507], [0.0073, 0.035], Style(4)),
        ([0.01231, 0.0105, 0.1671], [0.00061, 0.00018], Style(5)),
        ([12345.0], [678.0], Style(-1)),
        ([12345.0], [], Style(-1)),
        ([231.4], [0.0], Style(1)),
        ([231.4], [1e-12], Style(3)),  # never more than six digits of the largest
        ([231.4], [5.0, 0.001], Style(2)),  # one tiny spread adds one decimal at most
        ([231.4, 0.0123], [], Style(3)),
        ([None, math.nan], [None, math.inf], Style(0)),
        ([], [], Style(0)),
        ([0.0], [], Style(0)),
    ],
)
def test_decimals_follow_the_spread(values: list[float], spreads: list[float], expected: Style) -> None:
    assert style_of(values, spreads) == expected


def test_a_style_writes_scores_alike() -> None:
    style = Style(1, "MWh")
    assert style.write(1234.56) == "1,234.6"
    assert style.with_unit(1234.56) == "1,234.6 MWh"
    assert style.with_unit(None) == "-"
    assert style.with_spread(187.24, 6.21) == "187.2 ± 6.2"
    assert style.with_spread(187.24, None) == "187.2"
    assert style.with_spread(None, None) == "-"
    assert style.interval(-4.61, 65.48) == "-4.6 to 65.5"
    assert style.interval(math.nan, 1.0) == "-"
    assert Style(-1, "kWh").with_spread(12345.0, 678.0) == "12,340 ± 680"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (-0.001, 2, "0.00"),  # never "-0.00"
        (1234567.8, 0, "1,234,568"),
        (2.5e12, 0, "2.50000e12"),
        (1.23456e-9, 11, "1.23e-9"),
        (0.0, 11, "0"),
        (math.nan, 2, "-"),
        (math.inf, 2, "infinite"),
        (-math.inf, 2, "-infinite"),
        (None, 2, "-"),
    ],
)
def test_fixed(value: float | None, places: int, text: str) -> None:
    assert fixed(value, places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (1234.5, "1,230"), (999.96, "1,000"), (1.2e-7, "1.20e-7"), (0, "0"), (-3.14159, "-3.14")],
)
def test_significant(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.05, "0.05"), (250, "250"), (2000, "2k"), (2500, "2.5k"), (1.5e6, "1.5M"), (1e-7, "1.0e-7")]
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.9, 0.92, 0.94], ["0.90", "0.92", "0.94"]),
        ([0, 2.5, 5], ["0.0", "2.5", "5.0"]),
        ([0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        ([0, 5, 10], ["0", "5", "10"]),
        ([0, 5000, 10000], ["0", "5k", "10k"]),
        ([-0.01, 0.0, 0.01], ["-0.01", "0.00", "0.01"]),
        ([7.0], ["7"]),
        ([], []),
    ],
)
def test_ticks_tell_neighbours_apart(values: list[float], labels: list[str]) -> None:
    assert ticks(values) == labels


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "under 1 %"),
        (0.004, "under 1 %"),
        (0.462, "46 %"),
        (0.995, "over 99 %"),
        (1.0, "over 99 %"),
        (math.nan, "-"),
    ],
)
def test_a_probability_is_never_certain(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.04, "0 s"),
        (0.42, "0.4 s"),
        (5, "5 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
        (86_370, "1 day"),
        (90_000, "1 day 1 h"),
        (7 * 86_400, "7 days"),
        (None, "-"),
        (math.inf, "-"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_counts_and_levels() -> None:
    assert count(1234567) == "1,234,567"
    assert count(None) == "-"
    assert counted(1, "trial") == "1 trial"
    assert counted(2000, "trial") == "2,000 trials"
    assert level_text(0.98) == "98 %"
    assert level_text(0.975) == "97.5 %"


def test_mean_and_spread_is_the_sample_standard_deviation() -> None:
    values = [0.91, 0.94, 0.955]
    mean, spread = mean_and_spread(values)
    assert mean == pytest.approx(statistics.fmean(values))
    assert spread == pytest.approx(statistics.stdev(values))
    assert mean_and_spread([0.9]) == (0.9, None)
    assert mean_and_spread([]) == (None, None)
    assert mean_and_spread([1.0, math.inf]) == (math.inf, None)
