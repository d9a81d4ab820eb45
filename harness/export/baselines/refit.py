"""A champion → the best baseline that its sweep scored, fitted again: the same data, seed and settings."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.baselines import refit
from harness.data import load_dataset
from harness.errors import DataError, ExportError, UsageError, nearest
from harness.export.build import calibrated
from harness.export.predictor import Champion
from harness.export.verification import score_on
from harness.models import NetworkShape, shape_for_export
from harness.records import BaselineScore, derive_seed

TOLERANCE = 1e-3
"""What a score may differ by from the recorded one, as a share of it: 32-bit sums of other programs, other machines."""


def best_baseline(champion: Champion, named: str | None = None) -> Champion:
    """The best baseline of a champion's sweep, by its validation score, as a model that predicts as a champion does.

    Of a champion that does not say which one was the best, all baselines that the sweep scored are fitted again, to
    be chosen from as the sweep chose.

    Args:
        champion: One that a sweep made.
        named: Name of another baseline of that sweep, in place of the best one.

    Raises:
        UsageError: No baseline was scored, none has that name, or it is no model that could be written.
        DataError: The data is missing or changed.
        ExportError: The refitted baseline, or its model, does not give the recorded test score again.
    """
    from harness.export.baselines.graphs import graph_of
    from harness.export.baselines.reasons import LOOKS_UP, NO_FORMULA, NoGraph

    description = champion.description
    recorded, config = description.evidence.get("baselines", {}), description.dataset_config
    if not recorded:
        raise UsageError(f"{champion.where}: no baseline was scored beside it: expected a champion of a sweep")
    if config.split.folds is not None:
        raise UsageError(
            f"{champion.where}: baselines of a rolling split are not exported: their scores are means over "
            f"{config.split.folds} models"
        )
    if named is not None and named not in recorded:
        raise UsageError(
            f"{champion.where}: --baseline-named {named!r}: expected a baseline of its sweep. "
            f"{nearest(named, recorded)}"
        )
    known = named or description.evidence.get("best_baseline")
    if known in NO_FORMULA:
        raise UsageError(_refusal(champion, known, named, LOOKS_UP))
    data = load_dataset(config)
    if data.facts.digest != description.digest:
        raise DataError(f"{config.name}: the data changed: digest {data.facts.digest}, expected {description.digest}")
    fitted = {score.name: (score, made) for score, made in refit(data, [known] if known else recorded)}
    best = BaselineScore.best([score for score, _ in fitted.values()], data.objective)
    if best is None:
        raise ExportError(f"{champion.where}: none of its baselines can be fitted here: {', '.join(recorded)}")
    _require_agreement(champion, best.name, best.test_score, recorded[best.name], "fitted again, it")
    try:
        model = graph_of(fitted[best.name][1].predict, data, shape := shape_for_export(NetworkShape.of(data)))
    except NoGraph as why:
        raise UsageError(_refusal(champion, best.name, named, str(why))) from None
    evidence = {
        **description.evidence,
        "why": f"it is the best baseline of the sweep by its validation score, {best.validation_score:.6g}"
        if named is None
        else f"it was asked for by its name; its validation score is {best.validation_score:.6g}",
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


def _refusal(champion: Champion, name: str, named: str | None, why: str) -> str:
    """That a baseline cannot be exported, and which other one of the sweep may be, the best by its test score."""
    from harness.export.baselines.reasons import NO_FORMULA

    description = champion.description
    recorded, sign = description.evidence["baselines"], description.direction.sign
    others = [one for one in recorded if one not in NO_FORMULA and one != name]
    which = "the best baseline" if named is None else "the baseline"
    told = f"{champion.where}: {which}, {name}, cannot be exported: {why}"
    if not others:
        return told
    next_best = min(others, key=lambda one: sign * recorded[one])
    score = f"test {description.metric} {recorded[next_best]:.6g}"
    if name in recorded:
        score += f", not {recorded[name]:.6g}"
    score += f" {description.unit}" if description.unit else ""
    return f'{told}; the best of the others is {next_best} ({score}): --baseline-named "{next_best}"'


def _require_agreement(champion: Champion, name: str, score: float, recorded: float, what: str) -> None:
    if not math.isclose(score, recorded, rel_tol=TOLERANCE, abs_tol=1e-9):
        raise ExportError(
            f"{champion.where}: the baseline {name}: {what} has the test {champion.description.metric} "
            f"{score:.8g}: expected the recorded {recorded:.8g}"
        )
