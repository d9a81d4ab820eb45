"""What runs, metrics, tags and versions are called, within what MLflow allows. Pure text; knows no client.

Names are short and sort as people would: `gru r1 007`, `lstm fresh seed 02`. Keys are few and shared by all
trials, since every key is a column of the UI; metrics and parameters have a prefix, by which the UI groups them.

Keys are grouped by prefix: `<family>/…`, `baseline/…`, `verdict/…`. What follows from the trials alone has functions of
its own, so that it can be made again from what MLflow holds and compared with what was written.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.records import (
    BaselineScore,
    ComparisonResult,
    ExplainedCell,
    FamilyResult,
    GradientReach,
    Objective,
    Phase,
    Recommendation,
    TrialKey,
    Use,
    Verdict,
)
from harness.stats.words import brief, sentences
from harness.stats.words.extension import is_note
from harness.stats.words.wording import number
from harness.text import counted, joined

KEY_LENGTH = 250
TAG_LENGTH = 5000
PARAMETER_LENGTH = 6000

VALIDATION_SCORE = "validation_score"
TEST_SCORE = "test_score"
TRIAL_KEY = "trial_key"
COMPARISON_KEY = "comparison_key"
SWEEP_ID = "sweep_id"

TRIAL_METRICS: Mapping[str, str] = {
    VALIDATION_SCORE: "score/validation",
    TEST_SCORE: "score/test",
    "train_loss": "curve/train_loss",
    "validation": "curve/validation",
    "best_epoch": "curve/best_epoch",
    "parameters": "cost/parameters",
    "fit_seconds": "cost/fit_seconds",
    "epochs": "cost/epochs",
}
"""What a trial's run tells → its key. Keys once were the names themselves; runs that have such can still be read."""

FINAL = "final"
"""The tag of a trial's run that is being trained, such as `no: epoch 12 of 30`; a run that is over has none."""


def not_final(epoch: int, of: int) -> str:
    """The value of that tag, after an epoch of at most so many."""
    return f"no: epoch {epoch} of {of}"


def epochs_of(not_final: str) -> tuple[int, int]:
    """The epoch, and of how many, that `not_final` wrote."""
    epoch, of = re.findall(r"\d+", not_final)
    return int(epoch), int(of)


TRIALS_FILE = "trials.csv"
VERDICT_FILE = "verdict.json"
CASES_FILE = "test_cases.json"
BASELINES_FILE = "baselines.json"
CHANGES_FILE = "changes.json"
LEFT_OUT_FILE = "left_out.json"
"""Families that came to no result, and why; where there are none there is no such file."""
RUNS_FILE = "all_trials.json"
"""A comparison's trials with seed repeats, a row each as a run would tell it, where they have no runs of their own."""

TRIALS_IN, TABLE = "trials_in", "table"
"""The tag of a comparison whose trials have no runs, and its value."""

LOGARITHMS = "log10"
"""Prefix of decimal logarithms of what is searched on a logarithmic scale: MLflow's charts have linear axes alone."""

CONFIGS = "configs/"
"""The folder of the configs among the artifacts of a comparison's run."""

_EARLIER = {
    "arms": "families",
    "expected_test": "expected_test_score",
    "withheld_because": "reasons_to_abstain",
    "qualified_because": "warnings",
    "regret": "worst_case_excess_error",
    "lower_loss": "error_reduction",
    "region": "equivalence_margin",
    "published_test_score": "held_out_test_score",
    "confirmation_mean": "fresh_seeds_mean",
    "confirmation_sd": "fresh_seeds_sd",
}
"""Earlier names of keys, behind their prefix, which only this program knew; stores that have them are still read."""

# Windows allows no colon; a name must not read as a path that leads elsewhere.
_NOT_ALLOWED = re.compile(r"[^\w.\- ]")


