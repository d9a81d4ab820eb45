"""The searches and seed repeats of one dataset: scheduler ⇄ executor, with the journal in between.

The journal is written before the oracle is told. Test scores pass from the executor into the journal's sealed table and
are held nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.errors import ExecutorError, HarnessError
from harness.executors import Done, Executor, Task
from harness.journal import EventKind, Journal
from harness.records import FailureKind, Phase, SealedScore, TrialKey, TrialRecord, TrialRequest, TrialStatus
from harness.search import Scheduler, select
from harness.sweeps.events import Callback, FamilyProgress, Message, Progress
from harness.sweeps.stop import Stop, require_disk_space

ATTEMPTS = 2
"""Attempts at whatever a worker does, where the worker is killed from outside; no other failure is tried again."""


def run_one(executor: Executor, task: Task) -> Mapping[str, Any]:
    """Run one task on an idle executor and wait for it; once more when its worker is killed.

    Raises:
        ExecutorError: It failed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        executor.submit(replace(task, id=f"{task.id}#{attempt}"))
        (done,) = all_done(executor)
        if done.failure is not FailureKind.KILLED:
            break
    if done.value is None:
        raise ExecutorError(f"{task.id}: {done.message}")
    return done.value


def all_done(executor: Executor) -> Iterator[Done]:
    """What is running, as it ends, until nothing is."""
    while executor.free < executor.slots:
        yield from executor.wait()


TRIAL = "harness.training.trial:run_trial"


class ComparisonFailed(HarnessError):
    """A comparison cannot go on; the sweep's other datasets can."""


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """What every trial of a dataset needs to know.

    Attributes:
        dataset: The dataset's config.
        spaces: Search space of each family.
        digest: Digest of the data as the sweep began.
        weights: Folder for the weights of trials that can still win.
        limit_seconds: The longest a trial may run; None for no limit.
        limit_mb: The most resident memory of its worker, in megabytes; None for no limit.
        function: Dotted path of what trains a trial.
        rungs: Whether trials go on with others, which so keep where their training ended.
    """

    dataset: DatasetConfig
    spaces: dict[str, SearchSpace]
    digest: str
    weights: Path
    limit_seconds: float | None = None
    limit_mb: int | None = None
    function: str = TRIAL
    rungs: bool = False

    def task(self, request: TrialRequest, attempt: int = 1) -> Task:
        """The executor's task for a trial; only searched trials keep their weights."""
        keeps = request.key.phase is Phase.SEARCH
        arguments = {
            "request": request.to_json(),
            "dataset": self.dataset.model_dump(mode="json"),
            "space": self.spaces[request.family].model_dump(mode="json"),
            "digest": self.digest,
            "weights_to": str(self.weights_of(request.key)) if keeps else None,
        }
        if keeps and self.rungs:
            arguments["state_to"] = str(self._state_of(request.key))
        if request.continues:
            arguments["state_from"] = str(self._state_of(TrialKey.parse(request.continues)))
        names = ("embedding_dim", "units", "recurrent_parameters", "layers", "bidirectional", "batch_size")
        structure = {name: request.values.get(name) for name in names}
        affinity = f"{self.dataset.name} {request.family} {structure}"
        limits = (self.limit_seconds, self.limit_mb)
        return Task(f"{request.key}#{attempt}", self.function, arguments, affinity, request.key.family, *limits)

    def weights_of(self, key: TrialKey) -> Path:
        """Where a trial's weights are, while it can still win."""
        return self.weights / weights_name(key)

    def _state_of(self, key: TrialKey) -> Path:
        """Where a trial's training ended, for another one to go on from."""
        return self.weights / "states" / self.weights_of(key).name


def weights_name(key: TrialKey) -> str:
    """Name of the file of a trial's weights."""
    return f"{str(key).replace('/', '__')}.npz"


