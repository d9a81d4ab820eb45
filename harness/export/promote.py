"""What is done with registered champions by hand: moving an alias, comparing two versions, a refit."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import load_dataset
from harness.errors import DataError, ExportError, UsageError
from harness.export.aliases import Holder, holder, instead_of
from harness.export.artifact import Description, read_description, unlike
from harness.export.build import build_champion
from harness.export.predictor import Champion, locate, require_code
from harness.export.verification import agrees, score_of, verify
from harness.records import TrialKey, TrialRequest
from harness.store import Store
from harness.tracking.registry import ALIASES, Registered, move_alias, one_at_a_time, register, resolve
from harness.user_code import named_file


def refit(reference: str, store: Store, code: Sequence[Path] = ()) -> Registered:
    """Train a champion's hyperparameters again on training and validation parts, and register the model.

    It takes the epochs that early stopping found, and the champion's seed. No alias is moved. Refitting again gives
    the version that is there.

    Args:
        reference: `name` (its champion, else its candidate), `name@alias`, `name/3`, `models:/…`.
        store: Which store.
        code: Files of which it may run the one that built the model, if code of the user's did.

    Raises:
        UsageError: The name is unknown, or the model is a refitted one, or its code is not named, or it does not say
            how long it was trained.
        DataError: The data is missing or changed.
        ExportError: The training diverged, or the registered model does not give its score again.
    """
    folder, where, _ = locate(reference, store)
    name = where.removeprefix("models:/").rpartition("/")[0] if where.startswith("models:/") else ""
    description = read_description(folder)
    if description.refit:
        raise UsageError(f"model {where}: is a refitted one: expected the version that it was made from")
    if build := str(description.space.get("build") or ""):
        description = replace(
            description, space={**description.space, "build": _named(build, description, code, where)}
        )
    registered = _registered(description, where, name, store)
    again, logged = verify(registered.path, code), read_description(registered.path)
    if not agrees(logged, again):
        raise ExportError(
            f"models:/{registered.name}/{registered.version}: in a new process its validation {logged.metric} is "
            f"{again!r}, expected {logged.seen_score!r}"
        )
    return registered


def _named(build: str, description: Description, code: Sequence[Path], where: str) -> str:
    """The builder's location in the file that the caller names, whatever path the champion names."""
    file, _, function = build.rpartition(":")
    digest = str(description.space.get("code_sha256") or "")
    if not (code and digest):
        raise UsageError(
            f"model {where}: is built by {Path(file).name}:{function} (SHA-256 {digest[:12]}), which no model names to "
            f"be run: read it, then say that it may run: --code {Path(file).name}"
        )
    return f"{named_file(code, digest)}:{function}"


def _registered(description: Description, where: str, name: str, store: Store) -> Registered:
    with tempfile.TemporaryDirectory(prefix="harness-") as temporary:
        folder, weights = Path(temporary, "champion"), Path(temporary, "weights.npz")
        plain: dict[str, Any] = {
            "dataset": description.card,
            "space": description.space,
            "request": _request(description, where).to_json(),
            "digest": description.digest,
            "weights_to": str(weights),
            "weights": str(weights),
            "folder": str(folder),
            "sweep_id": description.sweep_id,
            "evidence": description.evidence,
            "test_score": None,
            "temperature": _of_trial(description).get("temperature") or 1.0,
        }
        from harness.training.trial import run_refit

        done = run_refit(plain)
        if not (math.isfinite(done["loss"]) and math.isfinite(done["seen_score"])):
            raise ExportError(f"{description.trial}: training on training and validation parts diverged")
        build_champion({**plain, "seen_score": done["seen_score"]})
        verdict = str(description.evidence.get("verdict", ""))
        why = (
            f"{where} trained again on training and validation parts, {done['rows']:,} sequences; nobody has tested it"
        )
        return register(store, folder, {"verdict": verdict, "why": why} if verdict else {"why": why}, name)


def _request(description: Description, where: str) -> TrialRequest:
    epochs = _of_trial(description).get("best_epoch")
    if not epochs:
        raise UsageError(f"model {where}: does not say after how many epochs its training was best: sweep again")
    key = TrialKey.parse(description.trial)
    return TrialRequest(key, description.family, dict(description.values), description.seed, int(epochs), int(epochs))


