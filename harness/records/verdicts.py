"""The table that is decided from, and what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.records.answers import (
    CaseInterval,
    Configurations,
    ModelsInHand,
    Outlook,
    Recommendation,
    Settling,
    VerdictPrior,
)
from harness.records.serialization import KEY, Record
from harness.records.trials import BaselineScore, TrialStatus


class Outcome(StrEnum):
    """The three answers a verdict can give."""

    WINNER = "winner"
    PRACTICALLY_EQUAL = "practically_equal"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row of the table that verdicts are made from.

    Attributes:
        dataset: Name of the dataset.
        family: Name of the family (the family, unless a family plays itself).
        replicate: Number of the replicate, from 1.
        trial: Number of the trial within its search, from 1.
        validation: Validation score; None when the trial failed.
        test: Test score; None when the trial failed.
        parameters: Number of trainable weights; None when unknown.
        fit_seconds: Seconds of training; None when unknown.
        status: Completed or failed.
    """

    dataset: str
    family: str
    replicate: int
    trial: int
    validation: float | None
    test: float | None
    parameters: int | None = None
    fit_seconds: float | None = None
    status: TrialStatus = TrialStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class Terms(Record):
    """What a dataset is decided by, apart from its rows: with both, a table gives a sweep's own verdict again.

    Attributes:
        families: The families in order.
        trials: Budget n of a search.
        oracle: What searched.
        margin: Half-width of the equivalence margin where the dataset's config states it; None for the default.
        baselines: The baselines' scores.
        unit: Unit of the scores; may be empty.
        until_decided: Whether replicates were added until it was decided.
        rule: Version of the rule to decide by.
        reasons_to_abstain: Those that do not follow from the rows, such as target leakage.
        warnings: Those that do not follow from the rows, such as a selected value at the edge of its range.
        digest: Digest of the dataset's content; empty where it is unknown.
        prior: Prior of the probability; None for the usual one.
    """

    families: tuple[str, ...]
    trials: int
    oracle: str
    margin: float | None = None
    baselines: tuple[BaselineScore, ...] = ()
    unit: str = ""
    until_decided: bool = False
    rule: int = 1
    reasons_to_abstain: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""
    prior: VerdictPrior | None = None


