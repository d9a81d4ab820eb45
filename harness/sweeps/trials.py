"""The searches and seed repeats of one dataset: scheduler ⇄ executor, with the journal in between.

The journal is written before the oracle is told. Test scores pass from the executor into the journal's sealed table and
are held nowhere else.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.config.dataset import DatasetConfig
from harness.config.space import TRAINING, SearchSpace
from harness.data.splits import of_fold
from harness.errors import HarnessError
from harness.executors import Done, Executor, Shared, Task
from harness.executors.lanes import Attempts, Job, Lanes, OneEnd, OneTask, Work, alone
from harness.journal import EventKind, Journal
from harness.notes import Note
from harness.records import FailureKind, Phase, TrialKey, TrialRecord, TrialRequest, TrialStatus
from harness.search import Scheduler
from harness.sweeps.events import Callback, FamilyProgress, Message, Progress
from harness.sweeps.live.state import Live
from harness.sweeps.stop import Stop, require_disk_space


def run_one(executor: Executor, task: Task) -> Mapping[str, Any]:
    """Run one task on an idle executor and wait for it, for a slot as well; see `Attempts` for when it is tried again.

    Raises:
        ExecutorError: It failed.
    """
    return alone(executor, one_task(task))


def one_task(task: Task) -> Work[Mapping[str, Any]]:
    """A task's value as a piece of work; as `run_one`."""
    value: Mapping[str, Any] = yield OneTask(task)
    return value


TASKS = {
    "trial": "harness.training.trial:run_trial",
    "baselines": "harness.baselines:run",
    "champion": "harness.export.build:build_champion",
    "explain": "harness.interpret.trial:explain_trial",
}
"""All that a worker is asked to do, and the function that does it: imported there, so that this process does not load
TensorFlow for it."""


STRUCTURAL = (
    *("embedding_dim", "units", "recurrent_parameters", "layers", "bidirectional", "lookback_steps", "stride_steps"),
    *("summary", "batch_size", "optimizer"),
)
"""The hyperparameters that a compiled function is made for, of networks of recurrent layers."""


def structural(space: SearchSpace) -> tuple[str, ...]:
    """The hyperparameters that a compiled function of a family is made for; but for stacks all that are counted."""
    if space.network.stack:
        return STRUCTURAL
    return tuple(name for name, one in space.hyperparameters.items() if one.type != "Float" and name not in TRAINING)


class ComparisonFailed(HarnessError):
    """A comparison cannot go on; the sweep's other datasets can."""


