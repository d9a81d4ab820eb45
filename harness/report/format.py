"""What records say to people: scores of one dataset alike, metrics, hyperparameters, failures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.records import Direction, Objective, ResourceUsage, Value
from harness.text import MISSING, count, fixed, joined, magnitude, printable, shortened, significant


@dataclass(frozen=True, slots=True)
class Style:
    """How all scores of one dataset are written, so that they can be compared by eye.

    Attributes:
        places: Decimals; negative ones round to tens, hundreds and so on.
        unit: Unit of the scores; empty for a pure number.
    """

    places: int
    unit: str = ""

    def write(self, value: float | None) -> str:
        """The number alone."""
        return fixed(value, self.places)

    def with_unit(self, value: float | None) -> str:
        """The number and its unit."""
        return joined(self.write(value), self.unit)

    def with_spread(self, mean: float | None, spread: float | None) -> str:
        """`mean ± spread`, the mean alone where there is no spread; without the unit."""
        if spread is None or not math.isfinite(spread):
            return self.write(mean)
        return f"{self.write(mean)} ± {self.write(spread)}"

    def interval(self, low: float, high: float) -> str:
        """`low to high`, without the unit."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return MISSING
        return f"{self.write(low)} to {self.write(high)}"


def style_of(values: Iterable[float | None], spreads: Iterable[float | None], unit: str = "") -> Style:
    """The decimals that show the smallest spread with two digits, the largest value with four, the smallest with three.

    One tiny spread among large ones adds no more than one decimal, and at most six digits of the largest value are
    shown: what lies below is noise of the arithmetic.

    Args:
        values: The scores to be written.
        spreads: Standard deviations or half-widths of intervals among them.
        unit: Unit of the scores.
    """
    sizes, widths = _sizes(values), _sizes(spreads)
    if not sizes:
        return Style(0, unit)
    wanted = max(3 - magnitude(max(sizes)), 2 - magnitude(min(sizes)))
    if widths:
        wanted = max(wanted, min(1 - magnitude(min(widths)), 2 - magnitude(max(widths))))
    return Style(min(wanted, 5 - magnitude(max(sizes))), unit)


def mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation (n - 1 in the denominator).

    Args:
        values: Scores of one configuration, such as those over fresh seeds.

    Returns:
        Both; no spread for one value or an infinite mean, neither for none.
    """
    if not values:
        return None, None
    mean = statistics.fmean(values)
    if len(values) < 2 or not math.isfinite(mean):
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _sizes(values: Iterable[float | None]) -> list[float]:
    return [abs(value) for value in values if value is not None and math.isfinite(value) and value]


_METRICS = {"mae": "MAE", "rmse": "RMSE", "mse": "MSE", "macro_f1": "macro F1", "micro_f1": "micro F1", "nll": "NLL"}


def metric_words(objective: Objective) -> str:
    """The metric as people write it: `MAE`, `balanced accuracy`."""
    return _METRICS.get(objective.metric, printable(objective.metric.replace("_", " ")))


def direction_words(objective: Objective) -> str:
    """Which scores are better: `lower is better`, `higher is better`."""
    return "lower is better" if objective.direction is Direction.MIN else "higher is better"


def score_words(objective: Objective) -> str:
    """Metric, unit and direction: `MAE in MWh, lower is better`."""
    unit = f" in {printable(objective.unit)}" if objective.unit else ""
    return f"{metric_words(objective)}{unit}, {direction_words(objective)}"


def axis_words(objective: Objective) -> str:
    """Metric and unit for an axis: `MAE in MWh`; a long unit is cut."""
    return metric_words(objective) + (f" in {shortened(objective.unit, 12)}" if objective.unit else "")


def value_words(value: Value) -> str:
    """A hyperparameter's value as people write it: `0.0031`, `64`, `yes`.

    Args:
        value: A truth value, a number or a word.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = f"{value:.3g}"
        return significant(value, 3) if "e" in text else text
    return str(value)


def values_words(values: Mapping[str, Value]) -> str:
    """All hyperparameters in one line: `units 64, learning_rate 0.0031`."""
    return ", ".join(f"{name} {value_words(value)}" for name, value in values.items())


def failures_words(usage: ResourceUsage) -> str:
    """The failures by kind: `none`, `3 (2 diverged, 1 timeout)`, `none, 1 tried again`.

    Args:
        usage: What a family spent.
    """
    again = f", {count(usage.retried)} tried again" if usage.retried else ""
    total = sum(usage.failed.values())
    if not total:
        return f"none{again}"
    kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in usage.failed.items() if number)
    return f"{count(total)} ({kinds}){again}"


def run_filter(dataset: str) -> str:
    """The filter of MLflow that finds a dataset's runs, quoted as its name needs.

    Args:
        dataset: Name of the dataset.
    """
    quote = '"' if "'" in dataset else "'"
    return f"tags.dataset = {quote}{dataset}{quote}"
