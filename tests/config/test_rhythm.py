import pytest

from harness.config.inferred.rhythm import rhythm_of, window_for

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("step_seconds", "season", "words"),
    [
        (1, 60, "a minute at a step of 1 second"),
        (MINUTE, 60, "an hour at a step of 1 minute"),
        (5 * MINUTE, 288, "a day at a step of 5 minutes"),
        (30 * MINUTE, 48, "a day at a step of 30 minutes"),
        (HOUR, 24, "a day at a step of 1 hour"),
        (6 * HOUR, 4, "a day at a step of 6 hours"),
        (DAY, 7, "a week at a step of 1 day"),
        (7 * DAY, 52, "a year at a step of 7 days"),
        (31 * DAY, 12, "a year at a step of 31 days"),
        (92 * DAY, 4, "a year at a step of 92 days"),
    ],
)
def test_the_season_that_a_step_suggests(step_seconds, season, words):
    rhythm = rhythm_of(step_seconds)
    assert rhythm is not None
    assert (rhythm.season_steps, rhythm.words) == (season, words)


@pytest.mark.parametrize("step_seconds", [0, -1, 365 * DAY, 3650 * DAY])
def test_no_season_in_less_than_two_steps(step_seconds):
    assert rhythm_of(step_seconds) is None


@pytest.mark.parametrize("rows", [20, 25, 60, 144, 365, 5000, 100_000])
@pytest.mark.parametrize("step_seconds", [MINUTE, 5 * MINUTE, HOUR, DAY, 31 * DAY, 365 * DAY])
def test_a_window_leaves_several_in_the_smallest_part(rows, step_seconds):
    window = window_for(rows, rhythm_of(step_seconds), None, None)
    assert window is not None
    lookback, horizon, _ = window
    assert min(lookback, horizon) >= 1
    assert lookback + horizon <= max(2, rows * 0.15 * 0.7)


def test_a_series_can_be_too_short():
    assert window_for(19, None, None, None) is None
