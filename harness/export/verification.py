"""Does a saved model give its logged test score again? The one place of export that compares scores.

A process of its own, and not a worker, because a worker may be this very process, or one that has trained and
knows custom objects, seeds and caches; here nothing is known but what stands in the folder. `python -P` keeps
the current folder off the import path, so that no file of the user's stands in for a library.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness._tensorflow import OWN_PROCESS_VARIABLE, settled_environment
from harness.config.tasks import ForecastTask
from harness.data import Part, cached_dataset, load_dataset
from harness.data.dataset import Values, Whole
from harness.data.load import read_panel
from harness.data.scaling import Floats
from harness.data.splits import unseen
from harness.errors import ExportError
from harness.export.artifact import Description, read_seen
from harness.export.inputs.forecasts import Batch
from harness.export.predictor import Champion, load_folder
from harness.export.stamps import Stamps
from harness.metrics import metric_of
from harness.records import Answer
from harness.records.serialization import Record

TOLERANCE = 1e-5


def test_batch(champion: Champion) -> tuple[Batch, Values]:
    """The test part of a champion's own dataset, as a batch, and the truth.

    Raises:
        DataError: The data is missing, changed or not what the config says.
    """
    config = champion.description.dataset_config
    part = load_dataset(config).test.open()
    if not isinstance(config.task, ForecastTask):
        return Batch(part.x, part.lengths, "sequence", tuple(part.rows.tolist()), future=part.future), part.y
    panel = read_panel(config, config.task)[0]
    of = [panel[place] for place in (np.zeros(len(part), np.int64) if part.series is None else part.series)]
    first = part.rows + config.task.lookback_steps
    stamps = []
    for series, row in zip(of, first - np.array([series.first_row for series in of]), strict=True):
        if series.stamps is not None:
            values = series.stamps.iloc[row : row + config.task.horizon_steps]
            stamps.append(Stamps(str(series.stamps.name), tuple(values)))
    names = tuple(series.name for series in of)
    label = config.task.id or "sequence"
    return Batch(part.x, part.lengths, label, names, tuple(stamps), part.future, rows=first + 1), part.y


def score_on(champion: Champion, part: Part) -> float:
    """A champion's score on a part of its dataset, in the objective's unit."""
    prediction = champion.predict(part.x, part.lengths, part.future)
    return score_of(champion.description, part.y, prediction, part.lengths)


def score_again(champion: Champion) -> float:
    """A champion's score on the part that its logged score was measured on.

    Raises:
        DataError: The data is missing, changed or not what the config says.
    """
    data = cached_dataset(champion.description.dataset_config)
    return score_on(champion, data.validation if champion.description.refit else data.test.open())


def score_of(description: Description, truth: Values, prediction: Floats, lengths: Whole) -> float:
    """The objective's score of predictions, padded steps apart.

    Args:
        description: Of the champion that made them.
        truth: As in a `Part`.
        prediction: In original units, or probabilities.
        lengths: Real steps of each sequence (n,).
    """
    metric = metric_of(description.dataset_config.task)
    return metric.of(truth, prediction, lengths if description.task.per_step else None)


def agrees(description: Description, score: float) -> bool:
    """Whether a score is the logged one again: to 1e-5 of it, or to 1e-6 of the targets' spread.

    The second for near-perfect predictions: another kernel adds 32-bit numbers in another order, which is
    more than 1e-5 of a very small error.

    Args:
        description: Whose logged score.
        score: The score to compare with it.
    """
    logged, smallest = description.logged_score, TOLERANCE
    if description.answer is Answer.NUMBERS:
        scale = max(description.scaling["output_scale"])
        smallest = 1e-6 * (scale**2 if description.metric == "mse" else scale)
    return logged is not None and math.isclose(score, logged, rel_tol=TOLERANCE, abs_tol=smallest)


def require_agreement(description: Description, score: float) -> None:
    """Refuse a model whose score is not the logged one.

    Raises:
        ExportError: The scores differ by more than 1e-5.
    """
    if not agrees(description, score):
        raise ExportError(
            f"{description.trial}: the exported model's {description.scored_part} {description.metric} is {score!r}: "
            f"expected the logged {description.logged_score!r}, to 1e-5"
        )


LIMIT_SECONDS = 900


class CleanProcess:
    """A process that has loaded nothing but this package and what it needs.

    It gets ready as soon as it is made, while the model that it is to prove may still be on its way. A context manager
    that ends the process when left.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.export"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**settled_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "3", OWN_PROCESS_VARIABLE: "1"},
            start_new_session=True,  # what a terminal sends is for this process to decide; it ends with its input
        )

    def verify(
        self, folder: Path, beside: Path | None = None, code: Sequence[Path] = ()
    ) -> tuple[float, Measured | None]:
        """The logged score that a champion's folder gives again there; once.

        Args:
            folder: A champion's folder, as `save_champion` wrote it or the registry handed it out.
            beside: Folder of another one, to be scored on the same test rows; None for none.
            code: Files of which that process may run those that the two models need.

        Returns:
            The score, and what both models score on the same rows; None where that was not asked for.

        Raises:
            ExportError: It cannot be loaded, or its dataset cannot, or it takes more than 15 minutes.
        """
        asked = json.dumps(
            {"folder": str(folder), "beside": str(beside) if beside else None, "code": [str(file) for file in code]}
        )
        try:
            output, errors = self._process.communicate(asked, timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ExportError(f"{folder}: verifying the model took more than {LIMIT_SECONDS} s") from None
        if self._process.returncode != 0:
            last = next((line for line in reversed(errors.splitlines()) if line.strip()), "no message")
            raise ExportError(f"{folder}: the model cannot be proved: {last}")
        answer = json.loads(output.splitlines()[-1])
        return float(answer["score"]), Measured.from_json(answer["measured"]) if answer["measured"] else None

    def __enter__(self) -> CleanProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            with suppress(ValueError, OSError):  # a thread that waits for its answer may be closing the same pipes
                self._process.communicate()


def verify(folder: Path, code: Sequence[Path] = ()) -> float:
    """The logged score, as a champion's folder gives it in a process that has loaded nothing else.

    Args:
        folder: As for `CleanProcess.verify`, as are the errors.
        code: As there.
    """
    with CleanProcess() as process:
        return process.verify(folder, code=code)[0]


FEWEST_CASES = 30
"""Windows or sequences below which two scores say nothing."""


@dataclass(frozen=True, slots=True)
class Measured(Record):
    """What two models score on one test part.

    Attributes:
        total: Cases of the test part: windows or sequences.
        cases: Those that the incumbent was neither trained nor selected on.
        incumbent: The score of the version that has the alias, on those; None where nothing was scored.
        challenger: The score of the version that is to have it, on the same.
        why_not: Why nothing was scored, in a few words; empty where it was, or where too few cases are left.
    """

    total: int = 0
    cases: int = 0
    incumbent: float | None = None
    challenger: float | None = None
    why_not: str = ""


def measure(challenger: Champion, folder: Path, code: Sequence[Path] = ()) -> Measured:
    """Score a model and the one that has its alias on the test rows of the first one's dataset.

    Rows that the other was trained on are left out.

    Args:
        challenger: The model whose dataset it is; it was verified.
        folder: The other's folder.
        code: Files of which it may run the one that the other needs.
    """
    try:
        return _measured(challenger, folder, code)
    except Exception as error:  # whatever an old model does, the new one is as good as it was verified to be
        first = next(iter(str(error).splitlines()), "")
        return Measured(why_not=f"{type(error).__name__}: {first}"[:300])


def _measured(challenger: Champion, folder: Path, code: Sequence[Path]) -> Measured:
    seen = read_seen(folder)
    if seen is None:
        return Measured(why_not="it does not say which rows it was trained on")
    config = challenger.description.dataset_config
    data = cached_dataset(config)
    part = data.test.open()
    fresh = unseen(data, config, part, seen)
    if fresh is None:
        return Measured(len(part), why_not="its windows or sequences are cut in another way")
    kept = part.at(np.flatnonzero(fresh))
    if len(kept) < FEWEST_CASES:
        return Measured(len(part), len(kept))
    predicted = load_folder(folder, code=code).predict(kept.x, kept.lengths, kept.future)
    # By the new one's metric for both: a function of the user's that the old one names may be gone.
    score = score_of(challenger.description, kept.y, predicted, kept.lengths)
    return Measured(len(part), len(kept), score, score_on(challenger, kept))
