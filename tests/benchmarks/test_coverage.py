"""Coverage of forecasts without a network: a cheap baseline's intervals, calibrated as a champion's are."""

from __future__ import annotations

import numpy as np
from interval_coverage import of_a_baseline, within

from harness.baselines import refit
from harness.config import find_dataset
from harness.data import load_dataset


def test_a_cheap_baseline_is_calibrated_on_validation_and_scored_on_test() -> None:
    config = find_dataset("sunspots").config
    assert config is not None
    data = load_dataset(config)
    found = {one.level: one for one in of_a_baseline("sunspots")}
    assert found[80].calibration == data.cases_apart(data.validation)
    test, shares = data.test.open(), []
    for _, fitted in refit(data, ["seasonal naive", "ridge on the lags"]):
        half = np.quantile(np.abs(data.validation.y - fitted.predict(data.validation)), 0.8, axis=0)
        shares.append(float((np.abs(test.y - fitted.predict(test)) <= half).mean()))
    assert any(abs(found[80].share - share) < 0.05 for share in shares)
    assert within(found[80]) is (abs(found[80].share - 0.8) <= max(0.04, 2 * found[80].standard_error))
