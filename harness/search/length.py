"""How long a trial trains: epochs, patience and batch size by the number of sequences that there are to train on.

An epoch over fifty sequences is two gradient steps, and thirty such epochs train next to nothing. So the budget of a
trial is in epochs as the plan says, raised on small training parts until it holds `min_steps` gradient steps, by one
rule for all families; the patience is raised by the same factor, and batches are as small as the data is.
"""

from __future__ import annotations

import math

SMALLEST_BATCH, LARGEST_BATCH = 16, 128
STEPS_OF_AN_EPOCH = 64
"""Gradient steps of an epoch that a batch size is chosen for, between the smallest and the largest."""


def batch_size_for(sequences: int) -> int:
    """The batch size of a training part where the search space names none.

    Args:
        sequences: How many the training part has.

    Returns:
        The power of two from 16 to 128 with which an epoch is nearest to 64 gradient steps.
    """
    wanted = 2 ** round(math.log2(max(1, sequences) / STEPS_OF_AN_EPOCH))
    return int(min(max(wanted, SMALLEST_BATCH), LARGEST_BATCH))


def length_of(sequences: int, batch_size: int, epochs: int, patience_epochs: int, min_steps: int) -> tuple[int, int]:
    """Epochs and patience of a trial.

    Args:
        sequences: How many the training part has.
        batch_size: Sequences a batch.
        epochs: The plan's most epochs of a trial.
        patience_epochs: The plan's patience.
        min_steps: Gradient steps that the epochs are to hold at least; 0 leaves them as they are.

    Returns:
        The most epochs, at least the plan's; and the patience, raised by the same factor.
    """
    batches = math.ceil(sequences / batch_size)
    enough = max(epochs, math.ceil(min_steps / batches))
    return enough, math.ceil(patience_epochs * enough / epochs)
