"""What the selected networks of a sweep do with its datasets: `harness explain`.

Each family's selected network is looked into with the weights it began with, which follow from its seed, and those it
ended with. Beside them stands a plain recurrent network. What is found goes to the journal, and from there into the
report and MLflow, as everything else does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.config import find_space
from harness.config.space import SearchSpace
from harness.errors import StoreError, UsageError, nearest
from harness.executors import Executor, Task
from harness.journal import EventKind, Journal
from harness.records import (
    ExplainedCell,
    Explanation,
    GateOpenness,
    GradientReach,
    Phase,
    TrialKey,
    TrialRecord,
    TrialRequest,
    derive_seed,
)
from harness.report.html import html
from harness.search import select
from harness.store import Store
from harness.sweeps.events import Callback, Message
from harness.sweeps.folders import find_sweep_folder, lock
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.plan import SweepHeader
from harness.sweeps.results import Selected, explanation_of, facts_of, objective_of, selected_of, sweep_of
from harness.sweeps.runner import REPORT_FILE
from harness.sweeps.trials import TrialSpec, all_done, outcome, run_one

PLAIN_LAYER, PLAIN_FAMILY = "SimpleRNN", "rnn"

SAME_SCORE = 1e-6
"""Relative difference up to which a trial that was trained again is the one it was."""


@dataclass(frozen=True, slots=True)
class _Network:
    """A trained network that is looked into."""

    name: str
    request: TrialRequest
    record: TrialRecord
    reference: bool = False
    notes: tuple[str, ...] = ()


def explain(
    store: Store,
    sweep: str | None,
    datasets: Sequence[str],
    executor: Executor,
    callback: Callback,
    *,
    again: bool = False,
) -> list[Explanation]:
    """Look into the selected networks of a sweep, and write what is found into its report and MLflow.

    What is in the journal already is not done again unless asked.

    Args:
        store: Where the sweep is.
        sweep: Its id; None for the newest.
        datasets: Names of its datasets; all decided ones when empty.
        executor: Where networks are trained and looked into.
        callback: Told what is going on.
        again: Whether to look again at what has been looked at.

    Raises:
        UsageError: There is no such sweep or dataset, none is decided, or another command runs the sweep.
        ExecutorError: A network could not be looked into.
    """
    folder = find_sweep_folder(store, sweep)
    with lock(folder), Journal.open(folder) as journal:
        header = SweepHeader.from_json(journal.plan)
        asked = _Asked(header, folder, journal, executor, callback)
        wanted = _wanted(folder.name, journal, header, datasets)
        known = dict.fromkeys(wanted) if again else {name: explanation_of(journal, name) for name in wanted}
        found = [known[name] or _explain(asked, name) for name in wanted]
        if None in known.values():
            _project(store, folder, header, journal, callback)
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What explaining any dataset of a sweep needs."""

    header: SweepHeader
    folder: Path
    journal: Journal
    executor: Executor
    callback: Callback

    def spec(self, dataset: str, spaces: Mapping[str, SearchSpace], folder: str) -> TrialSpec:
        digest = facts_of(self.journal, dataset).digest
        return TrialSpec(self.header.datasets[dataset], dict(spaces), digest, self.folder / folder / dataset)


def _wanted(sweep_id: str, journal: Journal, header: SweepHeader, datasets: Sequence[str]) -> list[str]:
    decided = [name for name in header.datasets if journal.has(EventKind.DECIDED, name)]
    for name in datasets:
        if name not in header.datasets:
            raise UsageError(f"{sweep_id}: has no dataset {name!r}. {nearest(name, header.datasets)}".rstrip())
        if name not in decided:
            raise UsageError(f"{sweep_id}: {name} is not decided yet; nothing is selected to look into")
    if not decided:
        raise UsageError(f"{sweep_id}: no dataset is decided yet; nothing is selected to look into")
    return list(dict.fromkeys(datasets)) or decided


def _explain(asked: _Asked, name: str) -> Explanation:
    cells, sequences = [], 0
    for network, spec in _networks(asked, name):
        asked.callback(Message(f"{name}: looking into {network.name}"))
        arguments = {
            "dataset": spec.dataset.model_dump(mode="json"),
            "space": spec.spaces[network.request.family].model_dump(mode="json"),
            "request": network.request.to_json(),
            "digest": spec.digest,
            "weights": str(spec.weights_of(network.request.key)),
        }
        task = Task(f"{network.request.key} explained", "harness.interpret.explain:explain_trial", arguments, name)
        found = run_one(asked.executor, task)
        cells.append(_cell(network, found))
        sequences = int(found["sequences"])
    explanation = Explanation(name, sequences, tuple(cells))
    asked.journal.append(EventKind.EXPLAINED, explanation.to_json(), dataset=name)
    return explanation


