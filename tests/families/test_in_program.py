"""Builders that a Python program hands over: by file and name, or by a source that means the same in a file."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.config import find_space, make_plan
from harness.config.given import given_families
from harness.config.space import SearchSpace
from harness.errors import HarnessError, UsageError
from harness.models import NetworkShape
from harness.models.discover import discovered
from harness.records import TaskKind
from harness.sweeps.plan import SweepHeader, differences, resolve
from harness.user_code import digest_of, load_function
from harness.user_source import taken

BUILDERS = Path(__file__).with_name("builders.py")
CLASSES = NetworkShape(TaskKind.CLASSIFY, 6, 2, masked=False, outputs=3, horizon_steps=1)

NOTEBOOK = (
    "import keras\nfrom keras import layers as parts, ops\nimport keras_tuner as kt\nimport os.path\nUNITS = [4, 8]\n",
    "def helper(x):\n    return x\n",
)


def in_notebook(cell: str) -> dict[str, Any]:
    """The names of a notebook after a last cell, as IPython keeps its cells."""
    names: dict[str, Any] = {"__name__": "__main__", "In": ["", *NOTEBOOK, cell]}
    for number, text in enumerate((*NOTEBOOK, cell)):
        file = f"<cell-{hash(text)}-{number}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), names)
    return names


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`builders.py` as a module that was imported."""
    spec = importlib.util.spec_from_file_location("my_builders", BUILDERS)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "my_builders", found)
    spec.loader.exec_module(found)
    return found


def test_a_function_of_a_module_goes_by_its_file(module: ModuleType, tmp_path: Path) -> None:
    families = given_families({"lstm": "lstm", "mine": module.attentive, "model": module.HyperModel})
    assert families
    assert families.names == ("lstm", "mine", "model")
    assert not any(tmp_path.iterdir())
    _, mine, model = families.write(tmp_path)
    assert find_space(mine).config == SearchSpace(
        name="mine", build=f"{BUILDERS}:attentive", code_sha256=digest_of(f"{BUILDERS}:attentive")
    )
    assert find_space(model).config.build == f"{BUILDERS}:HyperModel"
    assert not list(tmp_path.rglob("*.py"))


def test_an_instance_made_without_arguments_is_its_class(module: ModuleType) -> None:
    assert taken(module.HyperModel(), "x").name == "HyperModel"


def test_a_function_of_a_notebook_means_the_same_from_a_file(tmp_path: Path) -> None:
    cell = (
        "def build_model(hp: kt.HyperParameters, width=max(4, 2)) -> keras.Model:\n"
        "    from keras import Input\n"
        "    inputs = Input((6, 2))\n"
        "    def again(x, times):\n"
        "        return build_model if times < 0 else ops.sum(x, axis=1)\n"
        "    units = [size for size in (width, 8)]\n"
        "    hidden = parts.LSTM(hp.Choice('units', units), return_sequences=True)(inputs)\n"
        "    return keras.Model(inputs, parts.Dense(3)(again(hidden, 1)))\n"
    )
    families = given_families({"gru": "gru", "mine": in_notebook(cell)["build_model"]})
    assert families
    space = find_space(families.write(tmp_path)[1]).config
    (file,) = tmp_path.rglob("mine.py")
    text = file.read_text()
    assert space.build == f"{file}:build_model"
    assert "import keras\n" in text
    assert "from keras import layers as parts\nfrom keras import ops\n" in text
    assert "keras_tuner" not in text  # an annotation is never looked up
    assert discovered(CLASSES, space, gaussian=False).hyperparameters["units"].values == (4, 8)
    assert families.write(tmp_path)[1] == str(file.with_suffix(".toml"))


