"""What can go wrong on purpose, as one tree.

Everything that this package raises knowingly descends from `HarnessError`; its message is one line that names the
file and the key, the value got, what was expected, and the nearest names. The command line prints it without a
traceback and leaves with the error's `exit_code`.

    HarnessError                     exit 1: it failed
    ├── UsageError                   exit 2: wrong use
    │   ├── ConfigError                a config is unknown, broken or contradicts itself
    │   ├── DataError                data is missing, changed or not what its config says
    │   │   └── AbsentDataError      it is in order, but has to be installed, downloaded or pointed at first
    │   └── TableError               a table of scores cannot be decided from
    ├── ExecutorError                  workers could not be started or were lost for good
    ├── JournalError                 a sweep's journal cannot be used: it is locked or contradicts itself
    │   ├── DamagedError             it is damaged: only a copy brings it back
    │   └── SealedError              a test score was asked for before the searches of its dataset closed
    ├── DiskError                    the disk is full, or a folder cannot be written
    ├── ReplayError                  a search replayed from its journal did not give the same trials again
    ├── StoreError                   MLflow's store cannot be used
    │   └── AccessError              its server does not know the user, or the user may not do this there
    ├── ExportError                  a model could not be saved, loaded or verified
    └── Interrupted                  exit 130: the user ended it; says how to go on
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NEEDS_POSIX = "Windows lacks the locks and signals that this package needs; run it in WSL 2 (`wsl --install`)"
"""What a start on plain Windows is answered."""


class HarnessError(Exception):
    """Anything this package raises on purpose."""

    exit_code = 1


class UsageError(HarnessError):
    """The request itself is wrong: nothing was started and nothing was written."""

    exit_code = 2


class ConfigError(UsageError):
    """A config is unknown, broken or contradicts itself."""


class DataError(UsageError):
    """Data is missing, changed or not what its config says."""


class AbsentDataError(DataError):
    """Data is not on this machine: it has to be installed, downloaded or pointed at first."""


class TableError(UsageError):
    """A table of scores cannot be decided from."""


class ExecutorError(HarnessError):
    """Workers could not be started or were lost for good."""


class JournalError(HarnessError):
    """A sweep's journal cannot be used: it cannot be read now, is locked or contradicts itself."""


class DamagedError(JournalError):
    """A sweep's journal is damaged: only a copy brings it back."""


class SealedError(JournalError):
    """A test score was asked for before the searches of its dataset closed."""


class DiskError(HarnessError):
    """The disk is full, or a folder cannot be written."""


class ReplayError(HarnessError):
    """A search replayed from its journal did not give the same trials again."""


class StoreError(HarnessError):
    """MLflow's store cannot be used."""


class AccessError(StoreError):
    """MLflow's server does not know the user, or the user may not do this there."""


class ExportError(HarnessError):
    """A model could not be saved, loaded or verified."""


class Interrupted(HarnessError):
    """The user ended it; the message says how to go on."""

    exit_code = 130


MOST_NAMES = 12
"""Names that an error lists where none is near."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that close an error about an unknown name.

    Args:
        name: What was asked for.
        known: What there is.

    Returns:
        `Did you mean a, b?` with at most three near names, else `Known: …` with the first dozen, else an empty text
        when nothing is known.
    """
    names = sorted({name if name == name.strip() else repr(name) for name in known})
    if near := difflib.get_close_matches(name, names, n=3, cutoff=0.5):
        return f"Did you mean {', '.join(near)}?"
    more = f", … ({len(names)} in all)" if len(names) > MOST_NAMES else ""
    return f"Known: {', '.join(names[:MOST_NAMES])}{more}" if names else ""
