"""Records → MLflow's own metrics, parameters and datasets. Knows no client and no store."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.records import ComparisonResult, DataFacts, TrialEpochs, TrialRecord, TrialRequest, TrialStatus
from harness.stats.words import brief
from harness.store import Store
from harness.tracking import naming
from harness.tracking.client import KIND_TAG, connect
from harness.tracking.naming import (
    VERDICT,
    VERDICT_WORDS,
    comparison_metrics,
    comparison_tags,
    half_life,
    half_life_name,
)
from harness.tracking.queries import search_runs
from harness.tracking.views import COLOR_TAG, Showing, route, trials_key, view_tags

DIGEST_LENGTH = 36


def trial_metrics(record: TrialRecord, start: int, end: int) -> list[Any]:
    """A trial's curves by epoch and its single numbers; what is not finite is left out.

    Args:
        record: The trial.
        start: Milliseconds since 1970 at which it began; the epochs are spread evenly from there.
        end: Milliseconds since 1970 at which it ended.
    """
    from mlflow.entities import Metric

    epochs = max(record.epochs, 1)
    curves = {"train_loss": record.train_losses, "validation": record.validation_scores}
    points = [
        Metric(naming.TRIAL_METRICS[name], value, start + (end - start) * epoch // epochs, epoch)
        for name, curve in curves.items()
        for epoch, value in enumerate(curve, start=1)
        if math.isfinite(value)
    ]
    single = {
        naming.VALIDATION_SCORE: record.validation_score,
        "parameters": record.parameters or None,
        "fit_seconds": record.fit_seconds,
        "epochs": record.epochs,
        "best_epoch": record.best_epoch or None,
    }
    points += [
        Metric(naming.TRIAL_METRICS[name], float(value), end, 0)
        for name, value in single.items()
        if value is not None and math.isfinite(value)
    ]
    return points


_CURVES = tuple(naming.TRIAL_METRICS[name] for name in ("train_loss", "validation"))
"""Keys of the metrics that a trial has by epoch."""


def trial_parameters(request: TrialRequest, logarithmic: Collection[str] = ()) -> list[Any]:
    """A trial's hyperparameters, below `hp/`, and decimal logarithms where the scale is one, below `log10/`."""
    from mlflow.entities import Param

    names, logarithms = (naming.keys(prefix, request.values) for prefix in ("hp", naming.LOGARITHMS))
    values = {names[name]: str(value) for name, value in request.values.items()}
    values |= {
        logarithms[name]: f"{math.log10(value):.4f}"
        for name, value in request.values.items()
        if name in logarithmic and isinstance(value, int | float) and value > 0
    }
    return [Param(name, naming.cut(value, naming.PARAMETER_LENGTH)) for name, value in values.items()]


def trials_table(sweep_id: str, pairs: Iterable[tuple[TrialRequest, TrialRecord]], scores: Mapping[str, float]) -> str:
    """Trials as JSON rows that say what `read_sweep_scores` reads of runs.

    Args:
        sweep_id: The sweep's id.
        pairs: What was asked and what became of it.
        scores: Test scores, by the key's text.
    """
    rows = [
        {
            "dataset": record.key.dataset,
            "arm": record.key.family,
            "family": request.family,
            "phase": record.key.phase.value,
            "status": record.status.value,
            "trial_key": f"{sweep_id}/{record.key}",
            "replicate": record.key.replicate,
            "number": record.key.number,
            "seed": request.seed,
            naming.VALIDATION_SCORE: record.validation_score,
            naming.TEST_SCORE: scores.get(str(record.key)),
            "fit_seconds": record.fit_seconds,
            "parameters": record.parameters or None,
            "failure": record.failure.value if record.failure else None,
            "values": {name: str(value) for name, value in request.values.items()},
        }
        for request, record in pairs
    ]
    return json.dumps(rows)


def _end_of(record: TrialRecord) -> int:
    """When a trial ended, in milliseconds since 1970; 0 where that is not known."""
    return round((record.started_at + record.compile_seconds + record.fit_seconds) * 1000) if record.started_at else 0


