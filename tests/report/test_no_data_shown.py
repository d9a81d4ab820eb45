"""`--no-data-in-report`: no window, no class name and no path is in the page; everything else is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from harness.records import ComparisonResult, SweepResult, TaskKind
from harness.records.diagnostics import (
    OTHERS,
    ClassDiagnostics,
    Diagnostics,
    ForecastDiagnostics,
    ForecastWindow,
    NumberDiagnostics,
)
from harness.report.html import html
from harness.report.page.private import HIDDEN, without_data

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]

WINDOW = ForecastWindow("median", (4321.5, 4321.6), (4322.5, 4323.5), (4322.7, 4323.1), 0.3, 7)
FORECAST = ForecastDiagnostics("Demand", "MWh", (WINDOW,), {"80": (5.0, 6.0)}, (7.25, 8.25), (9.0, 9.5), 450)
CLASSES = ClassDiagnostics((0.9,), (0.8,), (100,), 0.1, names=("mumps", "measles", OTHERS), confusion=((9,) * 3,) * 3)
NUMBERS = NumberDiagnostics("Demand", "MWh", (4321.5, 11.0), (4322.5, 12.0), {"80": 5.0}, 450, 0.1, 0.75)


@pytest.fixture
def telling(make_comparison: Make, make_sweep: MakeSweep) -> SweepResult:
    """A sweep whose report would tell of windows, classes and paths."""
    whole = make_comparison(
        failed=1,
        facts={
            "task": TaskKind.CLASSIFY,
            "classes": ("measles", "mumps", "rubella"),
            "notes": ("/home/ada/patients.csv: 3 rows",),
        },
    )
    assert whole.champion is not None
    seen = Diagnostics("vic_elec", "test part", FORECAST, CLASSES, NUMBERS)
    comparison = dataclasses.replace(
        whole,
        champion=dataclasses.replace(whole.champion, diagnostics=seen),
        trials=tuple(
            dataclasses.replace(one, message="cannot read /home/ada/patients.csv") if one.message else one
            for one in whole.trials
        ),
    )
    return make_sweep([comparison], unfinished={"late": "failed: no /home/ada/late.csv", "later": "not begun"})


def test_what_the_data_say_is_kept_back(telling: SweepResult) -> None:
    ui, options = "harness ui --store /home/ada/demo/mlruns", " --store /home/ada/demo/mlruns"
    shown = html(telling, ui, options=options)
    kept = html(dataclasses.replace(telling, data_in_report=False), ui, options=options)
    for word in ("measles", "mumps", "/home/ada", "forecast-median", "Truth against prediction"):
        assert word in shown
        assert word not in kept
    for word in (
        "class 1",
        "class 2",
        "Error by step",
        "7.25 MWh",
        "Confusion matrix",
        HIDDEN,
        "is not finished: failed<",
    ):
        assert word in kept


def test_classes_keep_one_number_everywhere(telling: SweepResult) -> None:
    (comparison,) = without_data(telling).comparisons
    assert comparison.facts.classes == ("class 1", "class 2", "class 3")
    assert comparison.champion is not None
    assert comparison.champion.diagnostics is not None
    found = comparison.champion.diagnostics.classes
    assert found is not None
    assert found.names == ("class 2", "class 1", OTHERS)
    assert found.confusion == CLASSES.confusion


def test_a_servers_address_is_no_path(telling: SweepResult) -> None:
    remote = dataclasses.replace(telling, tracking_uri="https://mlflow.example")
    assert without_data(remote).tracking_uri == "https://mlflow.example"
    assert without_data(telling).tracking_uri == HIDDEN
