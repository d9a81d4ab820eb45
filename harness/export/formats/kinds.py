"""The formats that a champion can be exported in: names of files, and the packages that write and run them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version

from harness.errors import UsageError


class Format(StrEnum):
    """A format, by the word that `--format` takes."""

    KERAS = "keras"
    SAVED_MODEL = "saved-model"
    ONNX = "onnx"
    LITERT = "litert"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs a format.

    Attributes:
        title: Its name for people.
        file: Name of the model's file or folder.
        packages: Distributions that running it takes, beside NumPy.
        modules: Modules that writing and running it take, beside Keras's and TensorFlow's.
        extra: Extra of this package that brings them; empty where none is needed.
        oldest_keras: Oldest Keras that writes the format; empty where each that is allowed does.
    """

    title: str
    file: str
    packages: tuple[str, ...]
    modules: tuple[str, ...] = ()
    extra: str = ""
    oldest_keras: str = ""


RUNTIMES: Mapping[Format, Runtime] = {
    Format.KERAS: Runtime("Keras", "model.keras", ("keras", "tensorflow")),
    Format.SAVED_MODEL: Runtime("TensorFlow's SavedModel", "saved_model", ("tensorflow",)),
    Format.ONNX: Runtime("ONNX Runtime", "model.onnx", ("onnxruntime",), ("tf2onnx", "onnx", "onnxruntime"), "onnx"),
    Format.LITERT: Runtime("LiteRT", "model.tflite", ("ai-edge-litert",), ("ai_edge_litert",), "litert", "3.15"),
}


def require_packages(kind: Format) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        UsageError: With the command that installs them.
    """
    runtime = RUNTIMES[kind]
    missing = [name for name in runtime.modules if importlib.util.find_spec(name) is None]
    if runtime.oldest_keras and _numbers(version("keras")) < _numbers(runtime.oldest_keras):
        missing.append(f"Keras {runtime.oldest_keras} or later (this is {version('keras')})")
    if missing:
        raise UsageError(
            f"--format {kind.value}: needs {' and '.join(missing)}: pip install 'lstm-gru-harness[{runtime.extra}]'"
        )


def _numbers(text: str) -> tuple[int, ...]:
    """A version's first two numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])
