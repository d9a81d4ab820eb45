"""Choosing, exporting and proving the champion of a comparison.

It is the trial that validation selected, never the one with the best test score; the alias moves only after the
registered model, loaded in a clean process, gave the logged test score again, and never to a worse one than it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.engines import Engine, Task
from harness.errors import ExportError, HarnessError
from harness.export import CleanProcess, agrees, read_description
from harness.export.aliases import CHAMPION, Holder, give_alias, holder, must_be_measured
from harness.export.measuring import Measured
from harness.records import ArmResult, ChampionInfo, ComparisonResult, Outcome, TrialKey, TrialRequest
from harness.search import select
from harness.store import Store
from harness.sweeping.evidence import evidence_of
from harness.sweeping.planning import SweepHeader
from harness.sweeping.searching import Work
from harness.sweeping.working import run_one
from harness.tracking.registry import Registered, move_alias, register


def choose(result: ComparisonResult) -> tuple[ArmResult, str] | None:
    """Whose selected trial is exported, and why in one sentence; None when no arm has one.

    Winner: the winner's. Practically equal: the cheaper family's. Undecided: the better validation score's, and of
    equal ones the model with fewer parameters.
    """
    able = [arm for arm in result.arms if arm.selected and arm.validation_score is not None]
    if not able:
        return None
    verdict, by_name = result.verdict, {arm.arm.name: arm for arm in able}
    if verdict.outcome is Outcome.WINNER and verdict.family in by_name:
        return by_name[verdict.family], f"{verdict.family} is the winner"
    if verdict.outcome is Outcome.PRACTICALLY_EQUAL and verdict.recommended in by_name:
        return by_name[verdict.recommended], f"practically equal, and {verdict.cheaper_because}"
    best = select((arm.selected for arm in able if arm.selected), result.objective)
    equals = [arm for arm in able if best and arm.validation_score == best.validation_score]
    cheapest = min(equals, key=lambda arm: arm.selected.parameters if arm.selected else 0)
    better = (
        "its validation score is the better one" if len(equals) == 1 else "at equal validation scores it is smaller"
    )
    return cheapest, f"the families are not told apart; {better}"


def beats_baseline(result: ComparisonResult, test_score: float) -> bool:
    """Whether a model beats the best baseline on the test part, without which it is a candidate at most."""
    best = result.best_baseline
    return best is None or result.objective.better(test_score, best.test_score)


@dataclass(frozen=True, slots=True)
class Crowning:
    """What it takes to make a comparison's champion.

    Attributes:
        result: The decided comparison.
        header: The sweep.
        requests: Requests of the dataset's trials, by key.
        store: Where it is registered.
        engine: Where it is built.
        sweep_id: The sweep's id.
        work: Where the selected trial's weights are; it is trained again when they are gone, with the same seed.
        clean: The process that proves it.
    """

    result: ComparisonResult
    header: SweepHeader
    requests: Mapping[str, TrialRequest]
    store: Store
    engine: Engine
    sweep_id: str
    work: Work
    clean: CleanProcess

    @property
    def folder(self) -> Path:
        """Where the sweep keeps it."""
        return self.store.sweeps / self.sweep_id / "champions" / self.result.dataset

    @property
    def name(self) -> str:
        """What it is registered as."""
        return self.header.registered_name(self.result.dataset)

    def build(self, arm: ArmResult, trial: TrialKey, why: str) -> None:
        """Have a worker make the folder of a trial's model."""
        weights = self.work.weights_of(trial)
        if not weights.exists():
            run_one(self.engine, self.work.task(self.requests[str(trial)]))
        plain: dict[str, Any] = {
            "dataset": self.header.datasets[self.result.dataset].model_dump(mode="json"),
            "space": self.header.spaces[arm.arm.family].model_dump(mode="json"),
            "request": self.requests[str(trial)].to_json(),
            "weights": str(weights),
            "folder": str(self.folder),
            "test_score": arm.test_score,
            "sweep_id": self.sweep_id,
            "digest": self.result.facts.digest,
            "evidence": evidence_of(self.result, self.header, why),
        }
        run_one(self.engine, Task(f"{self.result.dataset} champion", "harness.export.building:build_champion", plain))

    def register(self, why: str, name: str) -> Registered:
        """Register what is in the folder."""
        return register(self.store, self.folder, {"verdict": self.result.verdict.outcome.value, "why": why}, name)

    def prove(self, folder: Path, where: str, incumbent: Holder | None, *, beats: bool) -> Measured | None:
        """Refuse a model that does not give its logged test score again in the clean process.

        Returns:
            What it and the version that has its alias score on its test rows, where their logged scores are of
            different ones.
        """
        description = read_description(folder)
        measuring = must_be_measured(Holder(where, description, folder), incumbent, beats_baseline=beats)
        proof = self.clean.prove(folder, incumbent.folder if incumbent and measuring else None)
        if not agrees(description, proof.score):
            raise ExportError(
                f"{where}: in a clean process its test {self.result.objective.metric} is {proof.score!r}, expected "
                f"{description.test_score!r}; no alias was moved"
            )
        return proof.measured