def keys(prefix: str, names: Iterable[str]) -> dict[str, str]:
    """Each name's key below a prefix, with what MLflow does not allow replaced and no two alike.

    Args:
        prefix: Group of the keys, such as `hp`.
        names: Such as the hyperparameters' names.

    Returns:
        For each name something like `hp/learning_rate`.
    """
    taken: dict[str, str] = {}
    for name in names:
        plain = f"{prefix}/{_NOT_ALLOWED.sub('_', name).strip('.') or '_'}"[: KEY_LENGTH - 8]
        key, number = plain, 1
        while key in taken.values():
            number += 1
            key = f"{plain}_{number}"
        taken[name] = key
    return taken


def in_todays_keys(held: Mapping[str, Any]) -> dict[str, Any]:
    """Tags or metrics of a comparison's run, or tags of a version, under the keys that they have today."""
    todays = {_todays_key(key): value for key, value in held.items() if _todays_key(key) != key}
    return todays | {key: value for key, value in held.items() if _todays_key(key) == key}


def is_earlier(key: str) -> bool:
    """Whether a key has another name today."""
    return _todays_key(key) != key


def _todays_key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    return key if prefix == BASELINE else f"{prefix}{slash}{_EARLIER.get(name, name)}"


def card_file(name: str) -> str:
    """Where a config lies among the artifacts of a comparison's run."""
    return f"{CONFIGS}{name}.json"


def todays_place(place: str) -> str:
    """Where an artifact lies today that an earlier version may have put elsewhere."""
    return f"{CONFIGS}{place.removeprefix('cards/')}" if place.startswith("cards/") else place


def cut(text: str, length: int = TAG_LENGTH) -> str:
    """The text, shortened to what a tag may hold."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def run_name(key: TrialKey) -> str:
    """A trial's name among the runs of its comparison."""
    if key.phase is Phase.SEED_REPEAT:
        return f"{key.family} fresh seed {key.number:02d}"
    return f"{key.family} r{key.replicate} {key.number:03d}"


def description(result: ComparisonResult, charts: str = "", sweep: str | None = None) -> str:
    """A comparison's description: answer, what it rests on and the way to the champion in its first three paragraphs.

    Args:
        result: A comparison that is over.
        charts: Address of the charts of its trials; empty to leave it out.
        sweep: What a command is given to extend the sweep; None where none may.

    Returns:
        Markdown; a blank line makes a paragraph, and MLflow shows three before "Show more".
    """
    verdict = result.verdict
    told = [f"- Warning: {warning}" for warning in sentences.warnings(verdict, sweep)]
    warned = "\n".join((*told, *(f"- Note: {note}" for note in sentences.notes(verdict))))
    more = f"[Scores of all trials against their hyperparameters]({charts})" if charts else ""
    answers = "\n".join(f"- {sentence}" for sentence in sentences.three(verdict))
    scores = _scores(result)
    first = (_first(verdict), answers or scores, _champion(result))
    parts = (*first, sentences.settling(verdict, sweep), scores, warned, more, _method(verdict))
    return "\n\n".join(dict.fromkeys(part for part in parts if part))


def _first(verdict: Verdict) -> str:
    """The answer, which for a verdict of 0.1.0 is the one on the families."""
    if verdict.recommendation:
        return f"**{sentences.recommendation(verdict)}**"
    withheld = f" ({'; '.join(verdict.reasons_to_abstain)})" if verdict.reasons_to_abstain else ""
    return f"**{brief.answer(verdict)}**{withheld}"


def _scores(result: ComparisonResult) -> str:
    shown = shown_tags(result)
    parts = [shown[EXPECTED]] if EXPECTED in shown else []
    if best := result.best_baseline:
        parts.append(f"best baseline ({best.name}) {_score(best.test_score, result.objective)}")
    return f"Expected test {result.objective.metric}: {', '.join(parts)}"


def _score(value: float, objective: Objective) -> str:
    return joined(number(value), objective.unit)


