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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.errors import HarnessError, UsageError
from harness.journal import JOURNAL_NAME, EventKind, Journal
from harness.records import (
    BaselineScore,
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
    VerdictPrior,
)
from harness.stats.words.wording import in_todays_words
from harness.store import Store
from harness.sweeps.folders import find_sweep_folder
from harness.sweeps.results import Basis, EndedTrial, decide_pairs, family_result, rows_of, selected_among
from harness.tracking import naming
from harness.tracking.queries import RecordedComparison, ends_of_histories, read_comparisons, read_sweep_scores

ROUNDING = 1e-9
"""Relative difference up to which two numbers of a verdict are one: what another processor's sums may differ by. Scores
of trials are compared digit by digit."""

_Trials: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What a place says of each trial, by its key's text: plain values by name."""


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


@dataclass(slots=True)
class Verified:
    """What became of verifying one dataset.

    Attributes:
        dataset: Name of the dataset.
        decided: Whether MLflow holds a verdict of it; the other fields are empty where it does not.
        journal: Whether the journal's numbers and words are among those compared.
        compared: Numbers and words that were compared.
        disagreements: Those that differ.
        verdict: The verdict made again; None where it could not be.
    """

    dataset: str
    decided: bool = True
    journal: bool = False
    compared: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    verdict: Verdict | None = None

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.disagreements

    def same(
        self, what: str, found: object, expected: object, place: str, run_id: str = "", exact: bool = False
    ) -> None:
        """Compare two plain values; numbers to within rounding unless `exact`."""
        self.compared += 1
        if isinstance(found, int | float) and isinstance(expected, int | float) and not exact:
            equal = math.isclose(found, expected, rel_tol=ROUNDING)
        else:
            equal = found == expected
        if not equal:
            self.disagreements.append(Disagreement(what, found, expected, place, run_id))

    def mapped(self, found: Mapping[str, object], expected: Mapping[str, object], place: str, prefix: str = "") -> None:
        """Compare two mappings of plain values, whatever is in either."""
        for name in dict.fromkeys((*expected, *found)):
            self.same(prefix + name, found.get(name), expected.get(name), place)

    def trials(self, found: _Trials, expected: _Trials, place: str, runs: Mapping[str, str]) -> None:
        """Compare what two places say of each trial, digit by digit; `runs` tells the run of each."""
        for name in sorted({*found, *expected}):
            run_id = runs.get(name, "")
            if name in found and name in expected:
                for column, value in expected[name].items():
                    self.same(f"{name} {column}", found[name][column], value, place, run_id, exact=True)
            else:
                here, there = ("a trial" if name in trials else None for trials in (found, expected))
                self.same(name, here, there, place, run_id)


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
    kept = (*(naming.TRIALS_FILE, naming.VERDICT_FILE, naming.CASES_FILE, naming.BASELINES_FILE), naming.CHANGES_FILE)
    wanted = (*kept, naming.LEFT_OUT_FILE)
    comparisons = read_comparisons(store, sweep_id, lambda place: place in wanted or place.startswith(naming.CONFIGS))
    journals = _journals(store, sweep_id)
    found = {one.dataset: one for one in comparisons}
    results = []
    for dataset in dict.fromkeys((*journals, *found)):
        mine = [row for row in rows if row["dataset"] == dataset]
        results.append(_verify(store, dataset, found.get(dataset), mine, journals.get(dataset)))
    return results


