"""The champion of a comparison: chosen, exported, verified, registered, and recovered where MLflow lost it.

The journal does not know of models that were refitted, nor of aliases that were moved by hand.

It is the trial that validation selected, never the one with the best test score; the alias moves only after the
registered model, loaded in a new process, gave the logged test score again, and never to a worse one than it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.config.space import SearchSpace
from harness.errors import ExportError, HarnessError, JournalError
from harness.executors import Executor, Task
from harness.executors.lanes import OneTask, Work, alone
from harness.export import CleanProcess, agrees, read_description
from harness.export.aliases import CHAMPION, Holder, give_alias, holder, must_be_measured
from harness.export.verification import Measured
from harness.journal import EventKind, Journal
from harness.records import (
    ChampionInfo,
    ComparisonResult,
    Diagnostics,
    FamilyResult,
    Outcome,
    TrialKey,
    TrialRequest,
    Use,
)
from harness.search import select
from harness.stats import explain
from harness.stats.gate import failing, shortfall
from harness.stats.words import brief, sentences
from harness.store import Store
from harness.sweeps.plan import SweepHeader
from harness.sweeps.results import budget_in_words
from harness.sweeps.trials import TASKS, TrialSpec
from harness.tracking.registry import Registered, move_alias, register
from harness.tracking.repair import RegistryState, registry_state_of


def evidence_of(result: ComparisonResult, header: SweepHeader, why: str) -> Mapping[str, Any]:
    """The verdict, the scores and the budget behind a champion, as plain values.

    Args:
        result: The decided comparison.
        header: The sweep.
        why: Why this family's model is exported, in one sentence.
    """
    plan, verdict = header.plan, result.verdict
    return {
        "verdict": verdict.outcome.value,
        "winner": verdict.family,
        "recommendation": verdict.recommendation.to_json() if verdict.recommendation else None,
        "headline": sentences.recommendation(verdict),
        "why": why,
        # Warnings are among the cautions, with what to do about them.
        "details": [
            *sentences.three(verdict),
            *(line for line in explain(verdict) if not line.startswith("warning: ")),
        ],
        "cautions": [*verdict.reasons_to_abstain, *sentences.warnings(verdict)],
        "budget": budget_in_words(header),
        "oracle": plan.oracle,
        "replicates": plan.replicates,
        "epochs": plan.epochs,
        "arms": {
            family.family.name: {
                "expected_test_score": verdict.expected.get(family.family.name),
                "validation_score": family.validation_score,
                "test_score": family.test_score,
                "confirmations": list(family.seed_scores),
                "completed_trials": family.usage.completed,
                "fit_seconds": family.usage.fit_seconds,
                "best_epoch": family.selected.best_epoch if family.selected else None,
                "temperature": family.selected.temperature if family.selected else None,
                "parameters": family.selected.parameters if family.selected else None,
            }
            for family in result.families
        },
        "baselines": {baseline.name: baseline.test_score for baseline in result.baselines},
        "best_baseline": result.best_baseline.name if result.best_baseline else None,
        "split": result.facts.split,
        "sizes": list(result.facts.sizes),
        "notes": list(result.facts.notes),
    }


NOT_KNOWN = (
    "the journal knows neither refitted models nor aliases that were moved by hand: "
    "`harness models refit` and `harness models promote` make them again"
)


def champions_of(journal: Journal) -> dict[str, ChampionInfo]:
    """The champions of a sweep as they were registered last, by dataset."""
    names = dict.fromkeys(event.dataset for event in journal.events(EventKind.CHAMPION))
    last = {name: journal.last(EventKind.CHAMPION, name) for name in names}
    return {name: ChampionInfo.from_json(event.payload) for name, event in last.items() if event and event.payload}


def lost_champions(store: Store, sweep_id: str, journal: Journal) -> dict[str, ChampionInfo]:
    """Champions of a sweep that are to be registered again.

    One that a later champion has replaced may be deleted: it is none of them.

    Raises:
        StoreError: MLflow's store cannot be used, or there is none.
    """
    lost = {}
    for name, info in champions_of(journal).items():
        state = registry_state_of(store, info.name, info.alias, f"{sweep_id}/{info.trial}")
        if (info.alias and not state.holder) or (not state.version and may_take_alias(store, journal, info, state)):
            lost[name] = info
    return lost


def may_take_alias(store: Store, journal: Journal, info: ChampionInfo, state: RegistryState) -> bool:
    """Whether a champion's alias is its own: it means nothing, or itself, or a champion of this store's before it."""
    holder, _, trial = state.holder.partition("/")
    if not holder or (holder, trial) == (journal.path.parent.name, info.trial):
        return True
    try:
        with Journal.read(store.sweeps / holder) as other:
            return _registered_at(other, info.name, trial) < _registered_at(journal, info.name, info.trial)
    except JournalError:
        return False  # of another store, or of a sweep that was removed


def _registered_at(journal: Journal, dataset: str, trial: str) -> float:
    """When a trial was first registered as a dataset's champion; never, for one that was not."""
    events = journal.events(EventKind.CHAMPION, dataset=dataset)
    return min((event.at for event in events if event.payload.get("trial") == trial), default=float("inf"))


