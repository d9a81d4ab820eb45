"""(Configs, hyperparameters, saved weights) → a champion's folder: the function that a worker runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import Part, SequenceData, cached_dataset
from harness.data.scaling import Floats
from harness.data.splits import seen_by
from harness.errors import DataError, ExportError, UsageError
from harness.export.artifact import Description, save_champion, versions_of
from harness.export.diagnostics import diagnose
from harness.export.intervals import calibrate_classes, calibrate_numbers, coverage_of
from harness.export.predictor import Champion
from harness.export.verification import require_agreement, score_of
from harness.records import Answer, Intervals, TaskKind, TrialRequest
from harness.user_code import file_of

if TYPE_CHECKING:
    import keras

    from harness.models import NetworkShape

EXAMPLE_SEQUENCES = 2

_SAME = ("channels", "targets", "classes", "horizon_steps", "multi_label", "vocabulary", "known", "series")
"""What a description says as its dataset does."""


def build_champion(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Put saved weights into a network, wrap it, prove its test score and save it.

    Args:
        plain: `dataset` and `space` (configs), `request` (the trial's `TrialRequest`), `weights` (path of an
            `.npz` with the weights as `arr_0`, `arr_1`, … in the order of `model.get_weights()`), `folder`
            (where to), `test_score` (the logged one; None for a refitted model, which has `seen_score`),
            `sweep_id`, `digest` (of the data the sweep began with), and `evidence` (the comparison's, for the
            model card).

    Returns:
        `folder`; `test_score`, the wrapped model's, or a refitted one's on the validation part; and `diagnostics`,
        plain values of what it does on the test part, None for a refitted model.

    Raises:
        DataError: The data is not what the sweep began with.
        ExportError: The weights are missing or do not fit, the folder cannot be written, or the wrapped model
            does not give the logged test score again.
    """
    config, space = DatasetConfig.model_validate(plain["dataset"]), SearchSpace.model_validate(plain["space"])
    request = TrialRequest.from_json(plain["request"])
    data = cached_dataset(config)
    if data.facts.digest != plain["digest"]:
        raise DataError(f"{config.name}: the data changed: digest {data.facts.digest}, expected {plain['digest']}")
    model, shape = _model(data, space, request, Path(plain["weights"]))
    description = _describe(data, config, space, request, plain, shape)
    code, code_sha256 = _code_of(model, space)
    description = replace(description, code=code, code_sha256=code_sha256)
    test = data.test.open()
    # A refitted model's test part stays unseen: it is known again by its score on rows that it was trained on.
    champion, scored = Champion(description, model), data.validation if description.refit else test
    prediction = champion.predict(scored.x, scored.lengths, scored.future)
    score = score_of(description, scored.y, prediction, scored.lengths)
    if not (description.refit or data.task.per_step):
        description = replace(description, intervals=calibrated(data, champion, test, prediction))
    # The trial's score is the mean over all divisions, the model the last one's.
    if config.split.folds is not None and not description.refit:
        description = replace(description, test_score=score)
    require_agreement(description, score)
    example = {name: getattr(test, name)[:EXAMPLE_SEQUENCES] for name in description.inputs}
    text = file_of(str(space.build))[0].read_text(encoding="utf-8") if code else ""
    save_champion(Path(plain["folder"]), model, description, example, seen_by(data, config), text)
    diagnostics = None
    if not description.refit:
        diagnostics = diagnose(
            description, test.x, test.lengths, prediction, test.y, first_rows=test.rows.tolist()
        ).to_json()
    return {"folder": plain["folder"], "test_score": score, "diagnostics": diagnostics}


def calibrated(data: SequenceData, champion: Champion, test: Part, tested: Floats) -> Intervals:
    """Intervals of the validation part's errors, and what they cover of the test part, of which `tested` was said."""
    part = data.validation
    predicted, cases = champion.predict(part.x, part.lengths, part.future), data.cases_apart(part)
    if data.answer is Answer.NUMBERS:
        found = calibrate_numbers(part.y, predicted, cases, part.x, data.target_channels)
    else:
        found = calibrate_classes(part.y, predicted, cases)
    return replace(found, coverage=coverage_of(found, test.y, tested, data.cases_apart(test), test.x))


