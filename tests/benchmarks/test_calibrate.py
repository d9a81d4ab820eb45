"""Replays of recorded trials: known behaviour of known tables, and the arithmetic of shares."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from calibrate import LEVEL, Play, Share, calibrate, lower_bounds, main
from scipy import stats

from harness.errors import TableError, UsageError
from harness.records import Direction, Objective, ScoreRow, TrialStatus
from harness.stats import decide_rows
from harness.stats.levels import ERROR_CLAIMED, InterimAnalysis, interim_replicates
from harness.stats.levels import LEVEL as LEVEL_OF_ALL

MAE, ACCURACY = Objective("mae", Direction.MIN), Objective("accuracy", Direction.MAX)


@pytest.fixture
def recorded(tuned):
    """160 recorded trials of one family, as `tests/conftest.py` makes them."""

    def rows(kind="skewed", count=160, dataset="toy", family="lstm", maximised=False):
        validation, test = tuned[kind](np.random.default_rng(7), count)
        if maximised:
            validation, test = 1 - validation, 1 - test
        return [
            ScoreRow(dataset, family, 1, i + 1, float(validation[i]), float(test[i]), parameters=10)
            for i in range(count)
        ]

    return rows


def cells(rows, objective=MAE, **changes):
    wanted = {"replicates": [2], "trials": [10], "shifts": [], "replays": 120, **changes}
    return list(calibrate(rows, {row.dataset: objective for row in rows}, **wanted))


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_a_family_against_itself_seldom_has_a_winner(recorded, oracle):
    (cell,) = cells(recorded(), oracle=oracle, replicates=[5])
    assert (cell.dataset, cell.family, cell.recorded, cell.replicates, cell.trials) == ("toy", "lstm", 160, 5, 10)
    assert cell.power is None
    assert cell.false_winners.replays == 120
    assert lower_bounds([cell.false_winners]) <= [ERROR_CLAIMED]


@pytest.mark.parametrize(("kind", "objective"), [("skewed", MAE), ("accuracy", ACCURACY)])
def test_a_huge_shift_is_named_and_never_the_wrong_way_round(recorded, kind, objective):
    rows = recorded(kind, maximised=objective is ACCURACY)
    _, shifted = cells(rows, objective, replicates=[5], shifts=[9.0], replays=40)
    assert shifted.shift == 9.0
    assert shifted.power.value >= 0.95
    assert shifted.false_winners.hits == 0


def test_power_grows_with_the_shift_and_with_the_evidence(recorded):
    found = cells(recorded(), replicates=[1, 5], shifts=[0.1, 0.4], replays=60)
    power = {(cell.replicates, cell.shift): cell.power.hits for cell in found if cell.shift}
    assert power[1, 0.1] <= power[1, 0.4] <= power[5, 0.4]
    assert power[5, 0.1] < power[5, 0.4]


@pytest.mark.parametrize(
    ("oracle", "replicates", "trials"),
    [("random", 1, 4), ("random", 2, 2), ("bayesian", 2, 10)],
)
def test_below_the_minimum_nothing_is_ever_named(recorded, oracle, replicates, trials):
    found = cells(recorded(), oracle=oracle, replicates=[replicates], trials=[trials], shifts=[9.0], replays=20)
    assert [(cell.named.hits, cell.wrong.hits) for cell in found] == [(0, 0), (0, 0)]


def test_a_share_of_what_is_missing_to_one_is_taken_where_higher_is_better(recorded):
    """A loss and the score that is one minus it are the same question."""
    losses = cells(recorded("accuracy"), MAE, shifts=[0.5], replays=30)
    scores = cells(recorded("accuracy", maximised=True), ACCURACY, shifts=[0.5], replays=30)
    assert [(a.named, a.wrong) for a in losses] == [(b.named, b.wrong) for b in scores]


def test_every_family_of_every_dataset_and_every_size(recorded):
    rows = [*recorded(family="lstm"), *recorded(family="gru"), *recorded(dataset="other")]
    found = cells(rows, replicates=[1, 2], trials=[5, 6], shifts=[0.2], replays=2)
    assert len(found) == 3 * 2 * 2 * 2
    assert [(c.family, c.replicates, c.trials, c.shift) for c in found[:4]] == [
        ("lstm", 1, 5, 0.0),
        ("lstm", 1, 5, 0.2),
        ("lstm", 1, 6, 0.0),
        ("lstm", 1, 6, 0.2),
    ]


def test_the_same_seed_gives_the_same_and_another_does_not(recorded):
    first, again, other = (cells(recorded(), replicates=[1], shifts=[0.3], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_failed_trials_are_left_out(recorded):
    failed = [ScoreRow("toy", "lstm", 1, 500 + i, None, None, status=TrialStatus.FAILED) for i in range(50)]
    assert cells([*recorded(), *failed], replays=5) == cells(recorded(), replays=5)


def test_what_cannot_be_replayed(recorded):
    with pytest.raises(TableError, match="lstm on toy: 4 completed trials: expected at least 5"):
        cells(recorded(count=4))
    with pytest.raises(TableError, match="expected at most 1 where higher is better"):
        cells(recorded(), ACCURACY, shifts=[0.2])
    for wrong in ({"replicates": [0]}, {"trials": [-1]}, {"replays": 0}, {"shifts": [0.0]}, {"shifts": [math.nan]}):
        with pytest.raises(UsageError, match="expected"):
            cells(recorded(), **wrong)


@pytest.mark.parametrize(("hits", "replays"), [(0, 10), (1, 10), (81, 263), (10, 10), (37, 1000)])
def test_a_share_has_wilsons_interval(hits, replays):
    """The root of the quadratic: where the share's own standard error at either end reaches it."""
    z, share, (low, high) = stats.norm.ppf((1 + LEVEL) / 2), hits / replays, Share(hits, replays).interval
    for end in (low, high):
        assert (share - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / replays, abs=1e-12)
    assert (low, high) == (0.0, high) if not hits else low < share
    assert (low, high) == (low, 1.0) if hits == replays else share < high


