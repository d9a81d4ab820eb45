"""One sweep from its header to its result: wires search, executor, journal, MLflow, verdicts and export.

Every step looks at the journal first and does only what is not there yet, so running a sweep and resuming one are the
same thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from enum import IntEnum
from importlib import import_module
from itertools import count
from pathlib import Path

from harness.config.spaces.sized import sized
from harness.disk import cannot_write, replace_text
from harness.errors import AccessError, DiskError, HarnessError, StoreError, UsageError
from harness.executors import Executor, Task
from harness.executors.lanes import Aside, Lanes, OneTask, Until, Work
from harness.export import CleanProcess
from harness.journal import EventKind, Journal
from harness.records import ChampionInfo, Outcome, Phase, SweepResult, TrialRecord, TrialRequest
from harness.report.html import html
from harness.search import Scheduler
from harness.search.library import load_early
from harness.search.oracle import ADAPTIVE
from harness.search.scheduler import seed_repeat_request
from harness.stats.levels import MINIMUM_TRIALS
from harness.store import Store
from harness.sweeps.engines import files_for
from harness.sweeps.events import Callback, ComparisonFinished, Message, Step, SweepStarted
from harness.sweeps.folders import decided_by, lock, new_id, opened_by
from harness.sweeps.live.state import Live
from harness.sweeps.mlflow_sync import MlflowSync, links_of
from harness.sweeps.plan import SweepHeader, large_batches, search_settings, trial_limits, workers_note
from harness.sweeps.prepare import (
    LOOK_SECONDS,
    Inspected,
    Resuming,
    as_keras_tuner,
    inspect,
    look_at,
    notes,
    open_journal,
    with_builders,
)
from harness.sweeps.register import (
    NOT_KNOWN,
    Registration,
    build_champion,
    choose,
    lost_champions,
    may_take_alias,
    needs_sweep,
    register_again,
    register_champion,
)
from harness.sweeps.results import Results, seed_repeats_of
from harness.sweeps.stop import Stop
from harness.sweeps.trials import TASKS, ComparisonFailed, TrialRunner, Trials, TrialSpec, searches
from harness.text import counted
from harness.tracking import connect
from harness.tracking.client import to_be_made
from harness.tracking.registry import whose
from harness.tracking.repair import registry_state_of

REPORT_FILE = "report.html"

FINAL_SYNC_SECONDS = 3.0
"""How long an interrupted sweep waits for MLflow."""


def run_sweep(
    header: SweepHeader,
    store: Store,
    executor: Executor,
    callback: Callback,
    *,
    resume: Resuming | str | None = None,
    offline: bool = False,
    stop: Stop | None = None,
) -> SweepResult:
    """Run a sweep, or go on with one.

    Args:
        header: What the sweep is.
        store: Where its journal, its models and MLflow's store are.
        executor: Where trials run.
        callback: Who watches.
        resume: Id of the sweep to go on with, and how; None begins a new one.
        offline: Whether MLflow is left alone; `synchronise` writes there later what the journal holds.
        stop: Says when the user wants an end.

    Raises:
        KeyboardInterrupt: The user wanted an end; what has ended is kept, and a report of it is written.
        DataError: A dataset is missing or changed.
        UsageError: Another command is running this sweep, or its configs changed.
        JournalError: The journal is damaged or cannot be written.
        StoreError: MLflow's store cannot be used.
    """
    how = resume if isinstance(resume, Resuming) else Resuming(resume)
    header = replace(header, **decided_by(store, how.sweep_id)) if how.sweep_id else header
    inspected = inspect(header, LOOK_SECONDS, opened_by(store, how.sweep_id) if how.sweep_id else ())
    header = with_builders(header)
    sweep_id = how.sweep_id or new_id(header.plan.name)
    folder = store.sweeps / sweep_id
    sync = MlflowSync(store, header, folder, offline=offline)
    load_early(header.plan.oracle)
    if not (offline or to_be_made(store)):
        _refuse_foreign_names(store, header)
    with lock(folder, new=how.sweep_id is None), open_journal(folder, header, inspected, how) as journal, sync:
        callback(SweepStarted(sweep_id, how.sweep_id is not None, journal.has(EventKind.FINISHED)))
        for note in notes(header, inspected, executor.slots):
            callback(Message(note))
        live = Live(folder, callback, sync.live)
        sweep = _Sweep(Results(journal, header), store, sweep_id, executor, live, sync, stop or Stop(), live=live)
        try:
            sweep.compare_all(inspected)
            return sweep.conclude()
        except KeyboardInterrupt:
            sweep.leave()
            raise
        finally:
            live.close()


def _refuse_foreign_names(store: Store, header: SweepHeader) -> None:
    """Refuse a sweep whose champions would join somebody else's registered model, while nothing is written yet."""
    with suppress(StoreError):  # an MLflow that fails stops no trial: it is asked again before a champion is registered
        client = connect(store)
        for name in header.datasets:
            if foreign := whose(client, header.registered_name(name)):
                raise UsageError(foreign)


