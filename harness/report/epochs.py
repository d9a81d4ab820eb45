"""Whether the epochs of a search were too few: how far its best validation score still moved when they ended.

At each epoch the best validation score of all trials so far is what the search would have selected with so many epochs.
What the last tenth of them gained, carried on at the same pace by the logarithm of the epochs, is what twice as many
would gain, about seven times as much; most learning curves fall behind that. The last tenth, because a schedule has
brought the learning rate down to next to nothing by then, and what it gained on the way says nothing of more epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.records import ComparisonResult, TrialRecord, TrialStatus
from harness.text import significant

LAST = 0.1
"""The share of the epochs, at their end, whose gain is looked at."""


def too_few_epochs(comparison: ComparisonResult) -> str:
    """The warning that more epochs would have paid, with the command that gives twice as many; empty where not.

    Said of a family where twice the epochs, at the pace of the last ones, would gain more than the equivalence margin.
    Nothing is said of Hyperband, which divides epochs itself, and of trials that median stopping ended.

    Args:
        comparison: A decided comparison.
    """
    sign, margin = comparison.objective.direction.sign, comparison.verdict.margin
    if not margin or comparison.terms is None or comparison.terms.oracle == "hyperband":
        return ""
    told, longest = [], 0
    for family in comparison.families:
        epochs = family.usage.epochs_at_most
        mine = [one for one in comparison.trials if one.key.family == family.family.name]
        before, after = _at(mine, epochs - math.ceil(LAST * epochs), sign), _at(mine, epochs, sign)
        if gain_of_twice(before, after, epochs) > margin:
            scores = f"{significant(sign * before, 3)} to {significant(sign * after, 3)}"
            told.append(f"{family.family.name} from {scores}")
            longest = max(longest, epochs)
    if not told:
        return ""
    last = math.ceil(LAST * longest)
    return (
        f"the best validation {comparison.objective.metric} still moved in the last {last} of {longest} epochs "
        f"({', '.join(told)}), and more of them may pay; to train twice as long: "
        f"`harness sweep {comparison.dataset} --epochs {2 * longest}`, with this sweep's other options"
    )


def gain_of_twice(before: float, after: float, epochs: int) -> float:
    """What twice the epochs would gain, at the pace of the last ones.

    Args:
        before: The best loss before the last tenth of the epochs.
        after: The best loss after all of them.
        epochs: How many there were; one says nothing of a pace.

    Returns:
        0 where nothing is known of one of the two.
    """
    last = math.ceil(LAST * epochs)
    if epochs <= last or not (math.isfinite(before) and math.isfinite(after)):
        return 0.0
    return (before - after) * math.log(2) / math.log(epochs / (epochs - last))


def _at(trials: Sequence[TrialRecord], epochs: int, sign: int) -> float:
    """The best loss by validation that completed trials came to in so many epochs; infinite where there is none."""
    curves = [
        sign * np.array(one.validation_scores[:epochs], np.float64)
        for one in trials
        if one.status is TrialStatus.COMPLETED and not one.pruned
    ]
    return min((float(curve.min()) for curve in curves if len(curve)), default=math.inf)