def test_a_function_beside_its_imports_is_taken() -> None:
    """Where one cell or script holds both, the compiler writes calls of what is imported in another way."""
    cell = "from keras import layers\n\n\ndef build_model(hp):\n    return layers.Dense(hp.Int('units', 1, 2))\n"
    made = taken(from_cell(cell), "mine")
    assert "from keras import layers\n" in made.source
    changed = cell.replace("1, 2", "1, 3")
    function = from_cell(cell)
    linecache.cache[function.__code__.co_filename] = (0, None, changed.splitlines(keepends=True), "")
    with pytest.raises(UsageError, match="a file that has changed since"):
        taken(function, "mine")


def test_a_class_of_a_script_is_taken_with_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import keras_tuner\nfrom keras import layers, Sequential\n"
        "class Mine(keras_tuner.HyperModel):\n    def build(self, hp):\n"
        "        return Sequential([layers.LSTM(hp.Choice('units', [2, 3])), layers.Dense(3)])\n"
    )
    main = ModuleType("__main__")
    main.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(compile(script.read_text(), str(script), "exec"), vars(main))
    found = taken(main.Mine(), "x")
    assert found.file is None
    assert "import keras_tuner\n" in found.source
    (tmp_path / "mine.py").write_text(found.source)
    space = SearchSpace(name="mine", build=f"{tmp_path / 'mine.py'}:Mine")
    assert discovered(CLASSES, space, gaussian=False).hyperparameters["units"].values == (2, 3)


def test_a_function_in_a_function_is_taken_where_it_reads_nothing_around_it() -> None:
    def build_model(hp):  # type: ignore[no-untyped-def]
        """Of
        two lines."""
        return Path(hp.get("file"))

    assert "from pathlib import Path\n" in taken(build_model, "x").source


def test_keys_of_a_search_space_stand_beside_the_builder(module: ModuleType, tmp_path: Path) -> None:
    sizes = {"batch_size": {"type": "Choice", "values": [8, 16]}}
    families = given_families({"mine": {"build": module.attentive, "title": "Mine", "hyperparameters": sizes}})
    assert families
    space = find_space(families.write(tmp_path)[0]).config
    assert (space.title, space.hyperparameters["batch_size"].values) == ("Mine", (8, 16))


def closure() -> Callable[..., Any]:
    units = [4, 8]

    def build_model(hp):  # type: ignore[no-untyped-def]
        return hp.Choice("units", units)

    return build_model


class WithArguments:
    def __init__(self, classes: int) -> None:
        self.classes = classes

    def build(self, hp: Any) -> None: ...


def from_cell(cell: str) -> Any:
    return in_notebook(cell)["build_model"]


def without_source() -> Any:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def build_model(hp): return hp", names)
    return names["build_model"]


def changed_since() -> Any:
    function = from_cell("def build_model(hp):\n    return hp.Int('units', 1, 2)\n")
    file = function.__code__.co_filename
    text = "def build_model(hp):\n    return hp.Int('units', 1, 3)\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return function