def synchronise(
    store: Store, sweep_id: str, executor: Executor, callback: Callback, register_as: str | None = None
) -> SweepResult:
    """Bring MLflow up to what a sweep's journal holds: runs, champions that are decided, champions that it has lost.

    Trains no trial, unless a champion's weights are gone.

    Args:
        store: Where its journal and MLflow's store are.
        sweep_id: The sweep's id.
        executor: Where champions are built.
        callback: Who watches.
        register_as: What champions are registered as that are not registered yet; None for the sweep's own names.

    Raises:
        UsageError: Another command is running this sweep.
        JournalError: The journal is damaged.
        StoreError: MLflow's store cannot be used.
    """
    folder = store.sweeps / sweep_id
    with lock(folder), Journal.open(folder) as journal:
        header = SweepHeader.from_json(journal.plan).registered_as(register_as)
        with MlflowSync(store, header, folder) as sync:
            sweep = _Sweep(Results(journal, header), store, sweep_id, executor, callback, sync, Stop(), runs_code=False)
            failed = sweep.restore_lost()
            result = sweep.conclude()
            if result.unfinished:
                sync.interrupt(FINAL_SYNC_SECONDS)
            return replace(result, behind="; ".join(part for part in (result.behind, *failed) if part))


class _NotBegun(HarnessError):
    """A dataset cannot be looked at."""


class _Stage(IntEnum):
    """How far a comparison has come."""

    OPEN = 0
    DECIDED = 1
    OVER = 2