def _cell(network: _Network, found: Mapping[str, Any]) -> ExplainedCell:
    score = network.record.validation_score
    return ExplainedCell(
        name=network.name,
        family=network.request.family,
        reference=network.reference,
        trial="" if network.reference else str(network.request.key),
        values=network.request.values,
        validation_score=math.nan if score is None else score,
        before=GradientReach.from_json(found["before"]),
        after=GradientReach.from_json(found["after"]),
        gates=tuple(GateOpenness.from_json(gate) for gate in found["gates"]),
        notes=network.notes,
    )


def _networks(asked: _Asked, name: str) -> Iterator[tuple[_Network, TrialSpec]]:
    """The selected network of each family, then the reference, each with its weights on the disk."""
    header = asked.header
    selected = selected_of(asked.journal, header, name, objective_of(asked.journal, name))
    spec = asked.spec(name, header.spaces, "weights")
    for family, one in selected.items():
        network = _Network(family, one.request, one.record)
        if not spec.weights_of(one.request.key).exists():
            network = replace(network, notes=_train_again(asked, spec, one))
        yield network, spec
    if all(space.layer != PLAIN_LAYER for space in header.spaces.values()):
        beside = asked.spec(name, {PLAIN_FAMILY: _plain_space()}, "reference")
        if (reference := _reference(asked, beside, name, selected)) is not None:
            yield reference, beside


def _plain_space() -> SearchSpace:
    space = find_space(PLAIN_FAMILY).config
    if space is None or space.layer != PLAIN_LAYER:
        raise UsageError(f"search space {PLAIN_FAMILY}: expected the built-in one, of the layer {PLAIN_LAYER}")
    return space


def _train_again(asked: _Asked, spec: TrialSpec, one: Selected) -> tuple[str, ...]:
    """The same trial with the same seed; what there is to say when it is not the same on this machine."""
    asked.callback(Message(f"{one.request.key}: training it again, its weights are gone"))
    task = spec.task(one.request)
    record = TrialRecord.from_json(run_one(asked.executor, task)["trial"])
    then, now = one.record.validation_score, record.validation_score
    if then is not None and now is not None and math.isclose(then, now, rel_tol=SAME_SCORE):
        return ()
    return (f"trained again on this machine: validation score {now}, {then} in the sweep",)


def _reference(asked: _Asked, spec: TrialSpec, name: str, selected: Mapping[str, Selected]) -> _Network | None:
    """A plain network, trained with each family's selected hyperparameters: the better one by validation."""
    seed = asked.header.plan.seed
    tried: dict[str, tuple[TrialRequest, TrialRecord]] = {}
    for number, (family, one) in enumerate(selected.items(), start=1):
        asked.callback(Message(f"{name}: training {PLAIN_FAMILY} with the hyperparameters selected for {family}"))
        request = replace(
            one.request,
            key=TrialKey(name, PLAIN_FAMILY, 1, Phase.SEARCH, number),
            family=PLAIN_FAMILY,
            seed=derive_seed(seed, name, "reference", number),
        )
        task = spec.task(request)
        asked.executor.submit(task)
        (done,) = all_done(asked.executor)
        record, _ = outcome(request, done)
        tried[str(request.key)] = request, record
    best = select([record for _, record in tried.values()], objective_of(asked.journal, name))
    if best is None:
        asked.callback(Message(f"{name}: {PLAIN_FAMILY} could not be trained: {record.message}"))
        return None
    return _Network(PLAIN_FAMILY, tried[str(best.key)][0], best, reference=True)


def _project(store: Store, folder: Path, header: SweepHeader, journal: Journal, callback: Callback) -> None:
    """The report beside the journal, and MLflow, where it can be reached."""
    result = sweep_of(journal, header, folder.name, store.address)
    (folder / REPORT_FILE).write_text(html(result, store.ui_command), encoding="utf-8")
    last = journal.last(EventKind.EXPLAINED, None)
    try:
        with MlflowSync(store, header, folder) as sync:
            if last is None or sync.follow(last.seq, lambda: None):
                return
            why = sync.failure
    except StoreError as error:
        why = str(error)
    callback(Message(f"MLflow does not show it yet ({why}); `harness doctor --sync {folder.name}` writes it there"))
