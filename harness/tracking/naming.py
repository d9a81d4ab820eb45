"""What runs, metrics, tags and artifacts are called, within what MLflow allows. Pure text; knows no client.

Names are short and sort as people would: `gru r1 007`, `lstm confirmation 02`. Keys are few and shared by all
trials, since every key is a column of the UI; metrics and parameters have a prefix, by which the UI groups them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from harness.records import ComparisonResult, Outcome, Phase, TrialKey, Verdict

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

TRIALS_FILE = "trials.csv"
VERDICT_FILE = "verdict.json"
CASES_FILE = "test_cases.json"
CHANGES_FILE = "changes.json"

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


def card_file(name: str) -> str:
    """Where a card lies among the artifacts of a comparison's run."""
    return f"cards/{name}.json"


def cut(text: str, length: int = TAG_LENGTH) -> str:
    """The text, shortened to what a tag may hold."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def run_name(key: TrialKey) -> str:
    """A trial's name among the runs of its comparison."""
    if key.phase is Phase.CONFIRMATION:
        return f"{key.arm} confirmation {key.number:02d}"
    return f"{key.arm} r{key.replicate} {key.number:03d}"


def answer(verdict: Verdict) -> str:
    """The verdict in a few words, with the dataset, as it stands in lists of runs."""
    if verdict.outcome is Outcome.WINNER:
        return f"{verdict.dataset}: {verdict.family} wins"
    if verdict.outcome is Outcome.PRACTICALLY_EQUAL:
        advice = f" (use {verdict.recommended})" if verdict.recommended else ""
        return f"{verdict.dataset}: practically equal{advice}"
    return f"{verdict.dataset}: undecided"


def description(result: ComparisonResult, charts: str = "") -> str:
    """A comparison's description: answer, scores and the way to the champion in its first three lines.

    Args:
        result: A comparison that is over.
        charts: Address of the charts of its trials; empty to leave it out.

    Returns:
        Markdown; a blank line makes a paragraph, and MLflow shows three before "Show more".
    """
    verdict = result.verdict
    first = f"**{answer(verdict)}**"
    if verdict.withheld_because:
        first += f" ({'; '.join(verdict.withheld_because)})"
    care = f"With care: {'; '.join(verdict.qualified_because)}" if verdict.qualified_because else ""
    more = f"[Scores of all trials against their hyperparameters]({charts})" if charts else ""
    parts = (first, _scores(result), _champion(result), care, more, _method(verdict))
    return "\n\n".join(part for part in parts if part)


def _scores(result: ComparisonResult) -> str:
    unit = f" {result.objective.unit}" if result.objective.unit else ""
    parts = [
        f"{name} {result.verdict.expected[name]:.4g}{unit}"
        for name in result.verdict.families
        if name in result.verdict.expected
    ]
    if best := result.best_baseline:
        parts.append(f"best baseline ({best.name}) {best.test_score:.4g}{unit}")
    return f"Expected test {result.objective.metric}: {', '.join(parts)}"


def _champion(result: ComparisonResult) -> str:
    champion = result.champion
    if champion is None:
        return "No model was exported"
    because = f". {champion.alias_because}" if champion.alias_because else ""
    return (
        f"Model: `models:/{champion.reference}` (version {champion.version}, {champion.family}, "
        f"test score {champion.test_score:.6g}): `harness predict {champion.reference} INPUT`{because}"
    )


def _method(verdict: Verdict) -> str:
    first, second = verdict.families[:2]
    low, high = verdict.low, verdict.high
    if verdict.difference < 0:
        first, low, high = second, -high, -low
    gap = f"{first} is better by {abs(verdict.difference):.4g}" if verdict.difference else "no difference"
    return (
        f"{gap} ({verdict.level:.0%} interval {low:.4g} to {high:.4g}), "
        f"for searches of {verdict.trials} trials; {verdict.method}"
    )
