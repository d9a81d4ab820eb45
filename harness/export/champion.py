"""Writing a champion: a folder with one `.keras` file, its description and an example, whole or not at all.

No pickle: the scaling is inside the network, everything else is JSON or plain arrays.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.errors import ExportError
from harness.export.description import FILE, Description
from harness.export.modelfile import write_model

if TYPE_CHECKING:
    import keras

MODEL_FILE = "model.keras"
EXAMPLE_FILE = "example.npz"


def save_champion(
    folder: Path, model: keras.Model, description: Description, example: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Save a champion; what was in the folder before is replaced only once everything is written.

    Args:
        folder: Where to.
        model: The exported model: raw values in, original units or probabilities out.
        description: What it is.
        example: A few sequences as the model takes them: `x` and, where lengths differ, `lengths`.

    Raises:
        ExportError: The folder cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
        write_model(model, unfinished / MODEL_FILE)
        text = json.dumps(description.to_json(), indent=2, ensure_ascii=False)
        (unfinished / FILE).write_text(text, encoding="utf-8")
        np.savez(unfinished / EXAMPLE_FILE, allow_pickle=False, **dict(example))
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except OSError as error:
        raise ExportError(f"{folder}: the model cannot be saved there: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
