"""A champion of a meter whose readings need 64 bits: what it is given and what it says keep them in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.export import load_folder
from harness.export.artifact import FILE, read_description
from harness.export.formats import Format, export

READING = 1_700_000_000 + (np.arange(480) % 24) * 2 + np.arange(480) // 240
TASK = {"kind": "forecast", "target": ["wh"], "lookback_steps": 24, "horizon_steps": 6}


def meter(build: Callable[..., Any], folder: Path, scaling: str = "standard", missing: str = "error") -> Any:
    frame = pd.DataFrame({"wh": READING.astype(object), "noise": np.random.default_rng(0).normal(size=480)})
    if missing == "mask":
        frame.loc[[20, 50], "noise"] = None
    frame.to_csv(folder / "meter.csv", index=False)
    config = {
        "name": "meter",
        "missing": missing,
        "source": {"kind": "csv", "path": str(folder / "meter.csv")},
        "task": TASK,
        "encoding": {"scaling": scaling},
    }
    return build(config, folder, folder / "meter.csv")


@pytest.mark.parametrize(
    ("scaling", "missing"),
    [
        ("standard", "error"),
        *(pytest.param(*keys, marks=pytest.mark.slow) for keys in (("difference", "error"), ("log", "error"))),
        pytest.param("robust", "mask", marks=pytest.mark.slow),
    ],
)
def test_raw_rows_go_in_and_come_out_with_all_their_digits(
    build_champion_of: Callable[..., Any], tmp_path: Path, scaling: str, missing: str
) -> None:
    built = meter(build_champion_of, tmp_path, scaling, missing)
    champion = load_folder(built.folder)
    assert champion.description.dtype == "float64"
    table = champion.predict_frame(pd.read_csv(built.data))
    moved = pd.read_csv(built.data).tail(24)
    more = moved.assign(wh=moved["wh"] + (np.arange(24) == 23))  # one watt-hour at the end
    again = champion.predict_frame(more)
    assert table["wh"].dtype == np.float64
    assert np.abs(table["wh"] - READING[-24:].mean()).max() < 200
    assert 0 < np.abs(table["wh"] - again["wh"]).max() < 5
    file = built.folder / FILE
    plain = json.loads(file.read_text())
    assert plain.pop("dtype") == "float64"
    file.write_text(json.dumps(plain))  # as earlier versions wrote it
    assert read_description(built.folder).dtype == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Format.KERAS, Format.SAVED_MODEL, Format.ONNX])
def test_other_runtimes_keep_the_digits_too(
    build_champion_of: Callable[..., Any], tmp_path: Path, kind: Format
) -> None:
    champion = load_folder(meter(build_champion_of, tmp_path).folder)
    done = export(champion, kind, tmp_path / "out")
    assert done.agreement.largest < 1e-5
    assert "np.float64(x)" in (done.folder / "predict.py").read_text()
    example, output = (json.loads((done.folder / f"example_{name}.json").read_text()) for name in ("input", "output"))
    expected = champion.predict(**example)
    assert np.abs(np.array(output["prediction"]) - expected).max() < 1e-3
