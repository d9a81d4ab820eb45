"""Whether the answers beside the families' are right: models in hand, configurations, and what is recommended.

Recorded trials are replayed as searches, and the very functions that answer for a sweep answer for them. Searches are
drawn *with replacement* from a family's recorded trials, as `calibrate.py` draws them.

- *Models in hand, two alike*: the selected models of both families, their labels swapped at random in each block of
  cases, so that the two are alike in every case. Any name is a false one.
- *Configurations, two alike*: five of one configuration's ten fresh seeds against the other five.
- *Configurations that differ*: five of ten seeds of each of two configurations, which are drawn from the three best of
  either family as often as a search of twenty trials selects them; the truth is the mean over all ten seeds. Five of
  ten scatter less about the mean of the ten than five fresh ones would, so that weak differences are named too rarely
  and strong ones too often; beside them stand five seeds that are drawn with replacement.
- *Recommendation*: half of the test cases, every other block, is put aside before anything else is done; what is
  recommended from the other half (and halved once more there) is judged on it. Where single cases are unknown it is
  judged by the pool's expected best of n. Beside it stands what 0.1.0 would have recommended in the same replay: the
  winner's family; else the cheaper one where families are practically equal by 5 % of the baseline's loss; else the
  single best validation score; and that score alone. All choose between the two families, baselines having a margin to
  give and no more.

Reads `recorded/*.csv`, `recorded/*.jsonl` and `../shared/data/pairs/*.jsonl` where that folder is. Leaves with 1 where
a target is missed.

    python benchmarks/recommendations.py > benchmarks/recommendations.md    # ten minutes
    python benchmarks/recommendations.py --replays 50                       # a look
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from calibrate import Share, lower_bounds

from harness.cli.stats import read_csv
from harness.records import CaseScores, Direction, Objective, Phase, ScoreRow, derive_seed
from harness.stats import best_of_n, decide_rows
from harness.stats.differences import sides_of
from harness.stats.in_hand import configurations, halves, models_in_hand
from harness.stats.levels import LEVEL
from harness.stats.recommendation import answered, selected_of
from harness.stats.table import read_columns
from harness.stats.test_set import Cases

HERE = Path(__file__).parent
RECORDED, PAIRS = HERE / "recorded", HERE.parents[1] / "shared" / "data" / "pairs"
LOSS = Objective("loss", Direction.MIN)
REPLICATES, TRIALS = (1, 3, 5, 10), (10, 20, 40)
SIZES = ((1, 10), (1, 20), (3, 10), (5, 20))
"""Replicates and trials of the searches whose recommendation is judged."""

SEEDS, SEARCH, BEST = 5, 20, 3
"""Fresh seeds of a configuration, trials of the search that selects it, and how many of its best were trained again."""

WORSE = (1.1, 2.0)
"""Ratios of the recommended model's loss to the other's that are counted."""

MISTAKEN, BOUND_HOLDS = 0.02, 0.94


@dataclass(frozen=True)
class Pool:
    """Recorded trials of two families on one dataset.

    Attributes:
        name: The dataset's.
        rows: Completed trials by family, numbered from 1.
        cases: Their scores over test cases; empty where unknown.
        repeats: Test scores over fresh seeds, and their cases, of each family's best trials.
        baseline: Test loss of the best baseline.
    """

    name: str
    rows: Mapping[str, Sequence[ScoreRow]]
    cases: Cases
    repeats: Mapping[tuple[str, int], tuple[Sequence[float], Sequence[CaseScores]]]
    baseline: float


def pools(folders: Sequence[Path]) -> Iterator[Pool]:
    """All recorded tables, those with test cases first."""
    known = json.loads((RECORDED / "baselines.json").read_text(encoding="utf-8"))
    baselines = {name: min(test for _, test in its.values()) for name, its in known.items()}
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        yield _with_cases(path, baselines)
    for path in sorted(RECORDED.glob("*.csv")):
        rows = read_columns(read_csv(path), compared=False).rows
        families = dict.fromkeys(row.family for row in rows)
        yield Pool(
            rows[0].dataset,
            {name: [row for row in rows if row.family == name and row.test is not None] for name in families},
            {},
            {},
            baselines[rows[0].dataset],
        )


def _with_cases(path: Path, baselines: Mapping[str, float]) -> Pool:
    plain = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows: dict[str, list[ScoreRow]] = {}
    cases: dict[Key, CaseScores] = {}
    repeats: dict[tuple[str, int], tuple[list[float], list[CaseScores]]] = {}
    for one in sorted(plain, key=lambda one: one["number"]):
        its = CaseScores.from_json(one["cases"])
        if one["phase"] == Phase.SEARCH.value:
            key = (one["family"], 1, one["number"])
            cases[key] = its
            numbers = (one["val"], one["test"], one["params"], one["sec"])
            rows.setdefault(one["family"], []).append(ScoreRow(one["ds"], *key, *numbers))
        else:
            scores, over = repeats.setdefault((one["family"], one["rep"]), ([], []))
            scores.append(one["test"])
            over.append(its)
    order = {family: rows[family] for family in ("lstm", "gru")}
    return Pool(plain[0]["ds"], order, cases, repeats, baselines[plain[0]["ds"]])


Key = tuple[str, int, int]
"""Family, replicate and number of a trial."""


@dataclass(frozen=True)
class Searches:
    """Trials of both families as a sweep would have them.

    Attributes:
        rows: The table.
        recorded: Key of the recorded trial that each was drawn from.
    """

    rows: list[ScoreRow]
    recorded: Mapping[Key, Key]

    @property
    def selected(self) -> dict[str, Key]:
        """The recorded trial that validation selects of each family."""
        return {family: self.recorded[one.key] for family, one in selected_of(self.rows, LOSS).items()}


def searches(pool: Pool, replicates: int, trials: int, replays: int) -> Iterator[Searches]:
    """Searches drawn with replacement from the recorded trials."""
    random = np.random.default_rng(derive_seed("recommendations", pool.name, replicates, trials))
    for replay in range(replays):
        rows, recorded = list[ScoreRow](), dict[Key, Key]()
        for family, its in pool.rows.items():
            for number, place in enumerate(random.integers(0, len(its), replicates * trials)):
                key = (family, number // trials + 1, number % trials + 1)
                # A name of its own for each replay, because the rule seeds its bootstrap by the dataset's.
                rows.append(replace(its[place], dataset=f"{pool.name} {replay}", replicate=key[1], trial=key[2]))
                recorded[key] = _key(its[place])
        yield Searches(rows, recorded)


def part_of(scores: CaseScores, groups: Any) -> CaseScores:
    """Scores over some of the groups of cases."""
    values = np.array(scores.values)[groups]
    return CaseScores(round(scores.cases * len(groups) / len(scores.values)), scores.block, tuple(values.tolist()))


def alike_models(pool: Pool, replicates: int, trials: int, replays: int) -> Share:
    """Names of the models in hand where the two are alike in every case."""
    random, named = np.random.default_rng(derive_seed("alike", pool.name, replicates, trials)), 0
    for drawn in searches(pool, replicates, trials, replays):
        keys = drawn.selected
        values = np.array([pool.cases[key].values for key in keys.values()])
        whole = pool.cases[next(iter(keys.values()))]
        swapped = random.random(-(-len(whole.values) // whole.block)) < 0.5
        mixed = np.where(np.repeat(swapped, whole.block)[: len(whole.values)], values[::-1], values)
        cases = {key: replace(whole, values=tuple(its.tolist())) for key, its in zip(keys.values(), mixed, strict=True)}
        found = models_in_hand(keys, cases, tuple(keys), Direction.MIN, LEVEL)
        named += found is not None and found.family is not None
    return Share(named, replays)


def decided_models(pool: Pool, replicates: int, trials: int, replays: int) -> tuple[Share, Share]:
    """How often models in hand are told apart, and how often the half that only scores agrees."""
    decided, right = 0, 0
    for drawn in searches(pool, replicates, trials, replays):
        keys = drawn.selected
        found = models_in_hand(keys, pool.cases, tuple(keys), Direction.MIN, LEVEL)
        if found and found.family:
            decided += 1
            right += found.family == min(found.scores, key=lambda name: found.scores[name])
    return Share(decided, replays), Share(right, max(1, decided))


def alike_configurations(pool: Pool, replays: int) -> Iterator[tuple[str, Share]]:
    """Five of one configuration's fresh seeds against the other five."""
    for (family, place), (scores, _) in sorted(pool.repeats.items()):
        random, named = np.random.default_rng(derive_seed("seeds", pool.name, family, place)), 0
        for _ in range(replays):
            order = random.permutation(len(scores))
            sides = {name: [scores[place] for place in order[at : at + SEEDS]] for name, at in (("a", 0), ("b", SEEDS))}
            found = configurations(sides, {}, Direction.MIN, LEVEL)
            named += found is not None and found.family is not None
        yield f"{family} {place}", Share(named, replays)


