"""From the journal to results: what a report, MLflow and the champion are made from. Reads only."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

from harness.config.space import SearchSpace
from harness.config.sweep import SCHEDULED
from harness.errors import JournalError
from harness.journal import EventKind, Journal
from harness.records import (
    GIVEN_UP,
    BaselineScore,
    CaseScores,
    ChampionInfo,
    ComparisonResult,
    DataFacts,
    Explanation,
    Family,
    FamilyResult,
    Objective,
    Phase,
    PublishedScore,
    ResourceUsage,
    ScoreRow,
    SkippedBaseline,
    SweepResult,
    Terms,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    Value,
    Verdict,
    VerdictPrior,
)
from harness.search import select
from harness.stats import Cases, decide_rows, interim_analysis, over_all
from harness.stats.decision import best_baseline_test
from harness.stats.levels import RULE, interim_replicates
from harness.stats.recommendation import Selected, answered
from harness.stats.words.sentences import recommendation
from harness.stats.words.wording import in_todays_words, number
from harness.sweeps.edges import edge_warnings
from harness.sweeps.plan import SweepHeader, workers_note
from harness.text import counted, listed

KEPT = 32
"""Datasets whose trials are held in memory at a time."""


class EndedTrial(NamedTuple):
    """A trial that ended.

    Attributes:
        request: What was asked for.
        record: What became of it.
    """

    request: TrialRequest
    record: TrialRecord


_ENDS = (EventKind.ENDED, EventKind.BASELINES, EventKind.DECIDED, EventKind.CHAMPION)
"""Events of which the last one is the end of a sweep's work."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a dataset is decided by, apart from its trials.

    Attributes:
        dataset: Name of the dataset.
        objective: The metric of all scores.
        families: The families, in order.
        spaces: Search spaces by family.
        oracle: What searched.
        smallest_difference: What the dataset's config states, in the metric's units; None when it states nothing.
        baselines: The baselines' scores.
        until_decided: Whether replicates were added until it was decided.
        changes: What was changed while the sweep ran, or after it was first decided.
        cases: Scores over test cases of searched trials and seed repeats, by their keys' text; None where unknown.
        leaks: What the guards said of answers among the inputs; any withholds the verdict.
        rule: Version of the rule to decide by.
        left_out: The families that came to no result, and why.
        prior: Prior of the probability; None for the usual one.
    """

    dataset: str
    objective: Objective
    families: Sequence[Family]
    spaces: Mapping[str, SearchSpace]
    oracle: str
    smallest_difference: float | None
    baselines: Sequence[BaselineScore]
    until_decided: bool = False
    changes: Sequence[str] = ()
    cases: Mapping[str, CaseScores | None] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()
    rule: int = RULE
    left_out: Mapping[str, str] = field(default_factory=dict)
    prior: VerdictPrior | None = None

    @property
    def compared(self) -> tuple[Family, ...]:
        """The families that came to a result."""
        return tuple(family for family in self.families if family.name not in self.left_out)


class Results:
    """What a sweep's journal comes to so far. Reads only, and reads a dataset's trials again where it has grown.

    Args:
        journal: The journal.
        header: What the sweep is; None for what the journal says.
    """

    def __init__(self, journal: Journal, header: SweepHeader | None = None) -> None:
        self.journal, self._header = journal, header
        self._trials: dict[str, tuple[int, list[EndedTrial]]] = {}

    @cached_property
    def header(self) -> SweepHeader:
        """What the sweep is."""
        return self._header or SweepHeader.from_json(self.journal.plan)

    def trials(self, dataset: str) -> list[EndedTrial]:
        """Every ended trial and seed repeat of a dataset, in the order they were asked."""
        read_at, trials = self._trials.get(dataset, (0, []))
        newest = self.journal.last(EventKind.ENDED, dataset)
        if newest and read_at < (now := newest.seq):
            ended = {one.trial_key: one.payload for one in self.journal.events(EventKind.ENDED, dataset=dataset)}
            trials = [
                EndedTrial(TrialRequest.from_json(asked.payload), TrialRecord.from_json(ended[asked.trial_key]))
                for asked in self.journal.events(EventKind.ASKED, dataset=dataset)
                if asked.trial_key in ended
            ]
            self._trials[dataset] = now, trials
            while len(self._trials) > KEPT:
                self._trials.pop(next(iter(self._trials)))
        return trials

    def selected(self, dataset: str) -> dict[str, EndedTrial]:
        """The selected trial of each family that has one, by the family's name."""
        return selected_among(self.trials(dataset), self.families(dataset), self.objective(dataset), self.header.rule)

    def left_out(self, dataset: str) -> dict[str, str]:
        """The families that came to no result with a dataset, and why."""
        events = self.journal.events(EventKind.FAMILY_FAILED, dataset=dataset)
        return {event.payload["family"]: event.payload["why"] for event in events}

    def families(self, dataset: str) -> tuple[Family, ...]:
        """The families that are compared on a dataset."""
        left_out = self.left_out(dataset)
        return tuple(family for family in self.header.families if family.name not in left_out)

    def objective(self, dataset: str) -> Objective:
        """The objective that a dataset was opened with."""
        return Objective.from_json(self._opened(dataset)["objective"])

    def facts(self, dataset: str) -> DataFacts:
        """The facts that a dataset was opened with, the last time."""
        return DataFacts.from_json(self._opened(dataset)["facts"])

    def _opened(self, dataset: str) -> Mapping[str, Any]:
        opened = self.journal.last(EventKind.OPENED, dataset)
        if opened is None:
            raise JournalError(f"{self.journal.path}: {dataset} has not been opened")
        return opened.payload

    def baselines(self, dataset: str) -> tuple[BaselineScore, ...]:
        """The baselines' scores."""
        event = next(self.journal.events(EventKind.BASELINES, dataset=dataset))
        return tuple(map(BaselineScore.from_json, event.payload["baselines"]))

    def skipped_baselines(self, dataset: str) -> tuple[SkippedBaseline, ...]:
        """The baselines without a score; none in journals of 0.2.0.dev0 and before."""
        event = next(self.journal.events(EventKind.BASELINES, dataset=dataset))
        return tuple(map(SkippedBaseline.from_json, event.payload.get("skipped", ())))

    def search_seconds(self, dataset: str) -> float:
        """What the trials of a dataset's searches took, all workers together."""
        trials = (one.record for one in self.trials(dataset) if one.request.key.phase is Phase.SEARCH)
        return sum(trial.fit_seconds + trial.compile_seconds for trial in trials)

    def reference(self, dataset: str) -> PublishedScore | None:
        """The published score that a dataset's config names, where its metric is the objective."""
        published = self.header.datasets[dataset].reference
        if published is None or published.metric != self.objective(dataset).metric:
            return None
        return PublishedScore(published.score, published.model, published.source, published.note)

    def replicates(self, dataset: str) -> int:
        """Replicates of each family that a dataset's searches are to come to, as far as that is settled."""
        more = self.journal.last(EventKind.EXTENDED, dataset)
        return int(more.payload["replicates"]) if more else self.header.interim_replicates[0]

    def verdict(self, dataset: str) -> Verdict:
        """Decide a dataset whose searches have closed and whose baselines are scored."""
        plan, sealed = self.header.plan, self.journal.unsealed(dataset)
        basis = Basis(
            dataset=dataset,
            objective=self.objective(dataset),
            families=self.header.families,
            spaces=self.header.spaces,
            oracle=plan.oracle,
            smallest_difference=self.header.datasets[dataset].smallest_difference,
            baselines=self.baselines(dataset),
            until_decided=plan.until_decided,
            rule=self.header.rule,
            changes=self.changes(dataset),
            leaks=self.facts(dataset).leaks,
            cases={key: score.cases for key, score in sealed.items()},
            left_out=self.left_out(dataset),
            prior=self.header.prior,
        )
        return decide_pairs(self.trials(dataset), {key: score.test_score for key, score in sealed.items()}, basis)

    def changes(self, dataset: str) -> list[str]:
        """What was not the same for all trials of a dataset, a line each: what was changed, where they ran."""
        return [*self.journal.changes, *kinds_of_processor(record for _, record in self.trials(dataset))]

    def over(self, dataset: str) -> bool:
        """Whether a comparison has ended: with a champion, with none that could be, or without a verdict."""
        return any(self.journal.has(end, dataset) for end in (EventKind.CHAMPION, EventKind.COMPARISON_FAILED))

    def owed(self, dataset: str) -> bool:
        """Whether a dataset is decided, with a champion that is not registered yet."""
        return self.journal.has(EventKind.DECIDED, dataset) and not self.over(dataset)

    def explanation(self, dataset: str) -> Explanation | None:
        """What the selected networks were found to do with a dataset; None when nobody has asked."""
        event = self.journal.last(EventKind.EXPLAINED, dataset)
        return Explanation.from_json(event.payload) if event else None

    def comparison(self, dataset: str) -> ComparisonResult:
        """Everything the journal holds of a dataset that has been decided."""
        pairs, sealed, families = self.trials(dataset), self.journal.unsealed(dataset), self.header.families
        scores = {key: score.test_score for key, score in sealed.items()}
        decided, champion = (self.journal.last(kind, dataset) for kind in (EventKind.DECIDED, EventKind.CHAMPION))
        if decided is None:
            raise JournalError(f"{self.journal.path}: {dataset} has not been decided")
        chosen = self.selected(dataset)
        return ComparisonResult(
            dataset=dataset,
            facts=self.facts(dataset),
            objective=self.objective(dataset),
            families=tuple(family_result(family, pairs, scores, chosen.get(family.name)) for family in families),
            baselines=self.baselines(dataset),
            verdict=Verdict.from_json(decided.payload),
            champion=ChampionInfo.from_json(champion.payload) if champion and champion.payload else None,
            trials=tuple(one.record for one in pairs if one.request.key.phase is Phase.SEARCH),
            scores=scores,
            rows=rows_of(pairs, scores, self.families(dataset)),
            values={str(one.request.key): one.request.values for one in pairs},
            explanation=self.explanation(dataset),
            terms=self._terms(dataset, Verdict.from_json(decided.payload)),
            cases={key: score.cases for key, score in sealed.items() if score.cases},
            skipped=self.skipped_baselines(dataset),
            reference=self.reference(dataset),
        )

    def _terms(self, dataset: str, verdict: Verdict) -> Terms:
        """What a verdict was made by, apart from its trials."""
        plan = self.header.plan
        return Terms(
            families=tuple(family.name for family in self.families(dataset)),
            trials=verdict.trials,
            oracle=plan.oracle,
            margin=self.header.datasets[dataset].smallest_difference,
            baselines=self.baselines(dataset),
            unit=self.objective(dataset).unit,
            until_decided=plan.until_decided,
            rule=self.header.rule,
            reasons_to_abstain=tuple(map(in_todays_words, verdict.reasons_to_abstain)),
            warnings=tuple(map(in_todays_words, verdict.warnings)),
            digest=self.facts(dataset).digest,
            prior=self.header.prior,
        )

    def sweep(self, sweep_id: str, tracking_uri: str, only: str | None = None) -> SweepResult:
        """The sweep as it stands, finished or not.

        Args:
            sweep_id: Its id.
            tracking_uri: Where MLflow keeps it, without a password.
            only: The one dataset to tell of; None for all.
        """
        header, has = self.header, self.journal.has
        decided = [name for name in header.datasets if has(EventKind.DECIDED, name) and only in (None, name)]
        comparisons = tuple(map(self.comparison, decided))
        digests = {result.dataset: result.facts.digest for result in comparisons}
        decision = over_all({result.dataset: result.verdict for result in comparisons}, digests)
        unfinished = [] if only else [name for name in header.datasets if name not in decided]
        return SweepResult(
            sweep_id=sweep_id,
            name=header.plan.name,
            comparisons=comparisons,
            overall=decision.overall,
            across=decision.across,
            tracking_uri=tracking_uri,
            seed=header.plan.seed,
            versions=header.versions,
            unfinished={name: self._why_unfinished(name) for name in unfinished},
            budget=budget_in_words(header),
            extendable=not (header.plan.minutes or header.plan.until_decided),
            data_in_report=header.plan.data_in_report,
            began=next(self.journal.events(EventKind.PLANNED)).at,
            ended=max((event.at for kind in _ENDS if (event := self.journal.last(kind, None))), default=None),
            answer="\n".join(
                (*map(recommendation, decision.verdicts.values()), *[decision.overall] * (len(decided) > 1))
            ),
        )

    def _why_unfinished(self, dataset: str) -> str:
        if failed_with := self.journal.last(EventKind.COMPARISON_FAILED, dataset):
            return f"{GIVEN_UP}{failed_with.payload['why']}"
        if not self.journal.has(EventKind.OPENED, dataset):
            return "not begun"
        trials = [record for _, record in self.trials(dataset)]
        searched = [record for record in trials if record.key.phase is Phase.SEARCH]
        so_far = "; ".join(self._so_far(name, searched, dataset) for name in self._families_of(dataset))
        if not self.journal.has(EventKind.CLOSED, dataset):
            return f"searching: {so_far}. No test score is unsealed"
        repeats = counted(len(trials) - len(searched), "retraining")
        return f"searched: {so_far}; {repeats} with fresh seeds ended. The verdict is still to be made"

    def _families_of(self, dataset: str) -> list[str]:
        left_out = self.left_out(dataset)
        return [family.name for family in self.header.families if family.name not in left_out]

    def _so_far(self, family: str, searched: Sequence[TrialRecord], dataset: str) -> str:
        """How far the search of a family is, such as `gru 7 of 20 trials, best validation mae 0.531`."""
        objective, mine = self.objective(dataset), [record for record in searched if record.key.family == family]
        wanted = self.header.plan.trials
        of = f" of {wanted * self.replicates(dataset)}" if wanted else ""
        best, ended = select(mine, objective), sum(record.validation_score is not None for record in mine)
        known = best.validation_score if best else None
        score = "" if known is None else f", best validation {objective.metric} {number(known)}"
        return f"{family} {ended}{of} trials{score}"


