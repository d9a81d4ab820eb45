"""How TensorFlow is started in a process: quietly, and with XLA's compiles kept on disk. Knows nothing of the package.

Compiling is what most of a short sweep's time goes into. With `--tf_xla_persistent_cache_directory` a structure that
any worker of any sweep compiled before takes 1.3 s instead of 3.5 s. What is kept is native code, so the folder belongs
to the user alone and to this kind of processor and version of TensorFlow.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import logging
import os
import platform
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import NoReturn

CACHE_VARIABLE = "HARNESS_XLA_CACHE"
"""Environment variable with another folder for the compiles, or `off`."""

OWN_PROCESS_VARIABLE = "HARNESS_OWN_PROCESS"
"""Environment variable that says of a process that no user's code but a card's runs in it: a worker, a command."""

LARGEST_CACHE_BYTES = 500_000_000
"""What the folder may grow to; the compiles that were used longest ago go first. One takes about 1 MB."""

_NOT_NEEDED = ("matplotlib", "sklearn", "scipy", "pandas")
"""What Keras 3.15 imports at once for parts that are not used here: its pictures, its wrappers for scikit-learn, data
frames as inputs. It does without what is missing."""

_CANNOT_WRITE = 120
"""Python's own exit code where what was printed could not be written."""

_FLAG = "--tf_xla_persistent_cache_directory"


def load_tensorflow() -> None:
    """Import TensorFlow for the first time in this process.

    In a process of our own Keras is kept from importing what it can do without, 40 % of the time and 150 MB; other
    modules may import that afterwards. In a user's process, which may want all of Keras, it is not.

    Standard error is closed to it meanwhile: TensorFlow 2.21 writes eight lines about oneDNN and CUDA before it reads
    `TF_CPP_MIN_LOG_LEVEL`, from C++, so that only the file descriptor itself can keep them out. An exception of the
    import still gets through.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if (folder := cache_folder(os.environ)) and _FLAG not in os.environ.get("TF_XLA_FLAGS", ""):
        os.environ["TF_XLA_FLAGS"] = f"{os.environ.get('TF_XLA_FLAGS', '')} {_FLAG}={folder}".strip()
    with closed_standard_error(), _without(_NOT_NEEDED if OWN_PROCESS_VARIABLE in os.environ else ()):
        import keras
        import tensorflow  # noqa: F401

        keras.layers  # noqa: B018  (the rest of Keras, which TensorFlow brings only when it is asked for)
    # Every structure has a function of its own, which TensorFlow takes for retracing by mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def load_keras_tuner(*, gaussian: bool) -> ModuleType:
    """Import Keras Tuner, and TensorFlow with it, for the first time in this process.

    Args:
        gaussian: Whether its Bayesian oracle is to be used, which wants scikit-learn and SciPy. In a process of our
            own Keras Tuner is kept from importing them for another oracle; it does without, 0.9 s sooner, and such a
            process never asks for both.
    """
    load_tensorflow()
    with _without(() if gaussian or OWN_PROCESS_VARIABLE not in os.environ else _NOT_NEEDED):
        return importlib.import_module("keras_tuner")


def leave(code: int) -> NoReturn:
    """End this process with this code, after all that Python does at an exit but taking its modules apart.

    With TensorFlow and MLflow that takes a second in which nothing is done for anybody. As `multiprocessing` ends its
    processes.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads on, or the disk is full
        code = code or _CANNOT_WRITE
    os._exit(code)


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder for XLA's compiles, made when it is missing; None where none can be trusted, or none is wanted."""
    wanted = environment.get(CACHE_VARIABLE, "")
    if wanted == "off":
        return None
    caches = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(wanted).expanduser().absolute() if wanted else caches / "lstm-gru-harness" / "xla"
    folder = root / _kind_of_machine()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
        if about.st_uid != os.getuid() or about.st_mode & 0o022:
            return None  # somebody else could put native code there
        prune(folder, LARGEST_CACHE_BYTES)
    except OSError:
        return None
    return folder


def prune(folder: Path, largest_bytes: int) -> None:
    """Remove the files that were used longest ago until the rest is within the limit."""
    files = [(about.st_mtime, about.st_size, path) for path in folder.iterdir() if (about := _about(path))]
    size = sum(size for _, size, _ in files)
    for _, its, path in sorted(files):
        if size <= largest_bytes:
            return
        path.unlink(missing_ok=True)
        size -= its


def _about(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # another process removed it meanwhile
        return None


def _kind_of_machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        processor = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        processor = platform.processor()
    try:
        version = metadata.version("tensorflow")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return f"{version}-{hashlib.sha256(processor.encode()).hexdigest()[:12]}"


@contextmanager
def _without(names: Iterable[str]) -> Iterator[None]:
    """Let imports of these packages fail, unless they are there already."""
    absent = [name for name in names if name not in sys.modules]
    # Python's own word for a module that must not be imported; the type of `sys.modules` does not know it.
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def closed_standard_error() -> Iterator[None]:
    """Keep out what C++ writes to standard error, by closing the file descriptor itself."""
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
