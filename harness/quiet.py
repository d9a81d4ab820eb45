"""Loading TensorFlow without its chatter. Knows nothing of the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def load_tensorflow() -> None:
    """Import TensorFlow for the first time in this process, with standard error closed to it meanwhile.

    TensorFlow 2.21 writes eight lines about oneDNN and CUDA before it reads `TF_CPP_MIN_LOG_LEVEL`, from C++, so that
    only the file descriptor itself can keep them out. An exception of the import still gets through.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _closed_standard_error():
        import tensorflow  # noqa: F401


@contextmanager
def _closed_standard_error() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
