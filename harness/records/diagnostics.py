"""What a champion does on the test part, in as few numbers as its pictures take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.records.serialization import Record

OTHERS = "all others"
"""What a confusion matrix calls the classes that it does not name."""


@dataclass(frozen=True, slots=True)
class ForecastWindow(Record):
    """One forecast of one target, in original units.

    Attributes:
        place: `best`, `median` or `worst` of the windows by their error; else the name of its series, or empty.
        before: The target's last values in the lookback, the oldest first; empty where it is no input.
        forecast: A number a step of the horizon.
        truth: The actual values, the same; empty where they are not known.
        error: Mean absolute error over the horizon; None where those are not known.
        row: First row of the horizon in the source, from 0; None where that is not known.
        moved: What the half widths of intervals are multiplied by here: how much the target moved in the lookback.
    """

    place: str
    before: tuple[float, ...]
    forecast: tuple[float, ...]
    truth: tuple[float, ...] = ()
    error: float | None = None
    row: int | None = None
    moved: float = 1.0


@dataclass(frozen=True, slots=True)
class ForecastDiagnostics(Record):
    """Forecasts of one target against the actual values.

    Attributes:
        target: Name of the target, the first one of several.
        unit: Of its values; empty for none.
        windows: Those that are shown.
        half_widths: Level in percent → half the width of the interval at each step, over `moved` of a window.
        errors: Mean absolute error at each step of the horizon; empty where the truth is not known.
        naive_errors: The same of the last value seen, repeated; empty where the target is no input.
        cases: How many windows the errors are means of.
        targets: How many targets there are.
    """

    target: str
    unit: str
    windows: tuple[ForecastWindow, ...]
    half_widths: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    errors: tuple[float, ...] = ()
    naive_errors: tuple[float, ...] = ()
    cases: int = 0
    targets: int = 1


@dataclass(frozen=True, slots=True)
class ClassDiagnostics(Record):
    """Probabilities against the truth.

    Attributes:
        confidence: Mean probability of each bin that holds some.
        frequency: How often what was said with it came true.
        counts: How many of each bin.
        calibration_error: Expected calibration error: mean distance of the two, weighted by the counts.
        flags: Whether each label's probability is meant, not that of the most probable class.
        names: Classes, the most frequent ones where they are many; the last one may stand for all others. Empty for
            labels.
        confusion: How many of each true class, a row each, were called which class.
        steps: Whether steps are counted, not sequences.
    """

    confidence: tuple[float, ...]
    frequency: tuple[float, ...]
    counts: tuple[int, ...]
    calibration_error: float
    flags: bool = False
    names: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    steps: bool = False


@dataclass(frozen=True, slots=True)
class NumberDiagnostics(Record):
    """Numbers against the truth, a sequence each, in original units.

    Attributes:
        target: What is predicted.
        unit: Of its values; empty for none.
        truth: The true numbers of those that are shown.
        prediction: What was said of the same ones.
        half_widths: Level in percent → half the width of the interval.
        cases: How many there are in all.
        mean_residual: Mean of truth minus prediction over all of them.
        mae: Mean of its size over all of them.
    """

    target: str
    unit: str
    truth: tuple[float, ...]
    prediction: tuple[float, ...]
    half_widths: Mapping[str, float] = field(default_factory=dict)
    cases: int = 0
    mean_residual: float = 0.0
    mae: float = 0.0


@dataclass(frozen=True, slots=True)
class Diagnostics(Record):
    """What a champion does on rows whose answers are known, or ahead of those that are.

    Attributes:
        dataset: Name of its dataset.
        rows: Which rows, in words, such as `test part`.
        forecast: Of a forecast.
        classes: Where answers are classes, labels or tokens.
        numbers: Of a regression.
    """

    dataset: str
    rows: str
    forecast: ForecastDiagnostics | None = None
    classes: ClassDiagnostics | None = None
    numbers: NumberDiagnostics | None = None
