"""How the families' question fares on two families that differ: tables in Markdown of replays of recorded trials.

Like `false_winners.py`, which replays one family as two, this draws the trials of both sides with replacement from the
recorded completed ones, those of one side from LSTM's and those of the other from GRU's.

- *Equal*: one family's losses are scaled so that both come to the same expected test loss of the best of k, or of the
  best of n. Then every winner is a false one, and a harder one to withhold than of two families alike.
- *Real*: as they were recorded. The rule of today beside the first one on the same draws.
- *Outlook*: the ratio of their expected losses is set to one drawn from N(0, 0.15) as its logarithm; the probability
  that is stated, the regret bound and the assurance are held against what is true, and what more replicates bring.

    python benchmarks/two_families.py --keep cells.jsonl      # everything; goes on where it was stopped
    python benchmarks/two_families.py --replays 100 --study real
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from calibrate import Play, Scores, Share, side_of

from harness.cli.stats import read_csv
from harness.records import TrialStatus, derive_seed
from harness.stats.best_of_n import Sample, beyond_with_replacement
from harness.stats.levels import LEVEL, compared_at
from harness.stats.outlook import over_trials, posterior, settling
from harness.stats.table import read_columns

HERE = Path(__file__).parent
PAIRS = HERE.parents[1] / "shared" / "data" / "pairs"
REPLICATES, TRIALS = (1, 3, 5, 10), (10, 20, 40)
OUTLOOKS = ((1, 10), (1, 20), (3, 10), (5, 20))
RATIOS = 0.15
"""Standard deviation of the logarithm of the true ratios."""

Pools = Mapping[str, Scores]
"""Validation and test losses of each family's recorded trials."""


