"""Choosing, exporting and proving the champion of a comparison.

It is the trial that validation selected, never the one with the best test score; the alias moves only after the
registered model, loaded in a clean process, gave the logged test score again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.engines import Engine, Task
from harness.errors import ExportError
from harness.export import CleanProcess, agrees, read_description
from harness.records import ArmResult, ChampionInfo, ComparisonResult, Outcome, TrialRequest
from harness.search import select
from harness.store import Store
from harness.sweeping.evidence import evidence_of
from harness.sweeping.planning import SweepHeader
from harness.sweeping.searching import Work
from harness.sweeping.working import run_one
from harness.tracking.registry import move_alias, register

CHAMPION, CANDIDATE = "champion", "candidate"


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


def alias_of(result: ComparisonResult, test_score: float) -> str:
    """`champion` for a model that beats the best baseline on the test part, else `candidate`."""
    best = result.best_baseline
    beats = best is None or result.objective.better(test_score, best.test_score)
    return CHAMPION if beats else CANDIDATE


def crown(
    result: ComparisonResult,
    header: SweepHeader,
    requests: Mapping[str, TrialRequest],
    store: Store,
    engine: Engine,
    sweep_id: str,
    work: Work,
    clean: CleanProcess,
) -> ChampionInfo | None:
    """Build the champion in a worker, register it, prove it in a clean process, and only then move the alias.

    Args:
        result: The decided comparison.
        header: The sweep.
        requests: Requests of the dataset's trials, by key.
        store: Where it is registered.
        engine: Where it is built.
        sweep_id: The sweep's id.
        work: Where the selected trial's weights are; it is trained again when they are gone, with the same seed.
        clean: The process that proves it.

    Returns:
        The registered champion; None when no trial completed.

    Raises:
        ExportError: The registered model does not give the logged test score again, or cannot be loaded.
        StoreError: The registry cannot be used.
    """
    chosen = choose(result)
    if chosen is None:
        return None
    arm, why = chosen
    if arm.selected is None or arm.test_score is None:
        return None
    key, test_score = str(arm.selected.key), arm.test_score
    weights = work.weights_of(arm.selected.key)
    if not weights.exists():
        run_one(engine, work.task(requests[key]))
    folder = store.sweeps / sweep_id / "champions" / result.dataset
    plain: dict[str, Any] = {
        "dataset": header.datasets[result.dataset].model_dump(mode="json"),
        "space": header.spaces[arm.arm.family].model_dump(mode="json"),
        "request": requests[key].to_json(),
        "weights": str(weights),
        "folder": str(folder),
        "test_score": test_score,
        "sweep_id": sweep_id,
        "digest": result.facts.digest,
        "evidence": evidence_of(result, header, why),
    }
    alias = alias_of(result, test_score)
    tags = {"verdict": result.verdict.outcome.value, "why": why}
    run_one(engine, Task(f"{result.dataset} champion", "harness.export.building:build_champion", plain))
    registered = register(store, folder, tags)
    again = clean.score(registered.path)
    description = read_description(registered.path)
    if not agrees(description, again):
        raise ExportError(
            f"models:/{registered.name}/{registered.version}: in a clean process its test {result.objective.metric} "
            f"is {again!r}, expected {description.test_score!r}; no alias was moved"
        )
    move_alias(store, registered.name, registered.version, alias)
    return ChampionInfo(
        name=registered.name,
        version=registered.version,
        alias=alias,
        family=arm.arm.family,
        arm=arm.arm.name,
        trial=key,
        why=why,
        test_score=test_score if description.test_score is None else description.test_score,
        path=str(folder),
    )