def differing_configurations(pool: Pool, replays: int, *, replaced: bool = False) -> tuple[Share, Share]:
    """How often five seeds of each name the configuration that is better over all ten, and how often the other."""
    random, right, wrong = np.random.default_rng(derive_seed("configurations", pool.name)), 0, 0
    for _ in range(replays):
        sides = {family: pool.repeats[family, _place(random, its)][0] for family, its in pool.rows.items()}
        better = min(sides, key=lambda name: np.mean(sides[name]))
        seeds = random.choice(min(map(len, sides.values())), SEEDS, replace=replaced)  # common to the families
        drawn = {name: [its[seed] for seed in seeds] for name, its in sides.items()}
        found = configurations(drawn, {}, Direction.MIN, LEVEL)
        right += found is not None and found.family == better
        wrong += found is not None and found.family not in (None, better)
    return Share(right, replays), Share(wrong, replays)


def _place(random: np.random.Generator, rows: Sequence[ScoreRow]) -> int:
    """Which of the best trials by validation, from 1, a search selects, given that it is one that was trained again."""
    shares = best_of_n.weights(len(rows), SEARCH)[:BEST]
    return int(random.choice(BEST, p=shares / shares.sum())) + 1


@dataclass(frozen=True)
class Advice:
    """What was recommended in one replay, and what it came to.

    Attributes:
        before: Loss of what 0.1.0 recommends over the other's, by what nobody has seen.
        now: The same of what is recommended today.
        plain: The same of the single best validation score.
        regret: The bound that is stated on `now`, as a share; None where it abstains.
        probability: The stated probability of being better.
        reason: What it rests on.
    """

    before: float
    now: float
    plain: float
    regret: float | None
    probability: float | None
    reason: str


