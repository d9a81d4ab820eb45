"""From a dataset's config to arrays: sources, generators, encoding, windows, splits, sealing.

Knows configs, metrics' names and records; nothing of networks, searches or scores.
"""

from harness.data.dataset import Part, Sealed, SequenceData
from harness.data.load import cached_dataset, load_dataset
from harness.data.scaling import Scaling
from harness.data.splits import fold_configs

__all__ = ["Part", "Scaling", "Sealed", "SequenceData", "cached_dataset", "fold_configs", "load_dataset"]
