from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.records import ScoreRow

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def rows_of() -> Callable[..., list[ScoreRow]]:
    """Rows from scores: `rows_of({"lstm": [(validation, test), …], …}, trials=20, dataset="toy")`."""

    def make(
        scores: dict[str, Sequence[tuple[float, float]]],
        trials: int | None = None,
        dataset: str = "toy",
        parameters: dict[str, int] | None = None,
        fit_seconds: dict[str, float] | None = None,
    ) -> list[ScoreRow]:
        rows = []
        for family, pairs in scores.items():
            per_search = trials or len(pairs)
            for place, (validation, test) in enumerate(pairs):
                rows.append(
                    ScoreRow(
                        dataset,
                        family,
                        place // per_search + 1,
                        place % per_search + 1,
                        float(validation),
                        float(test),
                        parameters=(parameters or {}).get(family),
                        fit_seconds=(fit_seconds or {}).get(family),
                    )
                )
        return rows

    return make


def _skewed(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    excess = np.exp(0.8 * random.normal(size=size))
    validation = 1 + excess * np.exp(0.1 * random.normal(size=size))
    return validation, 1 + excess * np.exp(0.3 * random.normal(size=size))


def _chance(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    at_chance = random.random(size) < 0.35
    quality = np.where(at_chance, 1 - 0.02 * random.random(size), 0.2 + 0.5 * random.beta(1.2, 3, size=size))
    return quality + 0.03 * random.normal(size=size), quality + 0.04 * random.normal(size=size)


def _near_best(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    excess = 0.3 * np.exp(random.normal(size=size))
    return 1 + excess + 0.02 * random.normal(size=size), 1 + excess + 0.04 * random.normal(size=size)


def _accuracy(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    right = np.where(random.random(size) < 0.25, 0.15, 0.75 + 0.24 * random.beta(3, 1.2, size=size))
    return 1 - random.binomial(40, right) / 40, 1 - random.binomial(370, right) / 370


@pytest.fixture
def tuned() -> dict[str, Draw]:
    """Losses of random trials as tuning gives them, validation and test correlated by about 0.9.

    `skewed`: a long tail of bad trials; `chance`: a third of the trials learns nothing; `near_best`: most trials are
    near a floor; `accuracy`: errors of 40 validation and 370 test cases, with many ties.
    """
    return {"skewed": _skewed, "chance": _chance, "near_best": _near_best, "accuracy": _accuracy}
