"""Budgets, fairness, Keras Tuner's oracles, selection.

A search sees `TrialRecord`s, which say nothing of the test part. It has no way to the journal's sealed scores: it
imports neither the journal nor an executor, and is asked and told from one thread by `sweeping`.
"""

from harness.search.scheduler import Budget, Scheduler, SearchSettings, select

__all__ = ["Budget", "Scheduler", "SearchSettings", "select"]
