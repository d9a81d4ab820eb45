"""What training decided about times is in the champion, and `predict` never decides again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.export import load
from harness.export.artifact import read_description

DAYS = pd.date_range("2024-01-01", periods=200)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, build_champion_of: Callable[..., Any]) -> Any:
    folder = tmp_path_factory.mktemp("days")
    table = pd.DataFrame({"day": DAYS.strftime("%d/%m/%Y"), "y": np.sin(np.arange(200.0))})
    table.sample(frac=1, random_state=0).to_csv(folder / "days.csv", index=False)
    task = {"kind": "forecast", "target": ["y"], "time": "day", "lookback_steps": 4, "horizon_steps": 2}
    config = {
        "name": "days",
        "source": {"kind": "csv", "path": str(folder / "days.csv")},
        "task": task,
        "encoding": {"calendar": ["month"], "time_zone": "Europe/Berlin"},
    }
    return build_champion_of(config, folder, folder / "days.csv")


def test_the_decided_format_is_in_the_champions_config(champion: Any) -> None:
    assert read_description(champion.folder).card["source"]["time_format"] == "%d/%m/%Y"


def test_january_dates_alone_are_read_as_in_training(champion: Any) -> None:
    january = pd.DataFrame({"day": [f"{day:02}/01/2024" for day in range(1, 6)], "y": np.arange(5.0)})
    model = load(champion.folder)
    predicted = model.predict_frame(january)
    assert predicted["day"].tolist() == ["06/01/2024", "07/01/2024"]
    # The calendar's channels would differ, had the month been read first.
    typed = january.assign(day=pd.to_datetime(january["day"], format="%d/%m/%Y"))
    assert model.predict_frame(typed)["y"].tolist() == predicted["y"].tolist()
