"""What changed underneath is named and refused or recorded; a finished sweep grows and keeps what was done."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import pytest

from harness.checks.verify import verify
from harness.config import make_plan
from harness.errors import UsageError
from harness.executors import InProcessExecutor, PoolExecutor
from harness.journal import EventKind, Journal
from harness.records import Phase, TrialKey, TrialRequest
from harness.search import Scheduler
from harness.store import Store
from harness.sweeps.folders import find_unfinished
from harness.sweeps.plan import differences, extended, resolve, search_settings
from harness.sweeps.prepare import Resuming, inspect
from harness.sweeps.runner import run_sweep
from harness.sweeps.trials import replay
from harness.tracking.queries import read_sweep_scores


@pytest.fixture
def copied(swept, tmp_path: Path) -> Store:
    """A copy of the finished sweep's store, to be gone on with."""
    return swept.copied_to(tmp_path)


def ended(store: Store, sweep_id: str) -> dict[str, dict]:
    with Journal.open(store.sweeps / sweep_id) as journal:
        return {event.trial_key: dict(event.payload) for event in journal.events(EventKind.ENDED)}


def with_other_data(swept, toys, folder: Path):
    """The same header, but for a file of data with one value changed."""
    other = toys.write_project(folder)
    text = (other / "waves.csv").read_text()
    (other / "waves.csv").write_text(text.replace("2024-01-05 10:00,", "2024-01-05 10:00,1"))
    config = toys.header(other).datasets["tiny_waves"]
    return dataclasses.replace(swept.header, datasets={**swept.header.datasets, "tiny_waves": config})


def test_equal_headers_do_not_differ(swept, toys, configs) -> None:
    assert differences(swept.header, toys.header(configs)) == []
    assert differences(swept.header, toys.header(configs, workers=7)) == []


def test_each_difference_is_a_line_with_old_and_new(swept) -> None:
    header = swept.header
    space = header.spaces["tiny_gru"]
    units = space.hyperparameters["units"].model_copy(update={"values": (2, 3, 4)})
    config = header.datasets["tiny_waves"]
    now = dataclasses.replace(
        header,
        versions={**header.versions, "keras": "99.1"},
        spaces={
            **header.spaces,
            "tiny_gru": space.model_copy(update={"hyperparameters": {**space.hyperparameters, "units": units}}),
        },
        datasets={
            **header.datasets,
            "tiny_waves": config.model_copy(update={"task": config.task.model_copy(update={"lookback_steps": 9})}),
        },
    )
    lines = differences(header, now)
    assert lines == [
        "datasets tiny_waves task lookback_steps was 6, is 9",
        "search_spaces tiny_gru hyperparameters units values was 2, 3, is 2, 3, 4",
        f"keras was {header.versions['keras']}, is 99.1",
    ]
    assert differences(header, dataclasses.replace(header, versions={**header.versions, "mlflow": "99"})) == []


def test_other_data_is_refused_by_name_and_nothing_is_written(swept, toys, copied, tmp_path: Path) -> None:
    mine, sweep_id = with_other_data(swept, toys, tmp_path / "other"), swept.result.sweep_id
    before = len(ended(copied, sweep_id))
    with (
        InProcessExecutor() as executor,
        pytest.raises(UsageError, match=r"data of tiny_waves \(digest\) was \w{12}, is"),
    ):
        run_sweep(mine, copied, executor, lambda _: None, resume=sweep_id)
    assert len(ended(copied, sweep_id)) == before


def test_accepted_changes_are_recorded_and_said_in_the_verdict(swept, copied, tmp_path: Path) -> None:
    """The journal as a kill before the verdict leaves it, gone on with on another Keras."""
    sweep_id = swept.result.sweep_id
    folder = copied.sweeps / sweep_id
    shutil.rmtree(folder)
    with Journal.open(swept.folder) as whole, Journal.create(folder, whole.plan) as cut:
        for event in list(whole.events())[1:]:
            if event.kind is EventKind.DECIDED:
                break
            key = TrialKey.parse(event.trial_key) if event.trial_key else None
            sealed = whole.unsealed(event.dataset).get(event.trial_key) if event.kind is EventKind.ENDED else None
            cut.append(event.kind, event.payload, dataset=event.dataset, key=key, sealed=sealed)
    header = dataclasses.replace(
        swept.header,
        plan=swept.header.plan.model_copy(update={"datasets": ("tiny_adding",)}),
        datasets={"tiny_adding": swept.header.datasets["tiny_adding"]},
        versions={**swept.header.versions, "keras": "99.1"},
    )
    with InProcessExecutor() as executor:
        with pytest.raises(UsageError, match="--accept-changes resumes it all the same"):
            run_sweep(header, copied, executor, lambda _: None, resume=sweep_id)
        result = run_sweep(header, copied, executor, lambda _: None, resume=Resuming(sweep_id, accept_changes=True))
    (comparison,) = result.comparisons
    phrase = f"changed midway: keras was {swept.header.versions['keras']}, is 99.1"
    assert phrase in comparison.verdict.warnings
    with Journal.open(folder) as journal:
        assert phrase in journal.changes
    assert verify(copied, sweep_id)[0].disagreements == []


