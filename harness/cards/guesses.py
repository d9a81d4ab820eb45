"""What goes into a guess at a dataset's card, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user has said already; None and empty where nothing.

    Attributes:
        task: `forecast`, `classify`, `regress` or `label`.
        target: Column to be predicted.
        time: Column of times.
        id: Column that says which rows form a sequence.
        features: Columns that are inputs.
        horizon_steps: Steps to forecast.
        lookback_steps: Steps to forecast from.
    """

    task: str | None = None
    target: str | None = None
    time: str | None = None
    id: str | None = None
    features: tuple[str, ...] = ()
    horizon_steps: int | None = None
    lookback_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Guess:
    """A card's `[task]`, and why.

    Attributes:
        task: `forecast`, `classify`, `regress` or `label`.
        target: Column to be predicted.
        features: Columns that are inputs.
        time: Column of times; None when there is none.
        id: Column that says which rows form a sequence, or a series of a panel; None where there is one alone.
        metric: Name of the metric.
        missing: `interpolate` where values are missing, else `error`.
        numbers: Steps of a forecast: lookback, horizon, season, stride; or the `window_steps` of labels.
        because: What was guessed and why, a line each.
    """

    task: str
    target: str
    features: tuple[str, ...]
    time: str | None
    id: str | None
    metric: str
    missing: str
    numbers: dict[str, int] = field(default_factory=dict)
    because: tuple[str, ...] = ()
