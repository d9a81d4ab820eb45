"""Keeps MLflow's runs up with the journal, in a thread of its own, so that no trial ever waits for a server.

It reads the journal from where it has come to and hands what is new to the `RunWriter`. Where the store fails it says
so once and begins again from the start of the journal, which costs little: runs that are there already are left alone.
"""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Any

from harness.errors import AccessError, HarnessError, StoreError
from harness.journal import Event, EventKind, Journal
from harness.records import ComparisonResult, DataFacts, SweepResult, TrialEpochs, TrialRecord, TrialRequest
from harness.records.serialization import encode
from harness.report.axes import look_of
from harness.report.html import html
from harness.report.page.private import of_comparison
from harness.report.text import trials_csv
from harness.report.view import ComparisonView
from harness.stats.words import brief
from harness.store import Store
from harness.sweeps.plan import SweepHeader, trials_as_table
from harness.sweeps.results import Results
from harness.tracking import RunWriter, Showing
from harness.tracking.client import database_file, to_be_made
from harness.tracking.naming import (
    BASELINES_FILE,
    CASES_FILE,
    CHANGES_FILE,
    DIRECTION,
    LEAKS,
    LEFT_OUT_FILE,
    METRIC,
    PRIOR,
    RULE,
    RUNS_FILE,
    TRIALS_FILE,
    UNTIL_DECIDED,
    VERDICT_FILE,
    card_file,
)
from harness.tracking.queries import run_addresses
from harness.tracking.runs import trials_table
from harness.tracking.server import FIRST_PORT, HOST


def learning_curves(trials: tuple[TrialRecord, ...]) -> str:
    """Every epoch of every trial as CSV: training loss in scaled units, validation score in the objective's unit."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("family", "replicate", "trial", "epoch", "train_loss", "validation"))
    for trial in trials:
        key = trial.key
        curves = zip(count(1), trial.train_losses, trial.validation_scores, strict=False)
        writer.writerows((key.family, key.replicate, key.number, *point) for point in curves)
    return buffer.getvalue()


def _json(value: Any) -> str:
    return json.dumps(encode(value), indent=2)


def links_of(store: Store, sweep_id: str, dataset: str | None = None) -> Mapping[str, str]:
    """Address of each comparison, by its dataset, and of each trial, by its key's text; empty where MLflow is away.

    Of a store on this machine they are those at which `harness ui` shows them, unless another program has its port.

    Args:
        store: Where MLflow is.
        sweep_id: The sweep's id.
        dataset: The dataset whose runs are meant; None for all.
    """
    if store.local and not database_file(store).is_file():
        return {}
    try:
        return run_addresses(store, sweep_id, f"http://{HOST}:{FIRST_PORT}", dataset)
    except HarnessError:
        return {}


LONGEST_PAUSE_SECONDS = 30.0
"""The longest time between two attempts to reach a store that failed."""

AWAY_SECONDS = 15.0
"""How long the end of a comparison waits for an MLflow that does not answer."""

MOST_VALUES_FIRST = ("Float", "Int", "Choice", "Boolean")
"""Keras Tuner's types of hyperparameters."""

EVENTS_A_TURN = 1000
"""Events that are read from the journal at a time: a long one is not held whole."""

MOST_EPOCHS = 1000
"""Notes on epochs that wait for MLflow at the most: where it is away the oldest are forgotten."""

LEAVING_SECONDS = 5.0
"""How long the end of a sweep waits for a call that MLflow has not answered."""


def showing_of(header: SweepHeader) -> Showing:
    """How a sweep is shown in MLflow: each family in the colour of the report, and what was searched.

    Hyperparameters of many values come first: their charts show most.
    """
    searched = {
        name: hyperparameter
        for space in header.spaces.values()
        for name, hyperparameter in space.hyperparameters.items()
        if hyperparameter.type != "Fixed"
    }
    colors = {family.name: look_of(position).color for position, family in enumerate(header.families)}
    names = sorted(searched, key=lambda name: MOST_VALUES_FIRST.index(searched[name].type))
    return Showing(colors, names, frozenset(name for name in names if searched[name].sampling == "log"))


_TRIAL_EVENTS = (EventKind.ASKED, EventKind.ENDED)


