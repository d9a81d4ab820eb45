"""Champions in other runtimes. The slow tests take every task to every format; the others the hardest: two inputs,
sequences of different lengths, two bidirectional layers, to the runtimes that are not TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import ExportError, UsageError
from harness.export import load_folder
from harness.export.formats import Exported, Format, export
from harness.export.formats.agreement import LONGER_BY_STEPS, require_same_outputs, rows_to_check
from harness.export.formats.runtimes import convert, script

FILES = ("README.md", "champion.json", "example_input.json", "example_output.json", "predict.py")


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[Any]]:
    """Runs an exported folder's `predict.py` in an environment that has all packages but this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, symlinks=True)
    # The folder's packages, but none of its `.pth` files, by which this package is found from its checkout.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(exported: Path) -> list[Any]:
        python = [str(folder / "bin" / "python"), "-I", "-c"]
        there = subprocess.run([*python, "import harness"], capture_output=True, text=True, check=False)
        assert "No module named 'harness'" in there.stderr
        code = f"import runpy, json; predict = runpy.run_path({str(exported / 'predict.py')!r})['predict']\n"
        code += f"print(json.dumps(predict(**json.load(open({str(exported / 'example_input.json')!r}))).tolist()))"
        done = subprocess.run([*python, code], capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
        found: list[Any] = json.loads(done.stdout)
        return found

    return run


def _check(done: Exported, built: Any, run: Callable[[Path], list[Any]], at_most: float = 1e-5) -> None:
    example = {
        name: np.array(values) for name, values in json.loads((done.folder / "example_input.json").read_text()).items()
    }
    expected = load_folder(built.folder).predict(**example)
    phrase = json.loads((done.folder / "example_output.json").read_text())["prediction"]
    assert np.array(phrase) == pytest.approx(expected, rel=1e-6)
    assert np.array(run(done.folder)) == pytest.approx(expected, rel=at_most)
    assert 0 <= done.agreement.largest < at_most
    assert "the test rows of" in done.agreement.source


@pytest.mark.parametrize("kind", [Format.ONNX, Format.LITERT])
def test_sequences_of_different_lengths_in_other_runtimes(
    classify: Any, tmp_path: Path, kind: Format, elsewhere: Callable[[Path], list[Any]]
) -> None:
    done = export(load_folder(classify.folder), kind, tmp_path / "out")
    assert set(done.files) == {*FILES, "model.onnx" if kind is Format.ONNX else "model.tflite"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert f"one of {8 + LONGER_BY_STEPS} steps" in done.agreement.source
    _check(done, classify, elsewhere)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(Format))
def test_every_task_in_every_format(
    of_every_task: Any, tmp_path: Path, kind: Format, elsewhere: Callable[[Path], list[Any]]
) -> None:
    done = export(load_folder(of_every_task.folder), kind, tmp_path / "out")
    assert done.kind is kind
    _check(done, of_every_task, elsewhere)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(Format))
def test_a_batch_of_any_size_gives_the_champions_numbers(classify: Any, tmp_path: Path, kind: Format) -> None:
    done = export(load_folder(classify.folder), kind, tmp_path / "out")
    chance, champion = np.random.default_rng(3), load_folder(classify.folder)
    sizes = (1, 7, 1000)
    batches = {f"x{n}": chance.normal(size=(n, 8, 2)).astype(np.float32) for n in sizes}
    batches |= {f"lengths{n}": chance.integers(1, 9, size=n).astype(np.int32) for n in sizes}
    np.savez(tmp_path / "in.npz", **batches)
    code = (
        f"import numpy as np, runpy; predict = runpy.run_path({str(done.folder / 'predict.py')!r})['predict']\n"
        f"held = np.load({str(tmp_path / 'in.npz')!r})\n"
        f"said = {{str(n): predict(held[f'x{{n}}'], held[f'lengths{{n}}']) for n in {sizes}}}\n"
        f"np.savez({str(tmp_path / 'out.npz')!r}, **said)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    phrase = np.load(tmp_path / "out.npz")
    for n in sizes:
        expected = champion.predict(x=batches[f"x{n}"], lengths=batches[f"lengths{n}"])
        assert phrase[str(n)] == pytest.approx(expected, abs=3e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Format.ONNX, Format.LITERT])
