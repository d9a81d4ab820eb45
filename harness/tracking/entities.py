"""Records → MLflow's own metrics, parameters and datasets. Knows no client and no store."""

from __future__ import annotations

import json
import math
from typing import Any

from harness.records import DataFacts, TrialRecord, TrialRequest
from harness.tracking import naming

DIGEST_LENGTH = 36


def trial_metrics(record: TrialRecord, start: int, end: int) -> list[Any]:
    """A trial's curves by epoch and its single numbers; what is not finite is left out.

    Args:
        record: The trial.
        start: Milliseconds since 1970 at which it began; the epochs are spread evenly from there.
        end: Milliseconds since 1970 at which it ended.
    """
    from mlflow.entities import Metric

    epochs = max(record.epochs, 1)
    curves = {"train_loss": record.train_losses, "validation": record.validation_scores}
    points = [
        Metric(naming.TRIAL_METRICS[name], value, start + (end - start) * epoch // epochs, epoch)
        for name, curve in curves.items()
        for epoch, value in enumerate(curve, start=1)
        if math.isfinite(value)
    ]
    single = {
        naming.VALIDATION_SCORE: record.validation_score,
        "parameters": record.parameters or None,
        "fit_seconds": record.fit_seconds,
        "epochs": record.epochs,
        "best_epoch": record.best_epoch or None,
    }
    points += [
        Metric(naming.TRIAL_METRICS[name], float(value), end, 0)
        for name, value in single.items()
        if value is not None and math.isfinite(value)
    ]
    return points


def trial_parameters(request: TrialRequest) -> list[Any]:
    """A trial's hyperparameters, below `hp/`."""
    from mlflow.entities import Param

    names = naming.keys("hp", request.values)
    return [
        Param(names[name], naming.cut(str(value), naming.PARAMETER_LENGTH)) for name, value in request.values.items()
    ]


def dataset_input(name: str, facts: DataFacts) -> Any:
    """A dataset as an input of a run, with our digest of its full content."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"name": channel, "type": "double", "required": True} for channel in facts.channels]
    profile = {
        **dict(zip(("training", "validation", "test"), facts.sizes, strict=True)),
        "steps": list(facts.steps),
        "split": facts.split,
        "license": facts.license,
    }
    # mlflow.data would hash the first 10,000 elements only: two different arrays got the same digest.
    dataset = Dataset(
        name=name,
        digest=facts.digest[:DIGEST_LENGTH],
        source_type="harness",
        source=json.dumps({"title": facts.title, "digest": facts.digest}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "comparison")])