def _verify(
    store: Store,
    dataset: str,
    comparison: RecordedComparison | None,
    rows: Sequence[Mapping[str, Any]],
    known: tuple[_Trials, Mapping[str, Any]] | None,
) -> Verified:
    check = Verified(dataset, journal=known is not None)
    if comparison is None or not comparison.finished:
        if known is None:
            return Verified(dataset, decided=False)
        check.same("verdict", None, known[1]["outcome"], "journal")
        return check
    held = {str(_key(row)): row for row in rows}
    runs = {name: row["run_id"] for name, row in held.items()}
    own = {name: run_id for name, run_id in runs.items() if run_id != comparison.run_id}  # others are rows of a table
    ends = {name: ends_of_histories(store, own.values(), name) for name in (naming.VALIDATION_SCORE, naming.TEST_SCORE)}
    histories = {name: {score: of_runs.get(own[name]) for score, of_runs in ends.items()} for name in own}
    check.trials({name: held[name] for name in own}, histories, "its own history in MLflow", runs)
    try:
        pairs = list(map(_pair, rows))
        scores = {name: row[naming.TEST_SCORE] for name, row in held.items() if row[naming.TEST_SCORE] is not None}
        basis = _basis(comparison, rows)
        _check_table(check, comparison, rows_of(pairs, scores, basis.compared), runs)
        check.verdict = decide_pairs(pairs, scores, basis)
    except (HarnessError, KeyError, ValueError) as error:
        why = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        check.same(f"verdict, which cannot be made again ({why})", None, comparison.tags.get("verdict"), "MLflow")
    if check.verdict is not None:
        if _holds(check, comparison, naming.VERDICT_FILE):
            check.mapped(
                _flat(check.verdict.to_json()), _flat(_json(comparison, naming.VERDICT_FILE)), naming.VERDICT_FILE
            )
        _check_run(check, comparison, check.verdict, basis, pairs, scores)
    if known is not None:
        check.trials(held, known[0], "journal", runs)
        if check.verdict is not None:
            check.mapped(_flat(check.verdict.to_json()), _flat(known[1]), "journal")
    return check


def _rows_in_mlflow(store: Store, sweep_id: str) -> list[dict[str, Any]]:
    try:
        return read_sweep_scores(store, sweep_id)
    except UsageError:
        find_sweep_folder(store, sweep_id)  # an id that nobody knows is answered with near ones
        raise


def _journals(store: Store, sweep_id: str) -> dict[str, tuple[_Trials, Mapping[str, Any]]]:
    """What the journal says of each trial of a decided dataset, and its verdict, where the sweep's folder is there."""
    folder = store.sweeps / sweep_id
    if not (folder / JOURNAL_NAME).is_file():
        return {}
    with Journal.read(folder) as journal:
        names = dict.fromkeys(event.dataset for event in journal.events(EventKind.DECIDED))
        decided = {name: journal.last(EventKind.DECIDED, name) for name in names}
        return {name: (_recorded(journal, name), event.payload) for name, event in decided.items() if event}


def _recorded(journal: Journal, dataset: str) -> _Trials:
    scores = journal.unseal(dataset)
    return {
        event.trial_key: {
            **{name: event.payload[name] for name in (naming.VALIDATION_SCORE, "fit_seconds", "status")},
            naming.TEST_SCORE: scores.get(event.trial_key),
            "parameters": event.payload["parameters"] or None,
        }
        for event in journal.events(EventKind.ENDED, dataset=dataset)
    }


def _basis(comparison: RecordedComparison, rows: Sequence[Mapping[str, Any]]) -> Basis:
    tags, spaces_of = comparison.tags, {row["arm"]: row["family"] for row in rows}
    left_out = _json(comparison, naming.LEFT_OUT_FILE) if naming.LEFT_OUT_FILE in comparison.files else {}
    families = tuple(Family(name, spaces_of[name]) for name in tags["families"].split())
    config = DatasetConfig.model_validate(_json(comparison, naming.card_file(comparison.dataset)))
    cases = _json(comparison, naming.CASES_FILE) if naming.CASES_FILE in comparison.files else {}
    return Basis(
        dataset=comparison.dataset,
        objective=Objective(tags[naming.METRIC], Direction(tags[naming.DIRECTION])),
        families=families,
        spaces={
            space: SearchSpace.model_validate(_json(comparison, naming.card_file(space)))
            for space in dict.fromkeys(family.space for family in families)
        },
        oracle=tags["oracle"],
        smallest_difference=config.smallest_difference,
        baselines=_baselines(comparison),
        until_decided=naming.UNTIL_DECIDED in tags,
        rule=int(tags.get(naming.RULE, 1)),
        changes=_json(comparison, naming.CHANGES_FILE) if naming.CHANGES_FILE in comparison.files else (),
        leaks=tuple(json.loads(tags.get(naming.LEAKS, "[]"))),
        cases={key: CaseScores.from_json(plain) for key, plain in cases.items()},
        left_out=left_out,
        prior=VerdictPrior.from_json(json.loads(tags[naming.PRIOR])) if naming.PRIOR in tags else None,
    )


