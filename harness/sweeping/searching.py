"""The searches and confirmations of one dataset: contest ⇄ engine, with the journal in between.

The journal is written before the oracle is told. Test scores pass from the engine into the journal's sealed table and
are held nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.cards.schema import DatasetCard, SpaceCard
from harness.engines import Done, Engine, Task
from harness.errors import HarnessError
from harness.journal import EventKind, Journal
from harness.records import (
    FailureKind,
    Phase,
    SealedScore,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
)
from harness.search import Contest, select
from harness.sweeping.progress import ArmProgress, Listener, Note, Progress
from harness.sweeping.room import require_room
from harness.sweeping.stopping import Stop
from harness.sweeping.working import ATTEMPTS

TRIAL = "harness.training.trial:run_trial"


class GaveUp(HarnessError):
    """A comparison cannot go on; the sweep's other datasets can."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every trial of a dataset needs to know.

    Attributes:
        dataset: The dataset's card.
        spaces: Search space of each family.
        digest: Digest of the data as the sweep began.
        weights: Folder for the weights of trials that can still win.
        limit_seconds: The longest a trial may run; None for no limit.
        limit_mb: The most resident memory of its worker, in megabytes; None for no limit.
        function: Dotted path of what trains a trial.
        rungs: Whether trials go on with others, which so keep where their training ended.
    """

    dataset: DatasetCard
    spaces: dict[str, SpaceCard]
    digest: str
    weights: Path
    limit_seconds: float | None = None
    limit_mb: int | None = None
    function: str = TRIAL
    rungs: bool = False

    def task(self, request: TrialRequest, attempt: int = 1) -> Task:
        """The engine's task for a trial; only searched trials keep their weights."""
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
        return Task(f"{request.key}#{attempt}", self.function, arguments, affinity, request.key.arm, *limits)

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
class Floor:
    """Where trials of one dataset run: hands requests to the engine and outcomes to the journal.

    Attributes:
        engine: Where they run.
        journal: Where they are recorded.
        work: What they need to know.
        project: Called with the trials that ended, while workers train.
        stop: Says when nothing more is to be begun.
    """

    engine: Engine
    journal: Journal
    work: Work
    project: Callable[[Sequence[tuple[TrialRequest, TrialRecord]]], None]
    stop: Stop = field(default_factory=Stop)

    def run(
        self,
        ask: Callable[[str], TrialRequest | None],
        tell: Callable[[TrialRecord], None],
        begun: Sequence[TrialRequest] = (),
    ) -> None:
        """Keep every slot busy until `ask` has nothing more and nothing is running.

        Args:
            ask: The next trial, None when there is none before something has ended, or at all; it hears the arm that
                the free worker has compiled functions of, or nothing.
            tell: Called once with every ended trial, in the order of the journal.
            begun: Trials that were asked for before a crash and have not ended.

        Raises:
            KeyboardInterrupt: An end was wanted, and nothing runs any more.
        """
        waiting, running, attempts = list(begun), {}, dict[str, int]()
        while True:
            while self._open and (request := waiting.pop(0) if waiting else self._asked(ask(self.engine.likes))):
                attempts[str(request.key)] = attempts.get(str(request.key), 0) + 1
                task = self.work.task(request, attempts[str(request.key)])
                running[task.id] = request
                self.engine.submit(task)
            if not running:
                self.stop.check()
                return
            ended = []
            for done in self.engine.wait(timeout_seconds=1.0):
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
        return self.engine.free > 0 and not self.stop.wanted

    def _asked(self, request: TrialRequest | None) -> TrialRequest | None:
        if request:
            require_room(self.journal.path.parent)
            self.journal.append(EventKind.ASKED, request.to_json(), key=request.key)
        return request


def outcome(request: TrialRequest, done: Done) -> tuple[TrialRecord, SealedScore | None]:
    """An engine's answer as a record and the sealed score that goes with it."""
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


