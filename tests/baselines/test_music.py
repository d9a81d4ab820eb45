"""The marginal-Bernoulli floors of two collections of music, through the cards that come with the package.

They prove parts, shift and masks at once: an answer one step off, a padded step averaged in or another part would show.
Skipped where the files are not there (`HARNESS_DATA` names their folder).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.baselines import compute
from harness.config import find_dataset
from harness.data import load_dataset

FOLDER = Path(os.environ.get("HARNESS_DATA", "data"))


@pytest.mark.parametrize(
    ("name", "file", "floor"), [("jsb_chorales", "JSB_Chorales.mat", 11.09), ("nottingham", "Nottingham.mat", 10.26)]
)
def test_frequencies_of_the_keys_alone_score_what_was_published(name: str, file: str, floor: float) -> None:
    if not (FOLDER / file).is_file():
        pytest.skip(f"{file} is not here")
    config = find_dataset(name).config
    assert config is not None
    marginal, stay, *others = compute(load_dataset(config))
    assert marginal.test_score == pytest.approx(floor, abs=0.02)
    assert stay.test_score < marginal.test_score
    assert min(other.test_score for other in others) < stay.test_score  # linear models see the other keys too
