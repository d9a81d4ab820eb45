"""The formats that a champion can be exported in, how a model is converted, and the ten lines that use it.

Each converter is the one that `keras.Model.export` calls; what is added here is what keeps the file usable: no
operation that the runtime has to be built with, no kernel of a GPU, names for what is free.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.disk import cannot_write, with_full_disk
from harness.errors import ExportError, UsageError
from harness.export.artifact import FILE as DESCRIPTION_FILE
from harness.export.artifact import write_model
from harness.records import Intervals
from harness.text import listed

if TYPE_CHECKING:
    import keras


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


def convert(model: keras.Model, kind: Format, folder: Path) -> None:
    """Write a model in a format.

    Args:
        model: A champion's model; from here on it uses no GPU's kernels.
        kind: The format.
        folder: An existing folder; the file has the format's own name.

    Raises:
        ExportError: The format cannot carry an operation, which the message names; or the file cannot be written.
    """
    file = folder / RUNTIMES[kind].file
    for layer in model._flatten_layers():  # cuDNN's kernels exist on a GPU only
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    try:
        with _quiet():
            match kind:
                case Format.KERAS:
                    write_model(model, file)
                case Format.SAVED_MODEL:
                    model.export(file, format="tf_saved_model", verbose=False)
                case Format.ONNX:
                    _onnx(model, file)
                case Format.LITERT:
                    _litert(model, file)
    except OSError as error:
        raise ExportError(f"{file}: {cannot_write(error, file.parent)}") from error
    except ExportError:
        raise
    except Exception as error:  # the converters raise what they like, bare Exception included
        reason = with_full_disk(_reason(error, RUNTIMES[kind].title), error, file.parent)
        raise ExportError(f"--format {kind.value}: {reason}") from error


def _onnx(model: keras.Model, file: Path) -> None:
    import numpy as np
    import onnx

    model([np.zeros([size or 1 for size in given.shape], given.dtype) for given in model.inputs])  # Keras insists
    model.export(file, format="onnx", verbose=False)
    proto = onnx.load(file)
    _rename(proto.graph, proto.graph.output[0].name, "prediction")
    for value in (*proto.graph.input, *proto.graph.output):
        for at, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.dim_param:  # such as unk__73
                dimension.dim_param = ("batch", "steps")[min(at, 1)]
    onnx.checker.check_model(proto)
    onnx.save(proto, file)


def _rename(graph: Any, old: str, new: str) -> None:
    for names in [names for node in graph.node for names in (node.input, node.output)]:
        for at, name in enumerate(names):
            if name == old:
                names[at] = new
    graph.output[0].name = new


def _litert(model: keras.Model, file: Path) -> None:
    """One sequence a call: with a batch that is free, a loop's list of states needs TensorFlow's own operations.

    Those (`FlexTensorListReserve`) are in no LiteRT runtime that one can install from a package registry.
    """
    import tensorflow as tf

    specs = [tf.TensorSpec((1, *given.shape[1:]), given.dtype, name=given.name) for given in model.inputs]
    signature = [specs] if len(specs) > 1 else specs
    built_in = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model.export(file, format="litert", verbose=False, input_signature=signature, target_spec=built_in)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converters' progress and deprecations off the screen."""
    from harness._tensorflow import closed_standard_error

    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), closed_standard_error():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


_OPERATIONS = (
    r"(?:TF Select ops|Custom ops|Flex ops): ([\w, ]+)",  # LiteRT's converter
    r"'?tf\.(\w+)'? op is neither a custom op nor a flex op",
    r"No Op registered for (\w+)",  # ONNX
)


def _reason(error: Exception, runtime: str) -> str:
    """Which operations a runtime lacks, where the converter's message says so; else the message's first line."""
    text = str(error)
    found = {
        name.strip() for pattern in _OPERATIONS for group in re.findall(pattern, text) for name in group.split(",")
    }
    if found:
        return f"{runtime} has no operation {', '.join(sorted(found))}; nothing was written"
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"the model cannot be converted: {first[:300]}"


FILE = "predict.py"
EXAMPLE_FILE = "example_input.json"

_TEMPLATE = '''\
"""Predicts with this folder's model; needs NumPy and {title}, nothing else.

{says}
"""

import json{settings}
from pathlib import Path

import numpy as np
{imports}

HERE = Path(__file__).parent
{load}


def predict({arguments}):
{body}

{intervals}
if __name__ == "__main__":
    print(predict(**json.loads((HERE / "{example}").read_text())))
'''

