"""Each check of values against data with its fault planted, and against the same data without it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.data.channels import odd_channels

Config = Callable[..., DatasetConfig]
Write = Callable[..., Path]
WriteArrays = Callable[..., Path]
NORMAL = np.random.default_rng(0).normal(size=2000)


def said(config: DatasetConfig) -> list[str]:
    return [note.removeprefix("warning: ") for note in load_dataset(config).facts.notes if note.startswith("warning")]


def odd(values: Any) -> tuple[str, ...]:
    return odd_channels(np.asarray(values, np.float32)[:, None], ["a"])


# --- values of a channel -----------------------------------------------------------------------------------------


def placed(value: float, times: int, base: Any = NORMAL) -> Any:
    values = np.array(base, float)
    values[5 : 5 + times] = value
    return values


@pytest.mark.parametrize("mark", [-200, -999, 9999, 12345])
def test_a_value_that_is_repeated_far_from_all_others_is_a_mark(mark: float) -> None:
    told = (
        f"warning: {mark} stands in 2.0% of training rows, far from all other values of a: does it mark a missing "
        f"value? [source] missing_values = [{mark}], or NaN in arrays"
    )
    assert odd(placed(mark, 40)) == (told,)
    rows = np.stack([placed(mark, 40), placed(mark, 400), NORMAL], axis=1).astype(np.float32)
    both = told.replace("in 2.0%", "in up to 20.0%").replace("of a", "of a, b")
    assert odd_channels(rows, ["a", "b", "c"]) == (both,)


@pytest.mark.parametrize(
    "values",
    [
        placed(-200, 40, NORMAL * 200),  # among others like it
        placed(-200, 2),  # twice by chance
        placed(99, 40, np.arange(2000) % 99),  # of a count that ends there
        np.arange(2000) % 3 - 1,
        np.arange(2000) % 50 == 0,  # a flag
        placed(0, 900, np.abs(NORMAL)),  # rain
    ],
    ids=range(6),
)
def test_values_among_others_are_no_marks(values: Any) -> None:
    assert odd(values) == ()


def test_one_value_thirty_orders_of_magnitude_away_is_named() -> None:
    (sentence,) = odd(placed(3e30, 1))
    assert sentence.startswith("warning: 'a' has a value 2e+30 spreads away from its median: 3e+30")
    assert odd(placed(3e3, 1)) == ()
    assert odd(np.exp(NORMAL * 3)) == ()  # a long tail


def test_a_channel_that_hardly_ever_changes_is_named() -> None:
    still = np.zeros(4000)
    still[[5, 90]] = [1, 2.5]
    assert odd(still) == ("warning: nearly constant: one value in 99.9% of training rows or more: a",)
    still[:100] = NORMAL[:100]
    assert odd(still) == ()
    assert odd(np.arange(4000) == 7) == ()  # a flag, whose one event may be what matters


# --- between channels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [lambda y: y**3, lambda y: np.exp(y) + 1e-4 * NORMAL[: len(y)]])
def test_a_target_that_is_a_curve_of_another_channel_is_named(
    forecast_card: Config, write_table: Write, made: Callable[[Any], Any]
) -> None:
    y = NORMAL[:800]
    config = forecast_card(write_table(y=y, vapour=made(y), t=np.arange(800), other=NORMAL[800:1600]))
    assert said(config) == ["'y' is a function of 'vapour' at the same step: is 'vapour' known before 'y' is?"]
    assert load_dataset(config).facts.leaks == ()


def test_a_smooth_target_is_no_function_of_a_clock(forecast_card: Config, write_table: Write) -> None:
    t = np.arange(800)
    assert said(forecast_card(write_table(y=np.sin(t / 70), t=t, wave=np.cos(t / 70), noisy=NORMAL[:800]))) == []


def test_a_number_to_predict_that_is_a_curve_of_an_input_is_a_leak(npz_card: Config, write_npz: WriteArrays) -> None:
    x = np.random.default_rng(1).normal(size=(1000, 2, 2))
    leak = npz_card(write_npz(x=x, y=np.tanh(x[:, -1, 1])), kind="regress")
    (sentence,) = load_dataset(leak).facts.leaks
    assert sentence.startswith("'y' can be read off 'channel_2' at one step")
    assert said(npz_card(write_npz(x=x, y=x[:, :, 1].sum(axis=1)), kind="regress")) == []


# --- between parts -----------------------------------------------------------------------------------------------


def recordings(apart: int, random: Any = None) -> dict[str, Any]:
    random = random or np.random.default_rng(1)
    signals = random.normal(size=(6, 600, 3)).cumsum(axis=1)
    x = np.concatenate([[one[at : at + 50] for at in range(0, 550, apart)] for one in signals])
    who = np.repeat(np.arange(6), len(x) // 6)
    return {"x": x, "y": np.arange(len(x)) % 2, "groups": who}


SHIFTED = (
    "of the test sequences stand half or more in training sequences, moved by some steps: recordings cut with overlap? "
    'Keep each recording in one part: [split] rule = "group"'
)


@pytest.mark.parametrize("apart", [5, 10, 25])
def test_windows_cut_with_overlap_and_drawn_by_chance_are_found(
    npz_card: Config, write_npz: WriteArrays, apart: int
) -> None:
    (sentence,) = said(npz_card(write_npz(**recordings(apart))))
    share, words = sentence.split(" ", 1)
    assert words == SHIFTED
    assert int(share[:-1]) >= 75


def test_windows_apart_and_whole_recordings_in_one_part_are_not(npz_card: Config, write_npz: WriteArrays) -> None:
    assert said(npz_card(write_npz(**recordings(50)))) == []
    config = npz_card(write_npz(**recordings(5)))
    source, split = (
        one.model_copy(update=more)
        for one, more in ((config.source, {"groups": "groups"}), (config.split, {"rule": "group"}))
    )
    assert said(config.model_copy(update={"source": source, "split": split})) == []


def test_sequences_of_few_symbols_and_silence_are_alike_by_chance(npz_card: Config, write_npz: WriteArrays) -> None:
    random = np.random.default_rng(0)
    symbols = np.eye(2)[random.integers(0, 2, (200, 20))]
    assert said(npz_card(write_npz(x=symbols, y=np.arange(200) % 2))) == []
    silence = random.normal(size=(200, 40, 1))
    silence[:, 4:] = 0
    assert said(npz_card(write_npz(x=silence, y=np.arange(200) % 2))) == []


def test_one_class_of_nearly_all_is_named(npz_card: Config, write_npz: WriteArrays) -> None:
    x = NORMAL.reshape(400, 5, 1)
    assert said(npz_card(write_npz(x=x, y=np.arange(400) % 25 == 0))) == [
        "95.7% of training answers are 'False': so high is the accuracy of always saying so: [task] metric = "
        '"balanced_accuracy" or "macro_f1", class_weight = "balanced"'
    ]
    assert said(npz_card(write_npz(x=x, y=np.arange(400) % 10 == 0))) == []


# --- other libraries ---------------------------------------------------------------------------------------------


def test_baselines_of_wild_data_say_nothing_of_other_libraries(
    forecast_card: Config, npz_card: Config, write_table: Write, write_npz: WriteArrays
) -> None:
    from harness.baselines import compute

    wild = placed(3e30, 1, NORMAL[:300])
    config = forecast_card(write_table(y=NORMAL[300:600], x=wild), lookback_steps=12)
    robust = config.model_copy(update={"encoding": config.encoding.model_copy(update={"scaling": "robust"})})
    many = npz_card(write_npz(x=NORMAL[:1800].reshape(300, 3, 2), y=np.arange(300) % 90))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in (robust, many):
            assert all(np.isfinite(score.test_score) for score in compute(load_dataset(one)))
