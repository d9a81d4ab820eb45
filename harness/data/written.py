"""Texts and symbols made by rule or read from word lists: what `generator` sources give as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from harness.cards.schema import GeneratorSource
from harness.data.raw import Texts
from harness.data.sources.files import locate
from harness.records import derive_seed

SMALLEST_COUNT = 2


def first_names(_: GeneratorSource) -> Texts:
    """First names of the United States' census of 1990 and the sex that bears them; names of both are left out.

    Source: United States Census Bureau, in the package `names`.

    Raises:
        DataError: The package is not installed.
    """
    borne: dict[str, set[str]] = {}
    for sex in ("female", "male"):
        for line in locate(f"package:names/dist.{sex}.first").read_text("ascii").splitlines():
            borne.setdefault(line.split()[0].capitalize(), set()).add(sex)
    known = sorted((name, sexes.pop()) for name, sexes in borne.items() if len(sexes) == 1)
    both = len(borne) - len(known)
    texts, labels = zip(*known, strict=True)
    return Texts(
        "first names", texts, np.array(labels), lambda at: texts[at], notes=(f"{both} names of both sexes left out",)
    )


def powers(source: GeneratorSource, symbols: str) -> Texts:
    """Strings of n times each symbol and an end, such as `aaabbb.` for `ab`.

    The train part has n up to a quarter of what fits into `steps`, the validation part up to three eighths, the test
    part up to all: what comes after an `a` can only be guessed, but once the first `b` is there the rest follows from
    counting. Each part holds its n in equal shares, so parts have no string in common.

    Source: F. A. Gers and J. Schmidhuber (2001), "LSTM recurrent networks learn simple context-free and
    context-sensitive languages", IEEE Transactions on Neural Networks 12(6).

    Args:
        source: Steps of the longest string, number of strings, seven tenths of them to train on, and seed.
        symbols: The symbols.
    """
    random = np.random.default_rng(derive_seed(source.generator, source.seed))
    largest = max((source.steps - 1) // len(symbols), SMALLEST_COUNT + 3)
    ends = [SMALLEST_COUNT, max(largest // 4, SMALLEST_COUNT + 1), max(largest * 3 // 8, SMALLEST_COUNT + 2), largest]
    sizes = [source.sequences * 7 // 10, source.sequences * 15 // 100]
    sizes.append(source.sequences - sum(sizes))
    counts = [
        random.permutation(np.resize(np.arange(low if at == 0 else low + 1, high + 1), size))
        for at, (low, high, size) in enumerate(zip(ends[:-1], ends[1:], sizes, strict=True))
    ]
    texts = tuple("".join(symbol * n for symbol in symbols) + "." for n in np.concatenate(counts).tolist())
    where = f"generator {source.generator}"
    return Texts(where, texts, np.empty(0), lambda at: f"string {at}", own_parts=tuple(sizes))


WRITTEN: Mapping[str, Callable[[GeneratorSource], Texts]] = {
    "first_names": first_names,
    "anbn": lambda source: powers(source, "ab"),
    "anbncn": lambda source: powers(source, "abc"),
}
"""Every generator of texts, by its name on cards."""