class MlflowSync:
    """MLflow's runs of one sweep, following its journal.

    Used from the sweep's thread; a context manager that ends the following thread when left.

    Args:
        store: Where MLflow is.
        header: The sweep.
        folder: The sweep's folder, with its journal; its name is the sweep's id.
        offline: Whether MLflow is left alone altogether.

    Attributes:
        failure: Why MLflow is behind the journal; empty when it is not known to be.
        refused: Whether that is because the user may not write there, so that waiting is of no use.

    Raises:
        StoreError: MLflow's store cannot be used now.
    """

    def __init__(self, store: Store, header: SweepHeader, folder: Path, *, offline: bool = False) -> None:
        self.offline, self.failure, self.refused = offline, "", False
        self._store, self._header, self._folder = store, header, folder
        # A database that nobody has anything in is made beside the first trials: that takes three seconds.
        self._writer: RunWriter | None = None if offline or to_be_made(store) else self._connected()
        self._requests: dict[str, TrialRequest] = {}
        self._reached = 0  # the number of the last event that MLflow holds
        self._bug: BaseException | None = None
        self._notes: deque[str] = deque()
        self._epochs: deque[TrialEpochs] = deque(maxlen=MOST_EPOCHS)
        self._state, self._news, self._hurried = threading.Condition(), threading.Event(), threading.Event()
        self._leaving = self._interrupted = False
        self._thread = threading.Thread(target=self._follow, name="projection", daemon=True)

    def advance(self) -> list[str]:
        """Say that the journal has grown.

        Returns:
            What is new for the user, a line each.
        """
        self._news.set()
        if self._bug is not None:
            raise self._bug
        return [self._notes.popleft() for _ in range(len(self._notes))]

    def live(self, epochs: TrialEpochs) -> None:
        """Show epochs of a trial that is being trained, once its comparison's run is there."""
        if self._writer is not None and not self._writer.summary:
            self._epochs.append(epochs)
            self._news.set()

    def synced(self, seq: int, seconds: float) -> bool:
        """Wait until MLflow holds everything up to an event; false when it does not after so many seconds."""
        if self.offline:
            return False
        self._hurry(lambda: self._reached >= seq, seconds)
        if self._bug is not None:
            raise self._bug
        return self._reached >= seq

    def follow(self, seq: int, meanwhile: Callable[[], None]) -> bool:
        """Wait until MLflow holds everything up to an event: as long as it answers, else `AWAY_SECONDS`.

        Where it refuses what the user writes, there is no waiting.

        Args:
            seq: The event's number.
            meanwhile: Called twice a second.

        Returns:
            Whether MLflow holds it.
        """
        if self.offline:
            return False
        answered = time.monotonic()
        while not self.synced(seq, seconds=0.5):
            meanwhile()
            if not self.failure:
                answered = time.monotonic()
            elif self.refused or time.monotonic() - answered > AWAY_SECONDS:
                return False
        return True

    def interrupt(self, seconds: float) -> None:
        """Have the runs of comparisons that are not over say that they were interrupted, within so many seconds."""
        self._interrupted = True
        if not self.offline:
            self._hurry(lambda: not self._interrupted, seconds)

    def _hurry(self, reached: Callable[[], bool], seconds: float) -> None:
        """Have the other thread go on at once, and wait until it has come so far, or failed."""
        with self._state:
            self._news.set()
            self._hurried.set()
            self._state.wait_for(lambda: reached() or self._bug is not None, timeout=seconds)

    def __enter__(self) -> MlflowSync:
        if not self.offline:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._leaving = True
        self._news.set()
        self._hurried.set()
        if self._thread.is_alive():
            self._thread.join(timeout=LEAVING_SECONDS)

    def _connected(self) -> RunWriter:
        header = self._header
        showing, summary = showing_of(header), trials_as_table(header)
        return RunWriter(self._store, self._folder.name, header.plan.name, showing, summary=summary)

    def _follow(self) -> None:
        pause = 0.0
        try:
            with Journal.read(self._folder) as journal:
                results = Results(journal, self._header)
                while not self._leaving:
                    self._news.wait()
                    self._news.clear()
                    if pause := self._try(results, pause):
                        self._hurried.wait(pause)
                        self._hurried.clear()
        except BaseException as error:  # raised again in the sweep's thread
            with self._state:
                self._bug = error
                self._state.notify_all()

    def _try(self, results: Results, pause: float) -> float:
        """Project what is new; the seconds to pause before the next time."""
        try:
            self._writer = self._writer or self._connected()
            self._project(results, self._writer)
        except StoreError as error:
            if not self.failure:
                state = "cannot be written to" if isinstance(error, AccessError) else "is away"
                self._notes.append(f"MLflow {state} ({error}): trials go on, and the journal keeps them")
            self.failure, self.refused = str(error), isinstance(error, AccessError)
            self._writer, self._requests, self._reached = None, {}, 0
            self._news.set()
            return min(LONGEST_PAUSE_SECONDS, max(1.0, pause * 2))
        if self.failure:
            self._notes.append("MLflow is back, and holds everything again")
            self.failure, self.refused = "", False
        return 0.0

    def _project(self, results: Results, writer: RunWriter) -> None:
        kinds = [kind for kind in EventKind if not (writer.summary and kind in _TRIAL_EVENTS)]
        until = results.journal.seq
        new = list(islice(results.journal.events(*kinds, after=self._reached), EVENTS_A_TURN))
        more = len(new) == EVENTS_A_TURN
        if more:
            until = new[-1].seq
            self._news.set()
        elif new:  # the journal may have grown since it was asked for its end
            until = max(until, new[-1].seq)
        ended = list[tuple[TrialRequest, TrialRecord]]()
        for event in new:
            if self._leaving:
                return
            if event.kind is EventKind.ASKED:
                self._requests[event.trial_key] = TrialRequest.from_json(event.payload)
            elif event.kind is EventKind.ENDED:
                ended.append((self._requests.pop(event.trial_key), TrialRecord.from_json(event.payload)))
            elif event.kind is EventKind.OPENED:
                self._open(event, writer)
        writer.trials(ended)
        while self._epochs:
            epochs = self._epochs.popleft()
            if str(epochs.request.key) in self._requests:  # else it has ended
                writer.epochs(epochs)
        for name in dict.fromkeys(event.dataset for event in new):
            self._settle(name, {event.kind for event in new if event.dataset == name}, results, writer)
        if interrupted := self._interrupted and not more:
            writer.interrupted()
        with self._state:
            self._interrupted = self._interrupted and not interrupted
            self._reached = max(until, self._reached)
            self._state.notify_all()

    def _open(self, event: Event, writer: RunWriter) -> None:
        facts = DataFacts.from_json(event.payload["facts"])
        objective = event.payload["objective"]
        tags = self._tags(event.dataset) | {METRIC: objective["metric"], DIRECTION: objective["direction"]}
        if facts.leaks:
            tags[LEAKS] = json.dumps(facts.leaks)
        writer.comparison_started(event.dataset, facts, tags, started_at=event.at)

    def _settle(self, name: str, kinds: set[EventKind], results: Results, writer: RunWriter) -> None:
        """Write how a comparison stands after what is new; with the last one that is over, the answer of all."""
        has = results.journal.has
        if EventKind.COMPARISON_FAILED in kinds:
            failed_with = results.journal.last(EventKind.COMPARISON_FAILED, name)
            writer.failed_with(name, failed_with.payload["why"] if failed_with else "")
        elif kinds & {EventKind.CHAMPION, EventKind.EXPLAINED} and has(EventKind.CHAMPION, name):
            result, so_far = results.comparison(name), results.sweep(self._folder.name, self._store.address, only=name)
            to_extend = so_far.to_extend(self._store.options)
            writer.conclude(result, self._files(results, result, so_far), to_extend)
        elif EventKind.EXTENDED in kinds and (has(EventKind.OPENED, name) and not has(EventKind.CLOSED, name)):
            writer.reopened(name)
        ended = kinds & {EventKind.CHAMPION, EventKind.COMPARISON_FAILED}
        if ended and all(map(results.over, reversed(list(self._header.datasets)))):  # the last one is mostly over last
            sweep = results.sweep(self._folder.name, self._store.address)
            use = brief.answers([comparison.verdict for comparison in sweep.comparisons])
            writer.close("\n\n".join(filter(None, (use, sweep.overall))))

    def _files(self, results: Results, result: ComparisonResult, so_far: SweepResult) -> dict[str, str]:
        """Place among the artifacts of the comparison's run → content."""
        header, name = self._header, result.dataset
        links, sealed = links_of(self._store, self._folder.name, name), results.journal.unsealed(name)
        cases = {key: score.cases for key, score in sealed.items() if score.cases}
        shown, options = (result, self._store.options) if so_far.data_in_report else (of_comparison(result), "")
        view = ComparisonView(shown, "dataset-1", so_far.to_extend(options))
        configs = {name: header.datasets[name], **header.spaces}
        more = {"explanation.json": _json(result.explanation)} if result.explanation else {}
        if left_out := results.left_out(name):
            more[LEFT_OUT_FILE] = _json(left_out)
        return {
            "report.html": html(so_far, self._store.ui_command, links, [view]),
            TRIALS_FILE: trials_csv([result]),
            VERDICT_FILE: _json(result.verdict),
            CASES_FILE: json.dumps(encode(cases)),
            BASELINES_FILE: json.dumps(encode(result.baselines)),
            CHANGES_FILE: _json(results.changes(name)),
            "ledger.json": _json({family.family.name: family.usage for family in result.families}),
            "learning_curves.csv": learning_curves(result.trials),
            "environment.json": _json(
                {"versions": header.versions, "plan": header.plan, "sha256_of_cards": header.hashes}
            ),
            **(
                {RUNS_FILE: trials_table(self._folder.name, results.trials(name), result.scores)}
                if trials_as_table(header)
                else {}
            ),
            **more,
            **{card_file(config): configs[config].model_dump_json(indent=2) for config in configs},
            **{f"figures/{name}.svg": drawing.svg for name, drawing in view.drawn.items()},
        }

    def _tags(self, name: str) -> dict[str, str]:
        plan = self._header.plan
        return {
            "oracle": plan.oracle,
            "seed": str(plan.seed),
            "families": " ".join(family.name for family in self._header.families),
            **({UNTIL_DECIDED: "yes"} if plan.until_decided else {}),
            **({RULE: str(self._header.rule)} if self._header.rule > 1 else {}),
            **({PRIOR: json.dumps(self._header.prior.to_json())} if self._header.prior else {}),
            "config_sha256": next((sha for file, sha in self._header.hashes.items() if Path(file).stem == name), ""),
        }