def advices(pool: Pool, replicates: int, trials: int, replays: int) -> Iterator[Advice]:
    """The recommendations of both versions in each replay."""
    kept: dict[Key, float] = {}
    if pool.cases:
        whole = next(iter(pool.cases.values()))
        known, unseen = halves(len(whole.values), whole.block)
        seen = {key: part_of(its, known) for key, its in pool.cases.items()}
        kept = {key: float(np.mean(np.array(its.values)[unseen])) for key, its in pool.cases.items()}
        pool = Pool(pool.name, {f: _scored(its, seen) for f, its in pool.rows.items()}, seen, {}, pool.baseline)
    for drawn in searches(pool, replicates, trials, replays):
        rows, name = drawn.rows, drawn.rows[0].dataset
        cases = {key: pool.cases[recorded] for key, recorded in drawn.recorded.items() if pool.cases}
        truth = {family: kept[key] for family, key in drawn.selected.items()} if kept else expected_of(pool, trials)
        selected = selected_of(rows, LOSS)
        options: dict[str, Any] = {"objective": LOSS, "margins": {name: None}, "baselines": {name: pool.baseline}}
        before = decide_rows(rows, **options, rule=1).verdicts[name]
        verdict = decide_rows(rows, **options, cases={name: cases}).verdicts[name]
        found = answered(verdict, selected, rows, objective=LOSS, baselines=(), cases=cases).recommendation
        assert found is not None
        assert found.family is not None
        best = min(selected, key=lambda family: selected[family].validation)
        then = before.family or before.recommended or best
        before_ratio, now, plain = (
            truth[family] / next(loss for other, loss in truth.items() if other != family)
            for family in (then, found.family, best)
        )
        yield Advice(before_ratio, now, plain, found.regret, found.probability, found.reason.value)


