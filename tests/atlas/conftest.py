from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from harness.atlas.tables import DatasetRow, Tables, TrialRow
from harness.records import Direction, TrialStatus

TASKS = ("classify", "forecast", "label", "next_token", "regress")


def made_tables(
    datasets: int = 24,
    sources: int = 18,
    mean: float = 0.1,
    between: float = 0.05,
    within: float = 0.08,
    trials: int = 20,
    seed: int = 1,
    by_task: dict[str, float] | None = None,
    outliers: int = 0,
) -> tuple[Tables, list[float]]:
    """Tables drawn from the model, gru better by `mean` as a log ratio, and each data set's true log ratio."""
    chance = np.random.default_rng(seed)
    levels = mean + between * chance.normal(size=sources)
    rows, networks, truth = {}, {}, []
    for place in range(datasets):
        name, source = f"made_{place:03d}", place % sources
        task = TASKS[place % len(TASKS)]
        true = levels[source] + within * chance.normal() + (by_task or {}).get(task, 0.0)
        true += 2.0 if place < outliers else 0.0
        truth.append(true)
        accuracy = task == "label"  # of which the loss is what it lacks to 1
        losses = {"gru": 0.2 * math.exp(-true / 2), "lstm": 0.2 * math.exp(true / 2)}
        networks[name] = tuple(
            _network(chance, name, family, kind, number, loss, accuracy)
            for family, loss in losses.items()
            for kind, count in (("trial", trials), ("seed", 5))
            for number in range(1, count + 1)
        )
        rows[name] = DatasetRow(
            dataset=name,
            task=task,
            source=f"source {source}",
            collection="made",
            metric="accuracy" if accuracy else "log_loss",
            direction=Direction.MAX if accuracy else Direction.MIN,
            train=int(chance.integers(100, 5000)),
            validation=100,
            test=200,
            length=int(chance.integers(5, 500)),
            channels=int(chance.integers(1, 9)),
            baseline="ridge",
            baseline_validation=0.7,
            baseline_test=0.99 if accuracy and place % 2 else 0.4,
            families_verdict="undecided",
            models_verdict=str(chance.choice(["gru", "lstm", "undecided"])),
            plan="1",
            version="0.2.0",
            cpu="made",
        )
    return Tables(rows, networks), truth


def _network(
    chance: np.random.Generator, dataset: str, family: str, kind: str, number: int, loss: float, accuracy: bool
) -> TrialRow:
    quality = loss * math.exp(abs(chance.normal(0, 0.3)))
    validation, test = (min(quality * math.exp(chance.normal(0, 0.05)), 0.999) for _ in range(2))
    units = int(chance.integers(8, 129))
    return TrialRow(
        dataset=dataset,
        family=family,
        kind=kind,
        replicate=1,
        trial=number,
        seed=int(chance.integers(1, 2**31)),
        validation=1 - validation if accuracy else validation,
        test=1 - test if accuracy else test,
        parameters=(3 if family == "gru" else 4) * units * (units + 2),
        seconds=units / 10,
        epochs=30,
        hyperparameters={"units": units},
        status=TrialStatus.COMPLETED,
    )


@pytest.fixture(scope="session")
def make_tables() -> Callable[..., tuple[Tables, list[float]]]:
    """Tables of known truth: `tables, true_log_ratios = make_tables(datasets=24, mean=0.1, …)`."""
    return made_tables