@dataclass(slots=True)
class TrialRunner:
    """Where trials of one dataset run: hands requests to the executor and outcomes to the journal.

    Attributes:
        executor: Where they run.
        journal: Where they are recorded.
        spec: What they need to know.
        project: Called with the trials that ended, while workers train.
        stop: Says when nothing more is to be begun.
    """

    executor: Executor
    journal: Journal
    spec: TrialSpec
    project: Callable[[Sequence[tuple[TrialRequest, TrialRecord]]], None]
    stop: Stop = field(default_factory=Stop)

    def run(
        self,
        ask: Callable[[str], TrialRequest | None],
        tell: Callable[[TrialRecord], None],
        started: Sequence[TrialRequest] = (),
    ) -> None:
        """Keep every slot busy until `ask` has nothing more and nothing is running.

        Args:
            ask: The next trial, None when there is none before something has ended, or at all; it hears the family that
                the free worker has compiled functions of, or nothing.
            tell: Called once with every ended trial, in the order of the journal.
            started: Trials that were asked for before a crash and have not ended.

        Raises:
            KeyboardInterrupt: An end was wanted, and nothing runs any more.
        """
        waiting, running, attempts = list(started), {}, dict[str, int]()
        while True:
            while self._open and (
                request := waiting.pop(0) if waiting else self._asked(ask(self.executor.preferred_group))
            ):
                attempts[str(request.key)] = attempts.get(str(request.key), 0) + 1
                task = self.spec.task(request, attempts[str(request.key)])
                running[task.id] = request
                self.executor.submit(task)
            if not running:
                self.stop.check()
                return
            ended = []
            for done in self.executor.wait(timeout_seconds=1.0):
                request = running.pop(done.task_id)
                tried = attempts[str(request.key)]
                if done.failure is FailureKind.KILLED and tried < ATTEMPTS:
                    waiting.append(request)
                    continue
                record, sealed = outcome(request, done)
                record = replace(record, attempts=tried)
                self.journal.append(EventKind.ENDED, record.to_json(), key=record.key, sealed=sealed)
                tell(record)
                ended.append((request, record))
            self.project(ended)

    @property
    def _open(self) -> bool:
        return self.executor.free > 0 and not self.stop.wanted

    def _asked(self, request: TrialRequest | None) -> TrialRequest | None:
        if request:
            require_disk_space(self.journal.path.parent)
            self.journal.append(EventKind.ASKED, request.to_json(), key=request.key)
        return request


def outcome(request: TrialRequest, done: Done) -> tuple[TrialRecord, SealedScore | None]:
    """An executor's answer as a record and the sealed score that goes with it."""
    if done.value is None:
        failed = TrialRecord(
            request.key,
            TrialStatus.FAILED,
            failure=done.failure or FailureKind.BUG,
            message=done.message,
            traceback=done.traceback,
            started_at=time.time(),
        )
        return failed, None
    sealed: Any = done.value["sealed"]
    record = TrialRecord.from_json(done.value["trial"])
    return record, SealedScore.from_json(sealed) if sealed else None


def run_searches(scheduler: Scheduler, runner: TrialRunner, callback: Callback, seconds: float | None) -> None:
    """Run a dataset's searches to their end, from wherever the journal says they are, and close them.

    Args:
        scheduler: The fair scheduler, fresh.
        runner: Where its trials run.
        callback: Who watches.
        seconds: Seconds a replicate, where time is the currency; each is ended on complete pairs of trials.

    Raises:
        ComparisonFailed: The first trials of a family all failed in the same way.
        ReplayError: The oracle does not answer as it did before.
    """
    started = replay(scheduler, runner.journal)
    clock = Clock(spent_seconds=_spent(scheduler))

    families = {family.name: family for family in scheduler.families}

    def ask(preferred: str) -> TrialRequest | None:
        replicate = scheduler.current_replicate()
        for earlier in range(1, replicate if seconds is not None else 1):
            scheduler.close_round(earlier)  # a scheduler that was replayed has not seen their time run out
        if seconds is not None and clock.elapsed() >= seconds * replicate:
            scheduler.close_round(replicate)
        return scheduler.ask(preferred)

    def tell(record: TrialRecord) -> None:
        family = families[record.key.family]
        before = scheduler.tally(family).best
        scheduler.tell(record)
        keep_best_weights(before, record, scheduler.tally(family).best, runner.spec)
        callback(progress_of(scheduler, clock, seconds))
        callback(Message(_line(record), detail=True))
        if failure := scheduler.failing_throughout():
            kind = failure.failure.value if failure.failure else "failed"
            raise ComparisonFailed(
                f"{failure.key.family}: its first trials all failed the same way ({kind}): {failure.message}"
            )

    callback(progress_of(scheduler, clock, seconds))
    runner.run(ask, tell, started)
    callback(replace(progress_of(scheduler, clock, seconds), over=True))
    for family in scheduler.families:
        if (
            select((record for record in scheduler.records if record.key.family == family.name), scheduler.objective)
            is None
        ):
            last = next((one for one in reversed(scheduler.records) if one.key.family == family.name), None)
            raise ComparisonFailed(
                f"{family.name}: none of its trials completed{f'; the last: {last.message}' if last else ''}"
            )
    runner.journal.append(EventKind.CLOSED, {}, dataset=scheduler.dataset)


