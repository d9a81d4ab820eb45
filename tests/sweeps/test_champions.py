"""Real sweeps one after the other: the champion stays the better one, on old rows and on new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness
from harness.records import ChampionInfo
from harness.store import Store
from harness.tracking import connect

CARD = """
name = "sums"
[source]
kind = "generator"
generator = "adding"
steps = 8
sequences = {sequences}
[task]
kind = "regress"
metric = "mse"
"""


@pytest.mark.slow
def test_a_smaller_sweep_does_not_take_the_alias(tmp_path: Path) -> None:
    """Shows a worse model on the same rows, and on new ones, beside the champion (a minute and a half)."""
    store = Store(tmp_path / "mlruns", f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    phrase = list[object]()

    def swept(sequences: int, **options: int) -> ChampionInfo:
        (tmp_path / "sums.toml").write_text(CARD.format(sequences=sequences))
        result = harness.sweep(
            str(tmp_path / "sums.toml"),
            store=store.root,
            callback=phrase.append,
            **{"trials": 1, "confirmations": 0, "workers": 1, **options},
        )
        champion = result.comparisons[0].champion
        assert champion is not None
        return champion

    first = swept(600, trials=2, epochs=25)
    second = swept(600, epochs=2, seed=5)
    third = swept(700, epochs=2, seed=6)
    assert (first.alias, first.alias_because) == ("champion", "")
    assert second.test_score > first.test_score
    assert {second.alias, third.alias} == {"candidate"}
    for champion in (second, third):
        assert champion.alias_because.startswith("@champion stays with sums/1: ")
        assert f"`harness models promote {champion.name}/{champion.version} --store " in champion.alias_because
        assert any(champion.alias_because in str(one) for one in phrase)
    aliases = connect(store).get_registered_model("sums").aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 1, "candidate": 3}
