"""Figures: well-formed SVG that shows every point, and nothing of it in the way of the page around it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from harness.records import ComparisonResult, Direction, Objective, Outcome, SweepResult
from harness.report import differences, figures
from harness.report.axes import APPEARANCES
from harness.report.curves import curves_of

Make = Callable[..., ComparisonResult]
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def all_figures(comparison: ComparisonResult) -> dict[str, str | None]:
    return {
        "trials": figures.trials(comparison, "t"),
        "parameters": figures.cost(comparison, "parameters", "p"),
        "seconds": figures.cost(comparison, "fit_seconds", "s"),
        "budget": figures.budget(comparison, curves_of(comparison), "b"),
        "learning": figures.learning(comparison, "l"),
        "spread": figures.spread(comparison, "c"),
        "difference": differences.difference(comparison, "d"),
    }


def drawn(svg: str | None) -> ElementTree.Element:
    assert svg is not None
    return ElementTree.fromstring(svg)


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"replicates": 3, "failed": 2},
        {"families": ("lstm", "gru", "rnn", "extra")},
        {"families": ("lstm-1", "lstm-2"), "baselines": [], "champion": False, "confirmations": 0},
        {"objective": Objective("mae", Direction.MIN, "$/MWh_{x}^2")},
        {"objective": Objective("accuracy", Direction.MAX), "levels": (0.06, 0.07)},
        {"levels": (231.0, 90000.0)},
        {"levels": (1e-9, 2e-9), "baselines": [("mean", 5e-9)], "margin": 0.0},
        {"dataset": "x" * 80, "baselines": [("<b>&" * 20, 200.0)]},
    ],
)
def test_every_figure_is_well_formed_and_keeps_to_itself(make_comparison: Make, changes: dict[str, object]) -> None:
    comparison = make_comparison(**changes)
    for name, svg in all_figures(comparison).items():
        if name == "difference" and comparison.verdict.reasons_to_abstain and comparison.verdict.models is None:
            assert svg is None  # what is withheld is not drawn either
            continue
        root = drawn(svg)
        assert root.tag == f"{SVG}svg"
        assert root.get("viewBox")
        assert root.get("width") is None
        assert root.find(f"{SVG}title") is not None
        assert root.find(f"{SVG}desc") is not None
        assert not list(root.iter(f"{SVG}style")), "a style rule would reach the whole page"
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        targets = re.findall(r"url\(#([^)]+)\)", str(svg))
        targets += [element.get(HREF, "")[1:] for element in root.iter() if element.get(HREF)]
        assert set(targets) <= set(ids)
        assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]+"', "", str(svg)), "nothing is loaded"
        assert "#010203" not in str(svg), "ink takes the colour of the text"


def test_ids_begin_with_the_name(make_comparison: Make) -> None:
    root = drawn(figures.trials(make_comparison(), "dataset-7-trials"))
    ids = [element.get("id", "") for element in root.iter() if element.get("id")]
    assert all(name.startswith("dataset-7-trials-") for name in ids)


def test_every_completed_trial_is_a_point(make_comparison: Make) -> None:
    comparison = make_comparison(trials=20, failed=3)
    root = drawn(figures.trials(comparison))
    small = [
        group for group in root.iter(f"{SVG}g") if len([child for child in group if child.tag == f"{SVG}use"]) == 20
    ]
    assert len(small) == len(comparison.families)


def test_thousands_of_points_are_thinned(make_comparison: Make) -> None:
    few, many = make_comparison(trials=40), make_comparison(trials=1500)
    assert len(str(figures.trials(many))) < 3 * len(str(figures.trials(few))) + 30_000
    assert "500 of 3,000 trials" in str(figures.trials(many))
    points = [(float(number), 0.0) for number in range(1000)]
    assert len(figures.thinned(points, 250)) == 250
    assert figures.thinned(points, 250)[0] == points[0]
    assert figures.thinned(points, 250)[-1] == points[-1]


def test_labels_name_metric_unit_arms_and_baseline(make_comparison: Make) -> None:
    words = texts(drawn(figures.trials(make_comparison())))
    assert "test MAE in MWh" in words
    assert "validation MAE in MWh" in words
    assert {"lstm", "gru", "selected", "baseline: ridge on the lags"} <= set(words)
    assert "this budget" in texts(drawn(figures.budget(make_comparison(), curves_of(make_comparison()))))
    assert "best epoch" in texts(drawn(figures.learning(make_comparison())))


def test_wide_scores_get_a_logarithmic_axis(make_comparison: Make) -> None:
    words = texts(drawn(figures.trials(make_comparison(levels=(231.0, 90000.0)))))
    assert {"1k", "10k", "100k"} <= set(words)


def test_arms_have_colours_and_markers_of_their_own() -> None:
    assert len({look.color for look in APPEARANCES}) == len(APPEARANCES)
    assert len({look.on_dark for look in APPEARANCES}) == len(APPEARANCES)
    assert len({look.marker for look in APPEARANCES}) == len(APPEARANCES)
    assert len({look.line for look in APPEARANCES}) == len(APPEARANCES)


def test_nothing_to_draw_is_none(make_comparison: Make) -> None:
    whole = make_comparison()
    empty = dataclasses.replace(
        whole,
        rows=(),
        families=tuple(dataclasses.replace(family, selected=None, seed_scores=()) for family in whole.families),
        verdict=dataclasses.replace(whole.verdict, low=float("nan")),
    )
    assert set(all_figures(empty).values()) == {None}


def test_each_replicate_selects_by_validation(make_comparison: Make) -> None:
    comparison = make_comparison(replicates=3, failed=1)
    expected = [
        min(
            (row.validation, row.test)
            for row in comparison.rows
            if row.replicate == replicate and row.family == "gru" and row.validation is not None
        )[1]
        for replicate in (1, 2, 3)
    ]
    assert figures.selected_by_replicate(comparison, "gru") == expected


def test_the_difference_is_drawn_without_signs(make_comparison: Make) -> None:
    words = texts(drawn(differences.difference(make_comparison())))
    assert {"← gru better", "lstm better →", "0"} <= set(words)
    assert not any(word.startswith("-") for word in words)


def test_a_winner_is_drawn_in_its_colour(make_comparison: Make) -> None:
    winner = make_comparison(levels=(301.0, 201.0), replicates=2)
    assert winner.verdict.family == "gru"
    assert APPEARANCES[1].color in str(differences.difference(winner))
    undecided = make_comparison(levels=(201.0, 201.0))
    assert undecided.verdict.outcome is Outcome.UNDECIDED
    assert APPEARANCES[1].color not in str(differences.difference(undecided))


def test_the_overview_has_a_line_a_dataset(three_datasets: SweepResult) -> None:
    words = texts(drawn(differences.overview(three_datasets.comparisons)))
    assert {"vic_elec", "japanese_vowels", "adding_50"} <= set(words)
    assert differences.overview(three_datasets.comparisons[:1]) is None


def test_datasets_without_a_margin_are_not_in_the_overview(make_comparison: Make) -> None:
    assert differences.overview([make_comparison("a", margin=0.0), make_comparison("b")]) is None


def test_ranks_of_three_families(make_comparison: Make, make_sweep: Callable[..., SweepResult]) -> None:
    names = ("lstm", "gru", "rnn")
    sweep = make_sweep(
        [make_comparison(f"set_{seed}", families=names, levels=(231.0, 201.0, 330.0), seed=seed) for seed in range(6)]
    )
    assert sweep.across is not None
    assert set(names) <= set(texts(drawn(differences.ranks(sweep.across))))
    assert differences.overview(sweep.comparisons) is None, "the best two differ from dataset to dataset"
    assert differences.ranks(dataclasses.replace(sweep.across, average_ranks={})) is None


def test_a_baseline_far_off_does_not_press_the_curves_together(make_comparison: Make) -> None:
    def budget(score: float) -> list[str]:
        made = make_comparison(baselines=[("ridge on the lags", score)])
        return texts(drawn(figures.budget(made, curves_of(made))))

    assert "baseline: ridge on the lags" in budget(230.0)
    assert "baseline: ridge on the lags" not in budget(2300.0)