def selected_among(
    trials: Sequence[EndedTrial], families: Sequence[Family], objective: Objective, rule: int = RULE
) -> dict[str, EndedTrial]:
    """What validation selects of each family that has a completed trial, among as many trials of each.

    A family is not to gain by trials that another one did not get: what is selected from are the trials that the
    verdict counts. By the first rule they were all that there are. A family without any completed trial limits none.

    Args:
        trials: All ended trials, wherever they were read from.
        families: The families.
        objective: The metric.
        rule: Version of the rule to decide by.

    Returns:
        The selected trial by the family's name.
    """
    completed = [
        one for one in trials if one.request.key.phase is Phase.SEARCH and one.record.validation_score is not None
    ]
    able = [family for family in families if any(one.request.key.family == family.name for one in completed)]
    counting = completed if rule == 1 else counted_among(completed, able)
    found = {}
    for family in able:
        mine = [one for one in counting if one.request.key.family == family.name]
        if best := select((one.record for one in mine), objective):
            found[family.name] = next(one for one in mine if one.record is best)
    return found


def counted_among(pairs: Sequence[EndedTrial], families: Sequence[Family]) -> list[EndedTrial]:
    """The searched trials that count: as many completed ones of every family.

    Where a sweep was cut short, or a family ran out of points, each replicate counts as many completed trials of every
    family, the first ones asked, as its shortest search has; failures in between stay.
    """
    searched = [one for one in pairs if one.request.key.phase is Phase.SEARCH]
    counting: list[EndedTrial] = []
    for replicate in sorted({one.request.key.replicate for one in searched}):
        by_family = [
            [one for one in searched if (one.request.key.replicate, one.request.key.family) == (replicate, family.name)]
            for family in families
        ]
        shortest = min(sum(map(_completed, its)) for its in by_family)
        for its in by_family:
            counting.extend(_first_completed(its, shortest))
    return counting


