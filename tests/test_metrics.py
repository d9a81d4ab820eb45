from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics

from harness.config.tasks import ClassifyTask, ForecastTask, RegressTask
from harness.metrics import METRICS, objective_of
from harness.records import Direction, Objective

LABEL_REFERENCES = {
    "nll": lambda y, p: -np.log(np.where(y > 0.5, p, 1 - p)).sum(axis=1).mean(),
    "binary_accuracy": lambda y, p: sklearn.metrics.accuracy_score(y.ravel(), p.ravel() > 0.5),
    "micro_f1": lambda y, p: sklearn.metrics.f1_score(y, p > 0.5, average="micro"),
}
SIMPLE_REFERENCES = {
    "mae": lambda y, p: sklearn.metrics.mean_absolute_error(y.ravel(), p.ravel()),
    "mse": lambda y, p: sklearn.metrics.mean_squared_error(y.ravel(), p.ravel()),
    "rmse": lambda y, p: math.sqrt(sklearn.metrics.mean_squared_error(y.ravel(), p.ravel())),
}
CLASS_REFERENCES = {
    "accuracy": lambda y, p: sklearn.metrics.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p: sklearn.metrics.balanced_accuracy_score(y, p.argmax(1)),
    "macro_f1": lambda y, p: sklearn.metrics.f1_score(y, p.argmax(1), average="macro"),
    "log_loss": lambda y, p: sklearn.metrics.log_loss(y, p, labels=list(range(p.shape[1]))),
    "perplexity": lambda y, p: np.exp(sklearn.metrics.log_loss(y, p, labels=list(range(p.shape[1])))),
    "bits_per_character": lambda y, p: sklearn.metrics.log_loss(y, p, labels=list(range(p.shape[1]))) / np.log(2),
}


def probabilities(n: int, classes: int, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(n, classes))
    return (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("name", sorted(SIMPLE_REFERENCES))
@pytest.mark.parametrize("shape", [(5,), (7, 1), (6, 3, 2)])
def test_number_metrics_agree_with_scikit_learn(name: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    truth, prediction = random.normal(size=shape), random.normal(size=shape)
    assert METRICS[name].score(truth, prediction) == pytest.approx(SIMPLE_REFERENCES[name](truth, prediction))


@pytest.mark.parametrize("name", sorted(CLASS_REFERENCES))
@pytest.mark.parametrize("seed", range(4))
def test_class_metrics_agree_with_scikit_learn(name: str, seed: int) -> None:
    truth = np.random.default_rng(seed).integers(0, 5, 60).astype(np.int32)
    prediction = probabilities(60, 5, seed)
    assert METRICS[name].score(truth, prediction) == pytest.approx(CLASS_REFERENCES[name](truth, prediction), rel=1e-6)


@pytest.mark.parametrize("name", sorted(LABEL_REFERENCES))
def test_label_metrics_agree_with_their_definitions(name: str) -> None:
    random = np.random.default_rng(1)
    truth, prediction = (random.random((50, 7)) < 0.3).astype(np.float32), random.random((50, 7))
    expected = LABEL_REFERENCES[name](truth, prediction)
    assert METRICS[name].score(truth, prediction) == pytest.approx(expected, rel=1e-6)


def test_a_wrong_label_said_surely_costs_what_the_floor_allows() -> None:
    cost = METRICS["nll"].score(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]))
    assert cost == pytest.approx(-math.log(np.finfo(np.float32).eps))


@pytest.mark.parametrize("name", ["accuracy", "nll"])
def test_what_stands_at_padded_steps_changes_no_score(name: str) -> None:
    random, lengths = np.random.default_rng(2), np.array([3, 1, 5])
    real = np.arange(5) < lengths[:, None]
    if name == "nll":
        truth, phrase = (random.random((3, 5, 4)) < 0.5).astype(np.float32), random.random((3, 5, 4))
    else:
        truth, phrase = random.integers(0, 4, (3, 5)), random.random((3, 5, 4))
    expected = METRICS[name].score(truth[real], phrase[real])
    assert METRICS[name].of(truth, phrase, lengths) == expected
    phrase[~real], truth[~real] = np.nan, 1
    assert METRICS[name].of(truth, phrase, lengths) == expected
    assert METRICS[name].of(truth, phrase, np.array([2, 1, 5])) != expected


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1"])
def test_a_class_that_never_occurs_counts_as_in_scikit_learn(name: str) -> None:
    truth = np.array([0, 0, 1, 1, 1])
    prediction = np.eye(4)[[0, 1, 1, 1, 2]]  # class 3 neither occurs nor is named, class 2 is only named
    reference = {
        "balanced_accuracy": (1 / 2 + 2 / 3) / 2,
        "macro_f1": sklearn.metrics.f1_score(truth, prediction.argmax(1), average="macro", zero_division=0),
    }
    assert METRICS[name].score(truth, prediction) == pytest.approx(reference[name])


def test_every_metric_is_covered_and_knows_its_direction() -> None:
    assert set(METRICS) == {*SIMPLE_REFERENCES, *CLASS_REFERENCES, *LABEL_REFERENCES}
    lower = {name for name, metric in METRICS.items() if metric.direction is Direction.MIN}
    assert lower == {"mae", "mse", "rmse", "log_loss", "perplexity", "bits_per_character", "nll"}
    assert all(name == metric.name for name, metric in METRICS.items())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_prediction_that_is_not_finite_gives_a_score_that_is_not(name: str, bad: float) -> None:
    truth = np.array([0, 1, 1]) if name in CLASS_REFERENCES else np.zeros((3, 2))
    prediction = np.full((3, 2), 0.5)
    prediction[1, 0] = bad
    assert not math.isfinite(METRICS[name].score(truth, prediction))


def test_squares_of_large_float32_predictions_do_not_overflow() -> None:
    assert METRICS["mse"].score(np.zeros(2, np.float32), np.full(2, 3e38, np.float32)) == pytest.approx(9e76)


def test_being_sure_and_wrong_costs_the_same_in_both_precisions() -> None:
    sure = np.array([[1.0, 0.0]])
    costs = [METRICS["log_loss"].score([1], sure.astype(kind)) for kind in (np.float32, np.float64)]
    assert costs[0] == costs[1] == pytest.approx(-math.log(np.finfo(np.float32).eps))


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\): expected \(3, 1\)"):
        METRICS["mae"].score(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ValueError, match=r"expected \(n, classes\) and \(n,\)"):
        METRICS["accuracy"].score(np.zeros(3), np.zeros((2, 2)))


def test_objective_of_a_card() -> None:
    forecast = ForecastTask(kind="forecast", target=("y",), lookback_steps=2, metric="rmse", unit="MWh")
    assert objective_of(forecast) == Objective("rmse", Direction.MIN, "MWh")
    assert objective_of(ClassifyTask(kind="classify")) == Objective("accuracy", Direction.MAX, "")
    assert objective_of(RegressTask(kind="regress", metric="mse", unit="m")).unit == "(m)²"
    assert objective_of(RegressTask(kind="regress")).unit == ""
