"""Boosted trees for forecasts: on lags, the same time in seasons before, and what is known of the time ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Clock, Fitted, Numbers, best_of
from harness.baselines.history import history_of, parts_until
from harness.data import Part, SequenceData

ROUNDS = 160
"""Trees of one target; the validation part chooses how many of them are used."""

_BETWEEN = 20
"""Rounds between two numbers of trees that the validation part chooses from."""

_BLOCK = 40
"""Rounds between two looks at the clock."""

MOST_ANSWERS = 100_000
"""Training answers (a step of a window's horizon each) that trees are grown on; of more, so many drawn by chance."""

MOST_SCORED = 30_000
"""Answers of the validation part by which the number of trees is chosen, those of every second, third, … window."""

MOST_TARGETS = 5
"""Targets up to which a forecast has boosted trees, which are grown for each."""

_MOST_LAGS = 8
"""Values of each channel's lookback that trees see: more of them made forecasts worse, and slower."""

_MOST_COLUMNS = 64
"""Values of the lookback that trees see over all channels, where these are so few."""

DAYS = (24, 48, 96, 144, 288, 720, 1440)
"""Steps of a season that is a day, of hours, half-hours, … minutes: seven of them are a season too."""

_SEASONS_BACK = 2
"""Whole seasons before the answer that are looked up, of each season."""

_LEAST_LEAF, _LEAF_SHARE = 20, 1e-3
"""Answers of the smallest leaf: so many, and so large a share of all."""

_AT_A_TIME = 200_000

Places: TypeAlias = npt.NDArray[np.int64]


def too_many_targets(data: SequenceData) -> str:
    """Why a forecast has no boosted trees; empty where it has."""
    count = len(data.targets)
    return f"{count} targets: expected at most {MOST_TARGETS}" if count > MOST_TARGETS else ""


def boosted_trees(data: SequenceData, clock: Clock, seed: int) -> Fitted:
    """Histogram-based gradient boosting, one model a target for all steps of the horizon, in scaled units.

    The validation part chooses whether they predict the values or by how much they differ from those a season before
    (without a season, from the last ones known), after the first trees, and the number of trees.

    Source: G. Ke et al. (2017), "LightGBM: a highly efficient gradient boosting decision tree", as scikit-learn has it.

    Args:
        data: A forecast.
        clock: The time there is.
        seed: Draws the answers that it is fitted on.
    """
    horizon, random = data.horizon_steps, np.random.default_rng(seed)
    count = len(data.train) * horizon
    drawn = np.sort(random.choice(count, MOST_ANSWERS, replace=False)) if count > MOST_ANSWERS else np.arange(count)
    windows, steps = np.divmod(drawn, horizon)
    seen = _Features(data, data.train)
    x, y = seen.at(windows, steps), data.scaling.scale_outputs(data.train.y, data.train.x)[windows, steps]
    held_out = data.validation.at(np.arange(0, len(data.validation), -(-len(data.validation) * horizon // MOST_SCORED)))
    held, expected = replace(data, validation=held_out), _Features(data, held_out)
    answers = {False: y}
    if -1 not in data.target_channels:
        answers[True] = y - seen.level(windows, steps)
    grown = {
        differs: [_grown(None, x, one, _BLOCK, seed, clock) for one in wanted.T] for differs, wanted in answers.items()
    }
    differs = best_of(held, list(grown), lambda form: expected.predicted(grown[form], _BLOCK, differs=form))
    models = [
        _grown(model, x, one, ROUNDS, seed, clock)
        for model, one in zip(grown[differs], answers[differs].T, strict=True)
    ]
    staged = dict(expected.staged(models, differs=differs))
    rounds = best_of(held, list(staged), staged.__getitem__)

    def predict(part: Part) -> Numbers:
        return _Features(data, part).predicted(models, rounds, differs=differs)

    shown = "" if len(drawn) == count else f"fitted on {len(drawn):,} of {count:,} answers of the training part, "
    return Fitted(predict, f"{shown}{rounds} trees a target{', on seasonal differences' if differs else ''}")


def _grown(model: Any, x: Any, y: Any, most: int, seed: int, clock: Clock) -> Any:
    """A model of so many rounds, grown on from one of fewer; None begins one."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    began = 0 if model is None else model.n_iter_
    if model is None:
        leaf = max(_LEAST_LEAF, round(_LEAF_SHARE * len(x)))
        model = HistGradientBoostingRegressor(
            early_stopping=False, random_state=seed, warm_start=True, min_samples_leaf=leaf
        )
    for rounds in range(began + _BLOCK, most + 1, _BLOCK):
        clock.check()
        model.set_params(max_iter=rounds).fit(x, y)
    return model


class _Features:
    """What trees see of the answers of a part's windows.

    Args:
        data: The dataset.
        part: The part.
    """

    def __init__(self, data: SequenceData, part: Part) -> None:
        self._data, self._part = data, part
        self._history = history_of(data, parts_until(data, part))
        x = data.scaling.scale_inputs(part.x)
        self._lags = x[:, ::-1][:, _lags(*x.shape[1:])].reshape(len(part), -1)
        self._moments = np.concatenate([x.mean(axis=1), x.std(axis=1)], axis=1)
        self._future = None if part.future is None else data.scaling.scale_future(part.future)

    def at(self, windows: Places, steps: Places) -> npt.NDArray[np.float32]:
        """Those of answers, by their windows and steps of the horizon, both from 0 (n,): (n, columns)."""
        rows = self._part.rows[windows] + self._part.x.shape[1] + steps  # of the answers themselves
        columns = [self._lags[windows], self._moments[windows], steps[:, None]]
        if self._future is not None:
            columns.append(self._future[windows, steps])
        for season in _seasons(self._data):
            columns.append((rows % season)[:, None])
            if self._history is not None:
                latest = steps // season + 1  # seasons back to the last one that is known
                now = self._part.x[windows, -1:]
                for more in range(_SEASONS_BACK):
                    then = self._history.at(rows - season * (latest + more))
                    columns.append(self._data.scaling.scale_outputs(then[:, None], now)[:, 0])
        return np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind")

    def level(self, windows: Places, steps: Places) -> Numbers:
        """The targets a season before answers, else the last ones known, in scaled units (n, targets)."""
        now = self._part.x[windows, -1:]
        season, then = self._data.season_steps or 0, now[:, 0, list(self._data.target_channels)].astype(np.float64)
        if season and self._history is not None:
            rows = self._part.rows[windows] + self._part.x.shape[1] + steps
            before = self._history.at(rows - season * (steps // season + 1))
            then = np.where(np.isnan(before), then, before)
        return self._data.scaling.scale_outputs(then[:, None], now)[:, 0]

    def staged(self, models: Sequence[Any], *, differs: bool) -> Iterator[tuple[int, Numbers]]:
        """The answers (n, horizon, targets) after every few rounds of the models, with the number of rounds."""
        x, level = self.at(*self._all()), self._level_of_all(differs=differs)
        staged = [islice(model.staged_predict(x), _BETWEEN - 1, None, _BETWEEN) for model in models]
        for place, said in enumerate(zip(*staged, strict=True)):
            yield (place + 1) * _BETWEEN, self._restored(np.stack(said, axis=-1) + level)

    def predicted(self, models: Sequence[Any], rounds: int, *, differs: bool) -> Numbers:
        """The answers (n, horizon, targets) after so many rounds."""
        pieces = np.array_split(np.stack(self._all(), axis=1), -(-len(self._part) * self._horizon // _AT_A_TIME))
        said = [[_after(model, rounds, x) for model in models] for x in (self.at(*piece.T) for piece in pieces)]
        return self._restored(np.concatenate(said, axis=1).T + self._level_of_all(differs=differs))

    @property
    def _horizon(self) -> int:
        return self._data.horizon_steps

    def _all(self) -> tuple[Places, Places]:
        """Windows and steps of all answers."""
        return np.divmod(np.arange(len(self._part) * self._horizon), self._horizon)

    def _level_of_all(self, *, differs: bool) -> Numbers | float:
        return self.level(*self._all()) if differs else 0.0

    def _restored(self, scaled: Any) -> Numbers:
        y = np.asarray(scaled, np.float32).reshape(len(self._part), self._horizon, -1)
        return self._data.scaling.restore_outputs(y, self._part.x)


def _after(model: Any, rounds: int, x: Any) -> npt.NDArray[np.float64]:
    """What the first trees of a model predict."""
    return np.asarray(next(islice(model.staged_predict(x), rounds - 1, rounds)))


def _lags(steps: int, channels: int) -> Places:
    """Steps back from the last one that trees see: all where they are few, else ever further apart."""
    count = min(_MOST_LAGS, max(2, _MOST_COLUMNS // channels))
    if steps <= count:
        return np.arange(steps)
    return np.unique(np.geomspace(1, steps, count).astype(np.int64)) - 1


def _seasons(data: SequenceData) -> tuple[int, ...]:
    """Steps of the seasons that are looked at."""
    seasons = tuple(season for season in data.seasons if season > 1)
    return (*seasons, 7 * seasons[0]) if len(seasons) == 1 and seasons[0] in DAYS else seasons
