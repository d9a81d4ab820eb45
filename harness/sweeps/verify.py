"""The verdicts of a sweep once more, from what MLflow holds alone, against every number that was written of them.

Four things are compared: each trial's run with the table of trials kept beside the verdict, the verdict made again
with the recorded one, the numbers and words of the comparison's run with those that follow from its trials, and all of
it with the journal where the sweep's folder is there. Reads only.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.errors import HarnessError, UsageError
from harness.journal import JOURNAL_NAME, EventKind, Journal
from harness.records import (
    CaseScores,
    Direction,
    FailureKind,
    Family,
    Objective,
    Phase,
    ScoreRow,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    Value,
    Verdict,
)
from harness.stats.wording import in_todays_words
from harness.store import Store
from harness.sweeps.folders import find_sweep_folder
from harness.sweeps.results import (
    Basis,
    Pair,
    cases_of,
    decide_pairs,
    family_result,
    request_and_records,
    rows_of,
    select_pairs,
)
from harness.tracking.naming import (
    BASELINE,
    CASES_FILE,
    CHANGES_FILE,
    DIRECTION,
    LEAKS,
    METRIC,
    TEST_SCORE,
    TRIALS_FILE,
    UNTIL_DECIDED,
    VALIDATION_SCORE,
    VERDICT_FILE,
    VERDICT_WORDS,
    card_file,
    decided_metrics,
    is_explained,
    verdict_tags,
)
from harness.tracking.queries import RecordedComparison, ends_of_histories, read_comparisons, read_sweep_scores

ROUNDING = 1e-9
"""Relative difference up to which two numbers of a verdict are one: what another processor's sums may differ by. Scores
of trials are compared digit by digit."""

_SCORES = (VALIDATION_SCORE, TEST_SCORE)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One number or word that is not the same in two places.

    Attributes:
        what: Which one, such as `difference`, or the trial and its score.
        found: What MLflow's trials give, or a trial's run holds; None for nothing.
        expected: What the other place says; None for nothing.
        place: The other place.
        run_id: The run it is about; empty for the verdict.
    """

    what: str
    found: object
    expected: object
    place: str
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of verifying one dataset.

    Attributes:
        dataset: Name of the dataset.
        decided: Whether MLflow holds a verdict of it; the other fields are empty where it does not.
        compared: Numbers and words that were compared.
        journal: Whether the journal's were among them.
        disagreements: Those that differ.
        verdict: The verdict made again; None where it could not be.
    """

    dataset: str
    decided: bool
    compared: int = 0
    journal: bool = False
    disagreements: tuple[Disagreement, ...] = ()
    verdict: Verdict | None = None

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.disagreements


def verify(store: Store, sweep_id: str) -> list[Verified]:
    """Make every verdict of a sweep again from MLflow and compare it with what was written.

    Args:
        store: Where MLflow's store is, and the sweep's folder if it is there.
        sweep_id: The sweep's id.

    Raises:
        UsageError: Neither MLflow nor the store's folder knows the sweep.
        StoreError: MLflow's store cannot be used.
        JournalError: The sweep's journal is damaged.
    """
    rows = _rows_in_mlflow(store, sweep_id)
    kept = (TRIALS_FILE, VERDICT_FILE, CASES_FILE, CHANGES_FILE)
    comparisons = read_comparisons(store, sweep_id, lambda place: place in kept or place.startswith("cards/"))
    journals = _journals(store, sweep_id)
    found = {one.dataset: one for one in comparisons}
    results = []
    for dataset in dict.fromkeys((*journals, *found)):
        mine = [row for row in rows if row["dataset"] == dataset]
        results.append(_verify(store, dataset, found.get(dataset), mine, journals.get(dataset)))
    return results


@dataclass(slots=True)
class _Check:
    """Counts what is compared and keeps what differs."""

    compared: int
    disagreements: list[Disagreement]

    def same(
        self, what: str, found: object, expected: object, place: str, run_id: str = "", exact: bool = False
    ) -> None:
        """Compare two plain values; numbers to within rounding unless `exact`."""
        self.compared += 1
        if not (_equal(found, expected, 0.0 if exact else ROUNDING)):
            self.disagreements.append(Disagreement(what, found, expected, place, run_id))

    def mapped(self, found: Mapping[str, object], expected: Mapping[str, object], place: str, prefix: str = "") -> None:
        """Compare two mappings of plain values, whatever is in either."""
        for name in dict.fromkeys((*expected, *found)):
            self.same(prefix + name, found.get(name), expected.get(name), place)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the journal knows of a decided dataset."""

    pairs: Sequence[Pair]
    scores: Mapping[str, float]
    verdict: Mapping[str, Any]


