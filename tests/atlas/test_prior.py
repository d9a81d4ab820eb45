"""The Atlas's prior of a verdict: from the data sets, checked on sources left out, written down where it is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.atlas.model import Posterior
from harness.atlas.prior import check_prior, prior_of, summary_of
from harness.atlas.standings import standings
from harness.atlas.tables import Tables
from harness.config import atlas as packaged
from harness.config import find_sweep, make_plan, read_sweep
from harness.errors import UsageError
from harness.records import AtlasSummary, Direction, Objective, Outlook, ScoreRow, VerdictPrior
from harness.stats import decide_rows
from harness.stats.outlook import outlook, turned_to
from harness.sweeps.plan import SweepHeader, resolve

Make = Callable[..., tuple[Tables, list[float]]]
NARROW = VerdictPrior("atlas 1-test", 80, ((1.0, 0.01),))


@pytest.fixture(scope="module")
def alike(make_tables: Make) -> tuple[Tables, Posterior]:
    """Data sets on which the families hardly differ."""
    tables, _ = make_tables(datasets=30, sources=30, mean=0.0, between=0.0, within=0.01)
    return tables, Posterior([one.estimate for one in standings(tables)[0]])


@pytest.fixture
def carried(alike: tuple[Tables, Posterior], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtlasSummary]:
    """The package with a summary of those data sets."""
    tables, posterior = alike
    its = summary_of(posterior, standings(tables)[0], "1-test", None)
    (tmp_path / "summary.json").write_text(json.dumps(its.to_json()))
    monkeypatch.setattr(packaged, "builtin_folder", lambda _: tmp_path)
    packaged.atlas_summary.cache_clear()
    yield its
    packaged.atlas_summary.cache_clear()


def test_the_prior_is_as_wide_as_the_data_sets_scatter(alike: tuple[Tables, Posterior], make_tables: Make) -> None:
    tables, _ = make_tables(datasets=30, sources=30, mean=0.0, between=0.1, within=0.3)
    wide = prior_of(Posterior([one.estimate for one in standings(tables)[0]]), 30, "1")
    narrow = prior_of(alike[1], 30, "1")
    assert narrow.parts[0][1] < 0.05 < 0.15 < wide.parts[0][1]
    assert sum(weight for weight, _ in wide.parts) == pytest.approx(1)


def test_a_prior_that_fits_foretells_better(alike: tuple[Tables, Posterior]) -> None:
    found = check_prior(alike[0], standings(alike[0])[0], alike[1])
    assert found is not None
    assert found.datasets == 30
    assert found.gain > 0
    assert found.better == (found.low > 0)


def test_a_narrow_prior_makes_a_verdict_less_sure(rows: list[ScoreRow]) -> None:
    usual, narrow = (_outlook(rows, prior) for prior in (None, NARROW))
    assert usual.better == narrow.better
    assert 0.5 < narrow.probability < usual.probability
    assert (usual.prior, narrow.prior) == ("", "atlas 1-test")


def test_both_sides_of_an_outlook_share_its_prior() -> None:
    found = outlook("gru", "lstm", 0.1, 0.1, prior=NARROW)
    assert turned_to("lstm", found).probability == pytest.approx(1 - found.probability)
    usual = outlook("gru", "lstm", 0.1, 0.1)
    assert turned_to("lstm", usual).probability == pytest.approx(1 - usual.probability)


def test_a_plan_holds_the_prior_that_it_names(carried: AtlasSummary) -> None:
    header = resolve(make_plan({"datasets": ("vic_elec",), "prior": "atlas"}))
    assert header.prior == carried.prior
    assert header.prior.version == "atlas 1-test"
    assert SweepHeader.from_json(json.loads(json.dumps(header.to_json()))).prior == carried.prior


def test_the_usual_prior_is_the_default() -> None:
    header = resolve(make_plan({"datasets": ("vic_elec",)}))
    assert header.prior is None
    plain = header.to_json()
    del plain["prior"], plain["plan"]["prior"]  # as journals of before are
    assert SweepHeader.from_json(plain) == header


def test_the_atlas_never_decides_by_itself() -> None:
    assert read_sweep(find_sweep("atlas"), {}).prior == "usual"


def test_other_families_have_no_atlas(carried: AtlasSummary) -> None:
    with pytest.raises(UsageError, match="the Atlas compares gru with lstm, not lstm, lstm"):
        resolve(make_plan({"datasets": ("vic_elec",), "prior": "atlas", "families": ("lstm", "lstm")}))


def test_a_package_without_an_atlas_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "builtin_folder", lambda _: tmp_path)
    packaged.atlas_summary.cache_clear()
    with pytest.raises(UsageError, match="--prior atlas: this version carries no Atlas"):
        resolve(make_plan({"datasets": ("vic_elec",), "prior": "atlas"}))
    packaged.atlas_summary.cache_clear()


def _outlook(rows: list[ScoreRow], prior: VerdictPrior | None) -> Outlook:
    its = decide_rows(rows, objective=Objective("mae", Direction.MIN), margins={}, prior=prior).verdicts["toy"]
    assert ("prior is that of atlas 1-test" in its.method) == (prior is not None)
    assert its.outlook is not None
    return its.outlook


@pytest.fixture
def rows() -> list[ScoreRow]:
    return [
        ScoreRow("toy", family, 1, number, 1 + number / 50 + shift, 1 + number / 50 + shift)
        for family, shift in (("gru", 0.0), ("lstm", 0.05))
        for number in range(1, 11)
    ]
