"""How a running sweep stands, in a small file beside its journal: written by the sweep, read by `harness watch`.

The file is a hint and no record: it takes another one's place as a whole, once a second at the most, waits for no disk,
and goes with the command that wrote it. Where that was killed it is left, and the lock says that nobody holds it.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.disk import replace_text
from harness.records import TrialEpochs, TrialRequest
from harness.records.serialization import Record
from harness.sweeps.events import Callback, ComparisonFinished, Message, Progress, Step, SweepEvent

FILE = "live.json"

EVERY_SECONDS = 1.0
"""How often the file is written at the most."""

MOST_EVENTS = 20
RATE_SECONDS = 60.0
"""Over how long trials a minute are counted."""


@dataclass(frozen=True, slots=True)
class RunningTrial(Record):
    """A trial that is being trained.

    Attributes:
        trial: Its key as text.
        family: Name of its family.
        worker: Process and machine that train it; empty before it is known.
        started_at: Seconds since 1970 at which it was handed over.
        epochs: Epochs that it has told of.
        of_epochs: The most that it may take.
        train_loss: Of the last of them; None before the first.
        validation: Validation score of the last of them.
    """

    trial: str
    family: str
    worker: str
    started_at: float
    epochs: int
    of_epochs: int
    train_loss: float | None = None
    validation: float | None = None


@dataclass(frozen=True, slots=True)
class Standing(Record):
    """How a sweep stands.

    Attributes:
        sweep_id: Its id.
        state: `running`, `unfinished`, `finished` or `broken`: its journal cannot be read, and `events` says why.
        at: Seconds since 1970 at which that was so.
        trials_a_minute: Trials that ended in the last minute; None where the sweep does not run.
        searches: The searches that are under way, each dataset's last word.
        steps: What else is under way.
        running: Trials that are being trained.
        events: The last of what the sweep said, oldest first.
    """

    sweep_id: str
    state: str
    at: float
    trials_a_minute: float | None = None
    searches: tuple[Progress, ...] = ()
    steps: tuple[Step, ...] = ()
    running: tuple[RunningTrial, ...] = ()
    events: tuple[str, ...] = ()


def read_standing(folder: Path) -> Standing | None:
    """What the command that runs a sweep wrote last; None where there is no file, or none that can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return Standing.from_json(json.loads((folder / FILE).read_text(encoding="utf-8")))
    return None


@dataclass(slots=True)
class Live:
    """Keeps what is known of a running sweep, and hands on what it says. Used from the sweep's thread.

    Attributes:
        folder: The sweep's folder.
        callback: Who else watches.
        forward: Where epochs go that trials tell of.
    """

    folder: Path
    callback: Callback
    forward: Callable[[TrialEpochs], None]
    _searches: dict[str, Progress] = field(default_factory=dict)
    _steps: dict[str, Step] = field(default_factory=dict)
    _running: dict[str, RunningTrial] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)  # by the worker's clock
    _ended: deque[float] = field(default_factory=deque)
    _events: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_EVENTS))
    _written: float = 0.0

    def __call__(self, event: SweepEvent) -> None:
        """Take note of an event, and hand it on."""
        match event:
            case Progress():
                self._searches[event.dataset] = event
            case Step():
                self._steps[event.dataset] = event
                if event.over:
                    del self._steps[event.dataset]
                self._searches.pop(event.dataset, None)
            case Message():
                self._events.append(event.text)
            case ComparisonFinished():
                self._searches.pop(event.result.dataset, None)
                self._steps.pop(event.result.dataset, None)
        self.callback(event)

    def began(self, request: TrialRequest) -> None:
        """A trial was handed over."""
        name = str(request.key)
        self._running[name] = RunningTrial(name, request.key.family, "", time.time(), 0, request.epochs)

    def heard(self, request: TrialRequest, told: Mapping[str, Any]) -> None:
        """What a trial tells; see `harness.training.told`."""
        name = str(request.key)
        if (known := self._running.get(name)) is None:
            return
        if "worker" in told:
            if told["divisions"] == 1:  # of several only the last one's curves are a trial's
                self._began[name] = float(told["started_at"])
            changes: dict[str, Any] = {"worker": str(told["worker"])}
        elif told.get("losses"):
            losses, scores = tuple(told["losses"]), tuple(told["scores"])
            after = int(told["after"])
            changes = {"epochs": after + len(losses), "train_loss": losses[-1], "validation": scores[-1]}
            if name in self._began:
                self.forward(TrialEpochs(request, self._began[name], after, losses, scores))
        else:
            return
        self._running[name] = RunningTrial.from_json({**known.to_json(), **changes})

    def ended(self, request: TrialRequest) -> None:
        """A trial has ended, or is to be tried again."""
        self._running.pop(str(request.key), None)
        self._began.pop(str(request.key), None)
        self._ended.append(time.monotonic())

    def write(self) -> None:
        """Write the file, unless that was a moment ago; a disk that takes nothing is no matter here."""
        now = time.monotonic()
        if now - self._written < EVERY_SECONDS:
            return
        self._written = now
        while self._ended and now - self._ended[0] > RATE_SECONDS:
            self._ended.popleft()
        standing = Standing(
            self.folder.name,
            "running",
            time.time(),
            len(self._ended) * 60.0 / RATE_SECONDS,
            tuple(self._searches.values()),
            tuple(self._steps.values()),
            tuple(self._running.values()),
            tuple(self._events),
        )
        with suppress(OSError):
            replace_text(self.folder / FILE, json.dumps(standing.to_json()))

    def close(self) -> None:
        """Nobody runs the sweep any more."""
        with suppress(OSError):
            (self.folder / FILE).unlink(missing_ok=True)