def _champion(result: ComparisonResult) -> str:
    champion = result.champion
    if champion is None:
        return "No model was exported"
    because = f". {champion.alias_because}" if champion.alias_because else ""
    score = _over_part(f"{champion.test_score:.6g}", result.verdict.recommendation, champion.arm)
    return (
        f"Model: `models:/{champion.reference}` (version {champion.version}, {champion.family}, "
        f"test score {score}): `harness predict {champion.reference} INPUT`{because}"
    )


def _over_part(whole: str, found: Recommendation | None, family: str) -> str:
    """A written test score of a family's selected model, with the held-out one first where that is over a part."""
    if found is None or found.scored_cases is None or family not in found.scores:
        return whole
    cases = counted(found.scored_cases, "test case")
    return f"{found.scores[family]:.6g} over the {cases} that did not help to choose, {whole} over all of them"


def _method(verdict: Verdict) -> str:
    first, second = verdict.families[:2]
    low, high = verdict.low, verdict.high
    if verdict.difference < 0:
        first, low, high = second, -high, -low
    gap = f"{first} is better by {abs(verdict.difference):.4g}" if verdict.difference else "no difference"
    return (
        f"{gap} ({verdict.level:.0%} interval {low:.4g} to {high:.4g}), "
        f"for searches of {verdict.compared_at or verdict.trials} trials; {verdict.method}"
    )


RECOMMENDATION, HELD_OUT = "recommendation", "held_out_test_score"
STATUS = "status"
TESTED, UNTESTED = "tested", "untested"


