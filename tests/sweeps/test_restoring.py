"""A champion's alias is its own again only where no later champion has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.journal import EventKind, Journal
from harness.records import ChampionInfo
from harness.store import Store
from harness.sweeps.register import champions_of, may_take_alias
from harness.tracking.repair import RegistryState


def champion(trial: int) -> ChampionInfo:
    key = f"toy/gru/r1/search/{trial:04d}"
    return ChampionInfo("toy", "1", "champion", "gru", "gru", key, "gru is the winner", 0.5, "folder")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two sweeps: `first` was crowned, `second` after it, and then `first` extended, to the same champion."""
    store = Store(tmp_path, "")
    for sweep_id in ("first", "second"):
        with Journal.create(store.sweeps / sweep_id, {}) as journal:
            journal.append(EventKind.CHAMPION, champion(1).to_json(), dataset="toy")
            journal.append(EventKind.CHAMPION, {}, dataset="nothing_completed")
    with Journal.open(store.sweeps / "first") as journal:
        journal.append(EventKind.EXTENDED, {}, dataset="toy")
        journal.append(EventKind.CHAMPION, champion(1).to_json(), dataset="toy")
    return store


@pytest.mark.parametrize(
    ("sweep_id", "holder", "may"),
    [
        ("first", "", True),
        ("first", f"first/{champion(1).trial}", True),
        ("first", f"second/{champion(1).trial}", False),
        ("second", f"first/{champion(1).trial}", True),
        ("first", f"first/{champion(2).trial}", False),
        ("second", f"of_another_store/{champion(1).trial}", False),
    ],
)
def test_an_alias_stays_with_the_later_champion(store: Store, sweep_id: str, holder: str, may: bool) -> None:
    with Journal.open(store.sweeps / sweep_id) as journal:
        assert may_take_alias(store, journal, champion(1), RegistryState("", holder)) is may


def test_champions_are_those_that_were_not_undone(store: Store) -> None:
    with Journal.open(store.sweeps / "first") as journal:
        assert champions_of(journal) == {"toy": champion(1)}
        journal.append(EventKind.EXTENDED, {}, dataset="toy")
        assert champions_of(journal) == {}
