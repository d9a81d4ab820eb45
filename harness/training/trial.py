"""One trial, from plain values to plain values: what a worker runs; and a refit of a champion on more data.

Nothing is left to stop it early with: it takes the epochs that early stopping found. The scaling stays the training
part's, so that what an epoch sees differs from the search by the rows that were added and nothing else.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.cases import joined
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data.splits import of_fold
from harness.disk import replacing
from harness.machine import here, processor, threads, to_write
from harness.models.network import setting
from harness.notes import tell
from harness.records import (
    PRUNING_BEGINS,
    FailureKind,
    Objective,
    SealedScore,
    TaskKind,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    Value,
    derive_seed,
)
from harness.training.batches import DataPart, FloatArray, together
from harness.training.cache import Prepared, Trainer, prepare, prepare_folds, read_space, trainer_for
from harness.training.evaluate import test_score, validation_score
from harness.training.loop import State, TrialHyperparameters
from harness.training.temperature import divided, temperature_of
from harness.training.told import Told, worker_name


@dataclass(slots=True)
class Fit:
    """How training goes: the best epoch so far and the curves; and what its logits are divided by in the end."""

    best_score: float = math.nan
    best_epoch: int = 0
    best_weights: list[FloatArray] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    trained: int = 0
    pruned: bool = False
    last: State | None = None
    temperature: float = 1.0


def run_trial(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Train once; on each division of a rolling split, whose scores are the means over them.

    Of several divisions the curves, the best epoch and the weights are the last one's, which has the most to train on.

    Args:
        plain: `request` (a `TrialRequest`), `dataset` (its config as JSON text), `spaces` (those of each family too),
            `digest` (of the data the sweep began with), `weights_to` (path of an `.npz` for the best epoch's weights,
            or None), and for trials that others go on with `state_to` and `state_from` (paths of `.npz`s for where
            training ended and where it goes on; a training whose beginning is gone is done from its beginning, and
            comes to the same).

    Returns:
        `trial`, a `TrialRecord` that says nothing of the test part, and `sealed`, a `SealedScore`, which is None when
        the trial failed.

    Raises:
        DataError: The data is not what the sweep began with.
        MemoryError: TensorFlow could not get the memory that it asked for.
    """
    request = TrialRequest.from_json(plain["request"])
    space = read_space(plain["spaces"][request.family])
    started_at = time.time()
    folds = prepare_folds(plain["dataset"], plain["digest"])
    tell({"worker": worker_name(), "started_at": started_at, "divisions": len(folds)})
    done = [_train_on(prepared, space, request, plain, fold) for fold, prepared in enumerate(folds)]
    record, sealed = _mean_of(done)
    record = replace(record, started_at=started_at, processor=processor(), threads=threads())
    return {"trial": record, "sealed": sealed}


def _train_on(
    prepared: Prepared, space: SearchSpace, request: TrialRequest, plain: Mapping[str, Any], fold: int
) -> tuple[TrialRecord, SealedScore | None]:
    with _want_of_memory_named():
        trainer, values = trainer_for(prepared, space, request.values, request.epochs)
        compile_seconds = trainer.prepare(prepared.train, prepared.validation)
        started = time.perf_counter()
        earlier = load_state(here(of_fold(path, fold))) if (path := plain.get("state_from")) else None
        fit = train(prepared, trainer, replace(request, values=values), earlier)
        if request.calibrate and fit.best_epoch and prepared.data.task is TaskKind.CLASSIFY:
            calibrate(prepared, trainer, fit)
        fit_seconds, sealed = time.perf_counter() - started, None
        if fit.best_epoch:
            score, cases = test_score(prepared, trainer)
            sealed = SealedScore(request.key, score, cases) if math.isfinite(score) else None
    # A full disk is no failure of the trial: what is missing is trained again when it is needed.
    with contextlib.suppress(OSError):
        if sealed and (path := plain.get("weights_to")):
            save_weights(to_write(path), fit.best_weights)
        if fit.last and (path := plain.get("state_to")):
            done = np.array([fit.last.batches, fit.trained])
            last = [fit.last.weights, fit.last.slots, done, *fit.last.kept]
            save_weights(to_write(of_fold(path, fold)), last)
    record = _record(request, trainer, prepared, fit, failed=sealed is None)
    return replace(record, fit_seconds=fit_seconds, compile_seconds=compile_seconds), sealed


