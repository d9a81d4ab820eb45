"""Temperature scaling: the temperature, the head that takes it, and a trial with it beside the same one without."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from harness.config import find_space, make_plan
from harness.config.dataset import DatasetConfig
from harness.data.splits import of_fold
from harness.models import NetworkShape, family_of
from harness.models.adapt import example
from harness.models.shape import as_model_takes
from harness.records import Direction, Family, Objective, Phase, TaskKind, TrialKey, TrialRecord, TrialRequest
from harness.search import Budget, Scheduler, SearchSettings
from harness.search.scheduler import seed_repeat_request
from harness.sweeps.plan import SweepHeader, calibrates, resolve, search_settings
from harness.sweeps.results import EndedTrial, usage_of
from harness.training.cache import prepare
from harness.training.temperature import LARGEST_TEMPERATURE, divided, temperature_of
from harness.training.trial import load_weights, run_refit, run_trial

SHIPPED = ("lstm", "gru", "rnn", "mingru", "tcn", "conv_attention")
ORDER = DatasetConfig.model_validate(
    {
        "name": "order",
        "source": {"kind": "generator", "generator": "temporal_order", "steps": 10, "sequences": 60},
        "task": {"kind": "classify", "metric": "log_loss"},
    }
)


def all_right(count: int, classes: int, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a network that is right in each case, by the same margin."""
    answers = np.arange(count) % classes
    return margin * np.eye(classes)[answers], answers


@pytest.mark.parametrize(("count", "classes", "margin"), [(10, 2, 12.0), (10, 4, 9.0), (36, 9, 15.0)])
def test_a_network_right_in_all_cases_is_as_sure_as_they_allow(count, classes, margin):
    # Every row asks for the same: exp(margin / T) is to 1 as (n + 1/2) / (n + 1) is to a share of what is left of 1.
    logits, answers = all_right(count, classes, margin)
    found = temperature_of(logits, answers)
    assert found == pytest.approx(margin / math.log((2 * count + 1) * (classes - 1)), rel=1e-9)
    right = softmax(logits / found, axis=1)[np.arange(count), answers]
    assert right == pytest.approx((count + 0.5) / (count + 1))


def test_two_classes_of_which_some_are_wrong():
    # Nine of ten right by one margin: the mean of the soft targets is what is said of the class that it answers.
    logits, answers = all_right(10, 2, 8.0)
    answers[0] = 1 - answers[0]
    said = (9 * 10.5 / 11 + 0.5 / 11) / 10
    assert temperature_of(logits, answers) == pytest.approx(8.0 / math.log(said / (1 - said)), rel=1e-9)


def test_the_temperature_stays_in_its_range():
    logits, answers = all_right(10, 3, 2.0)
    assert temperature_of(logits, answers) == 1.0  # unsure enough as it is
    assert temperature_of(logits * 50, (answers + 1) % 3) == LARGEST_TEMPERATURE  # wrong all through
    assert temperature_of(logits * 0, answers) == 1.0
    scaled = temperature_of(logits * 6, answers)
    assert temperature_of(logits * 3, answers) == pytest.approx(scaled / 2, rel=1e-9)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_familys_head_takes_the_temperature(name):
    shape = NetworkShape(TaskKind.CLASSIFY, 9, 2, True, 3, 1)
    network = family_of(find_space(name).config).build(shape, {"units": 4, "kernel_size": 3, "layers": 2}).build()
    weights, model = network.initial_weights(1), network.model
    feed = as_model_takes(list(example(shape, 40, np.random.default_rng(0)).values()))

    def logits(these):
        model.set_weights(these)
        return np.asarray(model(feed, training=False), np.float64)

    before, after = logits(weights), logits(divided(weights, 2.5))
    np.testing.assert_allclose(softmax(after, axis=1), softmax(before / 2.5, axis=1), atol=1e-6)
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()


def late(calibrate: bool) -> TrialRequest:
    """A trial of which the last epoch alone counts, when it is surer than it may be."""
    values = {"units": 8, "learning_rate": 0.03, "batch_size": 16}
    request = TrialRequest(TrialKey("order", "gru", 1, Phase.SEARCH, 1), "gru", values, 1, 60, 60, begins_after=59)
    return replace(request, calibrate=calibrate)


