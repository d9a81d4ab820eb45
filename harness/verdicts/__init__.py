"""Tables of scores in, decisions out: which family is better on each dataset, and how sure one may be.

Pure deciding. Loads NumPy, and SciPy where a test needs it; must know nothing of TensorFlow, MLflow, pandas
or files.
"""

from __future__ import annotations

from harness.verdicts.cases import Cases
from harness.verdicts.deciding import decide_rows, over_all, region_of
from harness.verdicts.looks import look_at
from harness.verdicts.table import decide
from harness.verdicts.wording import across_lines, explain, headline

__all__ = ["Cases", "across_lines", "decide", "decide_rows", "explain", "headline", "look_at", "over_all", "region_of"]