@dataclass(frozen=True)
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
        files: Paths of the files and folders that the dataset and the families are made of.
    """

    dataset: DatasetConfig
    spaces: dict[str, SearchSpace]
    digest: str
    weights: Path
    limit_seconds: float | None = None
    limit_mb: int | None = None
    function: str = TASKS["trial"]
    rungs: bool = False
    files: tuple[str, ...] = ()

    @cached_property
    def shared(self) -> Shared:
        """What all its trials have in common: a worker is sent the configs once."""
        spaces = {family: space.model_dump_json() for family, space in self.spaces.items()}
        return Shared.of({"dataset": self.dataset.model_dump_json(), "spaces": spaces, "digest": self.digest})

    def task(self, request: TrialRequest, attempt: int = 1) -> Task:
        """The executor's task for a trial; only searched trials keep their weights."""
        keeps = request.key.phase is Phase.SEARCH
        weights = str(self.weights_of(request.key)) if keeps else None
        arguments: dict[str, Any] = {"request": request, "weights_to": weights}
        inputs, outputs = list(self.files), [weights] if weights else []
        if keeps and self.rungs:
            arguments["state_to"] = state = str(self._state_of(request.key))
            outputs += self._of_folds(state)
        if request.continues:
            arguments["state_from"] = state = str(self._state_of(TrialKey.parse(request.continues)))
            inputs += self._of_folds(state)
        structure = {name: request.values.get(name) for name in structural(self.spaces[request.family])}
        affinity = f"{self.dataset.name} {request.family} {structure}"
        limits = (self.limit_seconds, self.limit_mb)
        name, group = f"{request.key}#{attempt}", request.key.family
        files = (tuple(inputs), tuple(outputs))
        return Task(name, self.function, arguments, affinity, group, *limits, self.shared, *files)

    def weights_of(self, key: TrialKey) -> Path:
        """Where a trial's weights are, while it can still win."""
        return self.weights / weights_name(key)

    def _of_folds(self, path: str) -> list[str]:
        return [str(of_fold(path, fold)) for fold in range(self.dataset.split.folds or 1)]

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
        project: Called when trials have ended, while workers train.
        stop: Says when nothing more is to be begun.
        live: Who is told of trials that run; None for nobody.
    """

    executor: Executor
    journal: Journal
    spec: TrialSpec
    project: Callable[[], None]
    stop: Stop = field(default_factory=Stop)
    live: Live | None = None

    def run(
        self,
        ask: Callable[[str], TrialRequest | None],
        tell: Callable[[TrialRecord], None],
        started: Sequence[TrialRequest] = (),
    ) -> None:
        """Run trials with nothing beside them; arguments and errors are those of `Trials` and `bring_to_end`."""

        def work() -> Work[None]:
            yield Trials(self, ask, tell, started)

        self.bring_to_end(work())

    def bring_to_end(self, work: Work[None]) -> None:
        """Do a piece of work with nothing beside it.

        Raises:
            KeyboardInterrupt: An end was wanted, and nothing runs any more.
        """
        Lanes(self.executor, self.journal.turn, lambda: self.stop.wanted, self.project).run([work])


class Trials(Job):
    """Keeps slots busy with trials until there is nothing more to ask and nothing is running.

    Args:
        runner: Where they run.
        ask: The next trial, None when there is none before something has ended, or at all; it hears the family that the
            free worker has compiled functions of, or nothing.
        tell: Called once with every ended trial, in the order of the journal.
        started: Trials that were asked for before a crash and have not ended.
    """

    def __init__(
        self,
        runner: TrialRunner,
        ask: Callable[[str], TrialRequest | None],
        tell: Callable[[TrialRecord], None],
        started: Sequence[TrialRequest] = (),
    ) -> None:
        self._journal, self._spec, self._ask, self._tell = runner.journal, runner.spec, ask, tell
        self._live = runner.live
        self._waiting, self._running = list(started), dict[str, TrialRequest]()
        self._attempts = defaultdict[TrialKey, Attempts](Attempts)
        self._recorded = list[TrialRecord]()
        self._dry = False  # whether nothing can be asked before something has ended, or at all

    def ask(self, preferred: str) -> Task | None:
        """The next trial, which the journal is given."""
        request = self._waiting.pop(0) if self._waiting else self._asked(preferred)
        self._dry = request is None
        if request is None:
            return None
        task = self._spec.task(request, self._attempts[request.key].number)
        self._running[task.id] = request
        if self._live:
            self._live.began(request)
        return task

    def hear(self, note: Note) -> None:
        """Hand on what a trial tells."""
        if self._live:
            self._live.heard(self._running[note.task_id], note.values)

    def _asked(self, preferred: str) -> TrialRequest | None:
        if request := self._ask(preferred):
            require_disk_space(self._journal.path.parent)
            self._journal.append(EventKind.ASKED, request, key=request.key)
        return request

    def record(self, done: Done) -> None:
        """Write how a trial ended, unless it is tried again."""
        request = self._running.pop(done.task_id)
        if self._live:
            self._live.ended(request)
        attempts = self._attempts[request.key]
        if attempts.again(done):
            self._waiting.append(request)
            return
        del self._attempts[request.key]
        payload, sealed = outcome(request, done)
        payload |= {"attempts": attempts.number}
        self._journal.append(EventKind.ENDED, payload, key=request.key, sealed=sealed)
        self._recorded.append(TrialRecord.from_json(payload))

    def tell(self) -> None:
        """Tell of the trials that were recorded."""
        recorded, self._recorded = self._recorded, []
        self._dry = False
        for record in recorded:
            self._tell(record)

    @property
    def over(self) -> bool:
        """Whether nothing is running and nothing more is asked."""
        return self._dry and not self._running and not self._waiting


def outcome(request: TrialRequest, done: Done) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """An executor's answer as it is written: a `TrialRecord`, and the `SealedScore` that goes with it."""
    if done.value is not None:
        return done.value["trial"], done.value["sealed"]
    failed = TrialRecord(
        request.key,
        TrialStatus.FAILED,
        failure=done.failure or FailureKind.BUG,
        message=done.message,
        traceback=done.traceback,
        started_at=time.time(),
    )
    return failed.to_json(), None