def replay(scheduler: Scheduler, journal: Journal) -> list[TrialRequest]:
    """Take a fresh scheduler to where the journal is.

    Returns:
        The trials that were asked for and have not ended, in order.
    """
    open_requests: dict[str, TrialRequest] = {}
    changed = journal.has(EventKind.CHANGED)
    for event in journal.events(EventKind.ASKED, EventKind.ENDED, dataset=scheduler.dataset):
        if TrialKey.parse(event.trial_key).phase is not Phase.SEARCH:
            continue
        if event.kind is EventKind.ASKED:
            open_requests[event.trial_key] = TrialRequest.from_json(event.payload)
            scheduler.replay(open_requests[event.trial_key], adopt=changed)
        else:
            open_requests.pop(event.trial_key)
            scheduler.tell(TrialRecord.from_json(event.payload))
    return list(open_requests.values())


def keep_best_weights(
    before: TrialRecord | None, ended: TrialRecord, best: TrialRecord | None, spec: TrialSpec
) -> None:
    """Remove the weights that the end of a trial makes useless: its own, or those of the best trial before it."""
    for record in (before, ended):
        if record and record is not best:
            spec.weights_of(record.key).unlink(missing_ok=True)


@dataclass(slots=True)
class Clock:
    """Seconds spent on a dataset's searches, those before a crash included."""

    spent_seconds: float
    started: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        """Seconds so far."""
        return self.spent_seconds + time.monotonic() - self.started


def progress_of(scheduler: Scheduler, clock: Clock, seconds: float | None) -> Progress:
    """How far the searches are, and an estimate of the rest."""
    settings = scheduler.settings
    trials = settings.budget.trials
    wanted = None if trials is None else trials * settings.replicates
    families = []
    for family in scheduler.families:
        tally = scheduler.tally(family)
        score = tally.best.validation_score if tally.best else None
        families.append(FamilyProgress(family.name, tally.completed, wanted, tally.running, tally.failed, score))
    return Progress(scheduler.dataset, scheduler.objective, tuple(families), _seconds_left(scheduler, clock, seconds))


def _seconds_left(scheduler: Scheduler, clock: Clock, seconds: float | None) -> float | None:
    settings = scheduler.settings
    tallies = [scheduler.tally(family) for family in scheduler.families]
    done = sum(tally.completed + tally.failed for tally in tallies)
    if seconds is not None:
        return max(0.0, seconds * settings.replicates - clock.elapsed())
    if not done or settings.budget.trials is None:
        return None
    total = settings.budget.trials * settings.replicates * len(scheduler.families)
    return clock.elapsed() / done * max(0, total - done)


def _spent(scheduler: Scheduler) -> float:
    # Wall-clock of what ran before a crash is not to be had; the workers' own seconds over their number stand in.
    spent = sum(record.fit_seconds + record.compile_seconds for record in scheduler.records)
    return spent / scheduler.settings.workers


def _line(record: TrialRecord) -> str:
    if record.validation_score is None:
        return f"{record.key} failed ({record.failure.value if record.failure else '?'}): {record.message}"
    seconds = record.fit_seconds + record.compile_seconds
    return f"{record.key} validation {record.validation_score:.6g} in epoch {record.best_epoch}, {seconds:.1f} s"