def version_tags(champion: Mapping[str, Any], key: str, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a version.

    Args:
        champion: Its description, as plain values.
        key: Sweep and trial that it is.
        tags: What the caller adds, such as the verdict.
    """
    evidence, found = champion.get("evidence") or {}, recommended(champion)
    families = evidence.get("arms", {})
    own = families.get(champion["arm"], {})
    baselines = evidence.get("baselines", {}).values()
    best = (min if champion.get("direction", "min") == "min" else max)(baselines, default=None)
    known = {
        **{name: champion[name] for name in ("sweep_id", "family", "arm", "metric", "test_score")},
        "validation_score": None if champion.get("refit") else own.get("validation_score"),
        **{f"expected_test_{name}": family.get("expected_test_score") for name, family in families.items()},
        "best_baseline": best,
        "winner": evidence.get("winner"),
        RECOMMENDATION: brief.use(found) if found else None,
        HELD_OUT: held_out_score(champion),
        "budget": evidence.get("budget"),
    }
    words = {name: cut(str(value)) for name, value in known.items() if value is not None}
    status = UNTESTED if champion.get("refit") else TESTED
    return {**tags, **words, STATUS: status, "dataset": str(champion["name"]), TRIAL_KEY: key}


def recommended(champion: Mapping[str, Any]) -> Recommendation | None:
    """What the comparison behind a champion recommended; None where 0.1.0 made it."""
    plain = (champion.get("evidence") or {}).get(RECOMMENDATION)
    return Recommendation.from_json(plain) if plain else None


def held_out_score(champion: Mapping[str, Any]) -> float | None:
    """A champion's score over the test cases that did not help to choose it; None where its test score is that."""
    found = recommended(champion)
    if found is None or found.scored_cases is None or champion.get("refit"):
        return None
    return found.scores.get(champion["arm"])


def scored_words(champion: Mapping[str, Any]) -> str:
    """A champion's test score and what it is over.

    Returns:
        Such as `test mae 0.511 MWh`; `test mae 0.514 over the 185 test cases that did not help to choose, 0.511 MWh
        over all of them`; or `untested`.
    """
    if (whole := champion["test_score"]) is None:
        return "untested"
    unit = f" {champion['unit']}" if champion.get("unit") else ""
    return f"test {champion['metric']} {_over_part(f'{whole:.6g}{unit}', recommended(champion), champion['arm'])}"


def about(champion: Mapping[str, Any], name: str, tags: Mapping[str, str], page: str) -> str:
    """The description in Markdown: why it is there, the verdict, the score, and the way to the comparison."""
    evidence = champion.get("evidence") or {}
    lines = [
        tags.get("why", ""),
        evidence.get("headline", ""),
        f"{champion['family']}, {scored_words(champion)}; trial `{champion['trial']}`",
        f"Evidence: [the comparison]({page}), with its report, its table of trials and its configs as artifacts; "
        f"`harness models show {name}`",
    ]
    return "\n\n".join(line for line in lines if line)


BASELINE, BASELINES, VERDICT = "baseline", "baselines", "verdict"
METRIC = "metric"
DIRECTION = "direction"
HALF_LIFE = "gradient_half_life_steps"
UNTIL_DECIDED = "until_decided"
RULE = "rule"
PRIOR = "prior"
LEAKS = "leaks"


def comparison_metrics(result: ComparisonResult) -> dict[str, float]:
    """The numbers of a comparison that is over.

    Those of families and verdict, each baseline's test score, and in how many steps the gradient halves, for each cell
    that was looked into, before and after training.
    """
    baselines = _under(BASELINE, {baseline.name: baseline.test_score for baseline in result.baselines})
    metrics = decided_metrics(result.families, result.verdict) | baselines
    for cell in result.explanation.cells if result.explanation else ():
        measured = half_life_name(cell)
        steps = {measured: half_life(cell.after), f"{measured}_untrained": half_life(cell.before)}
        metrics |= _under(cell.name, steps)
    return metrics


def baselines_of(tags: Mapping[str, str], metrics: Mapping[str, float]) -> tuple[BaselineScore, ...]:
    """The baselines as `comparison_tags` and `comparison_metrics` wrote them, of validation scores that are not known.

    An earlier version kept their names in the metrics' keys alone, where some letters are replaced.
    """
    prefix = f"{BASELINE}/"
    named = {key: key.removeprefix(prefix) for key in metrics if key.startswith(prefix)}
    named |= {key: name for name, key in keys(BASELINE, json.loads(tags.get(BASELINES, "[]"))).items()}
    return tuple(BaselineScore(name, math.nan, metrics[key]) for key, name in named.items() if key in metrics)


def half_life_name(cell: ExplainedCell) -> str:
    """What the steps are called in which a cell's gradient halves; that of the inputs is another number."""
    return HALF_LIFE if cell.respect_to == "states" else f"{HALF_LIFE}_of_{cell.respect_to}"


def half_life(reach: GradientReach) -> float:
    """Steps in which the gradient halves; where it never does, the most that could be seen, which it exceeds."""
    return float(reach.longest_steps) if reach.half_life_steps is None else reach.half_life_steps


def is_explained(metric: str) -> bool:
    """Whether a metric of a comparison's run comes from looking into networks, not from the trials' scores."""
    return metric.rpartition("/")[2].startswith(HALF_LIFE)


def decided_metrics(families: Sequence[FamilyResult], verdict: Verdict) -> dict[str, float]:
    """The numbers that follow from a comparison's trials.

    Returns:
        For each family its expected test score, the selected trial's scores, mean and standard deviation of its
        seed repeats and what it spent; the difference with its interval.
    """
    metrics: dict[str, float] = {}
    for family in families:
        scores = family.seed_scores
        numbers = {
            "expected_test_score": verdict.expected.get(family.family.name),
            "validation_score": family.validation_score,
            "test_score": family.test_score,
            "fresh_seeds_mean": statistics.fmean(scores) if scores else None,
            "fresh_seeds_sd": statistics.stdev(scores) if len(scores) > 1 else None,
            "completed": family.usage.completed,
            "failed": sum(family.usage.failed.values()),
            "fit_seconds": family.usage.fit_seconds,
        }
        metrics |= _under(family.family.name, numbers)
    interval = {"difference": verdict.difference, "low": verdict.low, "high": verdict.high}
    interval["equivalence_margin"] = verdict.margin
    return metrics | _under(VERDICT, interval) | _recommended_metrics(verdict)


def _recommended_metrics(verdict: Verdict) -> dict[str, float]:
    """The numbers of what is recommended and of the models in hand; those of 0.1.0 had none."""
    metrics: dict[str, float] = {}
    if found := verdict.recommendation:
        numbers = {
            "probability": found.probability,
            "worst_case_excess_error": found.regret,
            "error_reduction": found.lower_loss,
        }
        metrics |= _under(VERDICT, numbers)
        for family, score in found.scores.items():
            metrics |= _under(family, {HELD_OUT: score})
    for name, asked in (("models", verdict.models), ("configurations", verdict.configurations)):
        if asked:
            ends = {"difference": asked.difference, "low": asked.low, "high": asked.high}
            metrics |= _under(VERDICT, {f"{name}_{end}": value for end, value in ends.items()})
    return metrics


def comparison_tags(result: ComparisonResult, charts: str = "", sweep: str | None = None) -> dict[str, str]:
    """The words of a comparison that is over: what one filters comparisons by, and the run's description.

    Args:
        result: The comparison.
        charts: Address of the charts of its trials.
        sweep: What a command is given to extend the sweep; None where none may.
    """
    champion = result.champion
    tags = {
        **verdict_tags(result.verdict),
        BASELINES: json.dumps([baseline.name for baseline in result.baselines]),
        METRIC: result.objective.metric,
        DIRECTION: result.objective.direction.value,
        "champion": f"models:/{champion.name}/{champion.version}" if champion else "",
        **shown_tags(result),
    }
    return {name: value for name, value in tags.items() if value} | {
        "mlflow.note.content": description(result, charts, sweep)
    }


EXPECTED, BEST_BASELINE, LEAD = "expected_test_score", "best_baseline", "lead"
"""Tags in rounded numbers, for the columns of MLflow's table, which shows every digit of a metric."""


def shown_tags(result: ComparisonResult) -> dict[str, str]:
    """What the table of comparisons has columns of: each family's expected test score, the best baseline, the lead."""
    expected, best, models = result.verdict.expected, result.best_baseline, result.verdict.models
    families = [name for name in result.verdict.families if name in expected]
    tags = {
        EXPECTED: ", ".join(f"{name} {_score(expected[name], result.objective)}" for name in families),
        BEST_BASELINE: f"{_score(best.test_score, result.objective)}, {best.name}" if best else "",
        LEAD: brief.lead(models) if models else "",
    }
    return {name: cut(text) for name, text in tags.items() if text}


VERDICT_WORDS = (
    *("verdict", "winner", "recommended", "reasons_to_abstain", "warnings", "trials"),
    *(RECOMMENDATION, "recommended_family", "recommended_baseline", "probability", "worst_case_excess_error"),
)
"""The tags that `verdict_tags` may write."""


def verdict_tags(verdict: Verdict) -> dict[str, str]:
    """The words of a verdict; empty ones are left out. Numbers among them are rounded, those of the metrics are not."""
    warnings = [one for one in verdict.warnings if not is_note(one)]
    reasons, warned = "; ".join(verdict.reasons_to_abstain), "; ".join(warnings)
    answered = (verdict.outcome.value, verdict.family, verdict.recommended, reasons, warned, str(verdict.trials))
    values = (*answered, *_recommended_words(verdict.recommendation))
    return {name: cut(value) for name, value in zip(VERDICT_WORDS, values, strict=True) if value}


def _recommended_words(found: Recommendation | None) -> tuple[str | None, ...]:
    """What is used, the family whose model that is, the baseline, the probability and the regret."""
    if found is None:
        return (None,) * 5
    return (
        brief.use(found),
        None if found.use is Use.BASELINE else found.family,
        found.baseline,
        None if found.probability is None else sentences.probability_text(found.probability),
        None if found.regret is None else sentences.regret_text(found.regret),
    )


def _under(prefix: str, values: Mapping[str, float | None]) -> dict[str, float]:
    names = keys(prefix, values)
    return {names[name]: float(value) for name, value in values.items() if value is not None}
