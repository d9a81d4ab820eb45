"""The words of a report that depend on a record: metrics, directions, hyperparameters, failures. No layout."""

from __future__ import annotations

from collections.abc import Mapping

from harness.records import ChampionInfo, Direction, Ledger, Objective, Value
from harness.report import numbers
from harness.report.clean import printable, shortened

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
        return numbers.significant(value, 3) if "e" in text else text
    return str(value)


def values_words(values: Mapping[str, Value]) -> str:
    """All hyperparameters in one line: `units 64, learning_rate 0.0031`."""
    return ", ".join(f"{name} {value_words(value)}" for name, value in values.items())


def failures_words(ledger: Ledger) -> str:
    """The failures by kind: `none`, `3 (2 diverged, 1 timeout)`, `none, 1 tried again`."""
    again = f", {numbers.count(ledger.retried)} tried again" if ledger.retried else ""
    total = sum(ledger.failed.values())
    if not total:
        return f"none{again}"
    kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in ledger.failed.items() if number)
    return f"{numbers.count(total)} ({kinds}){again}"


def model_uri(champion: ChampionInfo) -> str:
    """The address by which `harness predict` and MLflow find the model."""
    return f"models:/{champion.reference}"


def run_filter(dataset: str) -> str:
    """The filter of MLflow that finds a dataset's runs."""
    quote = '"' if "'" in dataset else "'"
    return f"tags.dataset = {quote}{dataset}{quote}"