def crown(how: Crowning) -> ChampionInfo | None:
    """Build the champion in a worker, register it, prove it in a clean process, and only then give it an alias.

    Returns:
        The registered champion; None when no trial completed.

    Raises:
        ExportError: The registered model does not give the logged test score again, or cannot be loaded.
        StoreError: The registry cannot be used, or the name is somebody else's.
    """
    chosen = choose(how.result)
    if chosen is None:
        return None
    arm, why = chosen
    if arm.selected is None or arm.test_score is None:
        return None
    how.build(arm, arm.selected.key, why)
    registered, beats = how.register(why, how.name), beats_baseline(how.result, arm.test_score)
    incumbent = holder(how.store, registered.name)
    where = f"{registered.name}/{registered.version}"
    measured = how.prove(registered.path, where, incumbent, beats=beats)
    alias, because = give_alias(how.store, registered, incumbent, measured, beats_baseline=beats)
    score = read_description(registered.path).test_score
    return ChampionInfo(
        name=registered.name,
        version=registered.version,
        alias=alias,
        family=arm.arm.family,
        arm=arm.arm.name,
        trial=str(arm.selected.key),
        why=why,
        test_score=arm.test_score if score is None else score,
        path=str(how.folder),
        alias_because=because,
    )


def crown_again(was: ChampionInfo, how: Crowning, *, alias: bool) -> ChampionInfo:
    """Register a champion that the registry has lost, from the files that the sweep keeps.

    Where those are gone too it is built again, and trained again where its weights are. It is proved first, so that a
    version whose proof failed never looks like one that was restored.

    Args:
        was: The champion as it was registered.
        how: What it takes.
        alias: Whether its alias may mean it again; a later champion may have it. `@champion` moves as for a new one.

    Raises:
        DataError: The dataset, which the proof needs, is missing or changed.
        ExportError: It does not give the logged test score again.
        StoreError: The registry cannot be used.
    """
    if not _holds(how.folder, was.trial):
        arm = next(one for one in how.result.arms if one.arm.name == was.arm)
        how.build(arm, TrialKey.parse(was.trial), was.why)
    beats = alias and was.alias == CHAMPION
    incumbent = holder(how.store, was.name)
    try:
        measured = how.prove(how.folder, str(how.folder), incumbent, beats=beats)
    except ExportError as error:
        raise ExportError(f"{error}; where that folder is damaged remove it, and it is built again") from error
    registered = how.register(was.why, was.name)
    again = replace(was, version=registered.version, path=str(how.folder))
    if not (alias and was.alias):
        return again
    if not beats:
        held = holder(how.store, registered.name, was.alias)
        if held is None or held.own:
            move_alias(how.store, registered.name, registered.version, was.alias)
        return again
    got, because = give_alias(how.store, registered, incumbent, measured, beats_baseline=beats)
    return replace(again, alias=got, alias_because=because or was.alias_because)


def _holds(folder: Path, trial: str) -> bool:
    """Whether a trial's model is in this folder; `save_champion` leaves it whole or not at all."""
    try:
        return read_description(folder).trial == trial
    except HarnessError:
        return False