def test_an_oracle_that_answers_otherwise_adopts_what_was_asked(swept, toys, configs, tmp_path: Path) -> None:
    other = toys.write_project(tmp_path / "other")
    for name in ("tiny_lstm", "tiny_gru"):
        text = (other / f"{name}.toml").read_text()
        (other / f"{name}.toml").write_text(text.replace("max_value = 1e-1", "max_value = 1e-2"))
    header = toys.header(other)
    objective = inspect(header)["tiny_adding"].objective
    scheduler = Scheduler("tiny_adding", header.families, header.spaces, objective, search_settings(header, 2))
    with Journal.open(swept.folder) as whole, Journal.create(tmp_path / "s", whole.plan) as journal:
        asked = list(whole.events(EventKind.ASKED, dataset="tiny_adding"))[:4]
        for event in asked:
            journal.append(event.kind, event.payload, key=TrialKey.parse(event.trial_key))
        journal.append(EventKind.CHANGED, {"header": header.to_json(), "what": ["x"], "why": "changed midway"})
        started = replay(scheduler, journal)
    assert started == [TrialRequest.from_json(event.payload) for event in asked]
    fresh = scheduler.ask()
    assert fresh is not None
    assert fresh.values["learning_rate"] <= 1e-2


def test_a_finished_sweep_grows_and_keeps_what_was_done(swept, copied, configs) -> None:
    """More trials, another replicate and another family: only what is new is trained, and the arms end equal."""
    sweep_id, plan = swept.result.sweep_id, swept.header.plan
    before, rows = ended(copied, sweep_id), read_sweep_scores(copied, sweep_id)
    (configs / "tiny_rnn.toml").write_text(
        (configs / "tiny_gru.toml").read_text().replace("tiny_gru", "tiny_rnn").replace('"GRU"', '"SimpleRNN"')
    )
    header = extended(swept.header, trials=4, replicates=2, families=["tiny_rnn"], card_folders=[configs])
    assert header.plan.families == (*plan.families, "tiny_rnn")
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(header, copied, executor, lambda _: None, resume=Resuming(sweep_id, extend=True))
    after = ended(copied, sweep_id)
    assert {key: after[key] for key in before} == before
    keys = [TrialKey.parse(key) for key in after]
    searched = Counter((k.dataset, k.family, k.replicate) for k in keys if k.phase is Phase.SEARCH)
    assert set(searched.values()) == {4}
    assert len(searched) == 2 * 3 * 2
    for comparison in result.comparisons:
        assert {family.usage.completed for family in comparison.families} == {8}
        assert {len(family.seed_scores) for family in comparison.families} == {plan.seeds}
        assert "extended: plan trials was 3, is 4" in comparison.verdict.warnings
    now = read_sweep_scores(copied, sweep_id)
    assert len(now) == len({row["trial_key"] for row in now}) == len(after)
    assert {row["run_id"] for row in rows} <= {row["run_id"] for row in now}
    assert [one.disagreements for one in verify(copied, sweep_id)] == [[], []]
    assert find_unfinished(copied, header) is None


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ({}, {"trials": 2}, "--extend --trials 2: expected at least the 3 that the sweep has"),
        ({"replicates": 3}, {"replicates": 2}, "--extend --replicates 2: expected at least the 3"),
        ({}, {"datasets": ["tiny_waves"]}, "--extend: tiny_waves is in the sweep already"),
        ({}, {"families": ["tiny_gru"]}, "--extend: tiny_gru is in the sweep already"),
        ({"minutes": 1.0, "trials": None}, {"replicates": 2}, "a sweep whose budget is minutes cannot grow fairly"),
        ({"until_decided": True}, {"replicates": 9}, "this sweep adds replicates by itself"),
    ],
)
def test_a_sweep_cannot_be_made_less_or_unfair(toys, configs, changes, more, message) -> None:
    header = toys.header(configs, **changes)
    with pytest.raises(UsageError, match=message):
        extended(header, **more, card_folders=[configs])


def test_the_same_command_means_the_same_sweep_though_its_cards_changed(swept, toys, configs, tmp_path: Path) -> None:
    folder = tmp_path / "mlruns" / "sweeps" / "tiny-20260101-000000"
    Journal.create(folder, swept.header.to_json()).close()
    store = toys.store_in(tmp_path)
    assert find_unfinished(store, toys.header(configs)) == folder.name
    assert find_unfinished(store, toys.header(configs, trials=4)) is None
    assert resolve(make_plan(swept.header.plan.model_dump(exclude_none=True)), [configs]).means_the_same_as(
        swept.header
    )