@dataclass(slots=True)
class _Sweep:
    """A running sweep: what its comparisons share."""

    results: Results
    store: Store
    sweep_id: str
    executor: Executor
    callback: Callback
    sync: MlflowSync
    stop: Stop
    refused: set[str] = field(default_factory=set)
    """Datasets whose champion the user may not register."""
    runs_code: bool = True
    """Whether builders of the user's may run; syncing runs none."""
    live: Live | None = None
    """Who is told of trials that run."""
    reached: dict[str, _Stage] = field(default_factory=dict)
    """How far this command has come with each dataset."""

    @property
    def header(self) -> SweepHeader:
        return self.results.header

    @property
    def journal(self) -> Journal:
        return self.results.journal

    @property
    def folder(self) -> Path:
        return self.store.sweeps / self.sweep_id

    def compare_all(self, inspected: Mapping[str, Inspected]) -> None:
        """All datasets, a few at a time: the search of one goes on while another's champion is proved.

        A later one gets the workers that those before it have no use for. Verdicts, champions and what the callback
        hears of them come in the order of the datasets.
        """
        names = list(self.header.datasets)
        works = (
            self._compare(name, inspected.get(name), names[max(0, position - 1) : position], last=name == names[-1])
            for position, name in enumerate(names)
        )
        lanes = Lanes(self.executor, self.journal.turn, lambda: self.stop.wanted, self._advance)
        lanes.run(works, at_once(self.header, self.executor.slots))

    def _compare(self, name: str, found: Inspected | None, before: Sequence[str], *, last: bool) -> Work[None]:
        """One dataset, from its first trial to its champion; only what the journal does not hold yet.

        Args:
            name: The dataset.
            found: What it is; None where it is still to be looked at.
            before: The dataset before it, if there is one.
            last: Whether none is after it.
        """
        try:
            if not self.journal.has(EventKind.COMPARISON_FAILED, name):
                yield from self._steps(name, found or (yield from self._look_at(name)), before, last=last)
        except ComparisonFailed as reason:
            self.journal.append(EventKind.COMPARISON_FAILED, {"why": str(reason)}, dataset=name)
            self.callback(Message(f"{name}: failed: {reason}"))
        except _NotBegun as reason:
            self.callback(Message(f"{name}: left for the next run of the same command: {reason}"))
        yield self._after(before, _Stage.OVER)
        if self.journal.has(EventKind.DECIDED, name):
            self.callback(ComparisonFinished(self.results.comparison(name)))
        self.reached[name] = _Stage.OVER

    def _look_at(self, name: str) -> Work[Inspected]:
        """Look at a dataset that would have kept the first trial waiting; what is wrong with it stops no other."""
        try:
            found: Inspected = yield Aside(lambda: look_at(self.header.datasets[name]))
        except HarnessError as error:
            raise _NotBegun(str(error)) from error
        for note in large_batches(name, self.header.spaces, found.facts.sizes[0]):
            self.callback(Message(note))
        return found

    def _after(self, before: Sequence[str], stage: _Stage) -> Until:
        """Waits until the dataset before, which waited for those before it, has come so far.

        For ever where the user wants an end.
        """
        return Until(
            lambda: not self.stop.wanted and all(self.reached.get(one, _Stage.OPEN) >= stage for one in before)
        )

    def _steps(self, name: str, found: Inspected, before: Sequence[str], *, last: bool) -> Work[None]:
        if not self.journal.has(EventKind.OPENED, name) or self.results.facts(name).digest != found.facts.digest:
            opened = {"facts": found.facts, "objective": found.objective}
            self.journal.append(EventKind.OPENED, opened, dataset=name)
        yield from self._search(name, found)
        registered = self.sync.offline or self.journal.has(EventKind.CHAMPION, name)
        # The process that is to verify the champion gets ready while the search's last words are said; not where the
        # search of another dataset needs the processor.
        with CleanProcess() if last and not registered else nullcontext() as clean:
            if last:
                Aside(_load_later)
            if not self.journal.has(EventKind.BASELINES, name):
                yield from self._score_baselines(name)
            while self._analyse_interim(name):
                yield from self._search(name, found)
            yield from self._confirm(name)
            yield self._after(before, _Stage.DECIDED)
            if not self.journal.has(EventKind.DECIDED, name):
                self.journal.append(EventKind.DECIDED, self.results.verdict(name), dataset=name)
            self.reached[name] = _Stage.DECIDED
            yield from self._register_decided(name, before, clean)

    def register_decided(self, name: str) -> None:
        """Export, register and prove a decided dataset's champion, unless that is done; later where MLflow is away."""
        lanes = Lanes(self.executor, self.journal.turn, lambda: self.stop.wanted, self._advance)
        lanes.run([self._register_decided(name)])

    def _register_decided(self, name: str, before: Sequence[str] = (), clean: CleanProcess | None = None) -> Work[None]:
        if not self.results.owed(name):
            return
        if self.sync.offline or not (yield self._synced()):
            if not self.sync.refused:  # which was said, with what is kept
                self.callback(Message(f"{name}: the champion is registered when MLflow can be written to"))
            return
        chosen = None if self.runs_code else choose(self.results.comparison(name))
        if chosen and (space := self.header.spaces[chosen[0].family.space]).build is not None:
            self.callback(Message(f"{name}: the champion is not registered yet: {needs_sweep(space, self.sweep_id)}"))
            return
        self.callback(Message(f"{name}: exporting the selected model and verifying it in a new process"))
        try:
            with clean or CleanProcess() as prover:
                how = self._registration(name, prover)
                self.callback(Step(name, "export and verification", 0, 2))
                built = yield from build_champion(how)
                self.callback(Step(name, "export and verification", 1, 2))
                yield self._after(before, _Stage.OVER)
                self._record(name, (yield Aside(lambda: register_champion(how, built))) if built else None)
        except StoreError as error:
            if isinstance(error, AccessError):
                self.refused.add(name)
            self.callback(Message(f"{name}: the champion is not registered yet: {error}"))

    def conclude(self) -> SweepResult:
        """The sweep as it stands at its end; its report is written beside the journal.

        It is finished when every comparison is over and MLflow, unless it was to be left alone, holds everything.
        """
        for name in self.header.datasets:
            if name not in self.refused:
                self.register_decided(name)  # MLflow may be back
        projected = self._projected()
        owed = [name for name in self.header.datasets if self.results.owed(name)]
        lacking = f"champions not registered: {', '.join(owed)}" if owed else ""
        behind = "it was left alone" if self.sync.offline else ""
        if not behind and (owed or not projected):
            behind = self.sync.failure or lacking or "it does not answer"
        result = replace(self._result(), behind=behind)
        self._write_report(result)
        # Last of all, so that the same command goes on, and begins no new sweep, wherever a kill comes in between.
        over = all(self.results.over(name) or (self.sync.offline and name in owed) for name in self.header.datasets)
        complete = over and (self.sync.offline or not behind)
        if complete and not self.journal.has(EventKind.FINISHED):
            self.journal.append(EventKind.FINISHED, {})
        return result

    def leave(self) -> None:
        """An end was wanted: nothing runs on, what has ended is in a report, and MLflow says it was interrupted."""
        self.executor.drop()
        if self.stop.at_once:
            return
        self._write_report(self._result())
        self.sync.interrupt(FINAL_SYNC_SECONDS)

    def _result(self) -> SweepResult:
        return self.results.sweep(self.sweep_id, self.store.address)

    def _write_report(self, result: SweepResult) -> None:
        links = {} if self.sync.offline or self.sync.failure else links_of(self.store, self.sweep_id)
        path = self.folder / REPORT_FILE
        try:
            replace_text(path, html(result, self.store.ui_command, links, options=self.store.options))
        except OSError as error:
            raise DiskError(f"{path}: {cannot_write(error, self.folder)}; then run the same command again") from error

    def _advance(self) -> None:
        """MLflow follows the journal in its own time; what it has to say is said here."""
        for note in self.sync.advance():
            self.callback(Message(note))
        if self.live:
            self.live.write()

    def _projected(self) -> bool:
        """Wait until MLflow holds all that the journal does; whether it does."""

        def meanwhile() -> None:
            self._advance()
            self.stop.check()

        held = self.sync.follow(self.journal.seq, meanwhile)
        self._advance()
        return held

    def _synced(self) -> Aside:
        """The same beside other work."""
        seq = self.journal.seq
        return Aside(lambda: self.sync.follow(seq, self.stop.check))

    def _search(self, name: str, found: Inspected) -> Work[None]:
        if self.journal.has(EventKind.CLOSED, name):
            return
        sequences = self.results.facts(name).sizes[0]
        settings = search_settings(self.header, self.executor.slots, self.results.replicates(name), sequences)
        spaces = sized(self.header.spaces, self.header.datasets[name], self.results.facts(name).steps[1])
        builders = as_keras_tuner(self.header, name) if self.runs_code else {}
        scheduler = Scheduler(name, self.header.families, spaces, found.objective, settings, builders)
        yield from searches(scheduler, self._runner(name), self.callback, settings.budget.seconds)

    def _analyse_interim(self, name: str) -> bool:
        """Whether the dataset is to be searched on: its verdict is open, nothing withholds it, and looks are left."""
        so_far = self.results.replicates(name)
        following = [look for look in self.header.interim_replicates if look > so_far]
        if not following or self.journal.has(EventKind.DECIDED, name):
            return False
        verdict = self.results.verdict(name)
        # Searches of fewer trials than are needed to judge say more together; any other reason to abstain stays.
        short = self.header.rule > 1 and min(verdict.completed.values()) == (self.header.plan.trials or 0) * so_far
        few = short and min(verdict.completed.values()) < MINIMUM_TRIALS
        if verdict.outcome is not Outcome.UNDECIDED or (verdict.reasons_to_abstain and not few):
            return False
        why = f"undecided at {counted(so_far, 'replicate')}"
        self.journal.append(EventKind.EXTENDED, {"replicates": following[0], "why": why}, dataset=name)
        self.callback(Message(f"{name}: {why}; continuing to {following[0]}"))
        return True

    def _score_baselines(self, name: str) -> Work[None]:
        limit = None
        if self.header.plan.baselines == "limited":
            limit = baseline_seconds(self.results.search_seconds(name) / self.executor.slots)
        arguments = {"dataset": self.header.datasets[name], "seconds": limit}
        files = files_for(self.header, name, self.executor)
        self.callback(Step(name, "baselines", 0, 1))
        value = yield OneTask(Task(f"{name} baselines", TASKS["baselines"], arguments, name, inputs=files))
        self.callback(Step(name, "baselines", 1, 1))
        self.journal.append(EventKind.BASELINES, value, dataset=name)

    def _confirm(self, name: str) -> Work[None]:
        """Retrain each family's selected hyperparameters with fresh seeds, as often as the plan says."""
        plan = self.header.plan
        asked = [TrialRequest.from_json(event.payload) for event in self.journal.events(EventKind.ASKED, dataset=name)]
        ended = {event.trial_key for event in self.journal.events(EventKind.ENDED, dataset=name)}
        chosen = [one.request for one in self.results.selected(name).values()]
        started = [one for best in chosen for one in seed_repeats_of(asked, best) if str(one.key) not in ended]
        fresh = [
            seed_repeat_request(best, number, plan.seed, step + 1 if self.header.rule > 1 else None)
            for step in range(plan.seeds)
            for best in chosen
            if (number := _next_seed_repeat(asked, best, step))
        ]
        wanted, done = len(started) + len(fresh), count(1)
        if wanted:
            self.callback(Message(f"{name}: {counted(wanted, 'retraining')} with fresh seeds"))
            self.callback(Step(name, "fresh seeds", 0, wanted))
        fresh.reverse()

        def tell(record: TrialRecord) -> None:
            self.callback(Step(name, "fresh seeds", next(done), wanted))
            self.callback(Message(f"{record.key} {record.status.value}", detail=True))

        yield Trials(self._runner(name), lambda _: fresh.pop() if fresh else None, tell, started)

    def _record(self, name: str, champion: ChampionInfo | None) -> None:
        self.callback(Step(name, "export and verification", 2, 2))
        if champion and champion.alias_because:
            self.callback(Message(f"{name}: {champion.alias_because}"))
        self.journal.append(EventKind.CHAMPION, champion or {}, dataset=name)

    def restore_lost(self) -> list[str]:
        """Register the champions again that MLflow has lost; why some could not be, a line each."""
        failed = list[str]()
        if not self._projected():
            return failed
        lost = lost_champions(self.store, self.sweep_id, self.journal)
        for name, was in lost.items():
            self.callback(Message(f"{name}: registering the champion again, once it is verified in a new process"))
            try:
                state = registry_state_of(self.store, was.name, was.alias, f"{self.sweep_id}/{was.trial}")
                alias = may_take_alias(self.store, self.journal, was, state)  # unless a later champion has it
                with CleanProcess() as prover:
                    self._record(name, register_again(was, self._registration(name, prover), alias=alias))
            except HarnessError as error:
                failed.append(f"the champion of {name} is not registered again: {error}")
        if lost:
            self.callback(Message(NOT_KNOWN))
        return failed

    def _registration(self, name: str, clean: CleanProcess) -> Registration:
        place = (self.store, self.executor, self.sweep_id, self._spec(name), clean, self.runs_code)
        requests = {str(request.key): request for request, _ in self.results.trials(name)}
        return Registration(self.results.comparison(name), self.header, requests, *place)

    def _runner(self, name: str) -> TrialRunner:
        return TrialRunner(self.executor, self.journal, self._spec(name), self._advance, self.stop, self.live)

    def _spec(self, name: str) -> TrialSpec:
        return TrialSpec(
            self.header.datasets[name],
            dict(self.header.spaces),
            self.results.facts(name).digest,
            self.folder / "weights" / name,
            *trial_limits(self.header.plan, self.executor.slots),
            rungs=self.header.plan.oracle == "hyperband",
            files=files_for(self.header, name, self.executor),
        )


