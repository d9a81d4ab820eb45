"""How a process of ours begins: the same environment wherever it runs, TensorFlow quietly, XLA's compiles on disk.

What the user's environment says of TensorFlow, Keras and the numeric libraries may change scores or keep them from
starting, so that a process of ours takes from it only where it may run and how much it may use. Compiling is what most
of a short sweep's time goes into: with `--tf_xla_persistent_cache_directory` a structure that any worker of any sweep
compiled before takes 1.3 s instead of 3.5 s. What is kept is native code, so the folder is the user's alone, and for
this kind of processor and version of TensorFlow.
"""

from __future__ import annotations

import atexit
import grp
import hashlib
import importlib
import logging
import os
import platform
import pwd
import stat
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from harness.errors import UsageError
from harness.machine import installed_version

CACHE_VARIABLE = "HARNESS_XLA_CACHE"
"""Environment variable with another folder for the compiles, or `off`."""

OWN_PROCESS_VARIABLE = "HARNESS_OWN_PROCESS"
"""Environment variable that says of a process that no user's code but a config's runs in it: a worker, a command."""

LARGEST_CACHE_BYTES = 500_000_000
"""What the folder may grow to; the compiles that were used longest ago go first. One takes about 1 MB."""

NOT_NEEDED = ("matplotlib", "sklearn", "scipy", "pandas", "IPython")
"""What Keras 3.15 imports at once for parts that are not used here: its pictures, its wrappers for scikit-learn, data
frames as inputs. It does without what is missing."""

_CANNOT_WRITE = 120
"""Python's own exit code where what was printed could not be written."""

_CACHE_FLAG = "--tf_xla_persistent_cache_directory"

_DECIDING = (
    *("TF_", "TF2_", "TENSORFLOW_", "XLA_", "KERAS_", "NVIDIA_TF32"),
    *("ONEDNN_", "DNNL_", "MKL_", "OPENBLAS_", "NPY_"),
)
"""How the variables begin that say how TensorFlow, Keras and what is below them compute."""

