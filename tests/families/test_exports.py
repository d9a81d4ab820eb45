"""Champions of every family are exported in the formats that the family promises; a builder's where they can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import harness
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.errors import UsageError
from harness.export.formats import Format, export
from harness.models import family_of

ADDING = DatasetConfig.model_validate(
    {
        "name": "adding",
        "source": {"kind": "generator", "generator": "adding", "steps": 6, "sequences": 90},
        "task": {"kind": "regress"},
    }
)
MINGRU = Path(__file__).with_name("mingru.py")


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_shipped_families_export_as_they_promise(
    layered: Callable[[str], SearchSpace], champion_of: Callable[..., Path], layer: str, tmp_path: Path
) -> None:
    space = layered(layer)
    champion = harness.load(champion_of(ADDING, space, {"units": 3, "layers": 2}, tmp_path))
    promised = family_of(space).formats
    assert set(promised) == {kind.value for kind in Format}
    for kind in promised:
        assert export(champion, Format(kind), tmp_path / kind).agreement.largest <= 1e-4


@pytest.mark.slow
def test_a_cell_of_the_users_is_exported_where_no_code_is_needed(
    built: Callable[..., SearchSpace], champion_of: Callable[..., Path], tmp_path: Path
) -> None:
    values = {"units": 4, "layers": 1, "learning_rate": 1e-2, "dropout": 0.1}
    folder = champion_of(ADDING, built("build_model", MINGRU), values, tmp_path)
    champion = harness.load(folder, code=MINGRU)
    for kind in (Format.SAVED_MODEL, Format.ONNX):
        assert export(champion, kind, tmp_path / kind.value).agreement.largest <= 1e-4
    with pytest.raises(UsageError, match=r"holds layers of mingru.py, .*expected saved-model, onnx or litert"):
        export(champion, Format.KERAS, tmp_path / "keras")
