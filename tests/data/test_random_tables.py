"""Random tables at the CSV path: it answers or refuses in one line, and never with a traceback."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from harness.config.dataset import DatasetConfig
from harness.config.inferred.infer import UserHints, infer_task
from harness.data import load_dataset
from harness.errors import HarnessError

NUMBERS = st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.floats(-10, 10))
CELLS = st.one_of(NUMBERS, st.text(max_size=6), st.none(), st.booleans(), st.sampled_from(["NA", "1,5", "2024-02-30"]))
COLUMN = st.one_of(
    st.lists(st.floats(-100, 100), min_size=45, max_size=45),
    st.lists(st.integers(0, 3), min_size=45, max_size=45),
    st.lists(CELLS, min_size=45, max_size=45),
    st.lists(st.sampled_from(["a", "b"]), min_size=45, max_size=45),
    st.just([str(stamp) for stamp in pd.date_range("2024-01-01", periods=45, freq="D")]),
)
NAMES = st.sampled_from(["y", "t", "who", "label", "v", "", "y ", "Unnamed: 0", "日", '"', "a,b", "$x$"])
TABLES = st.one_of(
    st.dictionaries(NAMES, COLUMN, min_size=1, max_size=5),
    st.fixed_dictionaries({"y": COLUMN, "v": COLUMN}, optional={"t": COLUMN, "who": COLUMN, "label": COLUMN}),
)
TASKS: list[dict[str, Any]] = [
    {"kind": "forecast", "target": ["y"], "lookback_steps": 3},
    {"kind": "forecast", "target": ["y"], "time": "t", "lookback_steps": 2, "horizon_steps": 2, "window_stride": 3},
    {"kind": "forecast", "target": ["y"], "features": ["v"], "lookback_steps": 3, "last_rows": 30},
    {"kind": "classify", "target": "label", "id": "who"},
    {"kind": "classify", "target": "label", "id": "who", "time": "t", "features": ["v"]},
    {"kind": "regress", "target": "y", "id": "who"},
    {"kind": "label", "target": ["label"], "features": ["v"], "window_steps": 5},
]


def as_csv(columns: dict[str, list[Any]], cut: int | None) -> bytes:
    text = pd.DataFrame(columns).to_csv(index=False).encode("utf-8", errors="replace")
    return text[:cut]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=TABLES,
    task=st.sampled_from(TASKS),
    missing=st.sampled_from(["error", "interpolate", "mask"]),
    scaling=st.sampled_from(["none", "standard", "robust", "log", "difference"]),
    cut=st.one_of(st.none(), st.integers(0, 300)),
)
def test_a_table_is_loaded_or_refused_in_one_line(
    columns: dict[str, list[Any]], task: dict[str, Any], missing: str, scaling: str, cut: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "random.csv"
    path.write_bytes(as_csv(columns, cut))
    plain: dict[str, Any] = {"name": "toy", "source": {"kind": "csv", "path": str(path)}, "task": task}
    fits = task["kind"] == "forecast" and missing != "mask" and task.get("features") != ["v"]
    scaling = "standard" if scaling == "difference" and not fits else scaling
    try:
        data = load_dataset(
            DatasetConfig.model_validate({**plain, "missing": missing, "encoding": {"scaling": scaling}})
        )
    except HarnessError as error:
        assert "\n" not in str(error)  # noqa: PT017 - to be refused is as good as to be loaded
        return
    event("loaded")
    for part in (data.train, data.validation, data.test.open()):
        assert len(part)
        scaled = data.scaling.scale_inputs(part.x)
        assert np.isfinite(scaled).all()
        assert not np.isinf(np.asarray(part.y, np.float64)).any()


@settings(max_examples=50, deadline=None)
@given(
    columns=st.dictionaries(NAMES, COLUMN, min_size=1, max_size=5), kind=st.sampled_from([None, "forecast", "label"])
)
def test_a_first_card_is_guessed_or_refused_in_one_line(columns: dict[str, list[Any]], kind: str | None) -> None:
    try:
        frame = pd.read_csv(io.BytesIO(as_csv(columns, None)))
    except ValueError:
        return
    try:
        inferred = infer_task(frame, UserHints(task=kind), "toy.csv")
    except HarnessError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert inferred.because