def train_one(executor: Executor, spec: TrialSpec, request: TrialRequest) -> TrialRecord:
    """Train one trial on an idle executor, beside any search, and wait for it; a failure is its result."""
    return TrialRecord.from_json(outcome(request, alone(executor, _end_of(spec.task(request))))[0])


def _end_of(task: Task) -> Work[Done]:
    done: Done = yield OneEnd(task)
    return done


def run_searches(scheduler: Scheduler, runner: TrialRunner, callback: Callback, seconds: float | None) -> None:
    """Run a dataset's searches with nothing beside them; as `searches`."""
    runner.bring_to_end(searches(scheduler, runner, callback, seconds))


def searches(scheduler: Scheduler, runner: TrialRunner, callback: Callback, seconds: float | None) -> Work[None]:
    """Run a dataset's searches to their end, from wherever the journal says they are, and close them.

    Args:
        scheduler: The fair scheduler, fresh.
        runner: Where its trials run.
        callback: Who watches.
        seconds: Seconds a replicate, where time is the currency; each is ended on complete pairs of trials.

    Raises:
        ComparisonFailed: Fewer than two families are left that came to a result.
        ReplayError: The oracle does not answer as it did before.
    """
    started = replay(scheduler, runner.journal)
    # Wall-clock of what ran before a crash is not to be had; the workers' own seconds over their number stand in.
    spent = sum(record.fit_seconds + record.compile_seconds for record in scheduler.records)
    began = time.monotonic() - spent / scheduler.settings.workers

    def ask(preferred: str) -> TrialRequest | None:
        replicate = scheduler.current_replicate()
        for earlier in range(1, replicate if seconds is not None else 1):
            scheduler.close_round(earlier)  # a scheduler that was replayed has not seen their time run out
        if seconds is not None and time.monotonic() - began >= seconds * replicate:
            scheduler.close_round(replicate)
        return scheduler.ask(preferred)

    def tell(record: TrialRecord) -> None:
        family = next(family for family in scheduler.families if family.name == record.key.family)
        before = scheduler.tally(family).best
        scheduler.tell(record)
        best = scheduler.tally(family).best
        for loser in (before, record):  # whose weights the end of this trial makes useless
            if loser and loser is not best:
                runner.spec.weights_of(loser.key).unlink(missing_ok=True)
        callback(progress_of(scheduler, began, seconds))
        callback(Message(_line(record), detail=True))
        leave_out(failing_from_the_first(scheduler))

    def leave_out(failed: Mapping[str, str]) -> None:
        for name, why in failed.items():
            scheduler.drop(name)
            runner.journal.append(EventKind.FAMILY_FAILED, {"family": name, "why": why}, dataset=scheduler.dataset)
            callback(Message(f"{scheduler.dataset}: {name} is left out: {why}"))
        require_two(scheduler, runner.journal)

    callback(progress_of(scheduler, began, seconds))
    leave_out(failing_from_the_first(scheduler))
    while True:
        yield Trials(runner, ask, tell, started)
        started = []
        if not (failed := without_result(scheduler)):
            break
        leave_out(failed)  # whose attempts were used up, and the others had to stop at its number of trials
    callback(replace(progress_of(scheduler, began, seconds), over=True))
    runner.journal.append(EventKind.CLOSED, {}, dataset=scheduler.dataset)


