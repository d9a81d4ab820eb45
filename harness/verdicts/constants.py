"""The numbers that deciding uses, in one place, so that sentences and tests can name the same ones."""

from __future__ import annotations

LEVEL = 0.95
"""Level of all intervals, where nobody says otherwise."""

ERROR_CLAIMED = 0.05
"""False winners that either way stays below, by measurement."""

RESAMPLES = 1000
"""Bootstrap samples: twenty-five in each tail of a 95 % interval."""

CASE_RESAMPLES = 1000
"""Resamples of the test cases: twenty-five in each tail of a 95 % interval."""

SHUFFLES = 1000
"""Random exchanges of trials between two families: a share of 5 % is met to within 0.7 %."""

MINIMUM_TRIALS = 5
"""Completed trials below which a family is not judged: with three each 5 to 8 % of winners are false, with four up to
7 %, with five 2 to 4 %.
"""

MINIMUM_REPLICATES = 3
"""Replicates below which an adaptive search is not judged."""

FAILURE_SHARE = 0.10
"""Share of failed trials above which a family is not judged."""

CHANCE_TO_DECIDE = 0.80
"""Chance of a decision at which the estimate of further trials aims."""

HOPELESS = 20
"""No estimate of further trials is given beyond this many times the trials there are."""

REGION_SHARE = 0.05
"""Region of practical equivalence as a share of the best baseline's loss."""

REGION_SCORE = 0.01
"""Region of practical equivalence of a score between 0 and 1."""

MINIMUM_DATASETS = 6
"""Datasets below which no test over datasets can reach 5 % (two-sided exact Wilcoxon: 2 / 2⁶ = 0.031)."""

ACROSS_PROBABILITY = 0.95
"""Probability by the signed-rank test above which a family is called better over all datasets."""

ACROSS_ERROR = 0.05
"""Adjusted p of Wilcoxon's test that such a sentence needs besides."""

SIGNED_RANK_DRAWS = 20_000
"""Draws from the posterior of the Bayesian signed-rank test."""
