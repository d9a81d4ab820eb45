"""Find, parse and validate TOML configs of datasets, search spaces and sweeps."""

from harness.config.dataset import DatasetConfig
from harness.config.lookup import Found, find_dataset, find_datasets, find_space, list_datasets, list_spaces, suites_of
from harness.config.space import Hyperparameter, SearchSpace, check_reads_forward, check_shared, check_tasks
from harness.config.sweep import SweepConfig, find_sweep, make_plan, read_sweep

__all__ = [
    "DatasetConfig",
    "Found",
    "Hyperparameter",
    "SearchSpace",
    "SweepConfig",
    "check_reads_forward",
    "check_shared",
    "check_tasks",
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
