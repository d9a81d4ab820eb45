"""Made-up but realistic results: `make_comparison()` and `make_sweep()` build the records that a report is made of."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from harness.records import (
    BaselineScore,
    ChampionInfo,
    ComparisonResult,
    DataFacts,
    Direction,
    FailureKind,
    Family,
    FamilyResult,
    Objective,
    Outcome,
    Phase,
    ResourceUsage,
    ScoreRow,
    SweepResult,
    TaskKind,
    TrialKey,
    TrialRecord,
    TrialStatus,
    Value,
)
from harness.report.html import html
from harness.stats.across import compare_datasets
from harness.stats.decision import decide_rows
from harness.stats.words.wording import overall

MAE = Objective("mae", Direction.MIN, "MWh")
ACCURACY = Objective("accuracy", Direction.MAX)


def _trial(
    random_: random.Random, key: TrialKey, objective: Objective, level: float, failed: bool
) -> tuple[TrialRecord, dict[str, Value], float | None]:
    units = random_.choice([16, 32, 64, 128])
    values: dict[str, Value] = {
        "units": units,
        "layers": random_.choice([1, 2]),
        "learning_rate": 10 ** random_.uniform(-3.5, -1.5),
        "dropout": random_.choice([0.0, 0.2, 0.4]),
    }
    weights = (4 if key.family.startswith("lstm") else 3) * units * (units + 13)
    if failed:
        message = "loss became NaN in epoch 3"
        kind = FailureKind.DIVERGED
        return TrialRecord(key, TrialStatus.FAILED, failure=kind, message=message, epochs=3), values, None
    loss = level * (1 + abs(math.log10(float(values["learning_rate"])) + 2.4) * 0.25) * random_.lognormvariate(0, 0.12)
    scores = [1 - loss, 1 - loss * 1.05] if objective.direction is Direction.MAX else [loss, loss * 1.05]
    epochs = random_.randint(8, 30)
    worst = 0.1 if objective.direction is Direction.MAX else scores[0] * 3
    curve = [scores[0] + (worst - scores[0]) * math.exp(-epoch / 4) for epoch in range(epochs - 1)] + [scores[0]]
    record = TrialRecord(
        key,
        TrialStatus.COMPLETED,
        validation_score=scores[0],
        best_epoch=epochs,
        epochs=epochs,
        train_losses=tuple(0.9 * math.exp(-epoch / 5) + 0.1 for epoch in range(epochs)),
        validation_scores=tuple(curve),
        parameters=weights + 65,
        recurrent_parameters=weights,
        gradient_steps=epochs * 40,
        fit_seconds=0.0002 * weights**0.8 * epochs / 10,
        compile_seconds=1.1,
        kernel="xla-epoch",
    )
    return record, values, scores[1] * random_.lognormvariate(0, 0.02)


def _arm_result(
    family: Family,
    records: Sequence[TrialRecord],
    values: Mapping[str, Mapping[str, Value]],
    scores: Mapping[str, float],
    objective: Objective,
    confirmations: int,
) -> FamilyResult:
    done = [record for record in records if record.validation_score is not None]
    sign = 1 if objective.direction is Direction.MIN else -1
    best = min(done, key=lambda record: sign * float(record.validation_score or 0), default=None)
    sizes = sorted(record.parameters for record in done) or [0]
    failed = [record.failure.value for record in records if record.failure is not None]
    usage = ResourceUsage(
        asked=len(records),
        distinct=len(records),
        completed=len(done),
        failed={kind: failed.count(kind) for kind in sorted(set(failed))},
        epochs=sum(record.epochs for record in records),
        gradient_steps=sum(record.gradient_steps for record in records),
        fit_seconds=sum(record.fit_seconds for record in records),
        compile_seconds=sum(record.compile_seconds for record in records),
        parameters=(sizes[0], sizes[len(sizes) // 2], sizes[-1]),
        kernels={"xla-epoch": len(done)},
    )
    if best is None:
        return FamilyResult(family, usage, None, {}, 0, None, None, ())
    test = scores[str(best.key)]
    again = random.Random(f"{best.key}")
    return FamilyResult(
        family,
        usage,
        best,
        values[str(best.key)],
        4711,
        best.validation_score,
        test,
        tuple(test * again.lognormvariate(0.01, 0.03) for _ in range(confirmations)),
    )


def _best(baselines: Sequence[tuple[str, float]], objective: Objective) -> float | None:
    scores = [score for _, score in baselines]
    if not scores:
        return None
    return min(scores) if objective.direction is Direction.MIN else max(scores)


def comparison(
    dataset: str = "vic_elec",
    *,
    objective: Objective = MAE,
    margin: float = 12.8,
    families: Sequence[str] = ("lstm", "gru"),
    levels: Sequence[float] = (231.0, 201.0, 262.0, 240.0),
    trials: int = 12,
    replicates: int = 1,
    failed: int = 0,
    confirmations: int = 3,
    baselines: Sequence[tuple[str, float]] | None = None,
    champion: bool = True,
    withheld: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> ComparisonResult:
    """A finished comparison, decided by the real rule.

    `levels` are the typical losses of the families; `failed` is per family and replicate.
    """
    random_ = random.Random(f"{seed} {dataset}")
    contestants = [Family(name, name.partition("-")[0]) for name in families]
    records: list[TrialRecord] = []
    values: dict[str, Mapping[str, Value]] = {}
    scores: dict[str, float] = {}
    rows: list[ScoreRow] = []
    for replicate in range(1, replicates + 1):
        for number in range(1, trials + failed + 1):
            for family, level in zip(contestants, levels, strict=False):
                key = TrialKey(dataset, family.name, replicate, Phase.SEARCH, number)
                record, chosen, test = _trial(random_, key, objective, level, number > trials)
                records.append(record)
                values[str(key)] = chosen
                if test is not None:
                    scores[str(key)] = test
                rows.append(
                    ScoreRow(
                        dataset,
                        family.name,
                        replicate,
                        number,
                        record.validation_score,
                        test,
                        record.parameters or None,
                        record.fit_seconds or None,
                        record.status,
                    )
                )
    results = [
        _arm_result(
            family,
            [record for record in records if record.key.family == family.name],
            values,
            scores,
            objective,
            confirmations,
        )
        for family in contestants
    ]
    if baselines is None:
        baselines = (
            [("persistence", 402.0), ("seasonal naive", 333.2), ("ridge on the lags", 256.4)]
            if objective.direction is Direction.MIN
            else [("majority", 0.119), ("logistic regression", 0.905)]
        )
    verdict = decide_rows(
        rows,
        objective=objective,
        margins={dataset: margin},
        families=[family.name for family in contestants],
        trials=trials,
        baselines={dataset: best} if (best := _best(baselines, objective)) is not None else {},
        reasons_to_abstain={dataset: withheld},
    ).verdicts[dataset]
    exported = verdict.family or verdict.recommended or families[0]
    chosen_score = next(family.test_score for family in results if family.family.name == exported)
    beats = best is None or (chosen_score is not None and objective.better(chosen_score, best))
    return ComparisonResult(
        dataset=dataset,
        facts=DataFacts(
            **{
                "title": "Half-hourly electricity demand, Victoria",
                "task": TaskKind.FORECAST,
                "sizes": (2100, 450, 450),
                "steps": (48, 48),
                "channels": ("Demand", "Temperature", "Holiday"),
                "targets": ("Demand",),
                "classes": (),
                "digest": "9f2c4e1b7a305d68",
                "license": "GPL-3",
                "split": "time: contiguous blocks of 70 %, 15 %, 15 %",
                "notes": (),
                **(facts or {}),
            }
        ),
        objective=objective,
        families=tuple(results),
        baselines=tuple(BaselineScore(name, score * 0.98, score, 0.05) for name, score in baselines),
        verdict=verdict,
        champion=ChampionInfo(
            name=dataset,
            version="1",
            alias="champion" if beats else "candidate",
            family=exported.partition("-")[0],
            arm=exported,
            trial=f"{dataset}/{exported}/r1/search/0003",
            why=f"{exported} is the winner's family; the trial was selected by validation.",
            test_score=math.nan if chosen_score is None else chosen_score,
            path=f"mlruns/sweeps/s1/{dataset}",
        )
        if champion
        else None,
        trials=tuple(records),
        scores=scores,
        rows=tuple(rows),
        values=values,
    )


def sweep(comparisons: Sequence[ComparisonResult], **changes: Any) -> SweepResult:
    """A sweep of these comparisons."""
    verdicts = {comparison.dataset: comparison.verdict for comparison in comparisons}
    across = compare_datasets(verdicts) if len(verdicts) > 1 else None
    values: dict[str, Any] = {
        "sweep_id": "quickstart-20261123-0712",
        "name": "quickstart",
        "comparisons": tuple(comparisons),
        "overall": overall(verdicts, across),
        "tracking_uri": "sqlite:////home/ada/demo/mlruns/mlflow.db",
        "seed": 1,
        "versions": {"python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1", "mlflow": "3.17.2"},
        "unfinished": {},
        "budget": "12 trials a family",
        "across": across,
    }
    return SweepResult(**{**values, **changes})


def hostile_sweep(text: str) -> SweepResult:
    """A sweep with this text in every text of every record."""

    def hostile(key: TrialKey) -> TrialKey:
        return dataclasses.replace(key, family=text + key.family)

    whole = comparison(failed=1, facts={"title": text, "classes": (text,), "notes": (text,)})
    facts = dataclasses.replace(
        whole.facts,
        channels=(text,),
        targets=(text,),
        digest=text,
        license=text,
        split=text,
    )
    families = tuple(
        dataclasses.replace(
            family,
            family=family.family._replace(name=text + family.family.name),
            selected_values={text: text},
            usage=dataclasses.replace(family.usage, failed={text: 1}, kernels={text: 1}),
        )
        for family in whole.families
    )
    names = tuple(family.family.name for family in families)
    verdict = dataclasses.replace(
        whole.verdict,
        dataset=text,
        families=names,
        family=names[1] if whole.verdict.family else None,
        expected=dict(zip(names, whole.verdict.expected.values(), strict=True)),
        method=text,
        warnings=(text,),
        cheaper_because=text,
    )
    assert whole.champion is not None
    champion = dataclasses.replace(
        whole.champion,
        name=text,
        version=text,
        alias=text,
        family=text,
        arm=text,
        trial=text,
        why=text,
    )
    changed = dataclasses.replace(
        whole,
        dataset=text,
        facts=facts,
        families=families,
        verdict=verdict,
        champion=champion,
        objective=dataclasses.replace(whole.objective, metric=text, unit=text),
        baselines=tuple(dataclasses.replace(baseline, name=text) for baseline in whole.baselines),
        trials=tuple(dataclasses.replace(one, key=hostile(one.key), message=text) for one in whole.trials),
        scores={str(hostile(one.key)): score for one in whole.trials if (score := whole.scores.get(str(one.key)))},
        rows=tuple(dataclasses.replace(row, dataset=text, family=text + row.family) for row in whole.rows),
        values={str(hostile(one.key)): {text: f"{text}{place % 3}"} for place, one in enumerate(whole.trials)},
    )
    return dataclasses.replace(
        sweep([whole]),
        sweep_id=text,
        name=text,
        comparisons=(changed, dataclasses.replace(changed)),
        overall=text,
        tracking_uri=text,
        versions={text: text},
        unfinished={text: text},
        budget=text,
    )


@pytest.fixture(scope="session")
def make_comparison() -> Callable[..., ComparisonResult]:
    """The factory of finished comparisons."""
    return comparison


@pytest.fixture(scope="session")
def make_sweep() -> Callable[..., SweepResult]:
    """The factory of sweeps."""
    return sweep


@pytest.fixture(scope="session")
def make_hostile_sweep() -> Callable[[str], SweepResult]:
    """The factory of sweeps with one text everywhere."""
    return hostile_sweep


@pytest.fixture(scope="session")
def three_datasets() -> SweepResult:
    """A winner, a draw and an open question, with failed trials and several objectives."""
    found = sweep(
        [
            comparison("vic_elec", failed=1, levels=(301.0, 201.0), replicates=2),
            comparison(
                "japanese_vowels",
                objective=ACCURACY,
                margin=0.05,
                levels=(0.06, 0.062),
                facts={
                    "title": "Japanese vowels by nine speakers",
                    "task": TaskKind.CLASSIFY,
                    "sizes": (229, 41, 370),
                    "steps": (7, 29),
                    "channels": tuple(f"lpc_{number}" for number in range(1, 13)),
                    "targets": (),
                    "classes": tuple(str(number) for number in range(1, 10)),
                    "license": "CC BY 4.0",
                    "split": "archive's own test part; validation stratified",
                },
            ),
            comparison(
                "adding_50",
                objective=Objective("mse", Direction.MIN),
                margin=0.0005,
                levels=(0.0123, 0.0127),
                baselines=[("mean", 0.1671), ("ridge", 0.0094)],
                facts={
                    "title": "The adding problem, 50 steps",
                    "task": TaskKind.REGRESS,
                    "channels": ("value", "marker"),
                    "targets": ("sum",),
                    "license": "",
                    "split": "shuffled",
                },
            ),
        ]
    )
    outcomes = [comparison.verdict.outcome for comparison in found.comparisons]
    assert outcomes == [Outcome.WINNER, Outcome.PRACTICALLY_EQUAL, Outcome.UNDECIDED]
    return found


@pytest.fixture(scope="session")
def three_datasets_page(three_datasets: SweepResult) -> str:
    """The HTML of `three_datasets`."""
    return html(three_datasets)
