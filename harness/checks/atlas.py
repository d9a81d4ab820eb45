"""From the journals of sweeps to rows of the Atlas: `harness atlas rows`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from harness.atlas.plan import AtlasPlan, PlannedDataset
from harness.atlas.tables import KINDS, DatasetRow, TrialRow
from harness.config import SweepConfig
from harness.errors import UsageError
from harness.journal import EventKind, Journal
from harness.records import BaselineScore, Verdict
from harness.sweeps.plan import FREE, SweepHeader
from harness.sweeps.results import EndedTrial, Results


@dataclass(frozen=True, slots=True)
class Rows:
    """What a sweep found on one data set.

    Attributes:
        dataset: The data set.
        trials: Its trained networks; none where it failed.
    """

    dataset: DatasetRow
    trials: tuple[TrialRow, ...] = ()


def rows_of(
    folder: Path, plan: AtlasPlan, sweep: SweepConfig, contributed: PlannedDataset | None = None
) -> Iterator[Rows]:
    """The rows of a sweep's data sets that are over, of those in the plan.

    Args:
        folder: The sweep's folder.
        plan: The plan.
        sweep: How it is run.
        contributed: A data set that is to have rows though it is not in the plan.

    Raises:
        UsageError: The sweep did not keep to the plan.
        JournalError: The journal cannot be read.
    """
    known = {**plan.by_name, **({contributed.name: contributed} if contributed else {})}
    with Journal.read(folder) as journal:
        results = Results(journal)
        wanted = [name for name in results.header.datasets if name in known]
        if not wanted:
            raise UsageError(f"{folder.name}: none of its data sets is in version {plan.version} of the plan")
        if unlike := unlike_plan(results.header, plan, sweep):
            raise UsageError(f"{folder.name}: was not run by version {plan.version} of the plan: {unlike}")
        for name in wanted:
            if found := _rows(results, known[name], plan.version):
                yield found


_OF_NO_TRIAL = ("name", "datasets", "data_in_report")
"""What of a sweep's plan may differ from the Atlas's, beside where it runs: it changes no trial."""


def unlike_plan(header: SweepHeader, plan: AtlasPlan, sweep: SweepConfig) -> str:
    """The first thing in which a sweep differs from the plan, in words; empty where nothing does.

    Args:
        header: The sweep.
        plan: The plan.
        sweep: How it is run.
    """
    ran = header.plan
    for key in sorted(set(SweepConfig.model_fields) - {*FREE, *_OF_NO_TRIAL}):
        if getattr(ran, key) != (wanted := getattr(sweep, key)):
            return f"{key} = {getattr(ran, key)}: expected {wanted}"
    digests = {f"datasets/{one.name}": one.config for one in plan.datasets}
    digests |= {f"search_spaces/{family}": digest for family, digest in plan.search_spaces.items()}
    changed = [key for key, digest in header.hashes.items() if digests.get(key, digest) != digest]
    return f"the config {changed[0]} was another one" if changed else ""


def _rows(results: Results, planned: PlannedDataset, version: str) -> Rows | None:
    """The rows of one data set; None where it is not over."""
    name, journal, header = planned.name, results.journal, results.header
    failed, decided = journal.last(EventKind.COMPARISON_FAILED, name), journal.last(EventKind.DECIDED, name)
    row = DatasetRow(
        dataset=name,
        task=header.datasets[name].task.kind,
        source=planned.source,
        collection=planned.collection,
        config_digest=header.hashes.get(f"datasets/{name}", ""),
        plan=version,
        version=header.versions.get("lstm-gru-harness", ""),
    )
    if decided is None:
        why = " ".join(str(failed.payload["why"]).split()) if failed else ""
        return Rows(replace(row, finished=_utc(failed.at), failure=why)) if failed else None
    pairs, facts, objective = results.trials(name), results.facts(name), results.objective(name)
    verdict, baseline = Verdict.from_json(decided.payload), BaselineScore.best(results.baselines(name), objective)
    ran = [pair.record for pair in pairs]
    train, validation, test = facts.sizes
    tests = {key: score.test_score for key, score in journal.unsealed(name).items()}
    return Rows(
        replace(
            row,
            metric=objective.metric,
            direction=objective.direction,
            train=train,
            validation=validation,
            test=test,
            length=facts.steps[1],
            channels=len(facts.channels),
            classes=len(facts.classes),
            baseline=baseline.name if baseline else "",
            baseline_validation=baseline.validation_score if baseline else None,
            baseline_test=baseline.test_score if baseline else None,
            families_verdict=verdict.family or verdict.outcome.value,
            models_verdict="" if verdict.models is None else verdict.models.family or "undecided",
            data_digest=facts.digest,
            cpu="; ".join(sorted({record.processor for record in ran if record.processor})),
            threads=max((record.threads for record in ran), default=0),
            wall_seconds=round(_wall_seconds(results, name), 1),
            cpu_seconds=round(
                sum((record.fit_seconds + record.compile_seconds) * max(record.threads, 1) for record in ran), 1
            ),
            finished=_utc(decided.at),
        ),
        tuple(_trial(pair, tests.get(str(pair.request.key))) for pair in pairs),
    )


_PAUSE_SECONDS = 300.0
"""A longer time without an event, in which no trial was trained, lies between two commands."""


def wall_seconds(moments: Sequence[float], spans: Sequence[tuple[float, float]]) -> float:
    """Seconds from the first event to the last one, without the pauses between commands.

    Args:
        moments: When something happened, in order, in seconds since 1970.
        spans: Beginning and end of each trial.
    """
    return sum(
        after - before
        for before, after in pairwise(moments)
        if after - before < _PAUSE_SECONDS
        or any(began < before + _PAUSE_SECONDS and end >= after for began, end in spans)
    )


def _wall_seconds(results: Results, name: str) -> float:
    events = list(results.journal.events(dataset=name))
    ended = {event.trial_key: event.at for event in events if event.kind is EventKind.ENDED}
    spans = [(pair.record.started_at, ended[str(pair.request.key)]) for pair in results.trials(name)]
    return wall_seconds([event.at for event in events], spans)


def _trial(pair: EndedTrial, test: float | None) -> TrialRow:
    key, record = pair.request.key, pair.record
    return TrialRow(
        dataset=key.dataset,
        family=key.family,
        kind=KINDS[key.phase],
        replicate=key.replicate,
        trial=key.number,
        seed=pair.request.seed,
        validation=record.validation_score,
        test=test,
        parameters=record.parameters,
        seconds=round(record.fit_seconds, 3),
        epochs=record.epochs,
        hyperparameters=pair.request.values,
        status=record.status,
    )


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