def choose(result: ComparisonResult) -> tuple[FamilyResult, str] | None:
    """Whose selected trial is exported, and why in one sentence; None when no family has one.

    It is the recommended family's. A verdict of 0.1.0 recommends none: there it is the winner's, of families that are
    practically equal the cheaper one's, and else that of the better validation score, or of equal ones the model with
    fewer parameters.
    """
    able = [family for family in result.families if family.selected and family.validation_score is not None]
    if not able:
        return None
    verdict, by_name = result.verdict, {family.family.name: family for family in able}
    if (found := verdict.recommendation) and found.family in by_name:
        return by_name[found.family], brief.why(found)
    if verdict.outcome is Outcome.WINNER and verdict.family in by_name:
        return by_name[verdict.family], f"{verdict.family} is the winner"
    if verdict.outcome is Outcome.PRACTICALLY_EQUAL and verdict.recommended in by_name:
        return by_name[verdict.recommended], f"the families are practically equal: {verdict.cheaper_because}"
    best = select((family.selected for family in able if family.selected), result.objective)
    equals = [family for family in able if best and family.validation_score == best.validation_score]
    cheapest = min(equals, key=lambda family: family.selected.parameters if family.selected else 0)
    better = "it has the better validation score" if len(equals) == 1 else "at equal validation scores it is smaller"
    return cheapest, f"the verdict is undecided; {better}"


def short_of_champion(result: ComparisonResult, family: FamilyResult) -> str:
    """Why a family's selected model is a candidate at most: because the verdict recommends a baseline.

    A verdict of 0.1.0 recommends nothing: there the model's own scores say whether it beats the baselines.

    Args:
        result: The decided comparison.
        family: Whose model.

    Returns:
        The reason as the end of a sentence; empty where it may be the champion.
    """
    found = result.verdict.recommendation
    if found and found.use is not Use.BASELINE:
        return ""
    cases = result.cases.get(str(family.selected.key)) if family.selected else None
    failed = failing(family.test_score, cases, result.baselines, result.objective, result.verdict.margin)
    recommended = f"is not what the sweep recommends: {brief.use(found)}" if found else ""
    return shortfall(failed, result.objective) or recommended


@dataclass(frozen=True, slots=True)
class Registration:
    """What it takes to make a comparison's champion.

    Attributes:
        result: The decided comparison.
        header: The sweep.
        requests: Requests of the dataset's trials, by key.
        store: Where it is registered.
        executor: Where it is trained again; it is built on this machine, whose folders it works in.
        sweep_id: The sweep's id.
        spec: Where the selected trial's weights are; it is trained again when they are gone, with the same seed.
        clean: The process that verifies it.
        runs_code: Whether code of the user's that the plan names may run; syncing runs none.
    """

    result: ComparisonResult
    header: SweepHeader
    requests: Mapping[str, TrialRequest]
    store: Store
    executor: Executor
    sweep_id: str
    spec: TrialSpec
    clean: CleanProcess
    runs_code: bool = True

    @property
    def folder(self) -> Path:
        """Where the sweep keeps it."""
        return self.store.sweeps / self.sweep_id / "champions" / self.result.dataset

    @property
    def name(self) -> str:
        """What it is registered as."""
        return self.header.registered_name(self.result.dataset)

    def build(self, family: FamilyResult, trial: TrialKey, why: str) -> Work[Diagnostics]:
        """Have a worker make the folder of a trial's model, and say what it does on the test part."""
        space = self.spec.spaces[family.family.space]
        self._require_code_may_run(space)
        weights = self.spec.weights_of(trial)
        if not weights.exists():
            yield OneTask(self.spec.task(self.requests[str(trial)]))
        plain: dict[str, Any] = {
            "dataset": self.spec.dataset,
            "space": space,
            "request": self.requests[str(trial)],
            "weights": str(weights),
            "folder": str(self.folder),
            "test_score": family.test_score,
            "sweep_id": self.sweep_id,
            "digest": self.spec.digest,
            "evidence": evidence_of(self.result, self.header, why),
        }
        built = yield OneTask(Task(f"{self.result.dataset} champion", TASKS["champion"], plain), here=True)
        return Diagnostics.from_json(built["diagnostics"])

    def register(self, why: str, name: str) -> Registered:
        """Register what is in the folder."""
        return register(self.store, self.folder, {"verdict": self.result.verdict.outcome.value, "why": why}, name)

    def verify(self, folder: Path, where: str, incumbent: Holder | None) -> Measured | None:
        """Refuse a model that does not give its logged test score again in the clean process.

        Args:
            folder: The model.
            where: What messages call it.
            incumbent: The version that has the alias which it may get; None where nothing is to be compared.

        Returns:
            What it and the version that has its alias score on its test rows, where their logged scores are of
            different ones.
        """
        description = read_description(folder)
        measuring = must_be_measured(Holder(where, description, folder), incumbent)
        beside = incumbent.folder if incumbent and measuring else None
        if description.code:
            self._require_code_may_run(self.spec.spaces[description.family])
        # Of the files that this sweep's plan names, which has trained with them.
        builders = [space.build for space in self.spec.spaces.values() if space.build] if self.runs_code else []
        code = [file for build in builders if (file := Path(build.rpartition(":")[0])).is_file()]
        score, measured = self.clean.verify(folder, beside, code)
        if not agrees(description, score):
            raise ExportError(
                f"{where}: in a new process its test {self.result.objective.metric} is {score!r}, expected "
                f"{description.test_score!r}; no alias was moved"
            )
        return measured

    def _require_code_may_run(self, space: SearchSpace) -> None:
        if space.build is not None and not self.runs_code:
            raise ExportError(needs_sweep(space, self.sweep_id))