_LATER = ("scipy.special", "scipy.optimize", "matplotlib.figure", "matplotlib.backends.backend_svg")
"""What verdicts and reports need, and no search: a second that a sweep's end need not wait."""


def _load_later() -> None:
    for name in _LATER:
        import_module(name)


MOST_AT_ONCE = 32
"""Comparisons that are open at a time at the most: each keeps its searches in memory."""


def at_once(header: SweepHeader, slots: int) -> int:
    """How many comparisons are open at a time: so many that the next search fills what the others leave free.

    One where the number of workers counts, and with it what else they do.

    Args:
        header: The sweep.
        slots: Trials that can run at the same time.
    """
    plan = header.plan
    if workers_note(plan):
        return 1
    of_a_search = plan.in_flight if plan.oracle in ADAPTIVE else plan.trials
    of_a_dataset = (of_a_search or slots) * len(header.families) * header.interim_replicates[0]
    return min(MOST_AT_ONCE, 2 + math.ceil(slots / of_a_dataset))


BASELINE_SECONDS, BASELINE_SHARE = 10.0, 0.1
"""What all baselines of a dataset may take together: so many seconds, or so large a share of the search's if that is
more."""


def baseline_seconds(search_seconds: float) -> float:
    """The time that a dataset's baselines have, after a search that took so long."""
    return max(BASELINE_SECONDS, BASELINE_SHARE * search_seconds)


def _next_seed_repeat(asked: Sequence[TrialRequest], best: TrialRequest, step: int) -> int | None:
    """The number of a selected trial's seed repeat `step`, counted from 0; None when that was asked for already.

    Another trial that was selected before, in the same replicate, keeps its own numbers.
    """
    done = len(seed_repeats_of(asked, best))
    if step < done:
        return None
    place = (best.key.family, best.key.replicate, Phase.SEED_REPEAT)
    used = [one.key.number for one in asked if (one.key.family, one.key.replicate, one.key.phase) == place]
    return max(used, default=0) + 1 + step - done