def _model(
    data: SequenceData, space: SearchSpace, request: TrialRequest, weights: Path
) -> tuple[keras.Model, NetworkShape]:
    from harness.models import NetworkShape, shape_for_export, wrap_for_export
    from harness.training.trial import load_weights

    shape = shape_for_export(NetworkShape.of(data))
    try:
        network, shape = _network(shape, NetworkShape.of(data), space, request)
        network.set_weights(load_weights(weights))
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(f"{weights}: expected the weights of trial {request.key}: {error}") from error
    return wrap_for_export(network, shape, data.scaling), shape


def _network(
    wanted: NetworkShape, trained: NetworkShape, space: SearchSpace, request: TrialRequest
) -> tuple[keras.Model, NetworkShape]:
    """The network for sequences of any length; one for those of the trials where the family knows no other."""
    from harness.models import build_network

    try:
        return build_network(wanted, space, request.values), wanted
    except (UsageError, ValueError):
        if space.layer is not None or wanted == trained:
            raise
        return build_network(trained, space, request.values), trained


def _code_of(model: keras.Model, space: SearchSpace) -> tuple[str, str]:
    """The file of the user's that loading the model needs, and its digest; empty where all its layers are Keras's."""
    from harness.models.adapt import custom_layers

    if space.build is None or not custom_layers(model):
        return "", ""
    return file_of(space.build)[0].name, space.code_sha256


def _describe(
    data: SequenceData,
    config: DatasetConfig,
    space: SearchSpace,
    request: TrialRequest,
    plain: Mapping[str, Any],
    shape: NetworkShape,
) -> Description:
    versions = versions_of(("keras", "tensorflow", "numpy", "lstm-gru-harness"))
    steps = -1 if shape.steps is None else shape.steps
    inputs: dict[str, tuple[int, ...]] = {
        "x": (-1, steps) if shape.vocabulary else (-1, steps, shape.channels),
        "lengths": (-1,),
        "future": (-1, shape.horizon_steps, shape.known_channels),
    }
    numbers = ("input_mean", "input_scale", "output_mean", "output_scale")
    return Description(
        name=config.name,
        title=data.facts.title,
        task=data.task,
        family=request.family,
        arm=request.key.family,
        sweep_id=plain["sweep_id"],
        trial=str(request.key),
        seed=request.seed,
        values=dict(request.values),
        metric=data.objective.metric,
        direction=data.objective.direction,
        unit=data.objective.unit,
        test_score=plain["test_score"],
        masked=shape.masked,
        steps=shape.steps,
        scaling={name: tuple(getattr(data.scaling, name).tolist()) for name in numbers},
        digest=data.facts.digest,
        license=data.facts.license,
        card=as_read(config, data).model_dump(mode="json"),
        space=space.model_dump(mode="json"),
        inputs={name: inputs[name] for name in shape.inputs},
        output=_output(shape),
        requirements=tuple(f"{name}=={versions[name]}" for name in ("keras", "tensorflow")),
        versions=versions,
        evidence=plain.get("evidence", {}),
        refit="seen_score" in plain,
        seen_score=plain.get("seen_score"),
        dtype=str(np.result_type(data.scaling.input_mean, data.scaling.output_mean)),
        **{name: getattr(data, name) for name in _SAME},
    )


def as_read(config: DatasetConfig, data: SequenceData) -> DatasetConfig:
    """The config, with what reading the training data decided, so that `predict` never decides again."""
    if not data.time_format:
        return config
    return config.model_copy(update={"source": config.source.model_copy(update={"time_format": data.time_format})})


def _output(shape: NetworkShape) -> tuple[int, ...]:
    if shape.task is TaskKind.FORECAST:
        return (-1, shape.horizon_steps, shape.outputs)
    if shape.task.per_step:
        return (-1, -1, shape.outputs)
    return (-1, shape.outputs)
