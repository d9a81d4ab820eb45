"""Tables of scores in, decisions out: which family is better on each dataset, and how sure one may be.

Pure deciding. Loads NumPy, and SciPy where a test needs it; must know nothing of TensorFlow, MLflow, pandas
or files.
"""

from __future__ import annotations

from harness.stats.decision import decide_rows, margin_of, over_all
from harness.stats.levels import interim_analysis
from harness.stats.table import decide
from harness.stats.test_set import Cases
from harness.stats.words.wording import across_lines, explain, headline

__all__ = [
    "Cases",
    "across_lines",
    "decide",
    "decide_rows",
    "explain",
    "headline",
    "interim_analysis",
    "margin_of",
    "over_all",
]