def _baselines(comparison: RecordedComparison) -> tuple[BaselineScore, ...]:
    """The baselines' scores: each from its metric, with what a file beside keeps of it."""
    scored = naming.baselines_of(comparison.tags, comparison.metrics)
    if naming.BASELINES_FILE not in comparison.files:
        return scored
    kept = {one.name: one for one in map(BaselineScore.from_json, _json(comparison, naming.BASELINES_FILE))}
    return tuple(replace(kept.get(one.name, one), test_score=one.test_score) for one in scored)


def _json(comparison: RecordedComparison, place: str) -> Any:
    if place not in comparison.files:
        raise UsageError(f"the run holds no {place}")
    return json.loads(comparison.files[place])


def _pair(row: Mapping[str, Any]) -> EndedTrial:
    key = _key(row)
    values = {name: _value(text) for name, text in row["values"].items()}
    record = TrialRecord(
        key,
        TrialStatus(row["status"]),
        validation_score=row[naming.VALIDATION_SCORE],
        parameters=row["parameters"] or 0,
        fit_seconds=row["fit_seconds"] or 0.0,
        failure=FailureKind(row["failure"]) if row["failure"] else None,
    )
    return EndedTrial(TrialRequest(key, row["family"], values, row["seed"], epochs=0, patience_epochs=0), record)


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


def _holds(check: Verified, comparison: RecordedComparison, place: str) -> bool:
    """Whether the comparison's run holds a file, which is a difference where it does not."""
    if place not in comparison.files:
        check.same(place, "made again", None, "MLflow, which holds no such file", comparison.run_id)
    return place in comparison.files


def _check_table(
    check: Verified, comparison: RecordedComparison, rows: Sequence[ScoreRow], runs: Mapping[str, str]
) -> None:
    """Whether the table that is decided from is the one kept beside the verdict."""
    if not _holds(check, comparison, naming.TRIALS_FILE):
        return
    columns = ("validation", "test", "parameters", "fit_seconds")
    made = {
        _searched(row.dataset, row.family, row.replicate, row.trial): {
            **{column: getattr(row, column) for column in columns},
            "status": row.status.value,
        }
        for row in rows
    }
    kept = {
        _searched(comparison.dataset, line["family"], line["replicate"], line["trial"]): {
            **{column: float(line[column]) if line[column] else None for column in columns},
            "status": line["status"],
        }
        for line in csv.DictReader(io.StringIO(comparison.files[naming.TRIALS_FILE]))
    }
    check.trials(made, kept, naming.TRIALS_FILE, runs)


def _searched(dataset: str, family: str, replicate: int | str, number: int | str) -> str:
    return str(TrialKey(dataset, family, int(replicate), Phase.SEARCH, int(number)))


def _check_run(
    check: Verified,
    comparison: RecordedComparison,
    verdict: Verdict,
    basis: Basis,
    pairs: Sequence[EndedTrial],
    scores: Mapping[str, float],
) -> None:
    """Whether the comparison's run shows what follows from its trials."""
    selected = selected_among(pairs, basis.compared, basis.objective, basis.rule)
    families = [family_result(family, pairs, scores, selected.get(family.name)) for family in basis.families]
    metrics = {name: value for name, value in naming.decided_metrics(families, verdict).items() if math.isfinite(value)}
    held = {
        name: value
        for name, value in comparison.metrics.items()
        if math.isfinite(value) and not name.startswith(f"{naming.BASELINE}/") and not naming.is_explained(name)
    }
    check.mapped(metrics, held, "the comparison's run", "metric ")
    tags = naming.verdict_tags(verdict)
    words = {
        name: in_todays_words(comparison.tags[name])
        for name in (*tags, *naming.VERDICT_WORDS)
        if name in comparison.tags
    }
    check.mapped(tags, words, "the comparison's run", "tag ")


def _flat(plain: Any, path: str = "") -> dict[str, object]:
    """The leaves of plain values by their path, such as `expected.lstm` or `pairs.0.low`."""
    if not isinstance(plain, Mapping | list):
        return {path: in_todays_words(plain) if isinstance(plain, str) else plain}
    items = plain.items() if isinstance(plain, Mapping) else enumerate(plain)
    flat = (_flat(item, f"{path}.{name}" if path else str(name)) for name, item in items)
    return {name: leaf for leaves in flat for name, leaf in leaves.items()}