def _of_trial(description: Description) -> Mapping[str, Any]:
    """What the evidence says of the model's family and its selected trial."""
    found: Mapping[str, Any] = description.evidence.get("arms", {}).get(description.arm, {})
    return found


def promote(
    reference: str, alias: str, store: Store, *, untested: bool = False, code: Sequence[Path] = ()
) -> tuple[Registered, str]:
    """Let an alias mean a version, once it gave its logged score again in a new process; also where it gets worse.

    Args:
        reference: The version: `name/3`, or any other that `resolve` takes.
        alias: `champion` or `candidate`.
        store: Which store.
        untested: Whether a model that nobody has tested may have it.
        code: Files of which it may run the one that the model needs.

    Returns:
        The version, and what the alias meant until now, in words with both logged scores; empty where nothing else.

    Raises:
        UsageError: The reference or the alias is unknown, or the model is untested and that is not asked for.
        ExportError: The model gives another score than the logged one; no alias is moved.
    """
    if alias not in ALIASES:
        raise UsageError(f"--alias {alias}: expected {' or '.join(ALIASES)}")
    registered = resolve(store, reference)
    description, name = read_description(registered.path), f"{registered.name}/{registered.version}"
    if description.refit and not untested:
        raise UsageError(
            f"model {name}: nobody has tested it, since it was trained on the validation part too: say --untested"
        )
    require_code(registered.path, code, f"model {name}")
    score = verify(registered.path, code)
    if not agrees(description, score):
        raise ExportError(
            f"model {name}: in a new process its {description.scored_part} {description.metric} is {score!r}, "
            f"expected the logged {description.logged_score!r}; no alias was moved"
        )
    with one_at_a_time(store):
        before = holder(store, registered.name, alias)
        if before and not before.own:
            raise UsageError(f"model {name}: @{alias} is {before.reference}, somebody else's: no sweep made it")
        move_alias(store, registered.name, registered.version, alias)
    return registered, instead_of(before, Holder(name, description, registered.path))


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two models on the same test rows.

    Attributes:
        names: What they are called.
        descriptions: What they are.
        scores: Their scores, in the objective's unit.
        better: How much better the second's score is; negative when it is worse.
        rows: How many test rows.
        first_better: Share of the rows on which the first alone has the better score.
        second_better: Share of the rows on which the second alone has it.
    """

    names: tuple[str, str]
    descriptions: tuple[Description, Description]
    scores: tuple[float, float]
    better: float
    rows: int
    first_better: float
    second_better: float


def compare(first: Champion, second: Champion) -> SideBySide:
    """Score two models on the test rows of the first one's dataset.

    Raises:
        UsageError: They do not predict the same of the same.
        DataError: The data is missing, changed or not what the config says.
    """
    if what := unlike(second.description, first.description):
        raise UsageError(
            f"{second.where} and {first.where}: expected models of the same task on the same data, got {what}"
        )
    description = first.description
    data = load_dataset(description.dataset_config)
    if data.facts.digest != description.digest:
        raise DataError(
            f"{description.name}: the data changed: digest {data.facts.digest}, expected {description.digest}"
        )
    part = data.test.open()
    predictions = [champion.predict(part.x, part.lengths, part.future) for champion in (first, second)]
    scores = [score_of(description, part.y, predicted, part.lengths) for predicted in predictions]
    # Each row's own score; nan where a single row has none.
    one = [np.array([at]) for at in range(len(part))]
    rows = [
        np.array([score_of(description, part.y[at], predicted[at], part.lengths[at]) for at in one], np.float32)
        for predicted in predictions
    ]
    sign = description.direction.sign
    gains = sign * (rows[0] - rows[1])  # positive where the second is better
    return SideBySide(
        (first.where, second.where),
        (first.description, second.description),
        (scores[0], scores[1]),
        sign * (scores[0] - scores[1]),
        len(part),
        float((gains < 0).mean()),
        float((gains > 0).mean()),
    )