def rows_of(
    pairs: Sequence[EndedTrial], scores: Mapping[str, float], families: Sequence[Family]
) -> tuple[ScoreRow, ...]:
    """The table that is decided from: the trials that count."""
    return tuple(_row(one.record, scores) for one in counted_among(pairs, families))


def kinds_of_processor(records: Iterable[TrialRecord]) -> list[str]:
    """The line about trials that ran on several kinds of processor, which round differently; none where one did.

    Args:
        records: Trials; those of before this was recorded say nothing.
    """
    kinds = Counter(record.processor for record in records if record.processor)
    if len(kinds) < 2:
        return []
    ran = ", ".join(f"{count:,} on {kind}" for kind, count in kinds.most_common())
    return [f"trials ran on {len(kinds)} kinds of processor, whose scores differ in their last digits ({ran})"]


def decide_pairs(pairs: Sequence[EndedTrial], scores: Mapping[str, float], basis: Basis) -> Verdict:
    """Decide a dataset, wherever its trials were read from."""
    dataset, objective = basis.dataset, basis.objective
    best = best_baseline_test(basis.baselines, objective, basis.rule)
    selected = selected_among(pairs, basis.compared, objective, basis.rule)
    edges = edge_warnings(
        [
            (family.name, basis.spaces[family.space], selected[family.name].request.values)
            for family in basis.compared
            if family.name in selected
        ],
        basis.rule,
    )
    absent = [f"{name} is left out of the comparison: {why}" for name, why in basis.left_out.items()]
    rows, cases = rows_of(pairs, scores, basis.compared), cases_of(basis.cases)
    replicates = max((row.replicate for row in rows), default=0)
    looks = interim_replicates(basis.oracle, basis.rule)
    decision = decide_rows(
        rows,
        objective=objective,
        margins={dataset: basis.smallest_difference},
        baselines={} if best is None else {dataset: best},
        families=[family.name for family in basis.compared],
        oracle=basis.oracle,
        warnings={dataset: [*absent, *edges, *basis.changes]},
        cases={dataset: cases},
        reasons_to_abstain={dataset: [f"a guard against leakage fired: {leak}" for leak in basis.leaks]},
        interim=interim_analysis(replicates, looks) if basis.until_decided else None,
        rule=basis.rule,
        prior=basis.prior,
    )
    verdict = decision.verdicts[dataset]
    if basis.rule == 1:
        return verdict
    in_hand = {name: in_hand_of(one, pairs, scores, basis.cases) for name, one in selected.items()}
    adaptive = basis.oracle != "random"
    return answered(
        verdict, in_hand, rows, objective=objective, baselines=basis.baselines, cases=cases, adaptive=adaptive
    )