def test_a_trial_is_scored_with_its_temperature(tmp_path):
    space, prepared = find_space("gru").config, prepare(ORDER)
    common = {"dataset": ORDER.model_dump_json(), "spaces": {"gru": space.model_dump_json()}}
    common["digest"] = prepared.data.facts.digest
    done, weights, states = {}, {}, {}
    for on in (True, False):
        paths = {name: tmp_path / f"{name}_{on}.npz" for name in ("weights_to", "state_to")}
        done[on] = run_trial(
            {**common, **{name: str(path) for name, path in paths.items()}, "request": late(on).to_json()}
        )
        weights[on], states[on] = load_weights(paths["weights_to"]), load_weights(of_fold(str(paths["state_to"]), 0))
    scaled, plain = done[True]["trial"], done[False]["trial"]
    assert scaled.temperature > 1.5 > plain.temperature == 1.0
    assert scaled.validation_scores == plain.validation_scores  # the curve stays as it was trained
    assert plain.validation_score == plain.validation_scores[-1]
    network, part = family_of(space).build(prepared.shape, late(True).values).build(), prepared.validation
    network.model.set_weights(weights[False])
    said = softmax(np.asarray(network.model(part.x, training=False), np.float64) / scaled.temperature, axis=1)
    losses = -np.log(said[np.arange(len(part)), part.y.numpy()])
    assert scaled.validation_score == pytest.approx(losses.mean(), rel=1e-5) != plain.validation_score
    assert done[True]["sealed"].test_score != done[False]["sealed"].test_score
    for one, same in zip(weights[True], divided(weights[False], scaled.temperature), strict=True):
        np.testing.assert_array_equal(one, same)
    for one, same in zip(states[True], states[False], strict=True):  # what another trial goes on from
        np.testing.assert_array_equal(one, same)
    assert TrialRecord.from_json(scaled.to_json()) == scaled
    assert usage_of([EndedTrial(late(True), scaled)]).temperatures == (scaled.temperature,) * 3
    assert usage_of([EndedTrial(late(False), plain)]).temperatures == (0.0, 0.0, 0.0)


def test_a_refitted_model_takes_its_trials_temperature(tmp_path):
    request = replace(late(True), epochs=3)
    plain = {
        "request": request.to_json(),
        "dataset": ORDER.model_dump(),
        "space": find_space("gru").config.model_dump(),
    }
    plain["digest"] = prepare(ORDER).data.facts.digest
    weights = {}
    for temperature in (1.0, 2.0):
        path = tmp_path / f"{temperature}.npz"
        run_refit({**plain, "weights_to": str(path), "temperature": temperature})
        weights[temperature] = load_weights(path)
    for one, same in zip(weights[2.0], divided(weights[1.0], 2.0), strict=True):
        np.testing.assert_array_equal(one, same)


def asked(**keys: object) -> list[TrialRequest]:
    families = [Family(name, name) for name in ("lstm", "gru")]
    spaces = {name: find_space(name).config for name, _ in families}
    settings = SearchSettings("random", Budget(3), 1, 30, 5, 7, 1, **keys)
    scheduler = Scheduler("toy", families, spaces, Objective("log_loss", Direction.MIN), settings)
    return [request for _ in range(2) if (request := scheduler.ask())]


def test_both_families_are_asked_for_it_alike():
    assert [(one.family, one.calibrate) for one in asked(calibrate=True)] == [("lstm", True), ("gru", True)]
    assert [one.calibrate for one in asked()] == [False, False]
    assert seed_repeat_request(asked(calibrate=True)[0], 1, 7).calibrate


def test_sweeps_that_did_not_record_it_stay_as_they_were():
    header = resolve(make_plan({"datasets": ("gun_point",)}))
    assert header.plan.calibrate is True
    assert search_settings(header, 2).calibrate
    plain = header.to_json()
    del plain["plan"]["calibrate"]
    began = SweepHeader.from_json(plain)
    assert began.plan.calibrate is None
    assert not search_settings(began, 2).calibrate
    assert began.means_the_same_as(header)
    request = asked()[0].to_json()
    del request["calibrate"]
    assert TrialRequest.from_json(request) == asked()[0]


def test_a_builder_of_ones_own_leaves_all_families_as_trained():
    header = resolve(make_plan({"datasets": ("gun_point",)}))
    own = header.spaces["gru"].model_copy(update={"build": "mine.py:build", "layer": None})
    assert calibrates(header.plan, header.spaces)
    assert not calibrates(header.plan, {**header.spaces, "gru": own})
    assert not calibrates(make_plan({"datasets": ("gun_point",), "calibrate": False}), header.spaces)
