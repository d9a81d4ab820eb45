"""How often the rule names a false winner, and how often a true one: recorded trials of one family replayed as two.

Each replay draws the R x n trials of either side *with replacement* from the recorded completed trials of one family,
independently of each other, and asks the very comparison that decides sweeps (`winner_of`, which a test holds against
`decide_rows`). That is honest because
the two sides then come from one distribution exactly, so that every winner is a false one, and because their trials are
independent draws, as those of a random search are and as the rule takes them to be. Disjoint halves of the recorded
trials would be so too, but 160 trials have room for two sides of 80 only, and R = 10 searches of n = 40 need 400 a
side. The price: what is measured holds for searches whose trials are distributed as the recorded ones, ties between
copies of one trial included; where many more are drawn than were recorded the best recorded trial is in nearly every
search, which is less chance than fresh trials would have. So the number of recorded trials is reported with each cell.

A shift makes one side worse by a share of its loss (where higher is better, of what is missing to 1), in validation and
test alike; the same draws are then decided again, so that cells of one size differ by the shift alone.

The chance is seeded. Shares come with Wilson's 95 % intervals. `harness trials SWEEP --csv` writes a sweep's own
trials; they must be a random search's, since those of another depend on one another.

    python benchmarks/calibrate.py TABLE.csv
    python benchmarks/calibrate.py TABLE.csv --replicates 3 --replicates 10 --shift 0.2 --json
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from harness.cli.stats import read_csv
from harness.errors import HarnessError, TableError, UsageError
from harness.records import Direction, Objective, ScoreRow, TrialStatus, derive_seed
from harness.stats.best_of_n import Floats, Ints, Sample
from harness.stats.compare import PooledBootstrap, welch
from harness.stats.differences import Side, judge, score
from harness.stats.levels import (
    ERROR_CLAIMED,
    MINIMUM_REPLICATES,
    MINIMUM_TRIALS,
    RULE,
    compared_at,
    interim_analysis,
    interim_replicates,
)
from harness.stats.levels import LEVEL as ALL_LEVEL
from harness.stats.table import read_columns
from harness.text import counted, printable

REPLAYS = 1000
"""Replays of a cell: a share of 5 % is then known to within 1.4 points."""

LEVEL = 0.95
"""Level of the intervals of the shares."""

SHIFTS = (0.2, 0.5)
"""Shares by which one side is made worse, where nobody says."""

_BETTER, _WORSE = "a", "b"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of replays with its interval.

    Attributes:
        hits: Replays that are meant.
        replays: All replays, at least one.
    """

    hits: int
    replays: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.replays

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval at `LEVEL` (Wilson 1927)."""
        found = stats.binomtest(self.hits, self.replays).proportion_ci(LEVEL, method="wilson")
        return float(found.low), float(found.high)

    def to_json(self) -> dict[str, Any]:
        """Plain values, the interval included."""
        low, high = self.interval
        return {"hits": self.hits, "replays": self.replays, "share": self.value, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of the replays of one dataset, family, size and shift.

    Attributes:
        dataset: Name of the dataset.
        family: The family that played itself.
        recorded: Its completed trials that were drawn from.
        replicates: Searches R of either side; the most of them where replicates are added until it is decided.
        trials: Trials n of a search.
        shift: Share by which one side was made worse; 0 where the sides do not differ.
        named: Replays that named the better side (of two alike, the first).
        wrong: Replays that named the other side.
        interim_replicates: Replicates at each interim analysis, where they are added until it is decided; else empty.
        searches: Searches of either side that a replay took on average.
    """

    dataset: str
    family: str
    recorded: int
    replicates: int
    trials: int
    shift: float
    named: Share
    wrong: Share
    interim_replicates: tuple[int, ...] = ()
    searches: float = math.nan

    @property
    def false_winners(self) -> Share:
        """Replays whose winner was none: any of two sides alike, else the worse one."""
        if self.shift:
            return self.wrong
        return Share(self.named.hits + self.wrong.hits, self.named.replays)

    @property
    def power(self) -> Share | None:
        """Replays that named the better side; None where neither is better."""
        return self.named if self.shift else None

    def to_json(self) -> dict[str, Any]:
        """Plain values of everything counted."""
        names = ("dataset", "family", "recorded", "replicates", "trials", "shift", "searches")
        power = self.power
        return {
            **{name: getattr(self, name) for name in names},
            "interim_replicates": list(self.interim_replicates),
            "false_winners": self.false_winners.to_json(),
            "power": power.to_json() if power else None,
        }


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The completed trials of one family on one dataset (N,)."""

    dataset: str
    family: str
    validation: Floats
    test: Floats


def calibrate(
    rows: Sequence[ScoreRow],
    objectives: Mapping[str, Objective],
    *,
    replicates: Sequence[int],
    trials: Sequence[int],
    shifts: Sequence[float] = SHIFTS,
    alike: bool = True,
    oracle: str = "random",
    interims: Sequence[int] = (),
    replays: int = REPLAYS,
    seed: int = 1,
    rule: int = RULE,
) -> Iterator[Cell]:
    """Replay every family of every dataset as two, for each number of replicates, of trials, and each shift.

    No equivalence margin is used, which would only make winners rarer.

    Args:
        rows: Recorded trials of random searches; failed ones are left out, as a budget counts completed trials.
        objectives: Each dataset's metric.
        replicates: Numbers R of searches of either side.
        trials: Numbers n of trials of a search.
        shifts: Shares by which one side is made worse.
        alike: Whether to replay without a shift too, first.
        oracle: `random` decides by pooled trials, any other name by replicates.
        interims: Replicates at each interim analysis, ascending: each replay then adds replicates from one
            to the next until it is decided, with the error spent over them, and `replicates` is not asked.
        replays: Replays of each cell.
        seed: Of the draws.
        rule: Version of the rule.

    Yields:
        A cell at a time, as it is done.

    Raises:
        UsageError: An option is out of range.
        TableError: A family has too few completed trials, or scores that cannot be shifted.
    """
    _check(replicates, trials, shifts, replays)
    families = [_checked(one, objectives[one.dataset], shifts) for one in _recorded(rows)]
    for one in families:
        for searches in interims[-1:] or replicates:
            for n in trials:
                drawn = _drawn(one, searches, n, replays, seed)
                play = Play(searches, n, oracle, tuple(interims), rule)
                for shift in (*((0.0,) if alike else ()), *shifts):
                    yield _cell(one, objectives[one.dataset], drawn, shift, play)


def lower_bounds(shares: Sequence[Share], claimed: float = ERROR_CLAIMED, level: float = LEVEL) -> list[float]:
    """One-sided lower bound of each share, adjusted by Holm for their number (Holm 1979).

    The i-th most extreme (from 0) of m has the exact bound (Clopper and Pearson 1934) at the error `(1 - level) / (m -
    i)`; the first that does not exceed the claim ends the descent, and no later one can exceed it.

    Args:
        shares: Of the same number of replays or not.
        claimed: What they should not exceed.
        level: Level that all bounds together hold at.

    Returns:
        The bounds in the order given.
    """
    tests = [stats.binomtest(one.hits, one.replays, claimed, alternative="greater") for one in shares]
    bounds, stopped = [0.0] * len(shares), False
    for rank, index in enumerate(sorted(range(len(shares)), key=lambda i: tests[i].pvalue)):
        exact = float(tests[index].proportion_ci(1 - (1 - level) / (len(shares) - rank)).low)
        bounds[index] = min(exact, claimed) if stopped else exact
        stopped = stopped or exact <= claimed
    return bounds


def _check(replicates: Sequence[int], trials: Sequence[int], shifts: Sequence[float], replays: int) -> None:
    for name, numbers in (("replicates", replicates), ("trials", trials), ("replays", (replays,))):
        for number in numbers:
            if number < 1:
                raise UsageError(f"{name} = {number}: expected at least 1")
    for shift in shifts:
        if not (math.isfinite(shift) and shift > 0):
            raise UsageError(f"shift = {shift:g}: expected a share greater than 0, such as 0.2")


def _recorded(rows: Sequence[ScoreRow]) -> list[_Recorded]:
    groups: dict[tuple[str, str], list[ScoreRow]] = {}
    for row in rows:
        groups.setdefault((row.dataset, row.family), [])
        if row.status is TrialStatus.COMPLETED:
            groups[row.dataset, row.family].append(row)
    return [
        _Recorded(*key, *(np.array([score(row, part) for row in its]) for part in ("validation", "test")))
        for key, its in groups.items()
    ]


def _checked(one: _Recorded, objective: Objective, shifts: Sequence[float]) -> _Recorded:
    who = f"{printable(one.family)} on {printable(one.dataset)}"
    if len(one.test) < MINIMUM_TRIALS:
        raise TableError(
            f"{who}: {counted(len(one.test), 'completed trial')}: expected at least {MINIMUM_TRIALS} to draw from"
        )
    highest = max(one.validation.max(), one.test.max())
    if shifts and objective.direction is Direction.MAX and highest > 1:
        raise TableError(f"{who}: a score of {highest:g}: expected at most 1 where higher is better, to shift it")
    return one


def _drawn(one: _Recorded, searches: int, trials: int, replays: int, seed: int) -> Ints:
    """Which recorded trial each is, for every replay and side: (replays, 2, searches · trials)."""
    random = np.random.default_rng(derive_seed("calibrate", seed, one.dataset, one.family, searches, trials))
    return random.integers(0, len(one.test), (replays, 2, searches * trials))


@dataclass(frozen=True, slots=True)
class Play:
    """How replays are decided.

    Attributes:
        replicates: Searches R of either side.
        trials: Trials n of a search.
        oracle: `random` decides by pooled trials, any other name by replicates.
        interims: Replicates at each interim analysis; empty where R are decided at once.
        rule: Version of the rule.
    """

    replicates: int
    trials: int
    oracle: str = "random"
    interims: tuple[int, ...] = ()
    rule: int = RULE

    def winner(self, name: str, sides: Mapping[str, Scores], alike: bool) -> tuple[str | None, int]:
        """The winner at the first analysis that names one, and the replicates that it took.

        Args:
            name: What stands for the dataset, by which the rule seeds its bootstrap.
            sides: Validation and test losses of each side's trials, one search after the other.
            alike: Whether the sides hardly differ: then most replays end with the permutation test.
        """
        for replicates in self.interims or (self.replicates,):
            level = interim_analysis(replicates, self.interims).level if self.interims else ALL_LEVEL
            count = replicates * self.trials
            so_far = {side: (validation[:count], test[:count]) for side, (validation, test) in sides.items()}
            pooled = self.oracle == "random"
            found = (
                self._pooled(name, so_far, level, alike) if pooled else self._over_replicates(so_far, replicates, level)
            )
            if found is not None:
                return found, replicates
        return None, (self.interims or (self.replicates,))[-1]

    def _pooled(self, name: str, sides: Mapping[str, Scores], level: float, alike: bool) -> str | None:
        two = [side_of(side, *scores) for side, scores in sides.items()]
        if (completed := len(two[0])) < MINIMUM_TRIALS:
            return None
        comparison = PooledBootstrap(
            name, two, self.trials, compared_at(self.trials, completed, self.rule), level, replaced=self.rule == 1
        )
        # Of two that hardly differ most replays end with the permutation test, at a tenth of the cost.
        if alike and comparison.no_winner_possible():
            return None
        first, second = sides
        difference = comparison.difference(first, second)
        return judge(difference, difference.p, 0.0, level).family

    def _over_replicates(self, sides: Mapping[str, Scores], replicates: int, level: float) -> str | None:
        if replicates < MINIMUM_REPLICATES or replicates * self.trials < MINIMUM_TRIALS:
            return None
        first, second = sides
        selected = [_selected(*scores, replicates) for scores in sides.values()]
        difference = welch(first, second, selected[0], selected[1], 0.0, level)
        return judge(difference, difference.p, 0.0, level).family if difference.spread else None


Scores = tuple[Floats, Floats]
"""Validation and test losses of trials."""


def side_of(name: str, validation: Floats, test: Floats) -> Side:
    """Trials as a side of a comparison, without the rows that they may be from."""
    sample = Sample.of(validation, test)
    return Side(sample.validation, sample.test, sample.starts, name, len(test), (), 1, 1)


def _selected(validation: Floats, test: Floats, replicates: int) -> Floats:
    """Test loss of the trial that each search selects by validation; tied trials are averaged (replicates,)."""
    by_search = validation.reshape(replicates, -1)
    best = by_search == by_search.min(axis=1, keepdims=True)
    return np.asarray((test.reshape(replicates, -1) * best).sum(axis=1) / best.sum(axis=1), dtype=np.float64)


def _cell(one: _Recorded, objective: Objective, drawn: Ints, shift: float, play: Play) -> Cell:
    sign = objective.direction.sign
    pools = {
        _BETTER: (sign * one.validation, sign * one.test),
        _WORSE: tuple(sign * _shifted(scores, shift, objective.direction) for scores in (one.validation, one.test)),
    }
    hits, searches = {_BETTER: 0, _WORSE: 0}, 0
    for replay, places in enumerate(drawn):
        sides = {side: (pool[0][its], pool[1][its]) for (side, pool), its in zip(pools.items(), places, strict=True)}
        winner, taken = play.winner(f"{one.dataset} {replay}", sides, not shift)
        searches += taken
        if winner is not None:
            hits[winner] += 1
    named, wrong = (Share(hits[side], len(drawn)) for side in (_BETTER, _WORSE))
    size = (play.replicates, play.trials)
    mean = searches / len(drawn)
    return Cell(one.dataset, one.family, len(one.test), *size, shift, named, wrong, play.interims, mean)


def _shifted(scores: Floats, shift: float, direction: Direction) -> Floats:
    if direction is Direction.MAX:
        return np.asarray(scores - shift * (1 - scores), dtype=np.float64)
    return np.asarray(scores + shift * np.abs(scores), dtype=np.float64)


def line(cell: Cell) -> str:
    """One cell for people."""
    looks = cell.interim_replicates
    size = f"R={f'{looks[0]} to {looks[-1]}' if looks else cell.replicates} n={cell.trials}"
    who = f"{cell.dataset} {cell.family} ({cell.recorded} trials), {size}"
    power = cell.power
    if power is None:
        return printable(f"{who}: false winners {_percent(cell.false_winners)}")
    return printable(
        f"{who}, shift {100 * cell.shift:g} %: power {_percent(power)}, wrong {_percent(cell.false_winners)}"
    )


def _percent(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def _recorded_replicates(rows: Sequence[ScoreRow]) -> int:
    """The most replicates that a family of a dataset has."""
    searches: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        searches.setdefault((row.dataset, row.family), set()).add(row.replicate)
    return max(len(its) for its in searches.values())


def _recorded_trials(rows: Sequence[ScoreRow]) -> int:
    """The completed trials of the longest search."""
    completed = (row for row in rows if row.status is TrialStatus.COMPLETED)
    return max(Counter((row.dataset, row.family, row.replicate) for row in completed).values(), default=0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="a table as `harness verdict` reads; one family is enough")
    parser.add_argument("--replays", type=int, default=REPLAYS, help=f"replays of each cell [{REPLAYS}]")
    parser.add_argument("--replicates", type=int, action="append", help="searches of either side [as recorded]")
    parser.add_argument("--trials", type=int, action="append", help="trials of a search [as recorded]")
    parser.add_argument("--shift", type=float, action="append", help="share by which one side is worse [0.2, 0.5]")
    parser.add_argument("--oracle", choices=("random", "bayesian"), default="random", help="pooled, or by replicates")
    parser.add_argument("--until-decided", action="store_true", help="through the interim analyses; no --replicates")
    parser.add_argument("--direction", default="min", help="min or max, where the table has no such column [min]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.until_decided and chosen.replicates:
        parser.error("--replicates: expected none beside --until-decided, whose interim analyses are fixed")
    try:
        table = read_columns(read_csv(chosen.table), chosen.direction, compared=False)
        cells = calibrate(
            table.rows,
            table.objectives,
            replicates=chosen.replicates or [_recorded_replicates(table.rows)],
            trials=chosen.trials or [_recorded_trials(table.rows)],
            shifts=chosen.shift or SHIFTS,
            oracle=chosen.oracle,
            interims=interim_replicates(chosen.oracle) if chosen.until_decided else (),
            replays=chosen.replays,
            seed=chosen.seed,
        )
        if chosen.json:
            print(json.dumps([cell.to_json() for cell in cells], indent=2))
        else:
            for cell in cells:
                print(line(cell))
    except HarnessError as problem:
        parser.error(f"{chosen.table}: {problem}")


if __name__ == "__main__":
    main()