def test_one_lower_bound_is_scipys_and_more_are_adjusted_by_holm():
    hits = [80, 50, 70, 0, 62]
    alone = [lower_bounds([Share(count, 1000)])[0] for count in hits]
    theirs = [stats.binomtest(count, 1000, alternative="greater").proportion_ci(LEVEL).low for count in hits]
    assert alone == pytest.approx(theirs, abs=1e-9)
    together = lower_bounds([Share(count, 1000) for count in hits])
    fifth = stats.binomtest(80, 1000, alternative="greater").proportion_ci(1 - 0.05 / 5).low
    fourth = stats.binomtest(70, 1000, alternative="greater").proportion_ci(1 - 0.05 / 4).low
    assert together[0] == pytest.approx(fifth, abs=1e-9)
    assert together[2] == pytest.approx(fourth, abs=1e-9)
    assert together[3] == 0.0
    p_values = [stats.binomtest(count, 1000, ERROR_CLAIMED, alternative="greater").pvalue for count in hits]
    steps = sorted(range(5), key=lambda i: p_values[i])
    rejected = set()
    for rank, index in enumerate(steps):
        if p_values[index] > 0.05 / (5 - rank):
            break
        rejected.add(index)
    assert rejected == {index for index, bound in enumerate(together) if bound > ERROR_CLAIMED} == {0, 2}


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_through_interim_analyses_a_family_against_itself_seldom_has_a_winner(recorded, oracle):
    looks = interim_replicates(oracle)
    alike, shifted = cells(recorded(), oracle=oracle, interims=looks, trials=[5], shifts=[3.0], replays=60)
    assert (alike.interim_replicates, alike.replicates) == (looks, looks[-1])
    assert lower_bounds([alike.false_winners]) <= [ERROR_CLAIMED]
    assert looks[0] <= shifted.searches < alike.searches <= looks[-1]  # a clear difference ends early
    assert shifted.power.value >= 0.95
    assert shifted.to_json()["interim_replicates"] == list(looks)


def test_analyses_at_the_full_error_each_would_err_more_often(recorded, monkeypatch):
    """What spending the error is for: the same replays, each analysis at the level of a single one."""
    looks = {"interims": interim_replicates("random"), "trials": [5], "replays": 80}
    spending = cells(recorded("accuracy"), **looks)[0].false_winners.hits
    monkeypatch.setattr("calibrate.interim_analysis", lambda *_: InterimAnalysis(1, 3, 3, LEVEL_OF_ALL, LEVEL_OF_ALL))
    assert spending <= cells(recorded("accuracy"), **looks)[0].false_winners.hits