def _scored(rows: Sequence[ScoreRow], cases: Cases) -> list[ScoreRow]:
    """The trials with test scores over the cases that are known."""
    return [replace(row, test=float(np.mean(cases[_key(row)].values))) for row in rows]


def _key(row: ScoreRow) -> Key:
    return row.family, row.replicate, row.trial


def expected_of(pool: Pool, trials: int) -> dict[str, float]:
    """The pool's expected test loss of the best of n by validation."""
    sides = sides_of([row for its in pool.rows.values() for row in its], list(pool.rows), Direction.MIN)
    return {name: best_of_n.expected(side, trials) for name, side in sides.items()}


def shown(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: two columns of words, then numbers."""
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def section_alike(known: Sequence[Pool], replays: int) -> tuple[str, bool]:
    """Both questions, two alike."""
    cells: dict[str, Share] = {}
    lines = []
    for pool in known:
        for size in itertools.product(REPLICATES, TRIALS):
            cells[f"{pool.name} {size}"] = alike_models(pool, *size, replays)
        its = [share for name, share in cells.items() if name.startswith(f"{pool.name} (")]
        seeds = dict(alike_configurations(pool, replays))
        cells |= {f"{pool.name} {name}": share for name, share in seeds.items()}
        lines.append([pool.name, *(f"{_mean(part)}, worst {_worst(part)}" for part in (its, list(seeds.values())))])
    bounds = lower_bounds(list(cells.values()))
    parts = [[share for name, share in cells.items() if ("(" in name) == models] for models in (True, False)]
    means = [float(np.mean([share.value for share in part])) for part in parts]
    held = max(means) <= 0.05 and max(bounds) <= 0.05
    text = (
        f"{replays:,} replays a cell; models in hand for R of {REPLICATES} and n of {TRIALS}, configurations for each "
        f"of the three best of either family. Mean {means[0]:.1%} and {means[1]:.1%}, highest one-sided lower bound "
        f"(Holm) {max(bounds):.1%}: {'at most' if held else 'NOT at most'} 5 %."
    )
    heads = ["dataset", "models in hand named, mean and worst cell", "configurations named, mean and worst cell"]
    return f"## Two alike\n\n{table(heads, lines)}\n\n{text}\n", held


def _mean(shares: Sequence[Share]) -> str:
    return f"{np.mean([share.value for share in shares]):.1%}".replace("%", " %")


def _worst(shares: Sequence[Share]) -> str:
    return f"{max(share.value for share in shares):.1%}".replace("%", " %")


def section_differing(known: Sequence[Pool], replays: int) -> tuple[str, bool]:
    """Both questions, where the two differ."""
    lines, rights, wrongs = [], [], []
    for pool in known:
        right, wrong = differing_configurations(pool, replays)
        fresh = differing_configurations(pool, replays, replaced=True)
        decided, agree = decided_models(pool, 1, 10, replays)
        rights.append(right.value)
        wrongs.append(wrong.value)
        lines.append([pool.name, *map(shown, (decided, agree, right, wrong, *fresh))])
    held = min(rights) >= 0.28 and sorted(rights)[-2] >= 0.7 and max(wrongs) < 0.01
    heads = ["dataset", "models in hand of 1 × 10 decided", "the other half agrees", "configurations right", "wrong"]
    heads += ["right, drawn with replacement", "wrong, drawn with replacement"]
    text = (
        f"Configurations by {SEEDS} seeds: right in at least 28 % on the hardest table and 70 % on two, wrong in under "
        f"1 %: {'held' if held else 'NOT held'}."
    )
    return f"## Two that differ\n\n{table(heads, lines)}\n\n{text}\n", held


def section_advice(known: Sequence[Pool], replays: int) -> tuple[str, bool]:
    """The recommendation beside that of 0.1.0."""
    lines, held, bounded = [], True, list[bool]()
    reached: dict[str, list[tuple[float, bool]]] = {}
    for pool in known:
        its = [one for size in SIZES for one in advices(pool, *size, replays)]
        counts = [
            [Share(sum(ratio > limit for ratio in ratios), len(its)) for limit in WORSE]
            for ratios in ([one.before for one in its], [one.now for one in its], [one.plain for one in its])
        ]
        bounds = [one.now - 1 <= one.regret + 1e-9 for one in its if one.regret is not None]
        bounded += bounds
        reached[pool.name] = [(one.probability, one.now < 1) for one in its if one.probability is not None]
        before, now, _ = counts
        lower = before[0].value <= 0.05 or now[0].value < before[0].value
        held = held and lower and now[1].value <= MISTAKEN
        judged = "unseen cases" if pool.cases else "expected best"
        holds = Share(sum(bounds), len(bounds))
        lines.append([pool.name, judged, *(shown(one) for three in zip(*counts, strict=True) for one in three)])
        lines[-1].append(shown(holds))
    holds = Share(sum(bounded), len(bounded))
    held = held and holds.value >= BOUND_HOLDS
    heads = ["dataset", "judged by"]
    heads += [f"{who}, over {limit:g} times" for limit in WORSE for who in ("0.1.0", "now", "validation")] + [
        "regret bound holds"
    ]
    text = (
        f"{replays:,} replays of each size (R × n: {', '.join(f'{r} × {n}' for r, n in SIZES)}); the loss of what is "
        f"recommended over the other's. Lower than 0.1.0 wherever that has over 5 %, over twice in at most 2 %, and "
        f"regret bounds hold in {shown(holds)}: {'held' if held else 'NOT held'}.\n\n{calibration(reached)}"
    )
    return f"## The recommendation\n\n{table(heads, lines)}\n\n{text}\n", held


def calibration(reached: Mapping[str, Sequence[tuple[float, bool]]]) -> str:
    """Stated probability of being better against how often it was."""
    every = [one for its in reached.values() for one in its]
    edges = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0 + 1e-9)
    lines = []
    for low, high in itertools.pairwise(edges):
        its = [(stated, right) for stated, right in every if low <= stated < high]
        if its:
            mean = np.mean([stated for stated, _ in its])
            lines.append(
                [f"{low:g} to {min(high, 1):g}", f"{mean:.1%}", shown(Share(sum(r for _, r in its), len(its)))]
            )
    return table(["stated probability", "stated on average", "was better"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=1000, help="replays of each cell [1000]")
    parser.add_argument("--advices", type=int, default=400, help="replays of each recommendation's size [400]")
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="folder of further tables with test cases")
    chosen = parser.parse_args()
    known = list(pools([RECORDED, chosen.pairs]))
    with_cases = [pool for pool in known if pool.cases]
    print("# Models in hand, configurations and recommendations, replayed\n")
    print("What `recommendations.py` printed; what it means stands in [docs/verdicts.md](../docs/verdicts.md).\n")
    all_held = True
    sections: Sequence[tuple[Callable[[Sequence[Pool], int], tuple[str, bool]], Sequence[Pool], int]] = (
        (section_alike, with_cases, chosen.replays),
        (section_differing, with_cases, chosen.replays),
        (section_advice, known, min(chosen.replays, chosen.advices)),
    )
    for section, its, replays in sections:
        text, held = section(its, replays)
        print(text, flush=True)
        all_held = all_held and held
    sys.exit(0 if all_held else 1)


if __name__ == "__main__":
    main()
