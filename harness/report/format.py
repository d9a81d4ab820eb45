"""How numbers, words and foreign text are written for people, and made fit to be shown.

A minus is the ASCII one and intervals say `to`, so that a number can be copied out of a report and read by a program.
"""

from __future__ import annotations

import math
import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.records import ChampionInfo, Direction, Objective, ResourceUsage, Value

_REPLACEMENT = "\ufffd"
_SPACES = re.compile(r"[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029]+")
# Control characters move the cursor of a terminal, lone surrogates cannot be encoded, and marks that turn the writing
# direction can make a line read as something else than it says.
_CATEGORIES = frozenset({"Cc", "Cs"})
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_IN_XML = frozenset("\ufffe\uffff")


def printable(text: str) -> str:
    """The text in one line, without characters that a terminal obeys or that XML refuses.

    Args:
        text: Any text, such as a class name or an error message.

    Returns:
        The text with line breaks and tabs turned into spaces, and other unfit characters into `�`.
    """
    return "".join(_REPLACEMENT if _unfit(letter) else letter for letter in _SPACES.sub(" ", text))


def printable_lines(text: str) -> str:
    """The text without characters that a terminal obeys; its lines and tabs stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("".join(_REPLACEMENT if _unfit(letter) else letter for letter in line) for line in lines)


def shortened(text: str, most: int) -> str:
    """The printable text, cut to at most `most` characters with an ellipsis."""
    clean = printable(text).strip()
    return clean if len(clean) <= most else clean[: most - 1].rstrip() + "…"


def _unfit(letter: str) -> bool:
    unfit = letter != "\t" and unicodedata.category(letter) in _CATEGORIES
    return unfit or letter in _DIRECTION_MARKS or letter in _NOT_IN_XML


MISSING = "-"
"""What stands where there is no number."""

_LARGEST_PLAIN = 1e9
_SMALLEST_PLAIN = 1e-5


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
    wanted = max(3 - _exponent(max(sizes)), 2 - _exponent(min(sizes)))
    if widths:
        wanted = max(wanted, min(1 - _exponent(min(widths)), 2 - _exponent(max(widths))))
    return Style(min(wanted, 5 - _exponent(max(sizes))), unit)


def fixed(value: float | None, places: int) -> str:
    """The number with so many decimals and thousands apart; powers of ten where it is very large or very small.

    Args:
        value: The number; None or a non-finite one has words of its own.
        places: Decimals; negative ones round to tens, hundreds and so on.
    """
    if value is None or not math.isfinite(value):
        return _not_finite(value)
    if abs(value) >= _LARGEST_PLAIN or places > 7:
        return significant(value, max(1, _exponent(value) + 1 + places) if value else 1)
    rounded = round(value, places)
    return f"{rounded if rounded else 0.0:,.{max(places, 0)}f}"  # never "-0.00"


def significant(value: float | None, digits: int = 3) -> str:
    """The number with so many significant digits: `0.0123`, `1,230`, `1.2e-7`."""
    if value is None or not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "0"
    if not _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        mantissa, _, exponent = f"{value:.{min(digits, 6) - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return fixed(value, digits - 1 - _exponent(value))


def short(value: float) -> str:
    """The number for a tick of an axis: `0.05`, `250`, `20k`, `1.5M`."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if limit <= abs(value) < limit * 1000:
            return f"{value / limit:.4g}{letter}"
    text = f"{value:.4g}"
    return significant(value, 2) if "e" in text else text


def ticks(values: Sequence[float]) -> list[str]:
    """The numbers of an axis with even steps, with as many decimals as tell neighbours apart."""
    if len(values) < 2:
        return [short(value) for value in values]
    step = abs(values[1] - values[0])
    largest = max(abs(value) for value in values)
    if step >= 1000 or largest >= _LARGEST_PLAIN or largest < _SMALLEST_PLAIN:
        return [short(value) for value in values]
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    if not math.isclose(round(step, places), step, rel_tol=1e-6):  # a step of 0.25 or 2.5
        places += 1
    return [fixed(value, places) for value in values]


def count(value: int | None) -> str:
    """A whole number with thousands apart."""
    return MISSING if value is None else f"{value:,}"


def counted(value: int, noun: str) -> str:
    """A whole number and what it counts: `1 trial`, `20 trials`."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def listed(values: Sequence[int], last: str = "and") -> str:
    """Whole numbers in a sentence: `3`, `3, 5 or 10`."""
    words = [f"{value:,}" for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def percent(share: float) -> str:
    """A probability in percent; it comes from a sample of chance, so 0 and 100 % are never claimed."""
    if not math.isfinite(share):
        return MISSING
    if share < 0.01:
        return "under 1 %"
    if share > 0.99:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def level(share: float) -> str:
    """The level of an interval: `95 %`, `97.5 %`."""
    return f"{100 * share:.4g} %"


def duration(seconds: float | None) -> str:
    """A time span: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def joined(number: str, unit: str) -> str:
    """A written number and its unit, if both are there."""
    return f"{number} {unit}" if unit and number != MISSING else number


def mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation (n - 1 in the denominator); no spread for one value, neither for none."""
    if not values:
        return None, None
    mean = statistics.fmean(values)
    if len(values) < 2 or not math.isfinite(mean):
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _sizes(values: Iterable[float | None]) -> list[float]:
    return [abs(value) for value in values if value is not None and math.isfinite(value) and value]


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _not_finite(value: float | None) -> str:
    if value is None or math.isnan(value):
        return MISSING
    return "infinite" if value > 0 else "-infinite"


_METRICS = {
    "mae": "MAE",
    "rmse": "RMSE",
    "mse": "MSE",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "nll": "NLL",
}


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
    """A hyperparameter's value as people write it: `0.0031`, `64`, `yes`."""
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
    """The failures by kind: `none`, `3 (2 diverged, 1 timeout)`, `none, 1 tried again`."""
    again = f", {count(usage.retried)} tried again" if usage.retried else ""
    total = sum(usage.failed.values())
    if not total:
        return f"none{again}"
    kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in usage.failed.items() if number)
    return f"{count(total)} ({kinds}){again}"


def model_uri(champion: ChampionInfo) -> str:
    """The address by which `harness predict` and MLflow find the model."""
    return f"models:/{champion.reference}"


def run_filter(dataset: str) -> str:
    """The filter of MLflow that finds a dataset's runs."""
    quote = '"' if "'" in dataset else "'"
    return f"tags.dataset = {quote}{dataset}{quote}"
