from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from harness.records import ScoreRow


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
