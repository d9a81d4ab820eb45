"""An alias never gets worse, and never moves without a word: the rule, and what it does to a registry."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import StoreError, UsageError
from harness.export.aliases import CANDIDATE, CHAMPION, Holder, give_alias, holder, must_be_measured, ruling
from harness.export.artifact import Description, read_description, read_seen
from harness.export.promote import promote
from harness.export.verification import FEWEST_CASES, CleanProcess, Measured
from harness.records import Direction, TaskKind
from harness.store import Store
from harness.tracking import connect, move_alias, register, resolve
from harness.tracking.registry import foreign_models, registered_versions, whose
from harness.tracking.repair import dangling_aliases

HOW = "harness models promote m/2"
OLD = Description(
    name="m",
    title="",
    task=TaskKind.REGRESS,
    family="gru",
    arm="gru",
    sweep_id="s",
    trial="m/gru/r1/search/0001",
    seed=1,
    values={},
    metric="mse",
    direction=Direction.MIN,
    unit="kW",
    test_score=0.25,
    channels=("a",),
    targets=("y",),
    classes=(),
    masked=False,
    steps=5,
    horizon_steps=1,
    scaling={},
    digest="same",
    license="",
    card={},
    space={},
    inputs={},
    output=(),
    requirements=(),
    versions={},
)


SHORT = "does not beat the best baseline, ridge: test mse 0.3 against 0.2 on the test part"


def decided(
    measured: Measured | None = None,
    *,
    had: Holder | None = None,
    candidate: Holder | None = None,
    shortfall: str = "",
    old: dict[str, Any] | None = None,
    **new: Any,
) -> tuple[str, str]:
    incumbent = had or Holder("m/1", replace(OLD, **(old or {})))
    challenger = Holder("m/2", replace(OLD, **new))
    alias, reason = ruling(challenger, incumbent, candidate, measured, shortfall=shortfall, promote=HOW)
    assert "\n" not in reason
    return alias, reason


@pytest.mark.parametrize(
    ("direction", "score", "move"),
    [
        ("min", 0.2, CHAMPION),
        ("min", 0.25, CHAMPION),
        ("min", 0.3, CANDIDATE),
        ("max", 0.3, CHAMPION),
        ("max", 0.2, CANDIDATE),
    ],
)
def test_logged_scores_of_the_same_rows_decide(direction: str, score: float, move: str) -> None:
    either = {"direction": Direction(direction)}
    found, reason = decided(old=either, test_score=score, **either)
    assert found is move
    assert "0.25 kW (m/1)" in reason
    assert f"{score} kW (m/2)" in reason
    assert (f"`{HOW}`" in reason) is (move == CANDIDATE)


@pytest.mark.parametrize(
    ("measured", "move", "phrase"),
    [
        (Measured(100, 80, 0.5, 0.4), CHAMPION, "80 of 100 new test cases, without 20 that m/1 was trained on,"),
        (Measured(100, 100, 0.4, 0.5), CANDIDATE, "on 100 of 100 new test cases test mse 0.4 kW"),
        (Measured(100, FEWEST_CASES, 0.5, 0.4), CHAMPION, "without 70"),
        (Measured(100, FEWEST_CASES - 1), CANDIDATE, "29 are too few to compare on"),
        (Measured(100, 50, None, 0.1), CANDIDATE, "no finite score"),
        (Measured(why_not="its file is damaged"), CANDIDATE, "its file is damaged"),
        (None, CANDIDATE, "the champion changed meanwhile"),
    ],
)
def test_other_rows_are_compared_where_both_can_be_scored(measured: Any, move: str, phrase: str) -> None:
    found, reason = decided(measured, digest="other", test_score=0.1)
    assert (found, phrase in reason) == (move, True), reason


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"task": TaskKind.CLASSIFY}, "task regress and classify"),
        ({"metric": "mae"}, "metric mse and mae"),
        ({"unit": "MW"}, "unit kW and MW"),
        ({"channels": ("a", "b")}, "channels a and a, b"),
        ({"targets": ("z",)}, "targets y and z"),
        ({"steps": 6}, "steps 5 and 6"),
        ({"steps": None}, "steps 5 and any number"),
        ({"vocabulary": tuple("abcdefghij")}, "vocabulary none and a, b, c, d, e, f and 4 more"),
    ],
)
def test_never_between_tasks_metrics_or_shapes(change: dict[str, Any], phrase: str) -> None:
    better = Measured(100, 100, 0.5, 0.1)
    for digest in ("same", "other"):
        found, reason = decided(better, digest=digest, test_score=0.0, **change)
        assert (found, phrase in reason, "--register-as" in reason) == (CANDIDATE, True, True), reason
    challenger = Holder("m/2", replace(OLD, digest="other", **change))
    assert not must_be_measured(challenger, Holder("m/1", OLD))


def test_a_model_of_any_length_is_compared_on_sequences_of_one() -> None:
    assert decided(old={"steps": None}, test_score=0.2)[0] == CHAMPION


def test_a_first_champion_needs_no_word_and_a_first_candidate_says_why() -> None:
    challenger = Holder("m/2", OLD)
    for incumbent, why in ((None, f"no @champion yet: m/2 {SHORT}"), (challenger, "")):
        assert ruling(challenger, incumbent, None, None, shortfall="", promote=HOW) == (CHAMPION, "")
        assert ruling(challenger, incumbent, None, None, shortfall=SHORT, promote=HOW) == (CANDIDATE, why)


def test_better_than_the_champion_but_not_than_the_baseline() -> None:
    found, reason = decided(shortfall=SHORT, test_score=0.1)
    assert found == CANDIDATE
    assert f"@champion stays with m/1: m/2 {SHORT};" in reason


def test_a_refitted_champion_has_no_logged_score_and_is_measured() -> None:
    refitted = Holder("m/1", replace(OLD, test_score=None, refit=True, seen_score=0.1))
    assert must_be_measured(Holder("m/2", OLD), refitted)
    assert decided(Measured(50, 50, 0.2, 0.1), had=refitted)[0] == CHAMPION
    assert not must_be_measured(Holder("m/2", OLD), Holder("m/1", OLD))


def test_what_cannot_be_read_and_what_is_somebody_elses_keeps_its_alias() -> None:
    found, reason = decided(had=Holder("m/1", why_not="the model's files are gone"))
    assert (found, "it cannot be compared: the model's files are gone" in reason) == (CANDIDATE, True)
    stranger = Holder("m/1", own=False)
    found, reason = decided(had=stranger)
    assert (found, "no sweep made that version" in reason) == (CANDIDATE, True)
    found, reason = decided(had=stranger, candidate=stranger)
    assert (found, "m/2 has no alias" in reason) == ("", True)


def test_a_candidate_that_replaces_another_says_so_where_a_bare_name_means_it() -> None:
    challenger, before = Holder("m/2", replace(OLD, test_score=0.9)), Holder("m/1", OLD)
    _, reason = ruling(challenger, None, before, None, shortfall=SHORT, promote=HOW)
    assert reason.startswith(f"no @champion yet: m/2 {SHORT}; @candidate moves from m/1: ")
    assert "0.25 kW (m/1)" in reason
    assert "0.9 kW (m/2)" in reason


@pytest.fixture
def versions(regress: Any, store: Store, project: Any, tmp_path: Path) -> Store:
    """A store with three versions of one model, of which the first is the champion; the second is worse."""
    project(store, regress)
    for number, factor in ((1, 1.0), (2, 16.0), (3, 0.5)):
        folder = tmp_path / f"champion-{number}"
        shutil.copytree(regress.folder, folder)
        plain = json.loads((folder / "champion.json").read_text())
        changes = {"trial": f"sums/gru/r1/search/{number:04d}", "test_score": plain["test_score"] * factor}
        (folder / "champion.json").write_text(json.dumps({**plain, **changes}))
        register(store, folder, {})
    move_alias(store, "sums", "1", CHAMPION)
    return store


def aliases(store: Store) -> dict[str, str]:
    found = connect(store).get_registered_model("sums").aliases
    return {alias: str(version) for alias, version in found.items()}


def test_an_alias_of_a_registry_moves_to_what_is_not_worse(versions: Store) -> None:
    first = holder(versions, "sums")
    assert first is not None
    alias, reason = give_alias(versions, resolve(versions, "sums/2"), first, None)
    assert (alias, aliases(versions)) == (CANDIDATE, {CHAMPION: "1", CANDIDATE: "2"})
    assert f"`harness models promote sums/2 --store {versions.root}`" in reason
    alias, reason = give_alias(versions, resolve(versions, "sums/3"), first, None)
    assert (alias, aliases(versions)) == (CHAMPION, {CHAMPION: "3", CANDIDATE: "2"})
    assert reason.startswith("@champion moves from sums/1 to sums/3")
    alias, reason = give_alias(versions, resolve(versions, "sums/3"), first, None)
    assert (alias, reason) == (CHAMPION, "")


def test_promoting_by_hand_moves_it_all_the_same_and_says_what_it_was(versions: Store) -> None:
    give_alias(versions, resolve(versions, "sums/3"), holder(versions, "sums"), None)
    _, was = promote("sums/1", CHAMPION, versions)
    assert aliases(versions)[CHAMPION] == "1"
    assert "it was sums/3" in was
    assert "(sums/1)" in was


def test_somebody_elses_version_is_never_taken_for_a_champion(versions: Store, regress: Any, tmp_path: Path) -> None:
    client = connect(versions)
    client.create_registered_model("theirs")
    client.create_model_version("theirs", source=str(tmp_path))
    client.set_registered_model_alias("theirs", CHAMPION, "1")
    assert "theirs: somebody else's: no sweep made any of its 1 version" in whose(client, "theirs")
    assert "--register-as NAME" in whose(client, "theirs")
    with pytest.raises(StoreError, match="somebody else's"):
        register(versions, regress.folder, {}, "theirs")
    for reference in ("theirs", "theirs@champion", "theirs/1", "models:/theirs/1"):
        with pytest.raises(UsageError, match="model theirs: version 1 is somebody else's"):
            resolve(versions, reference)
    assert whose(client, "sums") == whose(client, "nobodys") == ""


def test_in_a_name_that_0_1_0_joined_only_sweeps_versions_count(versions: Store, tmp_path: Path) -> None:
    client = connect(versions)
    client.create_model_version("sums", source=str(tmp_path))
    client.set_registered_model_alias("sums", CHAMPION, "4")
    move_alias(versions, "sums", "2", CANDIDATE)
    assert resolve(versions, "sums").version == "2"
    with pytest.raises(UsageError, match=r"version 4 is somebody else's: no sweep made it; expected .*: 1, 2, 3"):
        resolve(versions, "sums@champion")
    had = holder(versions, "sums")
    alias, reason = give_alias(versions, resolve(versions, "sums/3"), had, None)
    assert (alias, aliases(versions)) == (CANDIDATE, {CHAMPION: "4", CANDIDATE: "3"})
    assert "@champion stays with sums/4: no sweep made that version" in reason
    with pytest.raises(UsageError, match="@champion is sums/4, somebody else's"):
        promote("sums/1", CHAMPION, versions)
    assert dangling_aliases(versions) == []
    assert foreign_models(versions) == ["sums"]
    assert [one.version for one in registered_versions(versions)] == [1, 2, 3]


def test_new_rows_are_scored_by_both_in_a_clean_process(
    forecast: Any, build_champion_of: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old = pd.read_csv(forecast.data)
    hours = np.arange(len(old), len(old) + 200)
    more = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-11", periods=200, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "demand": 5000 + 300 * np.sin(hours / 24 * 2 * np.pi) + np.random.default_rng(1).normal(0, 20, 200),
            "temperature": 15 + 5 * np.cos(hours / 24 * 2 * np.pi),
            "holiday": hours % 7 == 0,
        }
    )
    folder = tmp_path_factory.mktemp("more")
    pd.concat([old, more]).to_csv(folder / "load.csv", index=False)
    plain = {key: value for key, value in forecast.plain["dataset"].items() if key in ("name", "task")}
    config = {**plain, "source": {"kind": "csv", "path": str(folder / "load.csv")}}
    new = build_champion_of(config, folder, folder / "load.csv")
    with CleanProcess() as process:
        score, measured = process.verify(new.folder, forecast.folder)
    description = read_description(new.folder)
    assert score == pytest.approx(description.test_score, rel=1e-5)
    assert measured is not None
    assert (measured.why_not, measured.cases) == ("", measured.total)  # all of them come after what was trained on
    assert measured.challenger == pytest.approx(description.test_score, rel=1e-5)
    assert measured.incumbent is not None
    assert measured.incumbent != measured.challenger


def test_what_a_champion_was_trained_on_stays_with_it_in_the_registry(built: Any, store: Store, project: Any) -> None:
    project(store, built)
    saved, kept = read_seen(built.folder), read_seen(register(store, built.folder, {}).path)
    assert saved is not None
    assert kept is not None
    assert np.array_equal(saved.runs, kept.runs)
    assert (saved.kind, saved.steps) == (kept.kind, kept.steps)
