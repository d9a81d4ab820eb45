"""Does an exported folder give the champion's outputs again, in its own runtime and without this package?

A process of its own runs the folder's own `predict.py` on the test rows, in one call and one row alone; where lengths
differ, also on a sequence of one step and on one that is longer than any in the data.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness._tensorflow import settled_environment
from harness.data import load_dataset
from harness.data.dataset import Values
from harness.data.scaling import Floats
from harness.errors import DataError, ExportError
from harness.export.artifact import Description
from harness.export.formats import isolated
from harness.export.inputs.batches import batch_of_arrays
from harness.export.inputs.forecasts import Batch
from harness.export.predictor import Champion
from harness.metrics import at_real_steps
from harness.records import Answer

TOLERANCE = 1e-4
"""Of a probability, or of the spread of the predictions."""

LIMIT_SECONDS = 900
LONGER_BY_STEPS = 7
MADE_UP_ROWS = 64
MADE_UP_STEPS = 32


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an exported model's outputs compare with the champion's.

    Attributes:
        rows: Sequences predicted for.
        source: What they are, in words.
        largest: Largest difference, as a share of `TOLERANCE`'s measure.
    """

    rows: int
    source: str
    largest: float


def rows_to_check(champion: Champion) -> tuple[Batch, str]:
    """The test rows of a champion's dataset, and what they are in words.

    Where the data is not here, rows drawn around the training part's means. Where lengths differ, two more: one of a
    single step, and one of more steps than any in the data.
    """
    description = champion.description
    try:
        part = load_dataset(description.dataset_config).test.open()
        x, lengths, future, source = part.x, part.lengths, part.future, f"the test rows of {description.name}"
    except DataError:
        x, future = _made_up(description)
        lengths = np.full(len(x), x.shape[1], np.int32)
        source = f"rows drawn at random, since the data of {description.name} is not here"
    if not description.masked:
        return batch_of_arrays(description, x, lengths, future), source
    longer = np.concatenate([x, x[:, :LONGER_BY_STEPS]], axis=1)
    ends = np.array([1, longer.shape[1]], np.int32)
    both = batch_of_arrays(description, np.concatenate([longer, longer[:2]]), np.concatenate([lengths, ends]))
    return both, f"{source}, one of a single step and one of {longer.shape[1]} steps"


def _made_up(description: Description) -> tuple[Values, Floats | None]:
    """Sequences, and what is known in advance of them."""
    random, steps = np.random.default_rng(0), description.steps or MADE_UP_STEPS
    if description.vocabulary:
        return random.integers(0, len(description.vocabulary), (MADE_UP_ROWS, steps), np.int32), None
    mean, scale = (np.array(description.scaling[name]) for name in ("input_mean", "input_scale"))
    drawn = random.normal(mean, scale, (MADE_UP_ROWS, steps + description.horizon_steps, len(mean))).astype(
        description.dtype
    )
    known = len(description.known)
    return drawn[:, :steps], drawn[:, -description.horizon_steps :, -known:] if known else None


def require_same_outputs(folder: Path, champion: Champion) -> Agreement:
    """Run an exported folder on its rows and compare.

    Raises:
        ExportError: It cannot be run, or its outputs are others.
    """
    batch, source = rows_to_check(champion)
    inputs = {name: getattr(batch, name) for name in champion.description.inputs}
    expected, got = champion.predict_batch(batch), _run(folder, inputs)
    spread: Any = 1.0  # of probabilities
    if champion.description.answer is Answer.NUMBERS:
        spread = np.std(expected.astype(np.float64), axis=tuple(range(expected.ndim - 1)))
    near = 1e-6 * float(np.finfo(expected.dtype).eps / np.finfo(np.float32).eps)
    measure = TOLERANCE * spread + near * np.abs(expected)
    shares = {
        "in one call": _worst(champion, batch, got["all"], expected, measure),
        "of one row": _worst(champion, batch, got["first"], expected, measure),
    }
    for name, worst in shares.items():
        if not worst <= 1:
            raise ExportError(
                f"its outputs {name} differ from the champion's by {worst * TOLERANCE:.2g} of their spread "
                f"on {source}: expected at most {TOLERANCE}"
            )
    return Agreement(len(expected), source, shares["in one call"] * TOLERANCE)


def _worst(champion: Champion, batch: Batch, outputs: Floats, expected: Floats, measure: Floats) -> float:
    """The largest difference in units of the measure, over as many rows as there are outputs."""
    rows = slice(0, len(outputs))
    if outputs.shape != expected[rows].shape:
        raise ExportError(f"its outputs have shape {outputs.shape}, expected {expected[rows].shape}")
    shares = np.abs(outputs - expected[rows]) / measure[rows]
    if champion.description.task.per_step:  # what is said of padding is nobody's
        shares = at_real_steps(shares, batch.lengths[rows])
    return float(np.max(shares))


def _run(folder: Path, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    with tempfile.TemporaryDirectory(prefix="harness-") as temporary:
        rows, out = Path(temporary, "rows.npz"), Path(temporary, "out.npz")
        np.savez(rows, allow_pickle=False, **dict(inputs))
        command = [sys.executable, "-I", str(Path(isolated.__file__)), str(folder), str(rows), str(out)]
        # As on a machine without settings of Keras's.
        quiet = {**settled_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": os.devnull}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT_SECONDS, stdin=subprocess.DEVNULL, env=quiet
            )
        except subprocess.TimeoutExpired:
            raise ExportError(f"running the exported model took more than {LIMIT_SECONDS} s") from None
        if done.returncode != 0:
            last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
            raise ExportError(f"the exported model does not run: {last[:300]}")
        with np.load(out, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