def needs_sweep(space: SearchSpace, sweep_id: str) -> str:
    """Why a champion waits that takes code of the user's, and the command that makes it."""
    return f"it takes {space.made_of}, which syncing does not run; `harness sweep --resume {sweep_id}` does"


@dataclass(frozen=True, slots=True)
class Built:
    """A champion's folder, made.

    Attributes:
        family: Whose selected trial it is.
        why: Why this family's, in one sentence.
        diagnostics: What it does on the test part.
    """

    family: FamilyResult
    why: str
    diagnostics: Diagnostics


def build_champion(how: Registration) -> Work[Built | None]:
    """Have a worker build the champion that follows from a comparison; None when no trial completed."""
    family, why = choose(how.result) or (None, "")
    if family is None or family.selected is None or family.test_score is None:
        return None
    return Built(family, why, (yield from how.build(family, family.selected.key, why)))


def register_champion(how: Registration, built: Built) -> ChampionInfo:
    """Register a champion, prove it in a new process, and only then give it an alias.

    Raises:
        ExportError: The registered model does not give the logged test score again, or cannot be loaded.
        StoreError: The registry cannot be used, or the name is somebody else's.
    """
    family, why = built.family, built.why
    assert family.selected is not None  # or nothing was built
    registered, short = how.register(why, how.name), short_of_champion(how.result, family)
    incumbent = holder(how.store, registered.name)
    where = f"{registered.name}/{registered.version}"
    measured = how.verify(registered.path, where, None if short else incumbent)
    alias, because = give_alias(how.store, registered, incumbent, measured, short)
    described = read_description(registered.path)
    return ChampionInfo(
        name=registered.name,
        version=registered.version,
        alias=alias,
        family=family.family.space,
        arm=family.family.name,
        trial=str(family.selected.key),
        why=why,
        test_score=described.test_score if described.test_score is not None else family.test_score or 0.0,
        path=str(how.folder),
        alias_because=because,
        coverage=described.intervals.coverage if described.intervals else (),
        diagnostics=built.diagnostics,
    )


def register_again(was: ChampionInfo, how: Registration, *, alias: bool) -> ChampionInfo:
    """Register a champion that the registry has lost, from the files that the sweep keeps.

    Where those are gone too it is built again, and trained again where its weights are. It is verified first, so that a
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
        family = next(one for one in how.result.families if one.family.name == was.arm)
        alone(how.executor, how.build(family, TrialKey.parse(was.trial), was.why))
    was_champion = alias and was.alias == CHAMPION
    incumbent = holder(how.store, was.name)
    try:
        measured = how.verify(how.folder, str(how.folder), incumbent if was_champion else None)
    except ExportError as error:
        raise ExportError(f"{error}; where that folder is damaged remove it, and it is built again") from error
    registered = how.register(was.why, was.name)
    again = replace(was, version=registered.version, path=str(how.folder))
    if not (alias and was.alias):
        return again
    if not was_champion:
        held = holder(how.store, registered.name, was.alias)
        if held is None or held.own:
            move_alias(how.store, registered.name, registered.version, was.alias)
        return again
    got, because = give_alias(how.store, registered, incumbent, measured)
    return replace(again, alias=got, alias_because=because or was.alias_because)


def _holds(folder: Path, trial: str) -> bool:
    """Whether a trial's model is in this folder; `save_champion` leaves it whole or not at all."""
    try:
        return read_description(folder).trial == trial
    except HarnessError:
        return False