def in_hand_of(
    selected: EndedTrial,
    pairs: Sequence[EndedTrial],
    scores: Mapping[str, float],
    cases: Mapping[str, CaseScores | None],
) -> Selected:
    """A family's selected trial with its seed repeats, as the answer about models in hand takes it."""
    key, record = selected.request.key, selected.record
    repeats = [str(one.key) for one in seed_repeats_of((request for request, _ in pairs), selected.request)]
    known = [name for name in repeats if name in scores]
    return Selected(
        (key.family, key.replicate, key.number),
        validation=record.validation_score or 0.0,
        test=scores.get(str(key)),
        parameters=record.parameters or None,
        seed_scores=[scores[name] for name in known],
        seed_cases=[cases.get(name) for name in known],
    )


def cases_of(known: Mapping[str, CaseScores | None]) -> Cases:
    """The searched trials' scores over test cases, as deciding takes them, from keys as text."""
    keyed = [(TrialKey.parse(name), its) for name, its in known.items() if its is not None]
    return {(key.family, key.replicate, key.number): its for key, its in keyed if key.phase is Phase.SEARCH}


def family_result(
    family: Family, pairs: Sequence[EndedTrial], scores: Mapping[str, float], selected: EndedTrial | None
) -> FamilyResult:
    """One family's part of a comparison."""
    mine = [one for one in pairs if one.request.key.family == family.name]
    usage = usage_of([one for one in mine if one.request.key.phase is Phase.SEARCH])
    if selected is None:
        return FamilyResult(family, usage, None, {}, 0, None, None, ())
    # A trial that more replicates have overtaken has seed repeats of its own.
    repeats = [str(one.key) for one in seed_repeats_of((request for request, _ in mine), selected.request)]
    return FamilyResult(
        family=family,
        usage=usage,
        selected=selected.record,
        selected_values=selected.request.values,
        selected_seed=selected.request.seed,
        validation_score=selected.record.validation_score,
        test_score=scores.get(str(selected.record.key)),
        seed_scores=tuple(scores[name] for name in repeats if name in scores),
        seed_repeats=tuple(name for name in repeats if name in scores),
    )


