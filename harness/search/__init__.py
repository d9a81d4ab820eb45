"""Budgets, fairness, Keras Tuner's oracles, selection.

A search sees `TrialRecord`s, which say nothing of the test part. It has no way to the journal's sealed scores: it
imports neither the journal nor an engine, and is asked and told from one thread by `sweeping`.
"""

from harness.search.contest import Budget, Contest, SearchSettings
from harness.search.selection import select

__all__ = ["Budget", "Contest", "SearchSettings", "select"]
