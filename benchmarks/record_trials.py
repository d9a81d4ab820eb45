"""Random trials of LSTM and GRU on real datasets, recorded as small tables that the verdicts' rule is judged by.

Runs one sweep of one search of N trials a family, without seed repeats, and writes `benchmarks/recorded/<dataset>.csv`
in the columns that `harness verdict` and `calibrate.py` read, scores rounded to six significant digits.

With `--fresh-seeds` each family's three best trials by validation are trained again, the i-th seed common to all, and
everything goes, with its scores over test cases, to `<dataset>.jsonl`: a row a training, in the columns of
`../shared/data/pairs`. `recommendations.py` replays these.

    python benchmarks/record_trials.py --trials 160 --store recording    # the same call goes on where it was cut short
    python benchmarks/record_trials.py --dataset first_names --epochs 20 # as its table was recorded
    python benchmarks/record_trials.py --dataset pedestrian --trials 40 --fresh-seeds 10 --workers 1 --store recording
    python benchmarks/record_trials.py --baselines                       # recorded/baselines.json, for all tables
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness
from harness.baselines import run as run_baselines
from harness.config import find_datasets
from harness.executors import InProcessExecutor
from harness.journal import Journal
from harness.records import Phase, SealedScore, TrialRecord, TrialRequest, derive_seed
from harness.report.text import trials_csv
from harness.store import find_store
from harness.sweeps.events import Message
from harness.sweeps.results import EndedTrial, Results
from harness.sweeps.trials import TrialSpec, run_one

DATASETS = ("digits", "first_names", "japanese_vowels", "vic_elec")
FAMILIES = ("lstm", "gru")
BEST = 3
"""Trials of each family, best by validation, that are trained again with fresh seeds."""

CARDS = Path(__file__).parent / "cards"
RECORDED = Path(__file__).parent / "recorded"
ROUNDED = ("validation", "test", "fit_seconds")
WITH_BASELINES = (*DATASETS, "adding_50", "pedestrian")


def rounded(table: str) -> str:
    """The table with its numbers at six significant digits."""
    lines = csv.DictReader(io.StringIO(table))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, lines.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow(line | {name: f"{float(line[name]):.6g}" for name in ROUNDED if line[name]})
    return buffer.getvalue()


def record(datasets: tuple[str, ...], trials: int, store: Path, options: dict[str, Any]) -> harness.SweepResult:
    """Run the sweep in that store."""
    result = harness.sweep(
        *datasets,
        store=store,
        callback=lambda phrase: print(phrase.text, file=sys.stderr) if isinstance(phrase, Message) else None,
        name="recording",
        config_dirs=[CARDS],
        families=FAMILIES,
        trials=trials,
        seeds=0,
        offline=True,
        **options,
    )
    for dataset, why in result.unfinished.items():
        sys.exit(f"{dataset}: {why}")
    return result


def write_tables(result: harness.SweepResult, output: Path) -> None:
    """A table a dataset."""
    output.mkdir(parents=True, exist_ok=True)
    for comparison in result.comparisons:
        path = output / f"{comparison.dataset}.csv"
        path.write_text(rounded(trials_csv([comparison])), encoding="utf-8")
        print(
            f"{path}: "
            f"{', '.join(f'{family.family.name} {family.usage.completed}' for family in comparison.families)} trials"
        )


def write_cases(result: harness.SweepResult, store: Path, output: Path, fresh_seeds: int) -> None:
    """Trials and fresh seeds of each dataset with their scores over test cases; what a file holds is not made again."""
    output.mkdir(parents=True, exist_ok=True)
    with Journal.read(find_store(store, None).sweeps / result.sweep_id) as journal:
        results = Results(journal)
        for dataset in results.header.datasets:
            path = output / f"{dataset}.jsonl"
            sealed = journal.unsealed(dataset)
            ended = [one for one in results.trials(dataset) if one.record.validation_score is not None]
            rows = [row(one.request, one.record, sealed[str(one.request.key)]) for one in ended]
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            with path.open("a", encoding="utf-8") as file:
                for line in map(json.dumps, rows):
                    if line not in lines:
                        print(line, file=file)
                for found in fresh(
                    results, dataset, ended, fresh_seeds, done={_key(json.loads(line)) for line in lines}
                ):
                    print(json.dumps(found), file=file, flush=True)
            print(f"{path}: {len(path.read_text(encoding='utf-8').splitlines())} trainings")


def fresh(
    results: Results, dataset: str, ended: Sequence[EndedTrial], fresh_seeds: int, done: set[tuple[Any, ...]]
) -> Iterator[dict[str, Any]]:
    """The best trials of each family with fresh seeds, seed by seed."""
    header = results.header
    sign = results.objective(dataset).direction.sign
    spec = TrialSpec(header.datasets[dataset], dict(header.spaces), results.facts(dataset).digest, Path("unused"))
    executor = InProcessExecutor()
    for repeat in range(1, fresh_seeds + 1):
        for family in header.families:
            its = [one for one in ended if one.request.key.family == family.name]
            its.sort(key=lambda one: sign * (one.record.validation_score or 0.0))
            for place, best in enumerate(its[:BEST], start=1):
                key = replace(best.request.key, phase=Phase.SEED_REPEAT, replicate=place, number=repeat)
                if (family.name, key.phase.value, place, repeat) in done:
                    continue
                seed = derive_seed(header.plan.seed, dataset, "fresh", repeat)
                request = replace(best.request, key=key, seed=seed)
                made = run_one(executor, spec.task(request))
                if made["sealed"] is not None:
                    yield row(request, TrialRecord.from_json(made["trial"]), SealedScore.from_json(made["sealed"]))


def row(request: TrialRequest, record: TrialRecord, sealed: SealedScore) -> dict[str, Any]:
    """One training."""
    return {
        "ds": request.key.dataset,
        "family": request.key.family,
        "phase": request.key.phase.value,
        "number": request.key.number,
        "rep": request.key.replicate,
        "seed": request.seed,
        "val": float(f"{record.validation_score:.7g}"),
        "test": float(f"{sealed.test_score:.7g}"),
        "cases": sealed.cases.to_json() if sealed.cases else None,
        "params": record.parameters,
        "sec": round(record.fit_seconds, 3),
    }


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["family"], row["phase"], row["rep"], row["number"]


def write_baselines(output: Path) -> None:
    """Validation and test score of every baseline of every recorded dataset."""
    found = {}
    for name in WITH_BASELINES:
        if (config := find_datasets(name, [CARDS])[0].config) is None:
            sys.exit(f"{name}: its config cannot be read")
        scores = run_baselines({"dataset": config.model_dump(mode="json")})["baselines"]
        found[name] = {one["name"]: [one["validation_score"], one["test_score"]] for one in scores}
    output.mkdir(parents=True, exist_ok=True)
    path = output / "baselines.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(found)} datasets")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=160, help="random trials of each family [160]")
    parser.add_argument("--dataset", action="append", help=f"may be repeated [{', '.join(DATASETS)}]")
    parser.add_argument("--epochs", type=int, help="the most epochs of a trial [a sweep's own]")
    parser.add_argument("--fresh-seeds", type=int, metavar="N", help="of each family's three best; with test cases")
    parser.add_argument("--workers", type=int, help="[a sweep's own]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", type=Path, help="where the sweep is kept [a temporary folder]")
    parser.add_argument("--output", type=Path, default=RECORDED, help="where the tables go [benchmarks/recorded]")
    parser.add_argument("--baselines", action="store_true", help="score the baselines of the recorded datasets alone")
    chosen = parser.parse_args()
    if chosen.baselines:
        write_baselines(chosen.output)
        return
    given = {name: getattr(chosen, name) for name in ("epochs", "seed", "workers")}
    options = {name: value for name, value in given.items() if value is not None}
    datasets = tuple(chosen.dataset or DATASETS)
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        store = chosen.store or Path(folder)
        result = record(datasets, chosen.trials, store, options)
        if chosen.fresh_seeds:
            write_cases(result, store, chosen.output, chosen.fresh_seeds)
        else:
            write_tables(result, chosen.output)


if __name__ == "__main__":  # workers are spawned and import this file
    main()