_HARMLESS = frozenset(
    (
        *("KERAS_HOME", "TF_CPP_MIN_LOG_LEVEL", "TF_CPP_VMODULE", "TF_CPP_MAX_VLOG_LEVEL", "TF_CLI_CONFIG_FILE"),
        *("TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_PER_DEVICE_MEMORY_LIMIT_MB", "TF_CUDA_PATHS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    )
)
"""Those of them that say where something lies, what is printed, or how much memory and how many threads there are."""

_HARMLESS_XLA = ("--xla_gpu_cuda_data_dir=",)

_COMPUTES: Mapping[str, tuple[str, str]] = {
    "backend": ("tensorflow", "set KERAS_BACKEND=tensorflow before Keras is imported"),
    "floatx": ("float32", "call keras.config.set_floatx('float32'), or change it in keras.json"),
    "dtype_policy": ("float32", "call keras.config.set_dtype_policy('float32')"),
}
"""What Keras must say of itself, by the function of `keras.config` that says it, and what makes it say so."""


def settle() -> None:
    """Give this process, which is one of ours, its environment and three open standard streams.

    To be called before a numeric library is imported; may be called again.
    """
    os.environ.setdefault(OWN_PROCESS_VARIABLE, "1")
    _open_standard_streams()
    settled = settled_environment(os.environ)
    for name in os.environ.keys() - settled.keys():
        del os.environ[name]
    os.environ.update(settled)


def settled_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of ours: nothing in it changes what TensorFlow and Keras compute.

    Args:
        environment: The user's.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _HARMLESS or not name.upper().startswith(_DECIDING)
    }
    if flags := [flag for flag in environment.get("XLA_FLAGS", "").split() if flag.startswith(_HARMLESS_XLA)]:
        kept["XLA_FLAGS"] = " ".join(flags)
    return {**kept, "KERAS_BACKEND": "tensorflow"}


def load_tensorflow() -> None:
    """Import TensorFlow and Keras for the first time in this process, and see that Keras computes as it must.

    In a process of our own Keras is kept from importing what it can do without, 40 % of the time and 150 MB; other
    modules may import that afterwards. In a user's process, which may want all of Keras, it is not.

    Standard error is closed to it meanwhile: TensorFlow 2.21 writes eight lines about oneDNN and CUDA before it reads
    `TF_CPP_MIN_LOG_LEVEL`, from C++, so that only the file descriptor itself can keep them out. An exception of the
    import still gets through.

    Raises:
        UsageError: Keras was imported before, with another backend or other numbers than 32 bits.
    """
    if "keras" not in sys.modules or "tensorflow" not in sys.modules:
        own = OWN_PROCESS_VARIABLE in os.environ
        if own:
            settle()
        if "keras" not in sys.modules:
            os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if (folder := cache_folder(os.environ)) and _CACHE_FLAG not in os.environ.get("TF_XLA_FLAGS", ""):
            os.environ["TF_XLA_FLAGS"] = f"{_cache_flag(folder)} {os.environ.get('TF_XLA_FLAGS', '')}".strip()
        with closed_standard_error(), without(NOT_NEEDED if own else ()), _without_keras_json(own):
            import keras
            import tensorflow  # noqa: F401

            keras.layers  # noqa: B018  (the rest of Keras, which TensorFlow brings only when it is asked for)
        # Every structure has a function of its own, which TensorFlow takes for retracing by mistake.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _require_known_numbers()


def _require_known_numbers() -> None:
    """Refuse a Keras that a user's code has set to something else: scores would be others, or there would be none."""
    import keras

    for name, (expected, cure) in _COMPUTES.items():
        found = getattr(keras.config, name)()
        if (got := getattr(found, "name", found)) != expected:
            raise UsageError(f"Keras in this process has {name} = {got}: expected {expected}: {cure}")


def load_keras_tuner(*, gaussian: bool) -> ModuleType:
    """Import Keras Tuner, and TensorFlow with it, for the first time in this process.

    Args:
        gaussian: Whether its Bayesian oracle is to be used, which wants scikit-learn and SciPy. In a process of our
            own Keras Tuner is kept from importing them for another oracle; it does without, 0.9 s sooner, and such a
            process never asks for both.
    """
    load_tensorflow()
    with without(() if gaussian or OWN_PROCESS_VARIABLE not in os.environ else NOT_NEEDED):
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
    """The folder for XLA's compiles, made when it is missing; None where none can be trusted, or none is wanted.

    Args:
        environment: Of which `HARNESS_XLA_CACHE`, `XDG_CACHE_HOME` and `HOME` are read.

    Returns:
        A folder without links in its path that is this user's alone, so that nobody else can put native code there.
    """
    wanted = environment.get(CACHE_VARIABLE, "")
    if wanted == "off":
        return None
    try:
        # The specification of XDG_CACHE_HOME wants a relative one ignored.
        caches = Path(environment.get("XDG_CACHE_HOME", ""))
        if not caches.is_absolute():
            caches = Path.home() / ".cache"
        root = Path(wanted).expanduser().absolute() if wanted else caches / "lstm-gru-harness" / "xla"
        if not root.is_absolute():
            return None
        folder = root / _kind_of_machine()
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        folder = folder.resolve()
        if not _is_private(folder):
            return None
        folder.chmod(0o700)
        prune(folder, LARGEST_CACHE_BYTES)
    except (OSError, RuntimeError, ValueError):  # cannot be written; there is no home; no path at all
        return None
    return folder


def _is_private(folder: Path) -> bool:
    """Whether a folder is this user's, and nobody but root and this user can put another in its place."""
    us = os.geteuid()
    own, *above = (path.stat() for path in (folder, *folder.parents))
    return (
        own.st_uid == us
        and not _others_may_write(own)
        and all(
            about.st_uid in (0, us) and (not _others_may_write(about) or about.st_mode & stat.S_ISVTX)
            for about in above
        )
    )


def _others_may_write(about: os.stat_result) -> bool:
    if about.st_mode & stat.S_IWOTH:
        return True
    return bool(about.st_mode & stat.S_IWGRP) and not _is_own_group(about.st_gid)


def _is_own_group(number: int) -> bool:
    """Whether a group is the one of this user alone, by this user's name, that some systems make for everybody."""
    try:
        group, user = grp.getgrgid(number), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _cache_flag(folder: Path) -> str:
    """The flag that names the folder, quoted as XLA reads it: without quotes it is cut at the first blank."""
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'{_CACHE_FLAG}="{quoted}"'


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
    version = installed_version("tensorflow") or "unknown"
    return f"{version}-{hashlib.sha256(processor.encode()).hexdigest()[:12]}"


@contextmanager
def without(names: Iterable[str]) -> Iterator[None]:
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
def _without_keras_json(wanted: bool) -> Iterator[None]:
    """Keep Keras from reading `keras.json`, and from writing one into the user's home, while it is imported.

    It looks where `KERAS_HOME` says, and there is no file below a device.
    """
    before = os.environ.get("KERAS_HOME")
    if wanted:
        os.environ["KERAS_HOME"] = os.devnull
    try:
        yield
    finally:
        if before is not None:
            os.environ["KERAS_HOME"] = before
        elif wanted:
            del os.environ["KERAS_HOME"]


def _open_standard_streams() -> None:
    """Open what a service closed: else the next file to be opened would be standard output."""
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  (it stays open)


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