def recorded(folders: Iterable[Path]) -> dict[str, Pools]:
    """Every table of two families whose losses are positive, by the dataset's name."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.csv")):
        for row in read_columns(read_csv(path), compared=False).rows:
            if row.status is TrialStatus.COMPLETED and row.validation is not None and row.test is not None:
                found.setdefault(row.dataset, {}).setdefault(row.family, []).append((row.validation, row.test))
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            if row["phase"] == "search":
                name = f"{row['ds']} (pairs)"
                found.setdefault(name, {}).setdefault(row["family"], []).append((row["val"], row["test"]))
    pools = {
        name: {family: (np.array(its)[:, 0], np.array(its)[:, 1]) for family, its in families.items()}
        for name, families in found.items()
    }
    return {name: its for name, its in pools.items() if len(its) == 2}


def expected_of(pool: Scores, n: int) -> float:
    """Expected test loss of the best of n draws from a pool."""
    sample = Sample.of(*pool)
    return float(-np.diff(beyond_with_replacement(len(sample), n)) @ sample.test)


def scaled(pool: Scores, factor: float) -> Scores:
    """A pool with all losses so many times as large."""
    return pool[0] * factor, pool[1] * factor


def drawn(name: str, pools: Pools, count: int, replays: int) -> Iterator[dict[str, Scores]]:
    """Trials of both sides, for each replay."""
    random = np.random.default_rng(derive_seed("two families", name, count))
    for _ in range(replays):
        sides = {}
        for family, (validation, test) in pools.items():
            places = random.integers(0, len(test), count)
            sides[family] = validation[places], test[places]
        yield sides


def equal(name: str, pools: Pools, replicates: int, trials: int, replays: int, *, at_budget: bool) -> dict[str, Any]:
    """How often a winner is named where the best of k, or of n, is equal."""
    n = trials if at_budget else compared_at(trials, replicates * trials)
    (first, one), (second, other) = pools.items()
    sides = {first: one, second: scaled(other, expected_of(one, n) / expected_of(other, n))}
    play = Play(replicates, trials)
    cases = enumerate(drawn(name, sides, replicates * trials, replays))
    return {"named": sum(play.winner(f"{name} {i}", its, alike=True)[0] is not None for i, its in cases)}


def real(name: str, pools: Pools, replicates: int, trials: int, replays: int) -> dict[str, Any]:
    """How often the better family is named, and the other one, by today's rule and by the first.

    Each is held against its own question: better in the best of k, and in the best of n.
    """
    counts = dict.fromkeys(("right", "wrong", "right before", "wrong before"), 0)
    rules = [
        (rule, when, min(pools, key=lambda family: expected_of(pools[family], n)))
        for rule, when, n in ((2, "", compared_at(trials, replicates * trials)), (1, " before", trials))
    ]
    for i, sides in enumerate(drawn(name, pools, replicates * trials, replays)):
        for rule, when, better in rules:
            winner, _ = Play(replicates, trials, rule=rule).winner(f"{name} {i}", sides, alike=True)
            if winner:
                counts[("right" if winner == better else "wrong") + when] += 1
    return counts


def outlooks(name: str, pools: Pools, replicates: int, trials: int, replays: int) -> dict[str, Any]:
    """What is stated, and what is true, of ratios that are drawn: a list for each replay.

    Of a replay: probability stated of the first, whether it is better, regret bound of the favoured one and what it
    costs in truth (as logarithms), the chance that is stated for more replicates (None where none is) and whether they
    decide.
    """
    random = np.random.default_rng(derive_seed("ratios", name, replicates, trials))
    (first, one), (second, other) = pools.items()
    even = expected_of(one, trials) / expected_of(other, trials)
    found = []
    for i in range(replays):
        truth = float(random.normal(0, RATIOS))
        sides = {first: one, second: scaled(other, even * math.exp(truth))}
        (trial_scores,) = drawn(f"{name} {i}", sides, replicates * trials, 1)
        two = [side_of(family, *scores) for family, scores in trial_scores.items()]
        compared = compared_at(trials, replicates * trials)
        ratio = over_trials(f"{name} {i}", two[0], two[1], trials, compared)
        assert ratio is not None  # losses are positive
        turn = 1 if ratio.value >= 0 else -1
        its = posterior(turn * ratio.value, ratio.error)
        chance, decides = None, None
        if Play(replicates, trials).winner(f"{name} {i}", trial_scores, alike=False)[0] is None:
            settle = settling(ratio, replicates=replicates, trials=trials, level=LEVEL)
            if settle and settle.worth:
                more, chance = settle.replicates[-1], settle.chance
                (fresh,) = drawn(f"{name} {i} more", sides, more * trials, 1)
                both = {
                    family: (np.append(scores[0], fresh[family][0]), np.append(scores[1], fresh[family][1]))
                    for family, scores in trial_scores.items()
                }
                decides = Play(replicates + more, trials).winner(f"{name} {i}", both, alike=False)[0] is not None
        found.append([its.probability, turn * truth > 0, math.log1p(its.regret), -turn * truth, chance, decides])
    return {"rows": found}


STUDIES: dict[str, Callable[..., dict[str, Any]]] = {
    "equal at k": lambda *size: equal(*size, at_budget=False),
    "equal at n": lambda *size: equal(*size, at_budget=True),
    "real": real,
    "outlook": outlooks,
}


def jobs_of(tables: Mapping[str, Pools], study: str, replays: int) -> list[tuple[str, str, int, int, int]]:
    """Everything that a study replays."""
    if study != "outlook":
        return [(study, name, *size, replays) for name in tables for size in itertools.product(REPLICATES, TRIALS)]
    return [(study, name, *size, replays) for name in tables for size in OUTLOOKS]


def played(tables: Mapping[str, Pools], jobs: Sequence[tuple[str, str, int, int, int]], kept: Path | None) -> list[Any]:
    """What all jobs found, those done before read from the file, the others added to it."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.exists() else []
    done = {tuple(plain["job"]): plain["found"] for plain in map(json.loads, lines)}
    for job in jobs:
        if job not in done:
            study, name, *size = job
            done[job] = STUDIES[study](name, tables[name], *size)
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    print(json.dumps({"job": job, "found": done[job]}), file=file)
    return [done[job] for job in jobs]


def _percent(hits: int, replays: int) -> str:
    low, high = Share(hits, replays).interval
    return f"{100 * hits / replays:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---" if place == 0 else "---:" for place in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def equal_text(study: str, jobs: Sequence[Any], found: Sequence[Any]) -> str:
    what = "k" if study.endswith("k") else "n"
    rows = [
        (name, str(replicates), str(trials), _percent(its["named"], replays))
        for (_, name, replicates, trials, replays), its in zip(jobs, found, strict=True)
    ]
    shares = {tuple(job[1:4]): its["named"] / job[4] for job, its in zip(jobs, found, strict=True)}
    worst = max(shares, key=lambda size: shares[size])
    mean = sum(shares.values()) / len(shares)
    singles = [share for (_, replicates, _), share in shares.items() if replicates == 1]
    return "\n".join(
        [
            f"### Two families, equal in the best of {what}: false winners",
            "",
            _table(("dataset", "R", "n", "named"), rows),
            "",
            f"Mean {100 * mean:.2f} %, of single searches {100 * sum(singles) / len(singles):.2f} %; worst cell "
            f"{worst[0]}, {worst[1]} × {worst[2]}: {100 * shares[worst]:.1f} %.",
            "",
        ]
    )