def dataset_input(name: str, facts: DataFacts) -> Any:
    """A dataset as an input of a run, with our digest of its full content."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"name": channel, "type": "double", "required": True} for channel in facts.channels]
    profile = {
        **dict(zip(("training", "validation", "test"), facts.sizes, strict=True)),
        "steps": list(facts.steps),
        "split": facts.split,
        "license": facts.license,
    }
    # mlflow.data would hash the first 10,000 elements only: two different arrays got the same digest.
    dataset = Dataset(
        name=name,
        digest=facts.digest[:DIGEST_LENGTH],
        source_type="harness",
        source=json.dumps({"title": facts.title, "digest": facts.digest}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "comparison")])


NOTE_TAG = "mlflow.note.content"
OWN_NOTE_TAG = "harness.note"
"""What a sweep wrote into the description last: where the two differ somebody else has written there."""

WRITERS = 4
"""Trials that are written to a server or a database at a time: each takes several answers."""

METRICS_A_CALL = 1000
PARAMETERS_A_CALL = 100


_OPEN = ("RUNNING", "KILLED")
"""States of a trial's run that is not what it is to be."""


@dataclass(slots=True)
class _Run:
    """What MLflow holds of a run."""

    id: str
    status: str
    end: int = 0
    told: int | None = 0
    """Epochs that a run holds whose trial is being trained; None where that is to be asked for."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Any) -> _Run:
        told = None if run.info.status in _OPEN else 0
        return cls(run.info.run_id, run.info.status, run.info.end_time or 0, told, run.data.metrics, run.data.tags)


@dataclass(slots=True)
class _Comparison:
    """A comparison's runs: the parent, and the trials by their keys."""

    parent: _Run
    start: int
    trials: dict[str, _Run]

    @property
    def end(self) -> int:
        return max([self.start, *(run.end for run in self.trials.values())])


