"""Champions that a journal knows and MLflow has lost: its database is new, or their files are gone. Reads only.

The journal does not know of models that were refitted, nor of aliases that were moved by hand.
"""

from __future__ import annotations

from harness.errors import JournalError
from harness.journal import EventKind, Journal
from harness.records import ChampionInfo
from harness.store import Store
from harness.tracking.mending import Standing, standing_of

NOT_KNOWN = (
    "the journal knows neither refitted models nor aliases that were moved by hand: "
    "`harness models refit` and `harness models promote` make them again"
)


def champions_of(journal: Journal) -> dict[str, ChampionInfo]:
    """The champions of a sweep as they were registered last, by dataset."""
    names = dict.fromkeys(event.dataset for event in journal.events(EventKind.CHAMPION))
    last = {name: journal.last(EventKind.CHAMPION, name) for name in names if journal.has(EventKind.CHAMPION, name)}
    return {name: ChampionInfo(**event.payload) for name, event in last.items() if event and event.payload}


def lost_champions(store: Store, sweep_id: str, journal: Journal) -> dict[str, ChampionInfo]:
    """Champions of a sweep that are to be registered again.

    One that a later champion has replaced may be deleted: it is none of them.

    Raises:
        StoreError: MLflow's store cannot be used, or there is none.
    """
    return {
        name: info
        for name, info in champions_of(journal).items()
        if _is_lost(store, journal, info, standing_of(store, info.name, info.alias, f"{sweep_id}/{info.trial}"))
    }


def _is_lost(store: Store, journal: Journal, info: ChampionInfo, standing: Standing) -> bool:
    if info.alias and not standing.holder:
        return True
    return not standing.version and may_take_alias(store, journal, info, standing)


def may_take_alias(store: Store, journal: Journal, info: ChampionInfo, standing: Standing) -> bool:
    """Whether a champion's alias is its own: it means nothing, or itself, or a champion of this store's before it."""
    holder, _, trial = standing.holder.partition("/")
    if not holder or (holder, trial) == (journal.path.parent.name, info.trial):
        return True
    try:
        with Journal.read(store.sweeps / holder) as other:
            return _crowned_at(other, info.name, trial) < _crowned_at(journal, info.name, info.trial)
    except JournalError:
        return False  # of another store, or of a sweep that was removed


def _crowned_at(journal: Journal, dataset: str, trial: str) -> float:
    """When a trial was first registered as a dataset's champion; never, for one that was not."""
    events = journal.events(EventKind.CHAMPION, dataset=dataset)
    return min((event.at for event in events if event.payload.get("trial") == trial), default=float("inf"))