@pytest.mark.parametrize(("oracle", "rule"), [("random", 1), ("random", 2), ("bayesian", 2)])
@pytest.mark.parametrize("factor", [1.0, 1.6])
def test_a_replay_gives_the_answer_that_a_sweep_would_get(recorded, oracle, rule, factor):
    """The rows of a sweep by the whole rule, and their losses by the comparison alone."""
    rows, play, random = recorded(), Play(3, 8, oracle, rule=rule), np.random.default_rng(5)
    answers = []
    for replay in range(25):
        drawn = {side: random.integers(0, len(rows), 24) for side in "ab"}
        scaled = {"a": 1.0, "b": factor}
        losses = {
            side: tuple(
                scaled[side] * np.array([getattr(rows[i], part) for i in its]) for part in ("validation", "test")
            )
            for side, its in drawn.items()
        }
        table = [
            ScoreRow(f"toy {replay}", side, i // 8 + 1, i % 8 + 1, float(validation), float(test))
            for side, its in losses.items()
            for i, (validation, test) in enumerate(zip(*its, strict=True))
        ]
        verdict = decide_rows(table, objective=MAE, margins={}, oracle=oracle, rule=rule).verdicts[f"toy {replay}"]
        assert play.winner(f"toy {replay}", losses, alike=factor == 1)[0] == verdict.family
        answers.append(verdict.family)
    assert ("a" in answers) is (factor > 1)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_short_cut_of_a_replay_gives_the_whole_rules_answer(recorded, monkeypatch, shift):
    sizes = {"replicates": [1, 4], "trials": [6], "replays": 60, "shifts": [shift] if shift else []}
    short = cells(recorded("accuracy"), **sizes)
    monkeypatch.setattr("harness.stats.compare.PooledBootstrap.no_winner_possible", lambda *_: False)
    assert cells(recorded("accuracy"), **sizes) == short


@pytest.fixture
def table(tmp_path):
    """One family's trials: two searches of eight."""
    scores = 1 + np.random.default_rng(0).random((16, 2))
    lines = [f"toy,lstm,{i // 8 + 1},{i % 8 + 1},{v:.6g},{t:.6g}" for i, (v, t) in enumerate(scores)]
    path = tmp_path / "one family.csv"
    path.write_text("\n".join(["dataset,family,replicate,trial,validation,test", *lines]) + "\n")
    return str(path)


def test_sizes_are_those_recorded_unless_named(table, capsys):
    main([table, "--replays", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "toy lstm (16 trials), R=2 n=8",
        "toy lstm (16 trials), R=2 n=8, shift 20 %",
        "toy lstm (16 trials), R=2 n=8, shift 50 %",
    ]
    assert "false winners " in lines[0]
    assert "power " in lines[1]
    assert ", wrong 0.0 % (0.0 to 16.1 %)" in lines[2]


def test_as_json(table, capsys):
    sizes = ["--replicates", "1", "--replicates", "3", "--trials", "5", "--shift", "0.3"]
    main([table, "--replays", "4", *sizes, "--json"])
    cells = json.loads(capsys.readouterr().out)
    assert [(cell["replicates"], cell["trials"], cell["shift"]) for cell in cells] == [
        (1, 5, 0),
        (1, 5, 0.3),
        (3, 5, 0),
        (3, 5, 0.3),
    ]
    assert cells[0]["power"] is None
    assert set(cells[1]["power"]) == {"hits", "replays", "share", "low", "high"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("--oracle grid", "invalid choice: 'grid'"),
        ("--shift -1", "shift = -1: expected a share greater than 0"),
        ("--replays 0", "replays = 0: expected at least 1"),
        ("--direction up", "one family.csv: direction = 'up': expected min or max"),
        ("--direction max", "expected at most 1 where higher is better"),
        ("--until-decided --replicates 4", "--replicates: expected none beside --until-decided"),
    ],
)
def test_wrong_use_is_told(table, more, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([table, *more.split()])
    assert says in capsys.readouterr().err


def test_a_table_that_is_not_there_is_told(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["nowhere.csv"])
    assert "nowhere.csv: cannot be read" in capsys.readouterr().err


def test_until_decided_replays_through_the_interim_analyses(table, capsys):
    main([table, *["--replays", "10", "--until-decided", "--shift", "0.5"]])
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "toy lstm (16 trials), R=1 to 10 n=8",
        "toy lstm (16 trials), R=1 to 10 n=8, shift 50 %",
    ]


def test_what_was_kept_is_read_back(recorded, tmp_path):
    """`false_winners.py --keep FILE` goes on from the cells that the file holds."""
    from false_winners import done_before

    (cell,) = cells(recorded(), replays=2)
    kept = tmp_path / "cells"
    kept.write_text(json.dumps({"key": "one", "cell": asdict(cell)}) + "\n")
    assert done_before(kept) == {"one": cell}
