"""A champion → the best baseline that its sweep scored, fitted again: the same data, seed and settings."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.baselines import refit
from harness.data import load_dataset
from harness.errors import DataError, ExportError, UsageError
from harness.export.build import calibrated
from harness.export.predictor import Champion
from harness.export.verification import score_on
from harness.models import NetworkShape, shape_for_export
from harness.records import BaselineScore, derive_seed

TOLERANCE = 1e-3
"""What a score may differ by from the recorded one, as a share of it: 32-bit sums of other programs, other machines."""


def best_baseline(champion: Champion) -> Champion:
    """The best baseline of a champion's sweep, by its validation score, as a model that predicts as a champion does.

    Of a champion that does not say which one was the best, all baselines that the sweep scored are fitted again, to
    be chosen from as the sweep chose.

    Args:
        champion: One that a sweep made.

    Raises:
        UsageError: No baseline was scored, or the best one is no model that could be written.
        DataError: The data is missing or changed.
        ExportError: The refitted baseline, or its model, does not give the recorded test score again.
    """
    from harness.export.baselines.graphs import graph_of
    from harness.export.baselines.reasons import NoGraph

    description = champion.description
    recorded, config = description.evidence.get("baselines", {}), description.dataset_config
    if not recorded:
        raise UsageError(f"{champion.where}: no baseline was scored beside it: expected a champion of a sweep")
    if config.split.folds is not None:
        raise UsageError(
            f"{champion.where}: baselines of a rolling split are not exported: their scores are means over "
            f"{config.split.folds} models"
        )
    data = load_dataset(config)
    if data.facts.digest != description.digest:
        raise DataError(f"{config.name}: the data changed: digest {data.facts.digest}, expected {description.digest}")
    known = description.evidence.get("best_baseline")
    fitted = {score.name: (score, made) for score, made in refit(data, [known] if known else recorded)}
    best = BaselineScore.best([score for score, _ in fitted.values()], data.objective)
    if best is None:
        raise ExportError(f"{champion.where}: none of its baselines can be fitted here: {', '.join(recorded)}")
    _require_agreement(champion, best.name, best.test_score, recorded[best.name], "fitted again, it")
    try:
        model = graph_of(fitted[best.name][1].predict, data, shape := shape_for_export(NetworkShape.of(data)))
    except NoGraph as why:
        raise UsageError(f"{champion.where}: the best baseline, {best.name}, cannot be exported: {why}") from None
    evidence = {
        **description.evidence,
        "why": f"it is the best baseline of the sweep by its validation score, {best.validation_score:.6g}",
        "details": [],
        "recommendation": None,
    }
    written = replace(
        description,
        family=best.name,
        arm="baseline",
        trial=f"{config.name}/baseline",
        seed=derive_seed("baselines", config.name),
        values={},
        space={},
        masked=shape.masked,
        steps=shape.steps,
        evidence=evidence,
        test_score=best.test_score,
        intervals=None,
        refit=False,
        seen_score=None,
        code="",
        code_sha256="",
    )
    found, test = Champion(written, model, f"{champion.where}, {best.name}"), data.test.open()
    score = score_on(found, test)
    _require_agreement(champion, best.name, score, recorded[best.name], "as a model, it")
    written = replace(written, test_score=score)
    if not data.task.per_step:
        said = found.predict(test.x, test.lengths, test.future)
        written = replace(written, intervals=calibrated(data, found, test, said))
    return replace(found, description=written)


def _require_agreement(champion: Champion, name: str, score: float, recorded: float, what: str) -> None:
    if not math.isclose(score, recorded, rel_tol=TOLERANCE, abs_tol=1e-9):
        raise ExportError(
            f"{champion.where}: the best baseline, {name}: {what} has the test {champion.description.metric} "
            f"{score:.8g}: expected the recorded {recorded:.8g}"
        )
