"""Find, parse and validate TOML cards of datasets, search spaces and sweeps."""

from harness.cards.comparing import check_reads_forward, check_shared
from harness.cards.finding import Found, find_dataset, find_space, list_datasets, list_spaces
from harness.cards.plans import find_sweep, make_plan, read_sweep
from harness.cards.schema import DatasetCard, Hyperparameter, SpaceCard, SweepPlan
from harness.cards.suites import find_datasets, suites_of

__all__ = [
    "DatasetCard",
    "Found",
    "Hyperparameter",
    "SpaceCard",
    "SweepPlan",
    "check_reads_forward",
    "check_shared",
    "find_dataset",
    "find_datasets",
    "find_space",
    "find_sweep",
    "list_datasets",
    "list_spaces",
    "make_plan",
    "read_sweep",
    "suites_of",
]