def run_searches(contest: Contest, floor: Floor, listener: Listener, seconds: float | None) -> None:
    """Run a dataset's searches to their end, from wherever the journal says they are, and close them.

    Args:
        contest: The fair contest, fresh.
        floor: Where its trials run.
        listener: Who watches.
        seconds: Seconds a replicate, where time is the currency; each is ended on complete pairs of trials.

    Raises:
        GaveUp: The first trials of an arm all failed in the same way.
        ReplayError: The oracle does not answer as it did before.
    """
    begun = replay(contest, floor.journal)
    clock = Clock(spent_seconds=_spent(contest))

    arms = {arm.name: arm for arm in contest.arms}

    def ask(wished: str) -> TrialRequest | None:
        replicate = contest.replicate_begun()
        for earlier in range(1, replicate if seconds is not None else 1):
            contest.close_round(earlier)  # a contest that was replayed has not seen their time run out
        if seconds is not None and clock.elapsed() >= seconds * replicate:
            contest.close_round(replicate)
        return contest.ask(wished)

    def tell(record: TrialRecord) -> None:
        arm = arms[record.key.arm]
        before = contest.tally(arm).best
        contest.tell(record)
        keep_best_weights(before, record, contest.tally(arm).best, floor.work)
        listener(progress_of(contest, clock, seconds))
        listener(Note(_line(record), detail=True))
        if failure := contest.failing_throughout():
            kind = failure.failure.value if failure.failure else "failed"
            raise GaveUp(f"{failure.key.arm}: its first trials all failed the same way ({kind}): {failure.message}")

    listener(progress_of(contest, clock, seconds))
    floor.run(ask, tell, begun)
    listener(replace(progress_of(contest, clock, seconds), over=True))
    for arm in contest.arms:
        if select((record for record in contest.records if record.key.arm == arm.name), contest.objective) is None:
            last = next((one for one in reversed(contest.records) if one.key.arm == arm.name), None)
            raise GaveUp(f"{arm.name}: none of its trials completed{f'; the last: {last.message}' if last else ''}")
    floor.journal.append(EventKind.CLOSED, {}, dataset=contest.dataset)


def replay(contest: Contest, journal: Journal) -> list[TrialRequest]:
    """Take a fresh contest to where the journal is.

    Returns:
        The trials that were asked for and have not ended, in order.
    """
    open_requests: dict[str, TrialRequest] = {}
    changed = journal.has(EventKind.CHANGED)
    for event in journal.events(EventKind.ASKED, EventKind.ENDED, dataset=contest.dataset):
        if TrialKey.parse(event.trial_key).phase is not Phase.SEARCH:
            continue
        if event.kind is EventKind.ASKED:
            open_requests[event.trial_key] = TrialRequest.from_json(event.payload)
            contest.replay(open_requests[event.trial_key], adopt=changed)
        else:
            open_requests.pop(event.trial_key)
            contest.tell(TrialRecord.from_json(event.payload))
    return list(open_requests.values())


def keep_best_weights(before: TrialRecord | None, ended: TrialRecord, best: TrialRecord | None, work: Work) -> None:
    """Remove the weights that the end of a trial makes useless: its own, or those of the best trial before it."""
    for record in (before, ended):
        if record and record is not best:
            work.weights_of(record.key).unlink(missing_ok=True)


@dataclass(slots=True)
class Clock:
    """Seconds spent on a dataset's searches, those before a crash included."""

    spent_seconds: float
    begun: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        """Seconds so far."""
        return self.spent_seconds + time.monotonic() - self.begun


def progress_of(contest: Contest, clock: Clock, seconds: float | None) -> Progress:
    """How far the searches are, and an estimate of the rest."""
    settings = contest.settings
    trials = settings.budget.trials
    wanted = None if trials is None else trials * settings.replicates
    arms = []
    for arm in contest.arms:
        tally = contest.tally(arm)
        score = tally.best.validation_score if tally.best else None
        arms.append(ArmProgress(arm.name, tally.completed, wanted, tally.running, tally.failed, score))
    return Progress(contest.dataset, contest.objective, tuple(arms), _seconds_left(contest, clock, seconds))


def _seconds_left(contest: Contest, clock: Clock, seconds: float | None) -> float | None:
    settings = contest.settings
    tallies = [contest.tally(arm) for arm in contest.arms]
    done = sum(tally.completed + tally.failed for tally in tallies)
    if seconds is not None:
        return max(0.0, seconds * settings.replicates - clock.elapsed())
    if not done or settings.budget.trials is None:
        return None
    total = settings.budget.trials * settings.replicates * len(contest.arms)
    return clock.elapsed() / done * max(0, total - done)


def _spent(contest: Contest) -> float:
    # Wall-clock of what ran before a crash is not to be had; the workers' own seconds over their number stand in.
    spent = sum(record.fit_seconds + record.compile_seconds for record in contest.records)
    return spent / contest.settings.workers


def _line(record: TrialRecord) -> str:
    if record.validation_score is None:
        return f"{record.key} failed ({record.failure.value if record.failure else '?'}): {record.message}"
    seconds = record.fit_seconds + record.compile_seconds
    return f"{record.key} validation {record.validation_score:.6g} in epoch {record.best_epoch}, {seconds:.1f} s"