class RunWriter:
    """Writes one sweep into MLflow.

    Args:
        store: Where to.
        sweep_id: The sweep's id.
        sweep_name: The sweep's name, also the experiment's.
        showing: How its runs are shown.
        summary: Whether trials are rows of a table with their comparison's run, and no runs of their own.

    Attributes:
        experiment_id: The id of the experiment that the runs are in.

    Raises:
        StoreError: The store cannot be used.
    """

    def __init__(
        self,
        store: Store,
        sweep_id: str,
        sweep_name: str,
        showing: Showing | None = None,
        *,
        summary: bool = False,
    ) -> None:
        self.summary = summary
        self._writers = 1 if store.local else WRITERS
        self._client = connect(store)
        self._showing = showing or Showing()
        self._sweep_id = sweep_id
        self.experiment_id = self._client.experiment(sweep_name)
        self._comparisons: dict[str, _Comparison] = {}

    def comparison_started(
        self, dataset: str, facts: DataFacts, tags: Mapping[str, str], started_at: float | None = None
    ) -> str:
        """Make sure that a dataset's parent run is there.

        Args:
            dataset: Name of the dataset.
            facts: What it is; its digest is the one MLflow shows.
            tags: What else to filter comparisons by.
            started_at: Seconds since 1970 at which the comparison began; None for now.

        Returns:
            The parent run's id.
        """
        if dataset not in self._comparisons and not self._find(dataset):
            run = self._client.create_run(
                self.experiment_id,
                start_time=None if started_at is None else round(started_at * 1000),
                tags=self._parent_tags(dataset, facts, tags),
                run_name=f"{dataset}: searching",
            )
            self._comparisons[dataset] = _Comparison(_Run.of(run), run.info.start_time, {})
            for key, view in view_tags(self._showing, dataset).items():
                self._client.set_experiment_tag(self.experiment_id, key, naming.cut(view))
        comparison = self._comparisons[dataset]
        for key, value in self._parent_tags(dataset, facts, tags).items():
            if comparison.parent.tags.get(key) != value:  # the sweep was extended, or its data changed
                self._client.set_tag(comparison.parent.id, key, value)
        if comparison.parent.status == "KILLED":
            self._run_on(comparison.parent, dataset)
        if comparison.parent.status == "RUNNING":
            self._client.log_inputs(comparison.parent.id, datasets=[dataset_input(dataset, facts)])
        return comparison.parent.id

    def trials(self, pairs: Iterable[tuple[TrialRequest, TrialRecord]]) -> None:
        """Make sure that each of these trials is one finished run. Writes no test score.

        Args:
            pairs: What was asked and what became of it. `comparison_started` comes first.
        """
        if self.summary:
            return
        each = [(self._comparison(record.key.dataset), request, record) for request, record in pairs]
        if self._writers == 1 or len(each) <= 1:
            for one in each:
                self._trial(*one)
            return
        with ThreadPoolExecutor(min(self._writers, len(each))) as writers:
            for written in [writers.submit(self._trial, *one) for one in each]:
                written.result()

    def epochs(self, told: TrialEpochs) -> None:
        """Show epochs of a trial that is being trained, in a run that says it is not final. Writes no test score.

        Epochs are written once and in order: what does not follow on what the run holds is left to the trial's end.

        Args:
            told: The epochs. `comparison_started` comes first.
        """
        from mlflow.entities import Metric, RunTag

        if self.summary:
            return
        request, start = told.request, round(told.started_at * 1000)
        comparison = self._comparison(request.key.dataset)
        key = f"{self._sweep_id}/{request.key}"
        if (run := comparison.trials.get(key)) is None:
            tags = self._trial_tags(comparison, request, key) | {naming.FINAL: naming.not_final(0, request.epochs)}
            run = comparison.trials[key] = self._create_trial(request, start, tags)
        elif run.status == "KILLED":
            self._client.update_run(run.id, status="RUNNING")
            run.status = "RUNNING"
        held, now = self._held(run), round(time.time() * 1000)
        if run.status != "RUNNING" or not told.after <= held < told.after + len(told.losses):
            return
        points = [
            Metric(key, value, now, epoch)
            for key, curve in zip(_CURVES, (told.losses, told.scores), strict=True)
            for epoch, value in enumerate(curve, start=told.after + 1)
            if epoch > held and math.isfinite(value)
        ]
        run.told = told.after + len(told.losses)
        self._log(run.id, points, [], [RunTag(naming.FINAL, naming.not_final(run.told, request.epochs))])

    def conclude(self, result: ComparisonResult, files: Mapping[str, str], to_extend: str | None = None) -> str:
        """Write what was sealed until now, and the answer.

        Test scores go to the trials; scores, verdict, description and files to the parent run, which ends.

        Args:
            result: The comparison, over.
            files: What to keep with it: place in the run's artifacts → text.
            to_extend: What a command is given to extend the sweep; None where none may.

        Returns:
            The parent run's id.
        """
        comparison = self._comparison(result.dataset)
        if not self.summary:
            self._reveal(comparison, result.scores)
        parent, end = comparison.parent, max([comparison.end, *map(_end_of, result.trials)])
        metrics = comparison_metrics(result)
        self._log_changed(parent, metrics, end)
        gone = (name for name in parent.metrics if name.startswith(f"{VERDICT}/") or naming.is_earlier(name))
        self._void(parent, (name for name in gone if name not in metrics))
        for cell in result.explanation.cells if result.explanation else ():
            if run := comparison.trials.get(f"{self._sweep_id}/{cell.trial}"):
                self._log_changed(run, {half_life_name(cell): half_life(cell.after)}, run.end)
        charts = route(self.experiment_id, trials_key(result.dataset), charts=True)
        tags = comparison_tags(result, charts, to_extend)
        # What an earlier verdict said and this one, of the same sweep extended, does not.
        for word in self._client.get_run(parent.id).data.tags.keys() - tags.keys():
            if word in VERDICT_WORDS or naming.is_earlier(word):
                self._client.delete_tag(parent.id, word)
        for key, value in tags.items():
            self._client.set_tag(parent.id, key, naming.cut(value))
        if files:
            self._attach(parent.id, files)
        self._end(parent, "FINISHED", brief.answer(result.verdict), end)
        self._comparisons.pop(result.dataset)  # it is looked for again where it is reopened
        return parent.id

    def failed_with(self, dataset: str, why: str) -> None:
        """End the parent run of a comparison that cannot go on; its name says so, and its description why."""
        comparison = self._comparison(dataset)
        self._client.set_tag(comparison.parent.id, NOTE_TAG, naming.cut(why))
        self._end(comparison.parent, "FAILED", f"{dataset}: failed", comparison.end)

    def reopened(self, dataset: str) -> None:
        """Say that a comparison which was over is searched on."""
        self._run_on(self._comparison(dataset).parent, dataset)

    def interrupted(self) -> None:
        """Say of each comparison that is not over that nothing works on it; `comparison_started` takes it back."""
        for comparison in self._comparisons.values():
            for run in (*comparison.trials.values(), comparison.parent):
                if run.status == "RUNNING":
                    self._client.set_terminated(run.id, "KILLED")
                    run.status = "KILLED"

    def close(self, overall: str) -> None:
        """Begin the experiment's description with the answer, unless somebody wrote another one.

        An experiment is shared by all sweeps of its name, whoever runs them: the last one's answer stands there.

        Args:
            overall: One sentence for all datasets.
        """
        tags = self._client.get_experiment(self.experiment_id).tags
        note, own = tags.get(NOTE_TAG, ""), tags.get(OWN_NOTE_TAG)
        # 0.1.0 described the experiments that it made without saying so.
        if not note or note == own or (own is None and KIND_TAG.items() <= tags.items()):
            for tag in (NOTE_TAG, OWN_NOTE_TAG):
                self._client.set_experiment_tag(self.experiment_id, tag, naming.cut(overall))

    def _end(self, parent: _Run, status: str, name: str, end: int) -> None:
        self._client.update_run(parent.id, name=name)
        self._client.set_terminated(parent.id, status, end)
        parent.status = status

    def _run_on(self, parent: _Run, dataset: str) -> None:
        self._client.update_run(parent.id, status="RUNNING", name=f"{dataset}: searching")
        parent.status = "RUNNING"

    def _comparison(self, dataset: str) -> _Comparison:
        if dataset not in self._comparisons and not self._find(dataset):
            raise StoreError(f"sweep {self._sweep_id}: the comparison of {dataset} has no run yet")
        return self._comparisons[dataset]

    def _find(self, dataset: str) -> bool:
        """Look for a comparison's runs, all at once: a look-up before each run would cost 9 ms."""
        parent: Any = None
        trials: dict[str, _Run] = {}
        wanted = {naming.SWEEP_ID: self._sweep_id, "dataset": dataset}
        for run in search_runs(self._client, wanted, self.experiment_id):
            if naming.COMPARISON_KEY in run.data.tags:
                parent = run
            elif key := run.data.tags.get(naming.TRIAL_KEY):
                trials[key] = _Run.of(run)
        if parent is not None:
            self._comparisons[dataset] = _Comparison(_Run.of(parent), parent.info.start_time, trials)
        return parent is not None

    def _parent_tags(self, dataset: str, facts: DataFacts, tags: Mapping[str, str]) -> dict[str, str]:
        return {
            **{key: naming.cut(value) for key, value in tags.items()},
            naming.COMPARISON_KEY: f"{self._sweep_id}/{dataset}",
            naming.SWEEP_ID: self._sweep_id,
            **({naming.TRIALS_IN: naming.TABLE} if self.summary else {}),
            "dataset": dataset,
            "phase": "comparison",
            "task": facts.task.value,
            "digest": facts.digest,
            "mlflow.source.name": "harness sweep",
        }

    def _trial(self, comparison: _Comparison, request: TrialRequest, record: TrialRecord) -> None:
        key = f"{self._sweep_id}/{record.key}"
        known = comparison.trials.get(key)
        if known is not None and known.status not in _OPEN:
            return
        start = round(record.started_at * 1000) or comparison.start
        end = start + round((record.compile_seconds + record.fit_seconds) * 1000)
        metrics = trial_metrics(record, start, end)
        tags = self._trial_tags(comparison, request, key, record)
        if known is None:
            known = comparison.trials[key] = self._create_trial(request, start, tags)
        else:
            told = self._held(known)
            metrics = [one for one in metrics if not (one.key in _CURVES and one.step <= told)]
            for name, value in tags.items():
                if known.tags.get(name) != value:
                    self._client.set_tag(known.id, name, value)
        self._log(known.id, metrics, trial_parameters(request, self._showing.logarithmic))
        if record.traceback:
            self._client.log_text(known.id, record.traceback, "traceback.txt")
        if naming.FINAL in known.tags:
            self._client.delete_tag(known.id, naming.FINAL)
        known.status = "FINISHED" if record.status is TrialStatus.COMPLETED else "FAILED"
        known.end = end
        self._client.set_terminated(known.id, known.status, end)

    def _create_trial(self, request: TrialRequest, start: int, tags: Mapping[str, str]) -> _Run:
        name = naming.run_name(request.key)
        run = self._client.create_run(self.experiment_id, start_time=start, tags=tags, run_name=name)
        return replace(_Run.of(run), told=0, tags=tags)

    def _held(self, run: _Run) -> int:
        """How many epochs a run holds, of both curves, that is not what it is to be."""
        if run.told is None:
            histories = [self._client.get_metric_history(run.id, key) for key in _CURVES]
            run.told = min(max((point.step for point in history), default=0) for history in histories)
        return run.told

    def _trial_tags(
        self, comparison: _Comparison, request: TrialRequest, key: str, record: TrialRecord | None = None
    ) -> dict[str, str]:
        tags = {
            naming.TRIAL_KEY: key,
            naming.SWEEP_ID: self._sweep_id,
            "dataset": request.key.dataset,
            "family": request.family,
            "arm": request.key.family,
            "phase": request.key.phase.value,
            "replicate": str(request.key.replicate),
            "number": str(request.key.number),
            "seed": str(request.seed),
            "status": record.status.value if record else "training",
            "mlflow.parentRunId": comparison.parent.id,
            COLOR_TAG: self._showing.colors.get(request.key.family, ""),
        }
        if record is not None and record.failure is not None:
            tags |= {"failure": record.failure.value, "message": record.message}
        return {name: naming.cut(value) for name, value in tags.items() if value}

    def _reveal(self, comparison: _Comparison, scores: Mapping[str, float]) -> None:
        for key, score in scores.items():
            run = comparison.trials.get(f"{self._sweep_id}/{key}")
            if run is None:
                raise StoreError(f"sweep {self._sweep_id}: trial {key} has no run, so its test score has no place")
            self._log_changed(run, {naming.TRIAL_METRICS[naming.TEST_SCORE]: score}, run.end)

    def _log_changed(self, run: _Run, metrics: Mapping[str, float], timestamp: int) -> None:
        """Log what the run does not hold yet; a changed value as of now, so that it is the latest."""
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        changed = [
            Metric(key, value, now if key in run.metrics else timestamp, 0)
            for key, value in metrics.items()
            if math.isfinite(value) and run.metrics.get(key) != value
        ]
        if changed:
            self._log(run.id, changed, [])
            run.metrics = {**run.metrics, **{metric.key: metric.value for metric in changed}}

    def _void(self, run: _Run, keys: Iterable[str]) -> None:
        """Let metrics of a verdict that an extended sweep has replaced be no number: MLflow deletes none."""
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        void = [Metric(key, math.nan, now, 0) for key in keys if math.isfinite(run.metrics[key])]
        if void:
            self._log(run.id, void, [])
            run.metrics = {**run.metrics, **{metric.key: metric.value for metric in void}}

    def _log(self, run_id: str, metrics: Sequence[Any], parameters: Sequence[Any], tags: Sequence[Any] = ()) -> None:
        calls = max(-(-len(metrics) // METRICS_A_CALL), -(-len(parameters) // PARAMETERS_A_CALL))
        for call in range(calls):
            self._client.log_batch(
                run_id,
                metrics=metrics[call * METRICS_A_CALL : (call + 1) * METRICS_A_CALL],
                params=parameters[call * PARAMETERS_A_CALL : (call + 1) * PARAMETERS_A_CALL],
                tags=tags,
            )

    def _attach(self, run_id: str, files: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="harness-") as folder:
            for place, text in files.items():
                target = Path(folder, place)
                if not target.resolve().is_relative_to(Path(folder).resolve()):
                    raise ValueError(f"artifact {place}: expected a place inside the run")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.encode())
            self._client.log_artifacts(run_id, folder)
