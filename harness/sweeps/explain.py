"""What the selected networks of a sweep do with its datasets: `harness explain`.

Each family's selected network is looked into with the weights it began with, which follow from its seed, and those it
ended with. Beside stacks of recurrent layers stands a plain recurrent network. A network of the user's is looked into
where the caller names its file. What is found goes to the journal, and from there into the report and MLflow, as
everything else does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config import find_space
from harness.config.space import SearchSpace
from harness.disk import replace_text
from harness.errors import StoreError, UsageError, nearest
from harness.executors import Executor, Task
from harness.journal import EventKind, Journal
from harness.records import ExplainedCell, Explanation, Phase, TrialKey, TrialRecord, TrialRequest, derive_seed
from harness.report.html import html
from harness.search import select
from harness.store import Store
from harness.sweeps.events import Callback, Message
from harness.sweeps.folders import find_sweep_folder, lock
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.results import EndedTrial, Results
from harness.sweeps.runner import REPORT_FILE
from harness.sweeps.trials import TASKS, TrialSpec, run_one, train_one
from harness.user_code import named_file

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
    code: Sequence[Path] = (),
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
        code: Files of the user's that networks are built by, which are run.

    Raises:
        UsageError: There is no such sweep or dataset, none is decided, or another command runs the sweep.
        ExecutorError: A network could not be looked into.
    """
    folder = find_sweep_folder(store, sweep)
    with lock(folder), Journal.open(folder) as journal:
        results = Results(journal)
        asked = _Asked(results, folder, executor, callback, code)
        wanted = _wanted(folder.name, results, datasets)
        known = dict.fromkeys(wanted) if again else {name: results.explanation(name) for name in wanted}
        found = [known[name] or _explain(asked, name) for name in wanted]
        if None in known.values():
            _project(store, folder, results, callback)
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What explaining any dataset of a sweep needs."""

    results: Results
    folder: Path
    executor: Executor
    callback: Callback
    code: Sequence[Path] = ()

    def spec(self, dataset: str, spaces: Mapping[str, SearchSpace], folder: str) -> TrialSpec:
        config, digest = self.results.header.datasets[dataset], self.results.facts(dataset).digest
        return TrialSpec(config, dict(spaces), digest, self.folder / folder / dataset)


def _wanted(sweep_id: str, results: Results, datasets: Sequence[str]) -> list[str]:
    known = results.header.datasets
    decided = [name for name in known if results.journal.has(EventKind.DECIDED, name)]
    for name in datasets:
        if name not in known:
            raise UsageError(f"{sweep_id}: has no dataset {name!r}. {nearest(name, known)}".rstrip())
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
            "dataset": spec.dataset,
            "space": spec.spaces[network.request.family],
            "request": network.request,
            "digest": spec.digest,
            "weights": str(spec.weights_of(network.request.key)),
        }
        task = Task(f"{network.request.key} explained", TASKS["explain"], arguments, name)
        found = run_one(asked.executor, task)
        if why := found.get("why"):
            asked.callback(Message(f"{name}: {network.name} is not looked into: {why}"))
            continue
        known = {
            "name": network.name,
            "family": network.request.family,
            "reference": network.reference,
            "trial": "" if network.reference else str(network.request.key),
            "values": network.request.values,
            "validation_score": network.record.validation_score,
            "notes": network.notes,
        }
        cells.append(ExplainedCell.from_json({**found, **known}))
        sequences = int(found["sequences"])
    explanation = Explanation(name, sequences, tuple(cells))
    asked.results.journal.append(EventKind.EXPLAINED, explanation, dataset=name)
    return explanation


def _networks(asked: _Asked, name: str) -> Iterator[tuple[_Network, TrialSpec]]:
    """The selected network of each family, then the reference, each with its weights on the disk."""
    header, selected = asked.results.header, asked.results.selected(name)
    for family, one in selected.items():
        space = header.spaces[one.request.family]
        if space.build is not None:
            if not asked.code:
                file, function = Path(space.build).name.split(":")
                asked.callback(
                    Message(f"{name}: {family} is not looked into: {function} builds it, which --code {file} lets run")
                )
                continue
            file_named = named_file(asked.code, space.code_sha256)
            space = space.model_copy(update={"build": f"{file_named}:{Path(space.build).name.split(':')[1]}"})
        spec = asked.spec(name, {**header.spaces, one.request.family: space}, "weights")
        notes = () if spec.weights_of(one.request.key).exists() else _train_again(asked, spec, one)
        yield _Network(family, one.request, one.record, notes=notes), spec
    stacks = {family: one for family, one in selected.items() if header.spaces[one.request.family].network.stack}
    if stacks and all(space.layer != PLAIN_LAYER for space in header.spaces.values()):
        beside = asked.spec(name, {PLAIN_FAMILY: _plain_space()}, "reference")
        if (reference := _reference(asked, beside, name, stacks)) is not None:
            yield reference, beside


def _plain_space() -> SearchSpace:
    space = find_space(PLAIN_FAMILY).config
    if space is None or space.layer != PLAIN_LAYER:
        raise UsageError(f"search space {PLAIN_FAMILY}: expected the built-in one, of the layer {PLAIN_LAYER}")
    return space


def _train_again(asked: _Asked, spec: TrialSpec, one: EndedTrial) -> tuple[str, ...]:
    """The same trial with the same seed; what there is to say when it is not the same on this machine."""
    asked.callback(Message(f"{one.request.key}: training it again, its weights are gone"))
    record = TrialRecord.from_json(run_one(asked.executor, spec.task(one.request))["trial"])
    then, now = one.record.validation_score, record.validation_score
    if then is not None and now is not None and math.isclose(then, now, rel_tol=SAME_SCORE):
        return ()
    return (f"trained again on this machine: validation score {now}, {then} in the sweep",)


def _reference(asked: _Asked, spec: TrialSpec, name: str, selected: Mapping[str, EndedTrial]) -> _Network | None:
    """A plain network, trained with what each stack's family has selected: the better one by validation."""
    seed = asked.results.header.plan.seed
    tried: dict[str, tuple[TrialRequest, TrialRecord]] = {}
    for number, (family, one) in enumerate(selected.items(), start=1):
        asked.callback(Message(f"{name}: training {PLAIN_FAMILY} with the hyperparameters selected for {family}"))
        request = replace(
            one.request,
            key=TrialKey(name, PLAIN_FAMILY, 1, Phase.SEARCH, number),
            family=PLAIN_FAMILY,
            seed=derive_seed(seed, name, "reference", number),
        )
        record = train_one(asked.executor, spec, request)
        tried[str(request.key)] = request, record
    best = select([record for _, record in tried.values()], asked.results.objective(name))
    if best is None:
        asked.callback(Message(f"{name}: {PLAIN_FAMILY} could not be trained: {record.message}"))
        return None
    return _Network(PLAIN_FAMILY, tried[str(best.key)][0], best, reference=True)


def _project(store: Store, folder: Path, results: Results, callback: Callback) -> None:
    """The report beside the journal, and MLflow, where it can be reached."""
    result = results.sweep(folder.name, store.address)
    replace_text(folder / REPORT_FILE, html(result, store.ui_command, options=store.options))
    last = results.journal.last(EventKind.EXPLAINED, None)
    try:
        with MlflowSync(store, results.header, folder) as sync:
            if last is None or sync.follow(last.seq, lambda: None):
                return
            why = sync.failure
    except StoreError as error:
        why = str(error)
    callback(Message(f"MLflow does not show it yet ({why}); `harness doctor --sync {folder.name}` writes it there"))
