"""A Keras model → a file of another format, with that format's own operations only.

Each converter is the one that `keras.Model.export` calls; what is added here is what keeps the file usable: no
operation that the runtime has to be built with, no kernel of a GPU, names for what is free.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.disk import cannot_write, with_full_disk
from harness.errors import ExportError
from harness.export.formats.kinds import RUNTIMES, Format
from harness.export.modelfile import write_model

if TYPE_CHECKING:
    import keras

_FREE = ("batch", "steps")


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
    _forbid_cudnn(model)
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


def _forbid_cudnn(model: keras.Model) -> None:
    """Keep cuDNN's kernels, which exist on a GPU only, out of what is written."""
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False


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
                dimension.dim_param = _FREE[min(at, 1)]
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
    from harness.starting import closed_standard_error

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
