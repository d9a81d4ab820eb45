"""A registered champion, trained again on training and validation parts: another version, which nobody has tested."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import ExportError, UsageError
from harness.export.building import build_champion
from harness.export.description import Description, read_description
from harness.export.loading import locate
from harness.export.proving import agrees
from harness.export.verifying import verify
from harness.records import TrialKey, TrialRequest
from harness.store import Store
from harness.tracking.registry import Registered, register


def refit(reference: str, store: Store) -> Registered:
    """Train a champion's hyperparameters again on training and validation parts, and register the model.

    It takes the epochs that early stopping found, and the champion's seed. No alias is moved. Refitting again gives
    the version that is there.

    Args:
        reference: `name` (its champion, else its candidate), `name@alias`, `name/3`, `models:/…`.
        store: Which store.

    Raises:
        UsageError: The name is unknown, or the model is a refitted one, or does not say how long it was trained.
        DataError: The data is missing or changed.
        ExportError: The training diverged, or the registered model does not give its score again.
    """
    folder, where = locate(reference, store)
    name = where.removeprefix("models:/").rpartition("/")[0] if where.startswith("models:/") else ""
    description = read_description(folder)
    if description.refit:
        raise UsageError(f"model {where}: is a refitted one: expected the version that it was made from")
    registered = _registered(description, where, name, store)
    again, logged = verify(registered.path), read_description(registered.path)
    if not agrees(logged, again):
        raise ExportError(
            f"models:/{registered.name}/{registered.version}: in a clean process its validation {logged.metric} is "
            f"{again!r}, expected {logged.seen_score!r}"
        )
    return registered


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
        }
        from harness.training.refitting import run_refit

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
    epochs = description.evidence.get("arms", {}).get(description.arm, {}).get("best_epoch")
    if not epochs:
        raise UsageError(f"model {where}: does not say after how many epochs its training was best: sweep again")
    key = TrialKey.parse(description.trial)
    return TrialRequest(key, description.family, dict(description.values), description.seed, int(epochs), int(epochs))
