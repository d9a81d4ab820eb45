"""Moving an alias, two versions side by side, and a model trained again on training and validation parts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.errors import ExportError, UsageError
from harness.export import load, load_folder
from harness.export.artifact import read_description
from harness.export.build import build_champion
from harness.export.promote import compare, promote, refit
from harness.store import Store
from harness.tracking import connect, move_alias, register, resolve

EVIDENCE = {
    "verdict": "winner",
    "winner": "gru",
    "headline": "sums: gru wins",
    "why": "gru is the winner",
    "details": [],
    "cautions": ["no cell beats the best baseline"],
    "budget": "3 trials a family",
    "oracle": "random",
    "epochs": 5,
    "arms": {
        "gru": {
            "expected_test_score": 0.2,
            "validation_score": 0.2,
            "test_score": 0.2,
            "completed_trials": 3,
            "fit_seconds": 2.0,
            "best_epoch": 2,
        }
    },
    "baselines": {"mean": 0.17},
}


@pytest.fixture
def sums(regress: Any, store: Store, project: Any, tmp_path: Path) -> Store:
    """A store with two versions of one model, of which the first is the champion."""
    project(store, regress)
    for number in (1, 2):
        folder = tmp_path / f"champion-{number}"
        shutil.copytree(regress.folder, folder)
        plain = json.loads((folder / "champion.json").read_text())
        changes = {"trial": f"sums/gru/r1/search/{number:04d}", "evidence": EVIDENCE}
        (folder / "champion.json").write_text(json.dumps({**plain, **changes}))
        register(store, folder, {"verdict": "winner", "why": "gru is the winner"})
    move_alias(store, "sums", "1", "champion")
    return store


def _aliases(store: Store) -> dict[str, str]:
    aliases = connect(store).get_registered_model("sums").aliases
    return {alias: str(version) for alias, version in aliases.items()}


def test_an_alias_moves_to_a_version_that_gives_its_score_again(sums: Store) -> None:
    assert promote("sums/2", "champion", sums)[0].version == "2"
    assert _aliases(sums) == {"champion": "2"}


def test_a_version_that_gives_another_score_is_refused(sums: Store) -> None:
    file = resolve(sums, "sums/2").path / "champion.json"
    plain = json.loads(file.read_text())
    file.write_text(json.dumps({**plain, "test_score": plain["test_score"] * 1.01}))
    with pytest.raises(ExportError, match=r"model sums/2: in a new process its test mse is .*; no alias was moved"):
        promote("sums/2", "champion", sums)
    assert _aliases(sums) == {"champion": "1"}


@pytest.mark.parametrize(
    ("reference", "alias", "phrase"),
    [
        ("sums/2", "best", "--alias best: expected champion or candidate"),
        ("sums/7", "champion", "version 7: expected one of 1, 2"),
        ("summs", "champion", r"Did you mean sums\?"),
    ],
)
def test_what_cannot_be_promoted(sums: Store, reference: str, alias: str, phrase: str) -> None:
    with pytest.raises(UsageError, match=phrase):
        promote(reference, alias, sums)


def test_two_models_on_the_same_test_rows(regress: Any, forecast: Any) -> None:
    champion = load_folder(regress.folder)
    weights = champion.model.get_weights()
    other = load_folder(regress.folder)
    other.model.set_weights([weight * 0.5 for weight in weights])
    found = compare(champion, replace(other, where="other"))
    assert found.scores[0] == pytest.approx(champion.description.test_score, rel=1e-5)
    assert found.better == pytest.approx(found.scores[0] - found.scores[1])
    assert found.rows == 9
    assert found.first_better + found.second_better == pytest.approx(1)
    assert (found.better > 0) == (found.scores[1] < found.scores[0])
    same = compare(champion, champion)
    assert (same.better, same.first_better, same.second_better) == (0, 0, 0)
    with pytest.raises(UsageError, match="expected models of the same task on the same data, got task forecast and re"):
        compare(champion, load_folder(forecast.folder))


def test_a_model_is_trained_again_with_the_validation_part(sums: Store, capsys: pytest.CaptureFixture[str]) -> None:
    done = refit("sums", sums)
    assert done.version == "3"
    description = read_description(done.path)
    assert (description.refit, description.test_score, description.logged_score) == (True, None, description.seen_score)
    champion, again = load("sums", sums), load("sums/3", sums)
    x = np.random.default_rng(0).random((2, 12, 2))
    assert not np.allclose(champion.predict(x), again.predict(x))
    assert _aliases(sums) == {"champion": "1"}
    assert refit("sums", sums).version == "3"  # the one that is there
    with pytest.raises(UsageError, match="model models:/sums/3: is a refitted one"):
        refit("sums/3", sums)
    with pytest.raises(UsageError, match="model sums/3: nobody has tested it"):
        promote("sums/3", "champion", sums)
    promote("sums/3", "candidate", sums, untested=True)
    assert _aliases(sums) == {"champion": "1", "candidate": "3"}
    _say(sums, "list")
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [
        ["sums/1", "champion"],
        ["sums/2", "gru"],
        ["sums/3", "candidate"],
    ]
    assert "untested" in listed[3]


def _say(store: Store, *arguments: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["models", *arguments, "--store", str(store.root)])
    assert not left.value.code


def test_what_the_commands_say(sums: Store, capsys: pytest.CaptureFixture[str]) -> None:
    _say(sums, "show", "sums")
    phrase = capsys.readouterr().out
    for words in (
        "models:/sums/1 (champion)",
        "sums: gru wins",
        "gru is the winner",
        "3 trials a family",
        "no cell beats the best baseline",
        "x: shape (n, 12, 2), n = number of sequences",
        "number, marker",
        "#/experiments/",
    ):
        assert words in phrase
    _say(sums, "list", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["version"], one["aliases"]) for one in found] == [
        ("sums", 1, ["champion"]),
        ("sums", 2, []),
    ]
    _say(sums, "show", "sums/2", "--json")
    assert json.loads(capsys.readouterr().out)["description"]["trial"] == "sums/gru/r1/search/0002"
    _say(sums, "compare", "sums/1", "sums/2")
    phrase = capsys.readouterr().out
    assert "models:/sums/1" in phrase
    assert "9 test rows of sums; equal" in phrase
    _say(sums, "compare", "sums/1", "sums/2", "--json")
    assert json.loads(capsys.readouterr().out)["second_better_by"] == 0


def test_a_refit_that_does_not_know_its_epochs(regress: Any, store: Store, project: Any) -> None:
    project(store, regress)
    register(store, regress.folder, {})
    with pytest.raises(UsageError, match="does not say after how many epochs its training was best"):
        refit("sums/1", store)


def test_a_refitted_model_is_built_without_a_look_at_the_test_part(regress: Any, tmp_path: Path) -> None:
    plain = {**regress.plain, "test_score": None, "seen_score": 123.0, "folder": str(tmp_path / "c")}
    with pytest.raises(ExportError, match=r"validation mse is .*: expected the logged 123.0"):
        build_champion(plain)