def _verify(
    store: Store,
    dataset: str,
    comparison: RecordedComparison | None,
    rows: Sequence[Mapping[str, Any]],
    known: _Known | None,
) -> Verified:
    check = _Check(0, [])
    if comparison is None or not comparison.finished:
        if known is None:
            return Verified(dataset, decided=False)
        check.same("verdict", None, str(known.verdict["outcome"]), "journal")
        return Verified(dataset, True, check.compared, True, tuple(check.disagreements))
    _check_histories(check, store, rows)
    verdict = None
    try:
        pairs, scores = _pairs(rows), _scores(rows)
        basis = _basis(comparison, rows)
        _check_table(check, comparison, rows_of(pairs, scores, basis.families), rows)
        verdict = decide_pairs(pairs, scores, basis)
    except (HarnessError, KeyError, ValueError) as error:
        why = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        check.same(f"verdict, which cannot be made again ({why})", None, comparison.tags.get("verdict"), "MLflow")
    if verdict is not None:
        _check_verdict(check, comparison, verdict)
        _check_run(check, comparison, verdict, basis, pairs, scores)
    if known is not None:
        _check_journal(check, known, rows, verdict)
    return Verified(dataset, True, check.compared, known is not None, tuple(check.disagreements), verdict)


def _rows_in_mlflow(store: Store, sweep_id: str) -> list[dict[str, Any]]:
    try:
        return read_sweep_scores(store, sweep_id)
    except UsageError:
        find_sweep_folder(store, sweep_id)  # an id that nobody knows is answered with near ones
        raise


def _journals(store: Store, sweep_id: str) -> dict[str, _Known]:
    """What the journal knows of each decided dataset, where the sweep's folder is there."""
    folder = store.sweeps / sweep_id
    if not (folder / JOURNAL_NAME).is_file():
        return {}
    with Journal.read(folder) as journal:
        return {
            event.dataset: _Known(
                request_and_records(journal, event.dataset), journal.unseal(event.dataset), event.payload
            )
            for event in journal.events(EventKind.DECIDED)
            if journal.has(EventKind.DECIDED, event.dataset)
        }


def _basis(comparison: RecordedComparison, rows: Sequence[Mapping[str, Any]]) -> Basis:
    tags, spaces_of = comparison.tags, {row["arm"]: row["family"] for row in rows}
    families = tuple(Family(name, spaces_of[name]) for name in tags["arms"].split())
    config = DatasetConfig.model_validate(_json(comparison, card_file(comparison.dataset)))
    prefix = f"{BASELINE}/"
    cases = _json(comparison, CASES_FILE) if CASES_FILE in comparison.files else {}
    return Basis(
        dataset=comparison.dataset,
        objective=Objective(tags[METRIC], Direction(tags[DIRECTION])),
        families=families,
        spaces={
            space: SearchSpace.model_validate(_json(comparison, card_file(space)))
            for space in dict.fromkeys(family.space for family in families)
        },
        oracle=tags["oracle"],
        smallest_difference=config.smallest_difference,
        baselines=[value for name, value in comparison.metrics.items() if name.startswith(prefix)],
        until_decided=UNTIL_DECIDED in tags,
        changes=_json(comparison, CHANGES_FILE) if CHANGES_FILE in comparison.files else (),
        leaks=tuple(json.loads(tags.get(LEAKS, "[]"))),
        cases=cases_of({key: CaseScores.from_json(plain) for key, plain in cases.items()}),
    )


def _json(comparison: RecordedComparison, place: str) -> Any:
    if place not in comparison.files:
        raise UsageError(f"the run holds no {place}")
    return json.loads(comparison.files[place])


def _pairs(rows: Sequence[Mapping[str, Any]]) -> list[Pair]:
    return [_pair(row) for row in rows]


def _pair(row: Mapping[str, Any]) -> Pair:
    key = _key(row)
    values = {name: _value(text) for name, text in row["values"].items()}
    record = TrialRecord(
        key,
        TrialStatus(row["status"]),
        validation_score=row[VALIDATION_SCORE],
        parameters=row["parameters"] or 0,
        fit_seconds=row["fit_seconds"] or 0.0,
        failure=FailureKind(row["failure"]) if row["failure"] else None,
    )
    return TrialRequest(key, row["family"], values, row["seed"], epochs=0, patience_epochs=0), record


def _key(row: Mapping[str, Any]) -> TrialKey:
    return TrialKey(row["dataset"], row["arm"], row["replicate"], Phase(row["phase"]), row["number"])


def _value(text: str) -> Value:
    """A hyperparameter's value from the text that MLflow keeps."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text == "True" if text in ("True", "False") else text


def _scores(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    return {str(_key(row)): row[TEST_SCORE] for row in rows if row[TEST_SCORE] is not None}


def _check_histories(check: _Check, store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Whether each run's latest scores are what their histories end with."""
    for name in _SCORES:
        ends = ends_of_histories(store, [row["run_id"] for row in rows], name)
        for row in rows:
            end = ends.get(row["run_id"])
            check.same(f"{_key(row)} {name}", row[name], end, "its own history in MLflow", row["run_id"], exact=True)