def failing_from_the_first(scheduler: Scheduler) -> dict[str, str]:
    """A remaining family whose first trials all failed alike, and why; a mapping of none or one."""
    failure = scheduler.failing_throughout()
    if failure is None:
        return {}
    kind = failure.failure.value if failure.failure else "failed"
    return {failure.key.family: f"its first trials all failed the same way ({kind}): {failure.message}"}


def without_result(scheduler: Scheduler) -> dict[str, str]:
    """The remaining families of which no trial completed, and why, once nothing more is asked."""
    found = {}
    for family in scheduler.remaining:
        if scheduler.tally(family).best is None:
            mine = [record for record in scheduler.records if record.key.family == family.name]
            last = f"; the last: {mine[-1].message}" if mine else ""
            found[family.name] = f"none of its trials completed{last}"
    return found


def require_two(scheduler: Scheduler, journal: Journal) -> None:
    """Go on only where two families are left to compare.

    Raises:
        ComparisonFailed: Fewer are left; it says why each of the others is not.
    """
    if len(scheduler.remaining) < 2:
        events = journal.events(EventKind.FAMILY_FAILED, dataset=scheduler.dataset)
        why = "; ".join(f"{event.payload['family']}: {event.payload['why']}" for event in events)
        alone = "; ".join(f"{family.name} is left with nothing to compare it to" for family in scheduler.remaining)
        raise ComparisonFailed("; ".join(filter(None, (why, alone))))


def replay(scheduler: Scheduler, journal: Journal) -> list[TrialRequest]:
    """Take a fresh scheduler to where the journal is.

    Returns:
        The trials that were asked for and have not ended, in order.
    """
    open_requests: dict[str, TrialRequest] = {}
    changed = journal.has(EventKind.CHANGED)
    kinds = (EventKind.ASKED, EventKind.ENDED, EventKind.FAMILY_FAILED)
    for event in journal.events(*kinds, dataset=scheduler.dataset):
        if event.kind is EventKind.FAMILY_FAILED:
            scheduler.drop(event.payload["family"])
            continue
        if TrialKey.parse(event.trial_key).phase is not Phase.SEARCH:
            continue
        if event.kind is EventKind.ASKED:
            open_requests[event.trial_key] = TrialRequest.from_json(event.payload)
            scheduler.replay(open_requests[event.trial_key], adopt=changed)
        else:
            open_requests.pop(event.trial_key)
            scheduler.tell(TrialRecord.from_json(event.payload))
    return list(open_requests.values())


def progress_of(scheduler: Scheduler, began: float, seconds: float | None) -> Progress:
    """How far the searches are, and an estimate of the rest.

    Args:
        scheduler: The searches.
        began: When they did, by the monotonic clock.
        seconds: Seconds a replicate, where time is the currency.
    """
    settings = scheduler.settings
    trials, elapsed = settings.budget.trials, time.monotonic() - began
    wanted = None if trials is None else trials * settings.replicates
    tallies = {family.name: scheduler.tally(family) for family in scheduler.families}
    done = sum(tally.completed + tally.failed for tally in tallies.values())
    left = None
    if seconds is not None:
        left = max(0.0, seconds * settings.replicates - elapsed)
    elif done and wanted is not None:
        left = elapsed / done * max(0, wanted * len(tallies) - done)
    families = tuple(
        FamilyProgress(
            name, one.completed, wanted, one.running, one.failed, one.best.validation_score if one.best else None
        )
        for name, one in tallies.items()
    )
    return Progress(scheduler.dataset, scheduler.objective, families, left)


def _line(record: TrialRecord) -> str:
    if record.validation_score is None:
        return f"{record.key} failed ({record.failure.value if record.failure else '?'}): {record.message}"
    seconds = record.fit_seconds + record.compile_seconds
    return f"{record.key} validation {record.validation_score:.6g} in epoch {record.best_epoch}, {seconds:.1f} s"
