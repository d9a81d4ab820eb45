"""The ten lines of Python that use an exported folder without this package; they are also what proves it."""

from __future__ import annotations

from collections.abc import Mapping

from harness.export.formats.kinds import RUNTIMES, Format

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


def script(kind: Format, inputs: Mapping[str, str], says: str) -> str:
    """A module with one function, `predict`, that prints the example's prediction when it is run.

    Args:
        kind: Format of the model beside it.
        inputs: The model's inputs in order, each with its type in NumPy's words.
        says: What the rows and columns of a prediction are.
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
    )


def _body(kind: Format, inputs: Mapping[str, str]) -> list[str]:
    arrays = {name: f"np.{dtype}({name})" for name, dtype in inputs.items()}
    listed = ", ".join(arrays.values())
    positional = f"[{listed}]" if len(arrays) > 1 else listed
    match kind:
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
