"""What the package carries of the Atlas: one row a data set, and the prior of a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records.answers import VerdictPrior
from harness.records.serialization import Record


@dataclass(frozen=True, slots=True)
class AtlasRow(Record):
    """One data set.

    Attributes:
        dataset: Its name.
        task: What is predicted.
        length: Steps of a sequence.
        size: Training sequences.
        dimension: Input channels.
        log_ratio: Log of lstm's expected loss over gru's, positive where gru is better.
        named: Which family its trials name, or the outcome.
    """

    dataset: str
    task: str
    length: float
    size: float
    dimension: float
    log_ratio: float
    named: str


@dataclass(frozen=True, slots=True)
class AtlasSummary(Record):
    """The Atlas, as reports and verdicts use it.

    Attributes:
        version: Version of the plan, and digest of the tables.
        sources: Independent sources of the data sets.
        rows: The data sets.
        prior: The prior that it gives to a verdict.
        prior_is_better: Whether leaving sources out has shown that it is better than the usual one.
    """

    version: str
    sources: int
    rows: tuple[AtlasRow, ...]
    prior: VerdictPrior
    prior_is_better: bool