def _check_table(
    check: _Check, comparison: RecordedComparison, found: Sequence[ScoreRow], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Whether the table that is decided from is the one kept beside the verdict."""
    if TRIALS_FILE not in comparison.files:
        check.same(TRIALS_FILE, "trials", None, "MLflow, which holds no such file", comparison.run_id)
        return
    runs = {
        (row["arm"], row["replicate"], row["number"]): row["run_id"] for row in rows if row["phase"] == Phase.SEARCH
    }
    lines = csv.DictReader(io.StringIO(comparison.files[TRIALS_FILE]))
    kept = {(line["family"], int(line["replicate"]), int(line["trial"])): line for line in lines}
    made = {(row.family, row.replicate, row.trial): row for row in found}
    for place in sorted({*kept, *made}):
        name, run_id = _trial_name(comparison.dataset, *place), runs.get(place, "")
        if place not in kept or place not in made:
            check.same(
                name, "counted" if place in made else None, "counted" if place in kept else None, TRIALS_FILE, run_id
            )
            continue
        for column in ("validation", "test", "parameters", "fit_seconds"):
            number = getattr(made[place], column)
            text = kept[place][column]
            check.same(f"{name} {column}", number, float(text) if text else None, TRIALS_FILE, run_id, exact=True)
        check.same(f"{name} status", made[place].status.value, kept[place]["status"], TRIALS_FILE, run_id)


def _trial_name(dataset: str, family: str, replicate: int, number: int) -> str:
    return str(TrialKey(dataset, family, replicate, Phase.SEARCH, number))


def _check_verdict(check: _Check, comparison: RecordedComparison, verdict: Verdict) -> None:
    if VERDICT_FILE not in comparison.files:
        check.same(VERDICT_FILE, verdict.outcome.value, None, "MLflow, which holds no such file", comparison.run_id)
        return
    check.mapped(_flat(verdict.to_json()), _flat(_json(comparison, VERDICT_FILE)), VERDICT_FILE)


def _check_run(
    check: _Check,
    comparison: RecordedComparison,
    verdict: Verdict,
    basis: Basis,
    pairs: Sequence[Pair],
    scores: Mapping[str, float],
) -> None:
    """Whether the comparison's run shows what follows from its trials."""
    selected = select_pairs(pairs, basis.families, basis.objective)
    families = [family_result(family, pairs, scores, selected.get(family.name)) for family in basis.families]
    metrics = {name: value for name, value in decided_metrics(families, verdict).items() if math.isfinite(value)}
    held = {
        name: value
        for name, value in comparison.metrics.items()
        if not name.startswith(f"{BASELINE}/") and not is_explained(name)
    }
    check.mapped(metrics, held, "the comparison's run", "metric ")
    tags = verdict_tags(verdict)
    words = {
        name: in_todays_words(comparison.tags[name]) for name in (*tags, *VERDICT_WORDS) if name in comparison.tags
    }
    check.mapped(tags, words, "the comparison's run", "tag ")


def _check_journal(check: _Check, known: _Known, rows: Sequence[Mapping[str, Any]], verdict: Verdict | None) -> None:
    held = {str(_key(row)): row for row in rows}
    ended = {str(record.key): record for _, record in known.pairs}
    for name in sorted({*held, *ended}):
        run_id = held[name]["run_id"] if name in held else ""
        if name not in held or name not in ended:
            check.same(name, "a run" if name in held else None, "ended" if name in ended else None, "journal", run_id)
            continue
        for column, expected in _recorded(ended[name], known.scores.get(name)).items():
            check.same(f"{name} {column}", held[name][column], expected, "journal", run_id, exact=True)
    if verdict is not None:
        check.mapped(_flat(verdict.to_json()), _flat(known.verdict), "journal")


def _recorded(record: TrialRecord, test_score: float | None) -> dict[str, object]:
    return {
        VALIDATION_SCORE: record.validation_score,
        TEST_SCORE: test_score,
        "parameters": record.parameters or None,
        "fit_seconds": record.fit_seconds,
        "status": record.status.value,
    }


def _flat(plain: Any, path: str = "") -> dict[str, object]:
    """The leaves of plain values by their path, such as `expected.lstm` or `pairs.0.low`."""
    return dict(_leaves(plain, path))


def _leaves(plain: Any, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(plain, Mapping | list):
        items = plain.items() if isinstance(plain, Mapping) else enumerate(plain)
        for name, item in items:
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, in_todays_words(plain) if isinstance(plain, str) else plain


def _equal(a: object, b: object, rounding: float) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b or math.isclose(a, b, rel_tol=rounding, abs_tol=0.0)
    return a == b
