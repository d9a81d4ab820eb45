"""Writing a champion: a folder with one `.keras` file, its description and an example, whole or not at all.

No pickle: the scaling is inside the network, everything else is JSON or plain arrays.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.data.seen import Seen
from harness.disk import cannot_write
from harness.errors import ExportError
from harness.export.description import FILE, Description
from harness.export.modelfile import write_model

if TYPE_CHECKING:
    import keras

MODEL_FILE = "model.keras"
EXAMPLE_FILE = "example.npz"
SEEN_FILE = "trained_on.npz"


def save_champion(
    folder: Path,
    model: keras.Model,
    description: Description,
    example: Mapping[str, npt.NDArray[Any]],
    seen: Seen | None,
) -> None:
    """Save a champion; what was in the folder before is replaced only once everything is written.

    Args:
        folder: Where to.
        model: The exported model: raw values in, original units or probabilities out.
        description: What it is.
        example: A few sequences as the model takes them: `x` and, where lengths differ, `lengths`.
        seen: What it was trained and selected on; None where that cannot be told.

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
        if seen is not None:
            told = {"kind": np.array(seen.kind), "steps": np.array(seen.steps), "runs": seen.runs}
            np.savez(unfinished / SEEN_FILE, allow_pickle=False, **told)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except OSError as error:
        raise ExportError(f"{folder}: the model {cannot_write(error, folder.parent)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def read_seen(folder: Path) -> Seen | None:
    """What a saved champion was trained and selected on; None where it does not say, as those of 0.1.0 do not.

    Raises:
        ExportError: The file is damaged.
    """
    file = folder / SEEN_FILE
    if not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as told:
            return Seen(str(told["kind"]), int(told["steps"]), told["runs"].astype(np.uint64))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ExportError(f"{file}: is not what a model was trained on: {type(error).__name__}: {error}") from error
