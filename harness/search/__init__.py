"""Budgets, fairness, Keras Tuner's oracles, selection.

A search sees `TrialRecord`s, which say nothing of the test part. It has no way to the journal's sealed scores: it
imports neither the journal nor an engine, and is asked and told from one thread by `sweeping`.
"""

from harness.starting import load_tensorflow

load_tensorflow()  # Keras Tuner imports Keras, which imports it

from harness.search.contest import Budget, Contest, SearchSettings  # noqa: E402
from harness.search.selection import select  # noqa: E402

__all__ = ["Budget", "Contest", "SearchSettings", "select"]