def keras_model() -> Any:
    import keras

    return keras.Sequential()


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "reads a constant": (
        lambda: {"mine": from_cell("def build_model(hp):\n    return hp.Choice('units', UNITS)\n")},
        "families['mine']: build_model reads UNITS, a list of this program: expected it inside of build_model, or all",
    ),
    "reads a helper": (
        lambda: {"mine": from_cell("def build_model(hp):\n    return [helper(one) for one in hp]\n")},
        "build_model reads helper, a function of this program",
    ),
    "default of a constant": (
        lambda: {"mine": from_cell("def build_model(hp, units=UNITS):\n    return hp\n")},
        "build_model reads UNITS, a list of this program",
    ),
    "own decorator": (
        lambda: {"mine": from_cell("@helper\ndef build_model(hp):\n    return hp\n")},
        "build_model reads helper, a function of this program",
    ),
    "reads what is not there": (
        lambda: {"mine": from_cell("def build_model(hp):\n    return nothing(hp)\n")},
        "build_model reads nothing, which is not defined",
    ),
    "writes a global": (
        lambda: {"mine": from_cell("def build_model(hp):\n    global UNITS\n    UNITS = 3\n")},
        "build_model writes the global UNITS: expected a function without traces",
    ),
    "a closure": (lambda: {"mine": closure()}, "build_model reads units of the function around it"),
    "a lambda": (lambda: {"mine": lambda hp: hp}, "a lambda, which has no name in a file: expected def"),
    "a partial": (lambda: {"mine": functools.partial(print)}, "families['mine']: a partial: expected a function"),
    "a method": (lambda: {"mine": WithArguments(3).build}, "a method of one WithArguments: expected a function"),
    "made with arguments": (
        lambda: {"mine": WithArguments(3)},
        "a WithArguments that was made with arguments, which no file holds: expected the class",
    ),
    "a model": (lambda: {"mine": keras_model()}, "families['mine']: a Sequential: expected a function build_model(hp)"),
    "a class without build": (lambda: {"mine": Path}, "the class Path: expected a function build_model(hp)"),
    "nothing": (lambda: {"mine": None}, "families['mine'] = None: expected a function build_model(hp)"),
    "none at all": (list, "families = []: expected at least two, or no families"),
    "no order": (lambda: {"gru", "lstm"}.copy(), "expected a list of names, or a mapping"),
    "a module's function": (lambda: {"mine": "my_model:build"}, "'my_model:build': expected file.py:function"),
    "a number": (lambda: {"mine": 3}, "families['mine']: an int: expected a function build_model(hp)"),
    "python -c": (lambda: {"mine": without_source()}, "build_model has no source that can be read (python -c, "),
    "changed since": (lambda: {"mine": changed_since()}, "a file that has changed since"),
    "a shipped name": (lambda: {"lstm": print}, "lstm is a family that comes with the product: expected another name"),
    "one name twice": (
        lambda: ["lstm", f"{BUILDERS}:attentive", f"{BUILDERS}:attentive"],
        "two families of one name: expected a mapping from a name to each",
    ),
    "a name under another": (lambda: {"mine": "gru"}, "families['mine'] = 'gru': expected 'gru' as the key"),
    "a typo in a key": (
        lambda: {"mine": {"build": "a.py:f", "titel": "x"}},
        "families['mine']: unknown key 'titel'. Did you mean title?",
    ),
    "one text": (lambda: "lstm", "families = 'lstm': expected a list of names, or a mapping"),
    "no file": (lambda: {"mine": "gone.py:build_model"}, "gone.py: no such file: expected one with the function"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_taken_is_refused_with_its_name(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given, phrase = WRONG[what]

    def take() -> None:
        families = given_families(given())
        assert families
        find_space(families.write(tmp_path / "families")[-1])

    with pytest.raises(HarnessError) as caught:
        take()
    assert phrase in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_imports_its_neighbours_by_dots_says_so(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from .layers import Mine\ndef build_model(hp): ...\n")
    with pytest.raises(UsageError, match=r"mine.py: cannot be loaded: ImportError: attempted relative import"):
        load_function(f"{tmp_path / 'mine.py'}:build_model")


def test_a_changed_function_is_a_named_change_and_a_file_that_moved_is_none(
    tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    project = write_project(tmp_path)
    asked = {"datasets": (str(project / "tiny_adding.toml"),), "name": "own"}

    def header(cell: str, folder: str) -> SweepHeader:
        families = given_families({"gru": "gru", "mine": in_notebook(cell)["build_model"]})
        assert families
        return resolve(make_plan({**asked, "families": families.write(project / folder)}))

    cell = "def build_model(hp):\n    return hp.Int('units', 1, {})\n"
    began = header(cell.format(2), "a")
    assert header(cell.format(2), "b").means_the_same_as(began)
    assert differences(began, header(cell.format(2), "b")) == []
    changed = header(cell.format(3), "a")
    assert changed.means_the_same_as(began)
    (line,) = differences(began, changed)
    assert line.startswith("search_spaces mine code_sha256 was ")