def _mean_of(done: Sequence[tuple[TrialRecord, SealedScore | None]]) -> tuple[TrialRecord, SealedScore | None]:
    """One record for all divisions: failed where one failed, else with mean scores; with what they spent together."""
    if len(done) == 1:
        return done[0]
    records, sealed = [record for record, _ in done], [score for _, score in done if score is not None]
    spent = {
        name: sum(getattr(record, name) for record in records)
        for name in ("epochs", "gradient_steps", "fit_seconds", "compile_seconds")
    }
    if failed := next((record for record in records if record.status is TrialStatus.FAILED), None):
        return replace(failed, **spent), None
    score = math.fsum(record.validation_score or 0.0 for record in records) / len(records)
    test = math.fsum(score.test_score for score in sealed) / len(sealed)
    return replace(records[-1], validation_score=score, **spent), SealedScore(
        records[0].key, test, joined([one.cases for _, one in done if one])
    )


def train(prepared: Prepared, trainer: Trainer, request: TrialRequest, earlier: tuple[State, int] | None = None) -> Fit:
    """Train until the validation score has not improved for `patience_epochs`, or all epochs are done.

    Everything random derives from the request's seed and the epoch's number: initial weights, batch order, dropout.
    Ends at once when a loss or score is not finite; the fit then has `best_epoch` 0. Ends too when the best score is
    worse than the request's floor.

    Args:
        prepared: The data.
        trainer: What trains the network.
        request: What to train.
        earlier: Where an earlier trial with this seed ended, and after how many epochs.
    """
    values, fit = request.values, Fit()
    batches = -(-len(prepared.train) // trainer.batch_size)
    hyperparameters = trial_hyperparameters(values, request.epochs * batches)
    trainer.reset(trainer.network.initial_weights(derive_seed(request.seed, "weights")))
    if earlier:
        trainer.resume(earlier[0])
    fit.trained = earlier[1] if earlier else 0
    told = Told()
    for epoch in range(fit.trained + 1, request.epochs + 1):
        fit.losses.append(_train_epoch(trainer, prepared.train, request.seed, epoch, hyperparameters))
        fit.scores.append(validation_score(prepared, trainer))
        fit.trained = epoch
        told.epoch(fit.losses, fit.scores)
        if not (math.isfinite(fit.losses[-1]) and math.isfinite(fit.scores[-1])):
            return Fit(losses=fit.losses, scores=fit.scores)
        if epoch <= request.begins_after:
            continue
        if not fit.best_epoch or prepared.data.objective.better(fit.scores[-1], fit.best_score):
            fit.best_score, fit.best_epoch, fit.best_weights = fit.scores[-1], len(fit.scores), trainer.weights()
        fit.pruned = _below(request, epoch, fit.best_score, prepared.data.objective)
        if fit.pruned or len(fit.scores) - fit.best_epoch >= request.patience_epochs:
            break
    fit.last = trainer.state()
    trainer.restore(fit.best_weights)
    return fit


def calibrate(prepared: Prepared, trainer: Trainer, fit: Fit) -> None:
    """Divide the logits of the best epoch's network by a temperature, in the weights of its head.

    The state that another trial goes on from, and the curves, stay those of the training.

    Args:
        prepared: The data; the temperature is fitted on its validation part.
        trainer: What trained a shipped network, with the best epoch's weights.
        fit: How training went; its best score and weights become those with the temperature.
    """
    fit.temperature = temperature_of(trainer.predict(prepared.validation), prepared.data.validation.y)
    if fit.temperature > 1.0:
        fit.best_weights = divided(fit.best_weights, fit.temperature)
        trainer.restore(fit.best_weights)
        fit.best_score = validation_score(prepared, trainer)


def _train_epoch(
    trainer: Trainer, part: DataPart, seed: int, epoch: int, hyperparameters: TrialHyperparameters
) -> float:
    order = np.random.default_rng(derive_seed(seed, "order", epoch)).permutation(len(part))
    return trainer.epoch(part, order, derive_seed(seed, "dropout", epoch), hyperparameters)


def trial_hyperparameters(values: Mapping[str, Value], batches: int) -> TrialHyperparameters:
    """What these hyperparameters set in a training of so many batches."""
    return TrialHyperparameters(
        learning_rate=float(setting(values, "learning_rate")),
        dropout=float(setting(values, "dropout")),
        clip_norm=float(setting(values, "clip_norm")),
        schedule=str(setting(values, "schedule")),
        batches=batches,
    )


def _below(request: TrialRequest, epoch: int, best_score: float, objective: Objective) -> bool:
    """Whether median stopping ends the trial after this epoch; the last one there is ends it anyway."""
    place = epoch - PRUNING_BEGINS
    known = 0 <= place < len(request.floor) and epoch < request.epochs
    return known and objective.better(request.floor[place], best_score)


def save_weights(path: Path, weights: list[FloatArray]) -> None:
    """Write the weights as `arr_0`, `arr_1`, … in the order of `model.get_weights()`; whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        np.savez(draft, *weights)


def load_weights(path: Path) -> list[FloatArray]:
    """The weights that `save_weights` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return [archive[f"arr_{number}"] for number in range(len(archive.files))]


@contextlib.contextmanager
def _want_of_memory_named() -> Iterator[None]:
    """Call TensorFlow's want of memory by Python's name for it, which executors know."""
    import tensorflow as tf  # loaded by now, and quietly; a module that imports it first would let it chatter

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(error.message) from error


def load_state(path: Path) -> tuple[State, int] | None:
    """Where a training ended, and after how many epochs; None where that is not known any more."""
    try:
        weights, slots, (batches, epochs), *kept = load_weights(path)
    except (OSError, ValueError, KeyError):
        return None
    return State(weights, slots, int(batches), tuple(kept)), int(epochs)


def _record(request: TrialRequest, trainer: Trainer, prepared: Prepared, fit: Fit, *, failed: bool) -> TrialRecord:
    epochs = len(fit.losses)
    why = f"loss {fit.losses[-1]:g}, validation score {fit.scores[-1]:g} in epoch {epochs}: expected finite numbers"
    return TrialRecord(
        key=request.key,
        status=TrialStatus.FAILED if failed else TrialStatus.COMPLETED,
        validation_score=None if failed else fit.best_score,
        best_epoch=0 if failed else fit.best_epoch,
        epochs=epochs,
        train_losses=tuple(fit.losses),
        validation_scores=tuple(fit.scores),
        parameters=sum(int(np.prod(variable.shape)) for variable in trainer.network.variables),
        recurrent_parameters=trainer.network.recurrent_parameters,
        units=trainer.network.units,
        gradient_steps=epochs * -(-len(prepared.train) // trainer.batch_size),
        kernel=trainer.kernel,
        pruned=fit.pruned,
        temperature=fit.temperature,
        failure=FailureKind.DIVERGED if failed else None,
        message=why if failed else "",
    )


def run_refit(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Train on training and validation parts.

    Args:
        plain: `request` (a `TrialRequest` whose `epochs` are all trained), `dataset` and `space` (configs), `digest`
            (of the data the sweep began with), `weights_to` (path of an `.npz` for the weights), and `temperature` (the
            trial's, which nothing is left to fit another on; 1 by default).

    Returns:
        `seen_score`, the score on the validation part, which tells nothing of how good the model is; `loss`, the last
        epoch's; and `rows`, how many sequences were trained on. A number that is not finite comes back as it is.

    Raises:
        DataError: The data is not what the sweep began with.
    """
    request = TrialRequest.from_json(plain["request"])
    prepared = prepare(DatasetConfig.model_validate(plain["dataset"]), plain["digest"])
    space = SearchSpace.model_validate(plain["space"])
    trainer, values = trainer_for(prepared, space, request.values, request.epochs)
    both = together(prepared.train, prepared.validation)
    hyperparameters = trial_hyperparameters(values, request.epochs * -(-len(both) // trainer.batch_size))
    trainer.reset(trainer.network.initial_weights(derive_seed(request.seed, "weights")))
    loss = math.nan
    for epoch in range(1, request.epochs + 1):
        loss = _train_epoch(trainer, both, request.seed, epoch, hyperparameters)
    if (temperature := float(plain.get("temperature", 1.0))) > 1.0:
        trainer.restore(divided(trainer.weights(), temperature))
    save_weights(Path(plain["weights_to"]), trainer.weights())
    return {"seen_score": validation_score(prepared, trainer), "loss": loss, "rows": len(both)}