def test_every_encoding_in_the_runtimes_that_are_not_tensorflow(
    encoded: Any, tmp_path: Path, kind: Format, elsewhere: Callable[[Path], list[Any]]
) -> None:
    """Logarithms, differences, gaps told by channels, calendars: all are in the exported graph, and raw values go in.

    An exponential in float32 differs from runtime to runtime by 2e-5 of the predictions' spread.
    """
    if kind is Format.ONNX and encoded.plain["dataset"]["encoding"]["scaling"] == "log":
        with pytest.raises(ExportError, match="ONNX Runtime has no operation Log1p; nothing was written"):
            export(load_folder(encoded.folder), kind, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []
        return
    done = export(load_folder(encoded.folder), kind, tmp_path / "out")
    assert done.kind is kind
    _check(done, encoded, elsewhere, at_most=1e-4)


@pytest.mark.parametrize("inputs", [{"x": "float32"}, {"x": "float32", "lengths": "int32"}])
@pytest.mark.parametrize("kind", list(Format))
def test_ten_lines_use_it(kind: Format, inputs: dict[str, str]) -> None:
    text = script(kind, inputs, "Gives numbers.")
    assert "harness" not in text
    code = [line for line in text.split('"""')[2].splitlines() if line.strip()]
    assert len(code) <= {Format.LITERT: 11, Format.KERAS: 12}.get(kind, 10)  # two lines have Keras use TensorFlow
    assert max(map(len, code)) <= 120


def test_the_card_says_what_it_is(forecast: Any, tmp_path: Path) -> None:
    export(load_folder(forecast.folder), Format.ONNX, tmp_path / "out")
    config = (tmp_path / "out" / "README.md").read_text()
    assert (tmp_path / "out" / "predict.py").read_text() in config
    assert "demand 4 steps ahead" in config
    assert "`demand`, `temperature`, `holiday`" in config
    assert "MWh, lower is better" in config


def test_outputs_that_differ_leave_nothing_behind(
    forecast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = load_folder(forecast.folder)

    def spoil(model: Any, kind: Format, folder: Path) -> None:
        weights = model.get_weights()
        model.set_weights([*weights[:-1], weights[-1] + 1e-3])
        convert(model, kind, folder)
        model.set_weights(weights)

    monkeypatch.setattr("harness.export.formats.package.convert", spoil)
    with pytest.raises(ExportError, match=r"its outputs in one call differ from the champion's by .* expected at most"):
        export(champion, Format.ONNX, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "phrase"),
    [
        (Format.ONNX, "--format onnx: ONNX Runtime has no operation Qr; nothing was written"),
        (Format.LITERT, "--format litert: LiteRT has no operation Qr; nothing was written"),
    ],
)
def test_an_operation_that_a_runtime_lacks_is_named(forecast: Any, tmp_path: Path, kind: Format, phrase: str) -> None:
    import keras

    champion = load_folder(forecast.folder)
    x = keras.Input((12, 3), name="x")
    from dataclasses import replace

    odd = keras.Model(x, champion.model(keras.ops.qr(x)[0]))
    with pytest.raises(ExportError) as error:
        export(replace(champion, model=odd), kind, tmp_path / "out")
    assert str(error.value) == phrase
    assert list(tmp_path.iterdir()) == []


def test_without_its_data_a_champion_is_checked_on_other_rows(forecast: Any, classify: Any) -> None:
    from dataclasses import replace

    for built in (forecast, classify):
        champion = load_folder(built.folder)
        config = {**champion.description.card, "source": {"kind": "csv", "path": "/nowhere/at/all.csv"}}
        moved = replace(champion, description=replace(champion.description, card=config))
        batch, source = rows_to_check(moved)
        assert "drawn at random, since the data" in source
        assert batch.x.shape[2] == len(champion.description.channels)
        assert len(np.unique(moved.predict_batch(batch).round(6), axis=0)) > 20


def test_a_folder_that_does_not_run_says_why(forecast: Any, tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text("import harness\n")
    with pytest.raises(ExportError, match="the exported model does not run: ModuleNotFoundError: No module named 'har"):
        require_same_outputs(tmp_path, load_folder(forecast.folder))


def test_folders_that_are_not_empty_and_packages_that_are_not_there(
    forecast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = load_folder(forecast.folder)
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UsageError, match="expected a new or an empty folder, got one that holds files"):
        export(champion, Format.KERAS, tmp_path)
    with pytest.raises(UsageError, match="expected a folder, got a file"):
        export(champion, Format.KERAS, tmp_path / "kept")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError) as error:
        export(champion, Format.ONNX, tmp_path / "out")
    assert "needs tf2onnx and onnx and onnxruntime: pip install 'lstm-gru-harness[onnx]'" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
