"""What a table in memory seems to hold, as keys of a dataset's config: the guesses of `harness datasets new`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.config.inferred.infer import InferredConfig, UserHints, infer_task
from harness.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_STEPS = {"horizon": "horizon_steps", "lookback": "lookback_steps"}


def infer_keys(
    frame: pd.DataFrame, task: str | None, said: Mapping[str, Any]
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """What a table is for.

    Args:
        frame: The table, with all that it holds in columns.
        task: Which task, where that is known.
        said: Keys of `[task]` that are known.

    Returns:
        The task; keys of `[task]`, `missing` and `time_format`, those that were said unchanged; and what was guessed
        and why, a line each.

    Raises:
        UsageError: The table leaves open what only the user can know; the message names the argument.
    """
    target, time = said.get("target"), said.get("time")
    hints = UserHints(
        task=task,
        target=target[0] if isinstance(target, list) and len(target) == 1 else target,
        time=tuple(time) if isinstance(time, list) else time,
        id=said.get("id"),
        features=tuple(said.get("features", ())),
        horizon_steps=said.get("horizon_steps"),
        lookback_steps=said.get("lookback_steps"),
        on_duplicates=said.get("on_duplicates"),
        layout=said.get("layout"),
    )
    try:
        inferred = infer_task(frame, hints, "X")
    except UsageError as error:
        raise type(error)(_as_arguments(str(error))) from None
    keys = {**_keys(inferred), **said}
    if isinstance(keys["target"], str) and inferred.task in ("forecast", "label"):
        keys["target"] = [keys["target"]]
    return inferred.task, keys, tuple(map(_as_arguments, inferred.because))


def _as_arguments(text: str) -> str:
    """A message with the names of arguments in place of options."""

    def argument(found: re.Match[str]) -> str:
        return _STEPS.get(found[1], found[1].replace("-", "_")) + ("=" if found[2] else "")

    return re.sub(r"--([a-z][a-z-]*)( (?=\S))?", argument, text)


def _keys(inferred: InferredConfig) -> dict[str, Any]:
    guessed: dict[str, Any] = {
        "target": [inferred.target] if inferred.task in ("forecast", "label") else inferred.target,
        "features": [*inferred.features],
        "categorical": [*inferred.categorical],
        "id": inferred.id,
        "time": [*inferred.time] if isinstance(inferred.time, tuple) else inferred.time,
        "on_duplicates": inferred.on_duplicates,
        "layout": inferred.layout,
        "text": inferred.text,
        "tokens": inferred.tokens,
        **inferred.numbers,
        "metric": inferred.metric,
        "missing": "" if inferred.missing == "error" else inferred.missing,
        "time_format": inferred.time_format,
    }
    return {key: value for key, value in guessed.items() if value not in (None, "", [])}
