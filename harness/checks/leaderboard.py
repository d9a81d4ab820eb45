"""All verdicts of a store, or of several: `harness leaderboard`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.journal import EventKind, Journal
from harness.records import BaselineScore, ChampionInfo, Leaderboard, LeaderboardRow, Verdict
from harness.stats.words import brief
from harness.store import Store
from harness.sweeps.folders import sweep_ids
from harness.sweeps.results import Results


def leaderboard(stores: Sequence[Store]) -> Leaderboard:
    """Everything that was decided in some stores, from the sweeps' journals alone.

    A sweep that lies in two of them, since one is a copy, counts once.

    Args:
        stores: The stores.
    """
    rows: list[LeaderboardRow] = []
    unread: dict[str, str] = {}
    folders = {sweep_id: store for store in reversed(stores) for sweep_id in sweep_ids(store)}
    for sweep_id, store in folders.items():
        try:
            rows += _rows_of(store.root, store.sweeps / sweep_id)
        except (HarnessError, ValueError, KeyError, StopIteration) as error:
            unread[sweep_id] = str(error)
    return Leaderboard(tuple(sorted(rows, key=lambda row: (row.dataset, -row.decided_at))), unread)


def _rows_of(root: Path, folder: Path) -> Iterator[LeaderboardRow]:
    with Journal.read(folder) as journal:
        results = Results(journal)
        for name in results.header.datasets:
            decided, champion = (journal.last(kind, name) for kind in (EventKind.DECIDED, EventKind.CHAMPION))
            if decided is None:
                continue
            verdict, objective = Verdict.from_json(decided.payload), results.objective(name)
            model = ChampionInfo.from_json(champion.payload) if champion and champion.payload else None
            baseline, found = BaselineScore.best(results.baselines(name), objective), verdict.recommendation
            family = found.family if found else verdict.family or verdict.recommended
            scores = found.scores if found else {}
            if model and model.arm == family:
                scores = {model.arm: model.test_score, **scores}
            tested = baseline.test_score if baseline else None
            if found and found.scored_cases:
                tested = found.baseline_score
            yield LeaderboardRow(
                dataset=name,
                task=results.facts(name).task.value,
                use=brief.use(found) if found else verdict.family or verdict.outcome.value.replace("_", " "),
                family=family,
                probability=found.probability if found else None,
                regret=found.regret if found else None,
                metric=objective.metric,
                direction=objective.direction.value,
                unit=objective.unit,
                score=scores.get(family or ""),
                baseline=baseline.name if baseline else None,
                baseline_score=tested,
                families=tuple(one.name for one in results.header.families),
                trials=min(verdict.completed.values(), default=0),
                model=f"{model.name}/{model.version}" if model else "",
                alias=model.alias if model else "",
                decided_at=decided.at,
                sweep_id=folder.name,
                store=str(root),
            )