_IMPORTS = {
    # The proof was made on TensorFlow, whatever ~/.keras/keras.json says where it is run.
    Format.KERAS: 'os.environ["KERAS_BACKEND"] = "tensorflow"\nimport keras',
    Format.SAVED_MODEL: "import tensorflow as tf",
    Format.ONNX: "import onnxruntime",
    Format.LITERT: "from ai_edge_litert.interpreter import Interpreter",
}
_LOADS = {
    Format.KERAS: 'model = keras.saving.load_model(HERE / "{file}")',
    Format.SAVED_MODEL: 'model = tf.saved_model.load(HERE / "{file}")',
    Format.ONNX: 'model = onnxruntime.InferenceSession(HERE / "{file}", providers=["CPUExecutionProvider"])',
    Format.LITERT: 'model = Interpreter(model_path=str(HERE / "{file}")).get_signature_runner()',
}


_NUMBERS = '''
INTERVALS = json.loads((HERE / "{file}").read_text(encoding="utf-8"))["intervals"]


def interval(prediction, level):
    """Lower and upper bounds around predictions, of a level in percent: {levels}."""
    half = np.array(INTERVALS["half_widths"][str(level)])
    return prediction - half, prediction + half

'''
_MOVING = '''
INTERVALS = json.loads((HERE / "{file}").read_text(encoding="utf-8"))["intervals"]


def interval(prediction, level, x):
    """Lower and upper bounds around predictions from `x`, of a level in percent: {levels}."""
    by = INTERVALS["movement"]  # how much each target moved in the lookback, from step to step
    changes = np.abs(np.diff(np.asarray(x, "float64")[..., by["channels"]], axis=1))
    known = np.maximum((~np.isnan(changes)).sum(axis=1), 1)
    moved = np.nan_to_num(changes).sum(axis=1) / known + by["least"]
    half = np.array(INTERVALS["half_widths"][str(level)]) * moved[:, None]
    return prediction - half, prediction + half

'''
_CLASSES = '''
INTERVALS = json.loads((HERE / "{file}").read_text(encoding="utf-8"))["intervals"]


def interval(probabilities, level):
    """Which classes are in the prediction sets, of a level in percent: {levels}."""
    least = INTERVALS["least_probability"][str(level)]
    return probabilities >= np.minimum(least, probabilities.max(axis=-1, keepdims=True))

'''


def script(kind: Format, inputs: Mapping[str, str], says: str, intervals: Intervals | None = None) -> str:
    """A module with `predict`, and `interval` where there are any; run, it prints the example's prediction.

    Args:
        kind: Format of the model beside it.
        inputs: The model's inputs in order, each with its type in NumPy's words.
        says: What the rows and columns of a prediction are.
        intervals: The champion's; None where it has none.
    """
    runtime = RUNTIMES[kind]
    return _TEMPLATE.format(
        title=runtime.title,
        says=says,
        settings="\nimport os" if kind is Format.KERAS else "",
        imports=_IMPORTS[kind],
        load=_LOADS[kind].format(file=runtime.file),
        arguments=", ".join(inputs),
        body="\n".join(f"    {line}" for line in _body(kind, inputs)),
        example=EXAMPLE_FILE,
        intervals=_intervals(intervals),
    )


def _intervals(intervals: Intervals | None) -> str:
    if intervals is None:
        return ""
    template = _CLASSES if intervals.least_probability else _MOVING if intervals.movement else _NUMBERS
    return template.format(file=DESCRIPTION_FILE, levels=listed(intervals.levels, "or"))


def _body(kind: Format, inputs: Mapping[str, str]) -> list[str]:
    arrays = {name: f"np.{dtype}({name})" for name, dtype in inputs.items()}
    listed = ", ".join(arrays.values())
    positional = f"[{listed}]" if len(arrays) > 1 else listed
    match kind:
        case Format.KERAS if "float64" in inputs.values():  # of which `predict` would make 32 bits
            return [f"return np.asarray(model({positional}, training=False))"]
        case Format.KERAS:
            return [f"return model.predict({positional}, verbose=0)"]
        case Format.SAVED_MODEL:
            return [f"return model.serve({positional}).numpy()"]
        case Format.ONNX:
            named = ", ".join(f'"{name}": {array}' for name, array in arrays.items())
            return [f"return model.run(None, {{{named}}})[0]"]
        case Format.LITERT:
            one = ", ".join(f"{name}=one_{name}[None]" for name in arrays)
            names = ", ".join(f"one_{name}" for name in arrays)
            return [
                f"rows = {f'zip({listed})' if len(arrays) > 1 else listed}  # LiteRT takes one sequence at a time",
                f'return np.concatenate([model({one})["output_0"] for {names} in rows])',
            ]