def seed_repeats_of(requests: Iterable[TrialRequest], selected: TrialRequest) -> list[TrialRequest]:
    """The seed repeats among some requests that are this trial's: its hyperparameters, with other seeds."""
    same = (selected.key.family, selected.key.replicate, Phase.SEED_REPEAT, selected.values)
    return [one for one in requests if (one.key.family, one.key.replicate, one.key.phase, one.values) == same]


def usage_of(pairs: Sequence[EndedTrial]) -> ResourceUsage:
    """What a family's searches spent."""
    records = [record for _, record in pairs]
    return ResourceUsage(
        asked=len(records),
        distinct=len({tuple(sorted(request.values.items())) for request, _ in pairs}),
        completed=sum(record.status is TrialStatus.COMPLETED for record in records),
        failed=dict(Counter(record.failure.value for record in records if record.failure)),
        retried=sum(record.attempts - 1 for record in records),
        epochs=sum(record.epochs for record in records),
        gradient_steps=sum(record.gradient_steps for record in records),
        fit_seconds=sum(record.fit_seconds for record in records),
        compile_seconds=sum(record.compile_seconds for record in records),
        parameters=_range_of(record.parameters for record in records),
        recurrent_parameters=_range_of(record.recurrent_parameters for record in records),
        units=_range_of(record.units for record in records),
        kernels=dict(Counter(record.kernel for record in records if record.kernel)),
        pruned=sum(record.pruned for record in records),
        epochs_at_most=max((request.epochs for request, _ in pairs), default=0),
        patience_epochs=max((request.patience_epochs for request, _ in pairs), default=0),
        batch_sizes=_range_of(int(request.values.get("batch_size", 0)) for request, _ in pairs),
        varied=_varied([request.values for request, _ in pairs]),
        temperatures=_spread_of(
            record.temperature for request, record in pairs if request.calibrate and record.best_epoch
        ),
    )