def real_text(jobs: Sequence[Any], found: Sequence[Any]) -> str:
    rows = [
        (
            name,
            str(replicates),
            str(trials),
            *(_percent(its[which], replays) for which in ("right", "wrong", "right before", "wrong before")),
        )
        for (_, name, replicates, trials, replays), its in zip(jobs, found, strict=True)
    ]
    lines = []
    for size in itertools.product(REPLICATES, TRIALS):
        mine = [its for job, its in zip(jobs, found, strict=True) if job[2:4] == size]
        now, before = (sum(its[which] for its in mine) for which in ("right", "right before"))
        replays = sum(job[4] for job in jobs if job[2:4] == size)
        times = f"{now / before:.2f} times as often" if before else "the first rule named none"
        shares = (f"{100 * hits / replays:.1f} %" for hits in (now, before))
        lines.append(f"- {size[0]} × {size[1]}: right {next(shares)}, by the first rule {next(shares)}: {times}")
    return "\n".join(
        [
            "### LSTM against GRU as recorded: named, and by the first rule on the same draws",
            "",
            _table(("dataset", "R", "n", "right", "wrong", "right, first rule", "wrong, first rule"), rows),
            "",
            "Over all tables:",
            "",
            *lines,
            "",
        ]
    )


def outlook_text(jobs: Sequence[Any], found: Sequence[Any]) -> str:
    """Stated against right by size; regret bounds and assurance by size and by table."""
    whole = [(job[1], job[2:4], row) for job, its in zip(jobs, found, strict=True) for row in its["rows"]]
    by_size = {f"{r} × {n}": [row for _, size, row in whole if size == (r, n)] for r, n in OUTLOOKS}
    groups = {**by_size, "all": [row for *_, row in whole]}
    by_table = {
        name: [row for table, _, row in whole if table == name] for name in dict.fromkeys(job[1] for job in jobs)
    }
    stated = [
        (label, f"{100 * np.mean([row[0] for row in inside]):.1f} %", _share(inside, lambda row: row[1]))
        for label, rows in groups.items()
        for low in (0.5, 0.6, 0.7, 0.8, 0.9)
        if (inside := [row for row in rows if low <= row[0] and (row[0] < low + 0.1 or low == 0.9)])
    ]
    regrets = [
        (label, _share(rows, lambda row: row[3] <= row[2]), _share(rows, lambda row: row[2] <= math.log(1.05)))
        for label, rows in (groups | by_table).items()
    ]
    chances = [
        (label, what, f"{100 * np.mean([row[4] for row in inside]):.1f} %", _share(inside, lambda row: row[5]))
        for label, rows in (groups | by_table).items()
        for what, low, high in (("50 to 80 %", 0.5, 0.8), ("80 %", 0.8, 1.01))
        if (inside := [row for row in rows if row[4] is not None and low <= row[4] < high])
    ]
    return "\n".join(
        [
            "### What is stated, and what is true",
            "",
            _table(("R × n", "stated", "right"), stated),
            "",
            _table(("", "regret bound holds", "is at most 5 %"), regrets),
            "",
            _table(("", "chance of a decision", "stated", "decided"), chances),
            "",
        ]
    )


def _share(rows: Sequence[Any], holds: Callable[[Any], bool]) -> str:
    """A share of rows with its interval and their number."""
    return f"{_percent(sum(bool(holds(row)) for row in rows), len(rows))} of {len(rows):,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=1000, help="replays of each cell [1000]")
    parser.add_argument("--study", choices=list(STUDIES), action="append", help="[all]")
    parser.add_argument("--keep", type=Path, help="file of finished cells, to go on from")
    chosen = parser.parse_args()
    tables = recorded([HERE / "recorded", PAIRS])
    for study in chosen.study or STUDIES:
        jobs = jobs_of(tables, study, chosen.replays)
        found = played(tables, jobs, chosen.keep)
        text = real_text if study == "real" else outlook_text if study == "outlook" else None
        print(text(jobs, found) if text else equal_text(study, jobs, found), flush=True)


if __name__ == "__main__":
    main()
