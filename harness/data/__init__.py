"""From a dataset's card to arrays: sources, generators, encoding, windows, splits, sealing.

Knows cards, metrics' names and records; nothing of networks, searches or scores.
"""

from harness.data.arrays import Part, Sealed, SequenceData
from harness.data.loading import cached_dataset, load_dataset
from harness.data.scaling import Scaling
from harness.data.splits import fold_cards

__all__ = ["Part", "Scaling", "Sealed", "SequenceData", "cached_dataset", "fold_cards", "load_dataset"]