def _varied(values: Sequence[Mapping[str, Value]]) -> int:
    """How many hyperparameters differ between trials, those that some trials do not have included."""
    names = {name for one in values for name in one}
    return sum(len({one.get(name) for one in values}) > 1 for name in names)


def _spread_of(values: Iterable[float]) -> tuple[float, float, float]:
    """Smallest, median and largest; zeros where there are none."""
    found = sorted(values) or [0.0]
    return found[0], statistics.median(found), found[-1]


def _range_of(values: Iterable[int]) -> tuple[int, int, int]:
    """Smallest, median and largest of what is known."""
    sizes = sorted(value for value in values if value) or [0]
    return sizes[0], int(statistics.median(sizes)), sizes[-1]


def budget_in_words(header: SweepHeader) -> str:
    """The budget for people, such as `20 trials per family`."""
    plan = header.plan
    if plan.oracle in SCHEDULED:
        spent = f"as many trials per family as {plan.oracle} search takes"
    else:
        spent = f"{plan.minutes:g} min in all" if plan.minutes else f"{counted(plan.trials or 0, 'trial')} per family"
    looks = header.interim_replicates
    every = f"{looks[0]} to {looks[-1]}" if len(looks) > 3 else listed(looks, "or")
    times = f", {every} replicates" if looks[-1] > 1 else ""
    times += ", until decided" if plan.until_decided else ""
    pruned = ", median stopping" if plan.prune else ""
    at_most = f"at most {counted(plan.epochs, 'epoch')} per trial"
    if plan.min_steps and plan.oracle != "hyperband":
        at_most += f", more where {counted(plan.min_steps, 'gradient step')} take more"
    workers = f"; {note}" if (note := workers_note(plan)) else ""
    return f"{spent}{times}, {plan.oracle} search, {at_most}{pruned}{workers}"


def _row(record: TrialRecord, scores: Mapping[str, float]) -> ScoreRow:
    key = record.key
    return ScoreRow(
        *(key.dataset, key.family, key.replicate, key.number, record.validation_score, scores.get(str(key))),
        parameters=record.parameters or None,
        fit_seconds=record.fit_seconds or None,
        status=record.status,
    )


def _completed(one: EndedTrial) -> bool:
    return one.record.status is TrialStatus.COMPLETED


def _first_completed(trials: Sequence[EndedTrial], count: int) -> list[EndedTrial]:
    """The trials up to the `count`-th completed one by number."""
    ordered = sorted(trials, key=lambda one: one.request.key.number)
    completed = accumulate(map(_completed, ordered))
    return [one for one, so_far in zip(ordered, completed, strict=True) if so_far <= count]
