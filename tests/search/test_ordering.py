"""Which trial of a search takes longer; what the contest makes of it is in `test_contest.py`."""

from __future__ import annotations

import pytest

from harness.search.scheduler import relative_seconds


@pytest.mark.parametrize(
    ("longer", "shorter"),
    [
        ({"units": 64}, {"units": 32}),
        ({"units": 32, "layers": 2}, {"units": 32, "layers": 1}),
        ({"units": 32, "bidirectional": True}, {"units": 32, "bidirectional": False}),
        ({"units": 32, "batch_size": 16}, {"units": 32, "batch_size": 64}),
        ({"recurrent_parameters": 8000, "layers": 1}, {"recurrent_parameters": 2000, "layers": 1}),
        ({"units": 16, "batch_size": 8}, {"units": 32, "batch_size": 128}),
    ],
)
def test_what_takes_longer(longer: dict, shorter: dict) -> None:
    assert relative_seconds(longer) > relative_seconds(shorter)
