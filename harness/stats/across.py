"""What can be said over several datasets: counts, and tests where their number allows them.

Differences on different datasets are comparable only when each is divided by its own equivalence margin;
a dataset whose verdict is withheld takes no part in the tests, nor does one whose data is that of another: the tests
take datasets for independent draws, and a copy is no draw.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.records import Across, Outcome, Pair, PairAcross, Verdict
from harness.stats.best_of_n import Floats
from harness.stats.differences import holm
from harness.stats.levels import MINIMUM_DATASETS, SIGNED_RANK_DRAWS
from harness.text import counted, listed


def compare_datasets(verdicts: Mapping[str, Verdict], digests: Mapping[str, str] | None = None) -> Across:
    """Count outcomes over datasets, and test where the number of datasets allows it.

    Args:
        verdicts: Verdict of each dataset; all compare the same families.
        digests: Digest of each dataset's data, where it is known.

    Returns:
        The counts and the tests, with the reason of each that was refused.
    """
    families = sorted({family for verdict in verdicts.values() for family in verdict.families})
    judged = {name: verdict for name, verdict in verdicts.items() if not verdict.reasons_to_abstain}
    copies = _copies(judged, digests or {})
    usable = [verdict for name, verdict in judged.items() if name not in copies]
    without_margin = [verdict.dataset for verdict in usable if not verdict.margin > 0]
    constant = _constant(usable)
    refused = (*_copied(copies), *_refusals(len(usable), without_margin, constant, len(families)))
    pairs = [_pair(first, second, verdicts, usable) for first, second in itertools.combinations(families, 2)]
    if len(usable) >= MINIMUM_DATASETS and not without_margin and not constant:
        pairs = _tested(pairs, usable)
    ranked = len(families) > 2 and len(usable) >= MINIMUM_DATASETS
    ranks = np.array([_ranks(families, verdict.pairs) for verdict in usable]) if ranked else None
    winners = Counter(verdict.family for verdict in verdicts.values())
    outcomes = Counter(verdict.outcome for verdict in verdicts.values())
    return Across(
        wins={family: winners[family] for family in families},
        practically_equal=outcomes[Outcome.PRACTICALLY_EQUAL],
        undecided=outcomes[Outcome.UNDECIDED],
        pairs=tuple(pairs),
        average_ranks=({} if ranks is None else dict(zip(families, ranks.mean(axis=0).tolist(), strict=True))),
        friedman_p=None if ranks is None else friedman(ranks),
        critical_difference=None if ranks is None else nemenyi(len(families), len(usable)),
        refused=refused,
    )


def signed_rank(
    differences: Floats, margin: float, draws: int = SIGNED_RANK_DRAWS, seed: int = 1
) -> tuple[float, float, float]:
    """Bayesian signed-rank test (Benavoli, Corani, Demšar, Zaffalon 2017, section 4.2).

    The posterior is a Dirichlet process whose prior of strength 1/2 lies at a difference of 0. Each draw
    gives weights w to that prior and to the datasets; the mean of a pair of differences, over all pairs
    weighted by wᵢ·wⱼ, falls below, within or above the margin; the answer counts which of the three is the
    most probable in each draw.

    Args:
        differences: Difference of each dataset (datasets,); positive says the first family is better.
        margin: Half-width of the equivalence margin, in the same units.
        draws: Draws from the posterior.
        seed: Of the draws.

    Returns:
        Probability that the first is better, that they are practically equal, that the second is better.
    """
    points = np.concatenate(([0.0], differences))
    sums = points[:, None] + points[None, :]
    above = np.heaviside(sums - 2 * margin, 0.5)
    below = np.heaviside(-sums - 2 * margin, 0.5)
    strengths = np.concatenate(([0.5], np.ones(len(differences))))
    drawn = np.random.default_rng(seed).dirichlet(strengths, draws)
    first = np.einsum("di,di->d", drawn @ above, drawn)
    second = np.einsum("di,di->d", drawn @ below, drawn)
    most = np.argmax(np.stack((first, 1 - first - second, second)), axis=0)
    counts = np.bincount(most, minlength=3) / draws
    return float(counts[0]), float(counts[1]), float(counts[2])


def wilcoxon(differences: Floats) -> float:
    """Two-sided p of the signed-rank test (Wilcoxon 1945), exact where nothing is tied; 1 when all are 0.

    Where differences are tied or 0 the ranks are Pratt's (1959) and the p is that of the normal distribution.

    Args:
        differences: Difference of each dataset, each in units of its own margin.
    """
    from scipy import stats

    if not np.any(differences):
        return 1.0
    tied = len(np.unique(np.abs(differences))) < len(differences) or bool(np.any(differences == 0))
    if tied:
        return float(stats.wilcoxon(differences, zero_method="pratt", method="approx").pvalue)
    return float(stats.wilcoxon(differences, method="exact").pvalue)


def friedman(ranks: Floats) -> float:
    """The p of Friedman's test that all families rank alike (Friedman 1937).

    Args:
        ranks: Rank of each family on each dataset (datasets, families).
    """
    from scipy import stats

    if np.all(ranks == ranks[:, :1]):
        return 1.0
    return float(stats.friedmanchisquare(*ranks.T).pvalue)


def nemenyi(families: int, datasets: int, error: float = 0.05) -> float:
    """Critical difference of average ranks, q √(k (k+1) / 6N) (Nemenyi 1963; Demšar 2006, section 3.2.2).

    Args:
        families: Number k of families.
        datasets: Number N of datasets.
        error: Probability of telling any two families apart that are alike.
    """
    from scipy import stats

    q = float(stats.studentized_range.ppf(1 - error, families, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(families * (families + 1) / (6 * datasets)))


def _copies(verdicts: Mapping[str, Verdict], digests: Mapping[str, str]) -> dict[str, str]:
    """Datasets whose data is that of an earlier one, by its digest or by every family's expected score, and whose."""
    copies: dict[str, str] = {}
    first: dict[object, str] = {}
    for name, verdict in verdicts.items():
        scores = tuple(sorted(verdict.expected.items()))
        marks = [scores, *([digests[name]] if name in digests else [])]
        original = next((first[mark] for mark in marks if mark in first), None)
        if original:
            copies[name] = original
        first |= dict.fromkeys(marks, original or name)
    return copies


