"""The Atlas's answer in sentences, and its table as cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.atlas.answer import ALL, Answer, Cost, Share
from harness.atlas.grid import OUTLIERS
from harness.atlas.model import FEWEST, FEWEST_SOURCES, Pooled, Shrunken
from harness.atlas.regression import Interval
from harness.atlas.standings import EQUAL, FAMILIES, UNDECIDED, DatasetStanding
from harness.stats.levels import ERROR_CLAIMED
from harness.stats.words.sentences import probability_text
from harness.text import MISSING, count, counted, fixed, level_text, listed, percent

HEADER = ("DATASET", "BETTER", "ERROR%", "LOW%", "HIGH%", "POOLED%", "P(GRU)", "TASK", "SOURCE", "METRIC", "BASELINE",
          "LENGTH", "SIZE", "CHANNELS", "TRIALS", "WEIGHTS", "SECONDS")  # fmt: skip
SHORT = 11
"""Columns that a terminal and docs/atlas.md show; the page has all."""

SPARE = ("SOURCE", "METRIC", "BASELINE", "TASK")
"""What a narrow terminal goes without, the first of them first."""

WORDS = ("DATASET", "BETTER", "TASK", "SOURCE", "METRIC", "BASELINE")
"""The columns without numbers."""

BY_TASK = ("TASK", "DATASETS", "ERROR%", "LOW%", "HIGH%", "GRU", "LSTM", "EQUAL", "UNDECIDED", "BASELINE", "FALSE%")
"""The columns of the table of tasks."""

KEY_BY_TASK = (
    "ERROR% is by how many percent lstm's expected test error is higher than gru's (negative: lower), with its 95 % "
    "interval: of all, the pooled mean; of a task, at the average length, size and dimension. GRU, LSTM, EQUAL and "
    "UNDECIDED count what the data sets' own trials name, BASELINE those on which the best model without a recurrent "
    "cell beats both, FALSE% the winners named in splits of one family's own trials."
)

KEY = (
    "ERROR% is by how many percent lstm's expected test error is higher than gru's (negative: lower), by the data "
    "set's own trials, LOW% and HIGH% its 95 % interval, POOLED% the same with the help of all other data sets, P(GRU) "
    "the probability that gru is the better one. Where higher scores are better the error is what a score lacks to 1."
)

KEY_OF_COSTS = (
    "WEIGHTS and SECONDS are those of gru's least network of equal quality, as multiples of lstm's; SIZE counts "
    "training sequences, TRIALS the completed ones of each family."
)

_REACH = 1.959963984540054


def headline(answer: Answer) -> str:
    """The answer in one sentence."""
    over = f"{counted(len(answer.standings), 'data set')} of {counted(answer.sources, 'source')}"
    its = answer.pooled
    if its is None:
        return f"{over} so far: nothing is said over all of them before there are {FEWEST} of {FEWEST_SOURCES} sources."
    first, second = FAMILIES
    ends = f"{level_text(its.level)} interval: {_between(its.low, its.high)}"
    new = f"on a new one {first} is the better of the two with probability {probability_text(its.new)}"
    if its.low <= 0 <= its.high:
        told = (
            f"neither family has an advantage that can be told from none: {second}'s error is {_change(its.mean)} than"
        )
        return f"Over {over} {told} {first}'s by estimate ({ends}); {new}."
    better, worse, turn = (first, second, 1) if its.mean > 0 else (second, first, -1)
    low, high = sorted((turn * its.low, turn * its.high))
    ends = f"{level_text(its.level)} interval: {_between(low, high)}"
    mean = f"{worse}'s error is {_change(turn * its.mean)} than {better}'s on average"
    return f"Over {over} {better} is better: {mean} ({ends}); {new}."


def state(answer: Answer) -> str:
    """How far the run is, where it is not over or where that is not known."""
    if answer.complete:
        return ""
    there = counted(len(answer.standings) + len(answer.left_out), "data set")
    of = "" if answer.planned is None else f" of the {answer.planned} planned"
    return f"The run is not complete: {there}{of} so far. Every number here will change."


def findings(answer: Answer) -> list[str]:
    """What there is besides, a sentence each."""
    found = [*_pooled(answer.pooled, answer.reml)] if answer.pooled else []
    if its := answer.signed_rank:
        found.append(
            f"Signed-rank test over {counted(its.sources, 'source')} (medians): {FAMILIES[0]} ahead in {its.better}, "
            f"p = {_p(its.p)}."
        )
    found += _decided(answer)
    found += _moderators(answer)
    found += _costs(answer)
    found += _baseline(answer)
    found += _prediction(answer)
    found += _prior(answer)
    found += _false_winners(answer)
    return found


def cells(standing: DatasetStanding, shrunken: Shrunken | None) -> tuple[str, ...]:
    """A data set as text, in the order of `HEADER`."""
    its = standing.estimate
    reach = _REACH * its.error
    return (
        its.dataset,
        standing.families.replace("_", " "),
        _plus(its.log_ratio),
        _plus(its.log_ratio - reach),
        _plus(its.log_ratio + reach),
        _plus(shrunken.mean) if shrunken else MISSING,
        f"{min(max(shrunken.probability, 0.001), 0.999):.3f}" if shrunken else MISSING,
        its.task,
        its.source,
        standing.metric,
        MISSING if standing.baseline_better is None else "better than both" if standing.baseline_better else "beaten",
        *(count(round(number)) for number in (its.length, its.size, its.dimension, standing.trials)),
        *(MISSING if ratio is None else f"{ratio:.2f}" for ratio in (standing.parameters, standing.seconds)),
    )


def limits(answer: Answer) -> list[str]:
    """What the answer does not say, a sentence each."""
    cpus = f" Trained on {listed(answer.cpus)}." if answer.cpus else ""
    found = [
        "The data sets were chosen by what is public, small enough for a laptop and licensed for it; they are no "
        "random sample of anything. Data sets from one source count as one draw.",
        "Both families were searched with equal budgets in the search spaces of this package; another space, budget or "
        f"way of training may give another answer.{cpus}",
        "A data set's standard error speaks for its trials on this split and this test part, not for another split.",
        "What is compared is the test error of the network that a search selects by validation, not training time, "
        "energy or ease of use.",
        f"The pooled line rests on a model: log ratios normal between sources and, but for {100 * OUTLIERS:g} % of the "
        "data sets, which may lie far out, within them.",
        "Intervals of single data sets, tasks and slopes are each for itself at 95 %; p-values of moderators are "
        "adjusted by Holm over the four of them, and no others are.",
    ]
    found += [f"{name} is left out: {why}." for name, why in answer.left_out.items()]
    return found


def _pooled(its: Pooled, reml: Interval | None) -> list[str]:
    other = (
        f" By REML, which those far out move: {_signed(reml.value)} ({_between(reml.low, reml.high)})." if reml else ""
    )
    first, second = FAMILIES
    return [
        f"Pooled: {second}'s error over {first}'s {_signed(its.mean)} ({level_text(its.level)} interval "
        f"{_signed(its.low)} to {_signed(its.high)}); {first} better on average with probability "
        f"{probability_text(its.probability)}, both within 5 % with probability {probability_text(its.equal)}; "
        f"standard deviation between sources {_size(its.between)}, of data sets within a source {_size(its.within)}."
        f"{other}"
    ]


def _decided(answer: Answer) -> list[str]:
    shares = [f"{question} {_share(its)}" for question, its in answer.decided.items()]
    return [f"Decided, by question: {'; '.join(shares)}."] if shares else []


def _moderators(answer: Answer) -> list[str]:
    if (its := answer.moderators) is None:
        return []
    slopes = [f"{name} {_signed(one.value)} ({_between(one.low, one.high)})" for name, one in its.slopes.items()]
    tested = [f"{name} p = {_p(p)}" for name, p in its.p.items()]
    clear = [name for name, p in its.p.items() if p < ERROR_CLAIMED]
    verdict = (
        f"{listed(clear)} {'matters' if len(clear) == 1 else 'matter'}" if clear else "none of them is shown to matter"
    )
    return [
        f"Change with a doubling: {'; '.join(slopes)}." if slopes else "",
        f"One meta-regression, adjusted by Holm: {', '.join(tested)}; {verdict}.",
    ]


def _costs(answer: Answer) -> list[str]:
    told = [
        f"{what} {_times(its)}"
        for what, its in (("weights", answer.parameters), ("seconds of training", answer.seconds))
        if its
    ]
    return [f"At equal quality {FAMILIES[0]} takes, as a multiple of {FAMILIES[1]}: {'; '.join(told)}."] if told else []


def _baseline(answer: Answer) -> list[str]:
    its = answer.baseline.get(ALL)
    return [f"The best model without a recurrent cell beats both on {_share(its)}."] if its else []


def _prediction(answer: Answer) -> list[str]:
    if (its := answer.prediction) is None:
        return []
    told = "It helps" if its.helps else "It does not help: nothing here tells beforehand which family will win"
    return [
        f"An unseen data set's better family, each source left out in turn: Brier score {fixed(its.brier, 3)} by task, "
        f"length, size and dimension against {fixed(its.base_brier, 3)} by the base rate of {percent(its.base_rate)} "
        f"(gain {fixed(its.gain, 3)}, {level_text(its.level)} interval {fixed(its.low, 3)} to {fixed(its.high, 3)}). "
        f"{told}."
    ]


def _prior(answer: Answer) -> list[str]:
    if (its := answer.prior) is None:
        return []
    told = "better, and may become the default" if its.better else "not shown to be better: it is no default"
    return [
        "As a verdict's prior, each source left out, it foretells the second half of a data set's trials by the first "
        f"with {fixed(its.gain, 3)} nats more than the usual prior ({level_text(its.level)} interval "
        f"{fixed(its.low, 3)} to {fixed(its.high, 3)}): {told}."
    ]


def _false_winners(answer: Answer) -> list[str]:
    if not answer.false_winners:
        return []
    its = answer.false_winners[0]
    above = [one.task for one in answer.false_winners if not one.holds]
    lower = f"lower {level_text(its.level)} bound {100 * its.lower:.1f} %, sources taken for the draws"
    held = its.share <= ERROR_CLAIMED and not above
    told = (
        "of no task is it above" if held else f"NOT as claimed: above it in {listed(above)}" if above else "NOT below"
    )
    return [
        f"False winners in {count(its.splits)} random splits of one family's own trials: {100 * its.share:.1f} % "
        f"({lower}); {told} the {100 * ERROR_CLAIMED:g} % claimed."
    ]


def _share(its: Share) -> str:
    return f"{its.count} of {its.of} ({100 * its.low:.0f} to {100 * its.high:.0f} %)"


def _times(its: Cost) -> str:
    ends = f" ({its.low:.2f} to {its.high:.2f})" if math.isfinite(its.high) else ""
    return f"{its.ratio:.2f}{ends}"


def _plus(log_ratio: float) -> str:
    """A log ratio as a change in percent, with its sign: `+3.1`."""
    share = 100 * math.expm1(min(log_ratio, 20.0))
    return f"{share:+.1f}" if abs(share) < 100 else f"{share:+.0f}"


def _signed(log_ratio: float) -> str:
    return f"{_plus(log_ratio)} %"


def _size(spread: float) -> str:
    return f"{100 * math.expm1(spread):.1f} %"


def _change(log_ratio: float) -> str:
    """A log ratio in words: `3.1 % higher`."""
    return f"{abs(100 * math.expm1(log_ratio)):.1f} % {'higher' if log_ratio >= 0 else 'lower'}"


def _between(low: float, high: float) -> str:
    """The ends of an interval in words: `1.2 % lower to 3.0 % higher`."""
    ends = [_change(low), _change(high)]
    same = ends[0].rpartition(" ")[2] == ends[1].rpartition(" ")[2]
    return f"{ends[0].rpartition(' ')[0].removesuffix(' %') if same else ends[0]} to {ends[1]}"


def _p(p: float) -> str:
    return "under 0.001" if p < 0.001 else f"{p:.2g}"


def table(answer: Answer) -> list[tuple[str, ...]]:
    """All data sets as cells, the one that favours gru most first."""
    shrunken: Sequence[Shrunken | None] = answer.shrunken or [None] * len(answer.standings)
    pairs = zip(answer.standings, shrunken, strict=True)
    return [cells(*pair) for pair in sorted(pairs, key=lambda pair: -pair[0].estimate.log_ratio)]


def by_task(answer: Answer) -> list[tuple[str, ...]]:
    """All tasks as cells, in the order of `BY_TASK`; all data sets first."""
    means = answer.moderators.tasks if answer.moderators else ()
    ratios = {one.task: (one.ratio.value, one.ratio.low, one.ratio.high) for one in means}
    if its := answer.pooled:
        ratios[ALL] = (its.mean, its.low, its.high)
    false = {one.task: f"{100 * one.share:.1f}" for one in answer.false_winners}
    found = []
    for task, counts in answer.outcomes.items():
        ratio = tuple(map(_plus, ratios[task])) if task in ratios else (MISSING,) * 3
        beaten = answer.baseline.get(task)
        found.append(
            (
                task,
                count(sum(counts.values())),
                *ratio,
                *(count(counts[name]) for name in (*FAMILIES, EQUAL, UNDECIDED)),
                count(beaten.count) if beaten else MISSING,
                false.get(task, MISSING),
            )
        )
    return found