@dataclass(frozen=True, slots=True)
class Pair(Record):
    """How two families compare on one dataset.

    Attributes:
        first: One family.
        second: The other.
        difference: How much better the first's expected test score is, in the metric's units.
        low: Lower end of the difference's interval.
        high: Upper end of the difference's interval.
        p: Two-sided p of no difference, adjusted by Holm over the pairs of the dataset.
        outcome: One of the three answers, for this pair alone.
        family: The better one; None unless the outcome is `winner`.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    outcome: Outcome
    family: str | None


@dataclass(frozen=True, slots=True)
class Verdict(Record):
    """What is decided for one dataset, with the numbers behind it.

    Differences are `b` minus `a` in the test metric's units, turned so that a positive one says `families[0]` is
    better.

    Attributes:
        dataset: Name of the dataset.
        outcome: One of the three answers.
        family: The winner's name; None unless the outcome is `winner`.
        families: The families compared: two in the order given; three or more by expected score, best first.
        trials: Budget n: what is decided is the expected test score of the best of n trials by validation.
        completed: Completed trials of each family.
        expected: Expected test score of each family's search of that budget.
        difference: How much better the first family's expected score is than the second's (of three or more:
            the best against the runner-up, as for `low`, `high` and `probabilities`).
        low: Lower end of the difference's interval.
        high: Upper end of the difference's interval.
        level: Level of that interval, such as 0.95.
        margin: Half-width of the equivalence margin, in the metric's units.
        probabilities: Probability that the first is better, that they are practically equal, that the second is
            better; they sum to 1.
        method: How it was decided, in a few words.
        reasons_to_abstain: Reasons for which no winner may be named; any one makes the outcome `undecided`.
        warnings: What to know besides, such as no family beating the best baseline.
        recommended: The family to use when practically equal: the cheaper one; None otherwise.
        cheaper_because: Why that one is cheaper; empty otherwise.
        more_trials: Estimate of how many more completed trials a family, beyond those there are, would
            probably decide; None when decided, withheld or not to be had.
        permutation_p: p-value of the permutation test of which trial belongs to which of the two families; None where
            the interval holds zero and it was not asked.
        pairs: Every pair of families, with p-values adjusted by Holm over the pairs of this dataset.
        over_cases: The interval of `difference` over test cases; None where nothing is known of single cases.
        compared_at: Trials k of the search that `difference` and its interval are about, at most `trials`; None in a
            verdict of 0.1.0, where it was `trials`.
        expected_at: Expected test score of each family's search of k trials; empty where k is `trials`.
        outlook: Which family is probably better, in one line; None in a verdict of 0.1.0.
        settling: What would settle the families' question; None where it is settled, withheld or not to be had.
        models: The two selected models over the same test cases; None where single cases are unknown.
        configurations: The selected hyperparameters over fresh seeds; None without seed repeats.
        recommendation: What to use; None in a verdict of 0.1.0.
    """

    dataset: str
    outcome: Outcome
    family: str | None
    families: tuple[str, ...]
    trials: int
    completed: Mapping[str, int]
    expected: Mapping[str, float]
    difference: float
    low: float
    high: float
    level: float
    margin: float = field(metadata={KEY: "region"})
    probabilities: tuple[float, float, float]
    method: str
    reasons_to_abstain: tuple[str, ...] = field(default=(), metadata={KEY: "withheld_because"})
    warnings: tuple[str, ...] = field(default=(), metadata={KEY: "qualified_because"})
    recommended: str | None = None
    cheaper_because: str = ""
    more_trials: int | None = None
    permutation_p: float | None = field(default=None, metadata={KEY: "shuffled"})
    pairs: tuple[Pair, ...] = ()
    over_cases: CaseInterval | None = None
    compared_at: int | None = None
    expected_at: Mapping[str, float] = field(default_factory=dict)
    outlook: Outlook | None = None
    settling: Settling | None = None
    models: ModelsInHand | None = None
    configurations: Configurations | None = None
    recommendation: Recommendation | None = None

    @property
    def leader(self) -> str:
        """Which of the first two families the difference favours; the first where there is none."""
        return self.families[0] if self.difference >= 0 else self.families[1]

    def for_leader(self, low: float, high: float) -> tuple[float, float]:
        """An interval of the difference, turned so that positive says that the leader is better."""
        return (low, high) if self.leader == self.families[0] else (-high, -low)

    @property
    def holds_in(self) -> tuple[str, ...]:
        """What the winner's lead holds in: `trials`, and `test cases` where they are known and allow it."""
        if self.family is None:
            return ()
        return ("trials", "test cases") if self.over_cases and self.over_cases.settled else ("trials",)


@dataclass(frozen=True, slots=True)
class PairAcross(Record):
    """What two families are to each other over all datasets of a decision.

    Attributes:
        first: One family.
        second: The other.
        wins: Datasets on which the first beats the second.
        ties: Datasets on which they are practically equal.
        losses: Datasets on which the second beats the first.
        undecided: The other datasets.
        datasets: Datasets whose differences the two tests use: those with nothing withheld.
        signed_rank: Probability that over datasets like these the first is better, that they are practically
            equal, that the second is better (Benavoli et al. 2017); None when refused.
        wilcoxon_p: Two-sided p of Wilcoxon's signed-rank test, adjusted by Holm over the pairs; None when
            refused.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    undecided: int
    datasets: int
    signed_rank: tuple[float, float, float] | None = None
    wilcoxon_p: float | None = None


@dataclass(frozen=True, slots=True)
class Across(Record):
    """What is to be said over several datasets.

    Attributes:
        wins: Datasets that each family wins against every other.
        practically_equal: Datasets with that outcome.
        undecided: Datasets with that outcome.
        pairs: Every pair of families.
        average_ranks: Mean rank of each family by expected test score, 1 the best; empty when refused.
        friedman_p: p of Friedman's test that all families rank alike; None when refused.
        critical_difference: Difference of average ranks beyond which Nemenyi's test tells two families apart
            at 5 %; None when refused.
        refused: Tests that were not made, each with its reason.
    """

    wins: Mapping[str, int]
    practically_equal: int
    undecided: int
    pairs: tuple[PairAcross, ...]
    average_ranks: Mapping[str, float]
    friedman_p: float | None
    critical_difference: float | None
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision(Record):
    """All that is decided from one table of scores.

    Attributes:
        verdicts: Verdict of each dataset, by its name.
        overall: One sentence for all datasets, which says no more than the verdicts do.
        across: The numbers behind that sentence; None for a single dataset.
    """

    verdicts: Mapping[str, Verdict]
    overall: str
    across: Across | None = None
