"""Mistakes in builders: one clear message each, before training where that can be; the other families go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config import make_plan
from harness.config.space import SearchSpace
from harness.errors import ExportError, HarnessError
from harness.executors import InProcessExecutor
from harness.export.formats import Format, export
from harness.export.predictor import load_folder
from harness.journal import EventKind, Journal
from harness.models import NetworkShape
from harness.models.discover import tried
from harness.records import TaskKind
from harness.store import Store
from harness.sweeps.plan import resolve
from harness.sweeps.runner import run_sweep

FILE = Path(__file__).with_name("wrong_builders.py")
CLASSES = NetworkShape(TaskKind.CLASSIFY, 6, 2, masked=False, outputs=3, horizon_steps=1)
NUMBERS = NetworkShape(TaskKind.REGRESS, 6, 2, masked=False, outputs=1, horizon_steps=1)

WRONG = {
    "without_output_layer": "gives (2), expected (3): one number for each class",
    "wrong_number_of_classes": "gives (5), expected (3): one number for each class",
    "one_sigmoid": "gives (1), expected (3): one number for each class",
    "two_outputs": "gives 2 outputs, expected one",
    "other_steps": "its input x is (7, 2), expected (6, 2)",
    "other_loss": "was compiled with the loss mse, expected cross-entropy or none, since classes are predicted",
    "returns_nothing": "returned a NoneType, expected a Keras model",
    "returns_a_class": "returned a ",
    "returns_several": "returned a list, expected a Keras model",
    "takes_nothing": "takes (), expected (hp) or (hp, problem)",
    "takes_more": "takes (hp, problem, units), expected (hp) or (hp, problem)",
    "leaves": "raised SystemExit: 3",
    "misspells": "raised AttributeError: ",
    "asks_other_names": "asks for",
    "asks_ever_more": "asks for new hyperparameters after 300 calls: expected a fixed set",
    "mixes_types": "raised TypeError: ",
    "searches_the_seed": "the seed is never a hyperparameter",
    "steps_of_nothing": "asks for 'units' in steps of 0: expected more than 0",
    "takes_hyperbands_name": "asks for 'tuner/epochs': expected another name: Hyperband's own begin so",
    "names_with_blanks": "names_with_blanks: hyperparameter 'my units': expected letters, digits, ",
    "waits": "is an async function: expected a plain function that returns a Keras model",
    "yields": "is a generator: expected a plain function that returns a Keras model",
    "computes_in_16_bits": "sets Keras's dtype policy to mixed_float16: expected float32",
    "unknown_optimizer": "expected optimizer to be one of adam, adamw, rmsprop, sgd",
    "one_name_in_two_scopes": "asks for 'width' in two scopes: expected a name of its own in each",
    "raises_at_three_units": "raised ValueError: too many, where units = 3",
    "FitsItself": "its fit is its own: expected what it does in the model's train_step",
    "NeedsArguments": "raised TypeError: ",
    "SETTINGS": "has no function 'SETTINGS'",
    "without_output_layers": "has no function 'without_output_layers'. Did you mean without_output_layer",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_before_anything_is_trained(built: Callable[..., SearchSpace], name: str) -> None:
    with pytest.raises(HarnessError) as caught:
        tried(CLASSES, built(name, FILE), gaussian=False)
    text = str(caught.value)
    assert WRONG[name] in text
    assert f"wrong_builders.py:{name}: " in text or "wrong_builders.py: has no function" in text
    assert "\n" not in text


def test_a_loss_for_classes_is_refused_where_numbers_are_predicted(built: Callable[..., SearchSpace]) -> None:
    with pytest.raises(
        HarnessError, match=r"the loss sparse_categorical_crossentropy, expected mse, mae or none, since n"
    ):
        tried(NUMBERS, built("entropy_of_numbers", FILE), gaussian=False)


def test_what_a_file_makes_by_name_is_a_builder(built: Callable[..., SearchSpace]) -> None:
    found = tried(CLASSES, built("for_three_classes", FILE), gaussian=False)
    assert found.hyperparameters["units"].values == (2, 3)


@pytest.mark.slow
def test_trials_of_a_builder_that_raises_fail_and_the_others_go_on(
    tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    project = write_project(tmp_path)
    (project / "mine.toml").write_text(f'name = "mine"\nbuild = "{FILE}:fails_at_a_large_spread"\n')
    store = Store(project / "mlruns", f"sqlite:///{project / 'mlruns' / 'mlflow.db'}")
    asked = {"name": "own", "datasets": ("tiny_adding",), "families": ("mine", "tiny_gru"), "trials": 6, "epochs": 1}
    header = resolve(make_plan({**asked, "seeds": 0, "workers": 1, "seed": 3}), [project])
    done = run_sweep(header, store, InProcessExecutor(), lambda _: None, offline=True)
    with Journal.read(store.sweeps / done.sweep_id) as journal:
        ends = [event.payload for event in journal.events(EventKind.ENDED)]
    failed = [one for one in ends if one["status"] == "failed"]
    assert failed
    assert all("/mine/" in one["key"] for one in failed)
    assert {one["message"] for one in failed} == {
        "wrong_builders.py:fails_at_a_large_spread: raised ValueError: a spread of 1 is too large"
    }
    (comparison,) = done.comparisons
    completed = {one.family.name: one.usage.completed for one in comparison.families}
    assert 1 <= completed["mine"] <= completed["tiny_gru"] <= completed["mine"] + 1  # by no more than there are workers
    assert comparison.verdict.completed == dict.fromkeys(("mine", "tiny_gru"), completed["mine"])


@pytest.mark.slow
def test_a_layer_that_a_format_cannot_carry_is_named(
    built: Callable[..., SearchSpace],
    champion_of: Callable[..., Path],
    tmp_path: Path,
    write_project: Callable[[Path], Path],
) -> None:
    from harness.config import find_dataset

    dataset = find_dataset(str(write_project(tmp_path) / "tiny_adding.toml")).config
    folder = champion_of(dataset, built("inverts", FILE), {"units": 2}, tmp_path)
    champion = load_folder(folder, code=[FILE])
    with pytest.raises(ExportError) as caught:
        export(champion, Format.ONNX, tmp_path / "onnx")
    assert "\n" not in str(caught.value)
    assert str(caught.value) == "--format onnx: ONNX Runtime has no operation Erfinv; nothing was written"
    assert not (tmp_path / "onnx").exists()
