"""The tables of one dataset's chapter as rows of words: ledger, selected hyperparameters, facts of the data."""

from __future__ import annotations

from collections.abc import Callable

from harness.records import ArmResult, ComparisonResult, DataFacts, Ledger, Verdict
from harness.report import numbers
from harness.report.clean import shortened
from harness.report.numbers import Style
from harness.report.words import failures_words, value_words

Row = tuple[str, tuple[str, ...]]
"""A label and one cell an arm."""

MOST_NAMES = 12
"""Channels or classes named; the rest is counted."""

_LEDGER: tuple[tuple[str, Callable[[Ledger], str]], ...] = (
    ("trials asked for", lambda ledger: numbers.count(ledger.asked)),
    ("distinct", lambda ledger: numbers.count(ledger.distinct)),
    ("completed", lambda ledger: numbers.count(ledger.completed)),
    ("failed", failures_words),
    ("stopped below the median", lambda ledger: numbers.count(ledger.pruned)),
    ("epochs", lambda ledger: numbers.count(ledger.epochs)),
    ("gradient steps", lambda ledger: numbers.count(ledger.gradient_steps)),
    ("training", lambda ledger: numbers.duration(ledger.fit_seconds)),
    ("compiling", lambda ledger: numbers.duration(ledger.compile_seconds)),
    ("trainable weights: smallest, median, largest", lambda ledger: ", ".join(map(numbers.count, ledger.parameters))),
    ("of those in recurrent layers", lambda ledger: ", ".join(map(numbers.count, ledger.recurrent_parameters))),
    ("units of a recurrent layer", lambda ledger: ", ".join(map(numbers.count, ledger.units))),
    ("ran as", lambda ledger: ", ".join(f"{name} {count:,}" for name, count in ledger.kernels.items())),
)


def ledger_rows(comparison: ComparisonResult) -> list[Row]:
    """What each arm spent, in every currency."""
    return [(label, tuple(words(arm.ledger) for arm in comparison.arms)) for label, words in _LEDGER]


def selected_rows(comparison: ComparisonResult) -> list[Row]:
    """The selected trials: hyperparameters, seed, size and length."""
    names = dict.fromkeys(name for arm in comparison.arms for name in arm.selected_values)
    rows = [(name, tuple(_value(arm, name) for arm in comparison.arms)) for name in names]
    facts: tuple[tuple[str, Callable[[ArmResult], str]], ...] = (
        ("trainable weights", lambda arm: numbers.count(arm.selected.parameters if arm.selected else None)),
        ("in recurrent layers", lambda arm: numbers.count(arm.selected.recurrent_parameters if arm.selected else None)),
        ("epoch kept, of epochs", _epochs),
        ("training", lambda arm: numbers.duration(arm.selected.fit_seconds if arm.selected else None)),
        ("seed", lambda arm: str(arm.selected_seed) if arm.selected else numbers.MISSING),
        ("replicate and trial", _place),
    )
    return rows + [(label, tuple(words(arm) for arm in comparison.arms)) for label, words in facts]


def pair_rows(verdict: Verdict, style: Style) -> list[tuple[str, ...]]:
    """Every pair of families where there are three or more: names, difference, interval, adjusted p, answer."""
    if len(verdict.families) < 3:
        return []
    return [
        (
            f"{pair.first} against {pair.second}",
            style.write(pair.difference),
            style.interval(pair.low, pair.high),
            numbers.significant(pair.p, 2),
            f"{pair.family} better" if pair.family else pair.outcome.value.replace("_", " "),
        )
        for pair in verdict.pairs
    ]


def fact_rows(facts: DataFacts) -> list[tuple[str, str]]:
    """What the dataset is; what is unknown is left out."""
    shortest, longest = facts.steps
    train, validation, test = map(numbers.count, facts.sizes)
    rows = (
        ("task", facts.task.value),
        ("sequences", f"{train} to train, {validation} to validate, {test} to test"),
        ("steps", numbers.count(shortest) if shortest == longest else f"{shortest:,} to {longest:,}"),
        ("channels", _names(facts.channels)),
        ("targets", _names(facts.targets)),
        ("classes", _names(facts.classes)),
        ("split", facts.split),
        ("licence", facts.license),
        ("digest", facts.digest),
        ("notes", "; ".join(facts.notes)),
    )
    return [(label, value) for label, value in rows if value]


def _value(arm: ArmResult, name: str) -> str:
    return value_words(arm.selected_values[name]) if name in arm.selected_values else numbers.MISSING


def _epochs(arm: ArmResult) -> str:
    return f"{arm.selected.best_epoch:,} of {arm.selected.epochs:,}" if arm.selected else numbers.MISSING


def _place(arm: ArmResult) -> str:
    return f"{arm.selected.key.replicate}, {arm.selected.key.number}" if arm.selected else numbers.MISSING


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(shortened(name, 40) for name in names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown += f" and {len(names) - MOST_NAMES:,} more"
    return shown if len(names) == 1 else f"{len(names):,}: {shown}"
