"""The last trials of a random search, the longest first, so that at the end no worker waits long for another.

Trials of a random search do not depend on each other, so the order in which they begin changes nothing but the time:
which trials there are, their seeds and their scores stay the same. Only the last few are put in order, so that a search
that is ended from outside has mostly run its trials as they were drawn, not the largest networks first; where an arm
has no more trials than twice the workers, the last few are all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.records import Value

STEP_SQUARE_UNITS = 20_000
"""What a step of a batch costs besides its products, in squares of units a sequence: 8 µs against 0.4 ns measured."""


def trials_ahead(workers: int) -> int:
    """How many of an arm's last trials are put in order; one worker alone waits for nobody."""
    return 0 if workers == 1 else 2 * workers


def relative_seconds(values: Mapping[str, Value]) -> float:
    """How long a trial takes against others of its arm, up to a factor.

    Args:
        values: Its hyperparameters; those that are missing are taken as alike in all trials.
    """
    units, parameters, layers, batch_size = (
        float(values.get(name, usual))
        for name, usual in (("units", 0), ("recurrent_parameters", 0), ("layers", 1), ("batch_size", 32))
    )
    layers *= 2 if values.get("bidirectional") else 1
    # Parameters of recurrent layers grow with the square of the units; the factor is an LSTM's.
    square = parameters / 4 / layers if parameters else units**2
    return layers * (square + STEP_SQUARE_UNITS / batch_size)
