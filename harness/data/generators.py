"""Sequences made by rule, whose answer is known: the same for the same seed, on any machine."""

from __future__ import annotations

import contextlib
import random as random_module
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from harness.config.sources import GeneratorSource
from harness.data.dataset import Sequences, numbered
from harness.errors import AbsentDataError, DataError
from harness.metrics import mask_of, without_padding
from harness.records import derive_seed


def adding(source: GeneratorSource) -> Sequences:
    """The adding problem: remember two marked numbers among many, and add them up.

    Two channels: numbers, uniform in [0, 1), and a marker that is 1 at two places, one in each half of the
    sequence, and 0 elsewhere. The answer is the sum of the two marked numbers; always saying 1 costs a
    squared error of 1/6.

    Source: S. Hochreiter and J. Schmidhuber (1997), "Long Short-Term Memory", experiment 4, in the form of Q.
    V. Le, N. Jaitly and G. E. Hinton (2015), arXiv 1504.00941, section 4.1.

    Args:
        source: Steps, number of sequences and seed.
    """
    random = np.random.default_rng(derive_seed("adding", source.seed))
    n, steps = source.sequences, source.steps
    every = np.arange(n)
    marked = random.integers(0, steps // 2, n), random.integers(steps // 2, steps, n)
    x = np.zeros((n, steps, 2), np.float32)
    x[:, :, 0] = random.random((n, steps), dtype=np.float32)
    for places in marked:
        x[every, places, 1] = 1
    y = x[every, marked[0], 0] + x[every, marked[1], 0]
    lengths = np.full(n, steps, np.int32)
    return Sequences("generator adding", x, lengths, y, ("number", "marker"), lambda at: f"sequence {at}")


def temporal_order(source: GeneratorSource) -> Sequences:
    """Temporal order: two symbols, X or Y, stand far apart among others; which came first, which second?

    Eight channels, one a symbol: four that mean nothing, X and Y, and the marks of the begin and the end. The first of
    the two stands in the second tenth of the sequence, the other in the sixth. Four classes: XX, XY, YX, YY.

    Source: S. Hochreiter and J. Schmidhuber (1997), "Long Short-Term Memory", experiment 6a, where sequences of 100 to
    110 steps hold them at 10 to 20 and 50 to 60; here all have the same length.

    Args:
        source: Steps, number of sequences and seed.
    """
    random = np.random.default_rng(derive_seed("temporal_order", source.seed))
    n, steps = source.sequences, source.steps
    every = np.arange(n)
    symbols = random.integers(0, 4, (n, steps))
    order = random.integers(0, 2, (n, 2))
    for number, tenth in enumerate((1, 5)):
        start = max(steps * tenth // 10, 1)
        symbols[every, random.integers(start, max(steps * (tenth + 1) // 10, start + 1), n)] = 4 + order[:, number]
    symbols[:, 0], symbols[:, -1] = 6, 7
    x = np.eye(8, dtype=np.float32)[symbols]
    y = np.array(["XX", "XY", "YX", "YY"])[2 * order[:, 0] + order[:, 1]]
    lengths = np.full(n, steps, np.int32)
    channels = ("a", "b", "c", "d", "X", "Y", "begin", "end")
    return Sequences("generator temporal_order", x, lengths, y, channels, lambda at: f"sequence {at}")


def counting(source: GeneratorSource) -> Sequences:
    """Counting: strings of n times a and then m times b; are there as many b as a, fewer or more?

    Two channels, one a symbol; m differs from n by at most 3, and the three answers are equally frequent. The train
    part has n up to a quarter of the steps, the validation part up to three eighths, the test part up to half of them,
    each larger than the one before, so that what was learnt by heart is of no use there: a network must count without a
    bound, as an LSTM's cell can and a GRU's state, between -1 and 1, cannot.

    Source: G. Weiss, Y. Goldberg and E. Yahav (2018), "On the practical computational power of finite precision RNNs
    for language recognition", arXiv 1805.04908: recognising aⁿbⁿ; here strings that are not in it are near misses.

    Args:
        source: Steps of the longest string, number of strings, seven tenths of them to train on, and seed.
    """
    random = np.random.default_rng(derive_seed("counting", source.seed))
    train, validation = source.sequences * 7 // 10, source.sequences * 15 // 100
    parts = (train, validation, source.sequences - train - validation)
    ends = (3, source.steps // 4, source.steps * 3 // 8 - 1, source.steps // 2 - 3)
    n = np.concatenate([random.integers(ends[at] + 1, ends[at + 1] + 1, count) for at, count in enumerate(parts)])
    answers = random.permutation(np.arange(source.sequences) % 3)
    m = n + (answers - 1) * random.integers(1, 4, source.sequences)
    lengths = (n + m).astype(np.int32)
    symbols = np.where(mask_of(n, source.steps), 0, 1)
    x = without_padding(np.eye(2, dtype=np.float32)[symbols], lengths)
    y = np.array(["fewer b", "as many", "more b"])[answers]
    return Sequences("generator counting", x, lengths, y, ("a", "b"), lambda at: f"sequence {at}", own_parts=parts)


def mnist1d(source: GeneratorSource) -> Sequences:
    """MNIST-1D: ten digits as lines of 40 points, scaled, moved, sheared and with noise; four fifths to train on.

    Source: S. Greydanus and D. Kobak (2024), "Scaling down deep learning with MNIST-1D", arXiv 2011.14439; made by
    their package.

    Args:
        source: Steps after which a line ends, number of sequences and seed; the paper's are 40, 5000 and 42.

    Raises:
        AbsentDataError: The package is not installed.
    """
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError:
        raise AbsentDataError(
            "generator mnist1d: the package 'mnist1d' is not installed: pip install \"lstm-gru-harness[data]\""
        ) from None
    arguments = get_dataset_args()
    arguments.num_samples, arguments.final_seq_length, arguments.seed = source.sequences, source.steps, source.seed
    with _global_random_states_kept():
        made = make_dataset(arguments)
    x = np.concatenate([made["x"], made["x_test"]]).astype(np.float32)[:, :, None]
    y = np.concatenate([made["y"], made["y_test"]])
    parts = (len(made["y"]), len(made["y_test"]))
    lengths = np.full(len(x), x.shape[1], np.int32)
    return Sequences("generator mnist1d", x, lengths, y, ("height",), lambda at: f"sequence {at}", own_parts=parts)


def copy_memory(source: GeneratorSource) -> Sequences:
    """Copy memory: ten symbols of eight, a long pause, a sign, and then the ten symbols again.

    Ten channels, one a symbol: nothing, the eight, and the sign. The answer of a step is its own symbol: nothing until
    the sign, and after it the ten symbols in their order. Saying nothing and then guessing costs a cross-entropy of
    10 ln 8 / steps a step.

    Source: S. Hochreiter and J. Schmidhuber (1997); in the form of M. Arjovsky, A. Shah and Y. Bengio (2016), "Unitary
    evolution recurrent neural networks", arXiv 1511.06464, section 5.1.

    Args:
        source: Steps, of which twenty are no pause, number of sequences and seed.

    Raises:
        DataError: There are fewer than 22 steps.
    """
    n, steps, length = source.sequences, source.steps, 10
    if steps < 2 * length + 2:
        raise DataError(f"generator copy_memory: steps = {steps}: expected at least {2 * length + 2}")
    random = np.random.default_rng(derive_seed("copy_memory", source.seed))
    kept = random.integers(1, 9, (n, length))
    symbols = np.zeros((n, steps), np.int64)
    symbols[:, :length] = kept
    symbols[:, -length - 1] = 9
    y = np.zeros((n, steps), np.int64)
    y[:, -length:] = kept
    channels = ("nothing", *numbered("symbol", 8), "sign")
    lengths = np.full(n, steps, np.int32)
    x = np.eye(10, dtype=np.float32)[symbols]
    return Sequences("generator copy_memory", x, lengths, y, channels, lambda at: f"sequence {at}")


@contextlib.contextmanager
def _global_random_states_kept() -> Iterator[None]:
    # The package seeds the global generators of Python and NumPy.
    python, legacy = random_module.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random_module.setstate(python)
        np.random.set_state(legacy)


GENERATORS: Mapping[str, Callable[[GeneratorSource], Sequences]] = {
    made.__name__: made for made in (adding, temporal_order, counting, mnist1d, copy_memory)
}
"""Every generator of numbers, by its name on configs."""
