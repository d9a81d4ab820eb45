"""What a verdict answers besides naming a winner: which model to use, how sure, and what would settle the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.records.serialization import Record


@dataclass(frozen=True, slots=True)
class CaseInterval(Record):
    """What drawing the test cases again does to a difference.

    Attributes:
        low: Lower end of the interval, positive for the first family, at the verdict's level.
        high: Upper end.
        cases: Number of test cases.
        block: Neighbouring cases that were drawn together, as windows in time are; 1 where each stands alone.
    """

    low: float
    high: float
    cases: int
    block: int

    @property
    def settled(self) -> bool:
        """Whether it excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class VerdictPrior(Record):
    """What a verdict's probability takes for likely before it has seen a trial, in place of the usual prior.

    Attributes:
        version: Where it comes from and its version, such as `atlas 1`.
        datasets: Data sets behind it.
        parts: Weight and standard deviation of each normal part of the log ratio, all around 0.
    """

    version: str
    datasets: int
    parts: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Outlook(Record):
    """One line for every outcome: who is probably better, how probably, and what choosing it costs at most.

    Attributes:
        better: The family that the evidence favours.
        against: The family that it is compared with.
        probability: Probability that it is better, from 0.5 to 1; None where the verdict abstains.
        regret: Choosing it costs at most this share of the other's loss (0.05: 5 % more), with the probability `level`;
            0 where it is surely not worse; None where the verdict abstains. Where higher scores are better the loss is
            what a score lacks to 1.
        level: Level of `regret`, such as 0.95.
        log_ratio: Estimate of log(loss of `against` / loss of `better`) that both rest on; None where the verdict
            abstains or the losses have no ratio.
        error: Its standard error; None likewise.
        prior: Version of the prior of the log ratio where it is not the usual one, such as `atlas 1`.
    """

    better: str
    against: str
    probability: float | None
    regret: float | None
    level: float
    log_ratio: float | None = None
    error: float | None = None
    prior: str = ""


@dataclass(frozen=True, slots=True)
class Settling(Record):
    """What would probably settle the question of the families, where it is open.

    Attributes:
        replicates: Further replicates (searches of the same budget), from the fewest to the most that are likely to
            be needed: for even odds, and for the probability `chance`, 80 % or what ten times as much as was spent
            gives; that one number where it would not even give even odds.
        trials: The same in further completed trials a family.
        seconds: The same in seconds of training, all families together, as long as trials took so far; None where
            times are unknown.
        worth: Whether at most ten times what was spent probably settles it.
        chance: Probability, averaged over what the true difference may be, that the upper end decides.
    """

    replicates: tuple[int, ...]
    trials: tuple[int, ...]
    seconds: tuple[float, ...] | None
    worth: bool
    chance: float


@dataclass(frozen=True, slots=True)
class ModelsInHand(Record):
    """The two selected models on the same test cases: which of these two to use. No statement on their families.

    Decided on one part of the test cases; scored on the other, which helped to choose nothing.

    Attributes:
        families: Whose models: two in the order of the verdict; of three or more the two best by validation.
        difference: How much better the first's mean score is than the second's over the cases that decide, in the
            metric's units, positive for the first.
        low: Lower end of its interval (circular block bootstrap over cases).
        high: Upper end.
        level: Level of the interval.
        cases: Cases that decide.
        block: Neighbouring cases that were drawn together.
        family: Whose model is better; None where that is open.
        scores: Score of each family's selected model over the other cases.
        scored_cases: How many those are.
        outlook: The same in one line.
        permutation_p: p-value of the permutation test of which model each block of cases was scored by, whose error is
            exact where the models are alike; small where a family is named. None where it was not asked.
    """

    families: tuple[str, ...]
    difference: float
    low: float
    high: float
    level: float
    cases: int
    block: int
    family: str | None
    scores: Mapping[str, float]
    scored_cases: int
    outlook: Outlook | None = None
    permutation_p: float | None = None


@dataclass(frozen=True, slots=True)
class Configurations(Record):
    """The selected hyperparameters trained again with fresh seeds common to the families: was it luck of the seed?

    Attributes:
        families: Two in the order of the verdict; of three or more the two best by their means.
        seeds: Fresh seeds of each.
        means: Mean test score of each family's configuration over its seeds.
        difference: How much better the first's mean is, positive for the first.
        low: Lower end of its interval by Welch's t over seeds, on the logarithms of losses where they have any.
        high: Upper end.
        level: Level of the interval.
        p: Two-sided p of no difference, adjusted by Holm over pairs.
        family: Whose configuration is better; None where that is open.
        over_cases: The second interval, of the mean over seeds, over test cases; None where single cases are unknown.
    """

    families: tuple[str, ...]
    seeds: int
    means: Mapping[str, float]
    difference: float
    low: float
    high: float
    level: float
    p: float
    family: str | None
    over_cases: CaseInterval | None = None


class Use(StrEnum):
    """What to use on a dataset."""

    MODEL = "model"
    EITHER = "either"
    BASELINE = "baseline"


class Reason(StrEnum):
    """What a recommendation rests on."""

    TEST_CASES = "test_cases"
    """One selected model is better over the test cases that decide."""
    TRIALS = "trials"
    """It is open which of the two models is better; all trials over the test cases that decide speak for its family."""
    VALIDATION = "validation"
    """Validation selected it; no test score helped."""
    CHEAPER = "cheaper"
    """The families are practically equal, and its is cheaper."""
    BASELINE = "baseline"
    """The baseline has the better score."""
    NOT_BEATEN = "not_beaten"
    """The selected model has the better score, but not beyond its interval over the test cases that decide."""


@dataclass(frozen=True, slots=True)
class Recommendation(Record):
    """What to use on one dataset, by how much it is better, and how sure that is.

    Attributes:
        use: A family's model, either family's, or the baseline.
        family: Whose model to use (of `either` the one to take); the best family's where the baseline is to be used.
        baseline: The baseline to use; None unless `use` says so.
        reason: What it rests on.
        because: The reason's numbers in a few words, such as `fewer parameters: 1,234 against 2,345 of lstm`; may be
            empty.
        against: What it is compared with: the other family, the runner-up of three or more, or the best model's family
            where the baseline is to be used; None where there is nothing.
        lower_loss: By what share the loss is lower than that of `against` (0.05: 5 % lower error; negative: higher),
            by scores that did not help to choose; where higher scores are better the loss is what a score lacks to 1.
            None where it is not known.
        probability: Probability that what is used is better than `against`; None where that abstains.
        regret: Using it costs at most this share more than `against`, with the probability `level`; None likewise.
        level: Level of `regret`.
        abstains: Why probability and regret are not known; empty where they are.
        scores: Published test score of each family's selected model: over the cases that did not help to choose where
            cases chose, else over all.
        scored_cases: Cases of `scores`; None where they are all.
        baseline_score: Test score of the best baseline over the same cases as `scores`; None where that is not known.
    """

    use: Use
    family: str | None
    baseline: str | None
    reason: Reason
    because: str
    against: str | None
    lower_loss: float | None
    probability: float | None
    regret: float | None
    level: float
    abstains: str
    scores: Mapping[str, float]
    scored_cases: int | None = None
    baseline_score: float | None = None

    @property
    def network_probability(self) -> float | None:
        """Probability that the network is better, where a baseline is to be used though it is the less probable one.

        That is for want of proof: the network seems better, but not beyond chance. None elsewhere.
        """
        if self.use is not Use.BASELINE or self.against is None or self.probability is None or self.probability >= 0.5:
            return None
        return 1 - self.probability