def _copied(copies: Mapping[str, str]) -> list[str]:
    return [
        f"tests with {listed([copy for copy, its in copies.items() if its == original])} beside {original}: "
        "the data is the same, which is one dataset's evidence"
        for original in dict.fromkeys(copies.values())
    ]


def _constant(usable: Sequence[Verdict]) -> bool:
    """Whether several datasets differ by one and the same number, which no draws of datasets do."""
    differences = np.array([verdict.difference for verdict in usable])
    return len(differences) > 1 and bool(differences.any()) and bool(np.ptp(differences) <= _SAME * abs(differences[0]))


_SAME = 1e-9


def _refusals(usable: int, without_margin: Sequence[str], constant: bool, families: int) -> tuple[str, ...]:
    tests = "signed-rank tests"
    few = f"{counted(usable, 'dataset')} with nothing withheld; below {MINIMUM_DATASETS} no such test can reach 5 %"
    refused = []
    if usable < MINIMUM_DATASETS:
        refused.append(f"{tests}: {few}")
    elif without_margin:
        refused.append(
            f"{tests}: no equivalence margin for {', '.join(without_margin)}; "
            "without one differences on different datasets cannot be compared"
        )
    elif constant:
        refused.append(f"{tests}: all {usable} datasets have the same difference, as copies of one have")
    if families < 3:
        refused.append("average ranks: with two families they say no more than wins and losses")
    elif usable < MINIMUM_DATASETS:
        refused.append(f"average ranks: {few}")
    return tuple(refused)


def _pair(first: str, second: str, verdicts: Mapping[str, Verdict], usable: Sequence[Verdict]) -> PairAcross:
    outcomes = [_between(verdict, first, second) for verdict in verdicts.values()]
    wins, losses = (sum(pair.family == family for pair in outcomes) for family in (first, second))
    ties = sum(pair.outcome is Outcome.PRACTICALLY_EQUAL for pair in outcomes)
    return PairAcross(first, second, wins, ties, losses, len(outcomes) - wins - ties - losses, datasets=len(usable))


def _tested(pairs: Sequence[PairAcross], usable: Sequence[Verdict]) -> list[PairAcross]:
    scaled = [
        np.array([_toward(verdict, pair.first, pair.second) / verdict.margin for verdict in usable], dtype=np.float64)
        for pair in pairs
    ]
    adjusted = holm([wilcoxon(differences) for differences in scaled])
    return [
        replace(pair, signed_rank=signed_rank(differences, 1.0), wilcoxon_p=p)
        for pair, differences, p in zip(pairs, scaled, adjusted, strict=True)
    ]


def _between(verdict: Verdict, first: str, second: str) -> Pair:
    return next(pair for pair in verdict.pairs if {pair.first, pair.second} == {first, second})


def _toward(verdict: Verdict, first: str, second: str) -> float:
    """How much better `first` is than `second` on this dataset."""
    pair = _between(verdict, first, second)
    return pair.difference if pair.first == first else -pair.difference


def _ranks(families: Sequence[str], pairs: Sequence[Pair]) -> list[float]:
    """Rank of each family by expected test score, 1 the best; equal scores share their ranks."""
    ranks = dict.fromkeys(families, 1.0)
    for pair in pairs:
        first_loses = float(np.heaviside(-pair.difference, 0.5))
        ranks[pair.first] += first_loses
        ranks[pair.second] += 1 - first_loses
    return [ranks[family] for family in families]
