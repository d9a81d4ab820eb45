"""What every folder of tests can have: a tiny project, trained in seconds; the wheel; a real browser."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdist.scheduler import LoadFileScheduling

AUDIT = Path(__file__).parent / "audit"

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
FLAGS += ("--disable-component-update", "--disable-sync")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

VIEWPORT = {"width": 1900, "height": 1000}
"""Wide enough for all columns: those beyond the edge are not in the page at all."""

# MLflow's pages ask who is logged in, also where nobody has to log in: its server answers that there is no such page.
ASKED_IN_VAIN = "/ajax-api/2.0/mlflow/users/current"

# MLflow adds the comparison's own run to the trials it was asked for, and its parallel coordinates put a run that has
# no hyperparameters nowhere (NaN); drawn before they have a size, their axes have a negative height.
DRAWN_WITHOUT_VALUE = re.compile(r"Error: <\w+> attribute \w+: (.*NaN|A negative value is not valid)")

ADDING = """
name = "tiny_adding"
license = "generated"
[source]
kind = "generator"
generator = "adding"
steps = 6
sequences = 90
[task]
kind = "regress"
"""
WAVES = """
name = "tiny_waves"
license = "generated"
[source]
kind = "csv"
path = "waves.csv"
[task]
kind = "forecast"
target = ["level"]
features = ["level", "pressure"]
time = "at"
lookback_steps = 6
horizon_steps = 2
window_stride = 2
metric = "mae"
unit = "m"
[split]
validation = 0.2
test = 0.2
"""
SPACE = """
name = "{family}"
layer = "{layer}"
[hyperparameters.units]
type = "Choice"
values = [2, 3]
[hyperparameters.learning_rate]
type = "Float"
min_value = 1e-3
max_value = 1e-1
sampling = "log"
[hyperparameters.dropout]
type = "Float"
min_value = 0.0
max_value = 0.3
"""


def pytest_configure() -> None:
    """Children of a job that a shell put into the background inherit that Ctrl-C is ignored; some tests send one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _watch_sqlite_files()


def _watch_sqlite_files() -> None:
    """Have this process and all Python processes that tests start fail when they open a SQLite file raw."""
    if "raw_opens" in sys.modules:
        return
    started = sys.modules.get("sitecustomize")
    if started and Path(started.__file__ or "").parent == AUDIT:  # this process was started by one that watches
        sys.modules["raw_opens"] = started
        return
    spec = importlib.util.spec_from_file_location("raw_opens", AUDIT / "sitecustomize.py")
    assert spec
    assert spec.loader
    module = sys.modules["raw_opens"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(AUDIT), os.environ.get("PYTHONPATH", ""))))


@pytest.fixture(autouse=True)
def _no_raw_opens() -> Iterator[None]:
    """Fails a test in whose time a SQLite file was opened raw, in whatever thread, caught or not."""
    found = sys.modules["raw_opens"].found
    before = len(found)
    yield
    assert found[before:] == []


def _write_project(folder: Path) -> Path:
    """Toy cards and data in a folder that can be given as `--config-dir`."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    rows = ["at,level,pressure"]
    for hour in range(300):
        level = 5 + 2 * np.sin(hour / 4) + chance.normal(0, 0.3)
        rows.append(f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00,{level:.4f},{chance.normal():.4f}")
    (folder / "waves.csv").write_text("\n".join(rows) + "\n")
    (folder / "tiny_adding.toml").write_text(ADDING)
    (folder / "tiny_waves.toml").write_text(WAVES)
    for family, layer in (("tiny_lstm", "LSTM"), ("tiny_gru", "GRU")):
        (folder / f"{family}.toml").write_text(SPACE.format(family=family, layer=layer))
    return folder


TOGETHER = {"tests/cli", "tests/export", "tests/sweeps"}
"""Folders whose files share what is dear to make, a sweep or champions: in one process it is made once."""


class ByFolder(LoadFileScheduling):  # type: ignore[misc]
    """The tests of a file in one process, and so those of some folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFolder:
    return ByFolder(config, log)


@pytest.fixture(scope="session")
def write_project() -> Callable[[Path], Path]:
    """Writes toy cards and data in a folder that can be given as `--config-dir`, and returns it."""
    return _write_project


LONG = """
name = "long"
datasets = ["tiny_adding"]
families = ["tiny_lstm", "tiny_gru"]
trials = 2
seeds = 1
workers = 2
epochs = 200_000
patience_epochs = 200_000
"""


@pytest.fixture(scope="session")
def write_long_sweep() -> Callable[[Path], list[str]]:
    """Writes the project and a plan whose two trials take minutes into a folder; the words that begin its sweep."""

    def write(folder: Path) -> list[str]:
        _write_project(folder / "configs")
        (folder / "long.toml").write_text(LONG)
        return ["sweep", "--config", "long.toml", "--config-dir", "configs"]

    return write


@pytest.fixture(scope="session")
def unpack_example() -> Callable[[Path], Path]:
    """Unpacks a project of version 0.1.0, made in `/srv/example`, into a folder; returns the project's folder."""

    def unpack(folder: Path) -> Path:
        with tarfile.open(Path(__file__).parent / "stores" / "a2b394a.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        return folder / "example"

    return unpack


SHIPPED = ("harness", "atlas", "datasets", "search_spaces", "sweeps", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, unpacked as pip would lay it."""
    root = Path(__file__).parents[1]
    tree, wheels, unpacked = (tmp_path_factory.mktemp(name) for name in ("tree", "wheels", "site"))
    for name in SHIPPED:
        source = root / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tree / name)
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(wheels))
    command = [sys.executable, "-m", "pip", "wheel", *options, "."]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (file,) = wheels.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(unpacked)
    return unpacked


Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def _skewed(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    excess = np.exp(0.8 * random.normal(size=size))
    validation = 1 + excess * np.exp(0.1 * random.normal(size=size))
    return validation, 1 + excess * np.exp(0.3 * random.normal(size=size))


def _chance(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    at_chance = random.random(size) < 0.35
    quality = np.where(at_chance, 1 - 0.02 * random.random(size), 0.2 + 0.5 * random.beta(1.2, 3, size=size))
    return quality + 0.03 * random.normal(size=size), quality + 0.04 * random.normal(size=size)


def _near_best(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    excess = 0.3 * np.exp(random.normal(size=size))
    return 1 + excess + 0.02 * random.normal(size=size), 1 + excess + 0.04 * random.normal(size=size)


def _accuracy(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    right = np.where(random.random(size) < 0.25, 0.15, 0.75 + 0.24 * random.beta(3, 1.2, size=size))
    return 1 - random.binomial(40, right) / 40, 1 - random.binomial(370, right) / 370


@pytest.fixture
def tuned() -> dict[str, Draw]:
    """Losses of random trials as tuning gives them, validation and test correlated by about 0.9.

    `skewed`: a long tail of bad trials; `chance`: a third of the trials learns nothing; `near_best`: most trials are
    near a floor; `accuracy`: errors of 40 validation and 370 test cases, with many ties.
    """
    return {"skewed": _skewed, "chance": _chance, "near_best": _near_best, "accuracy": _accuracy}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = os.environ.get("HARNESS_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        why = f"no browser here ({', '.join(BROWSERS)}): install Chromium, or name one in HARNESS_BROWSER"
        if os.environ.get("HARNESS_BROWSER_TESTS") == "required":
            pytest.fail(why)
        pytest.skip(why)
    profile = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": path, "headless": True, "args": list(FLAGS)}
        context = playwright.chromium.launch_persistent_context(profile, viewport=VIEWPORT, **options)
        context.set_default_timeout(120_000)
        yield context
        context.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of the browser; the test fails where a console, its own or that of a page it opened, shows an error."""
    errors: list[str] = []

    def listen(message: Any) -> None:
        asked_in_vain = message.location.get("url", "").endswith(ASKED_IN_VAIN)
        if message.type == "error" and not asked_in_vain and not DRAWN_WITHOUT_VALUE.match(message.text):
            errors.append(message.text)

    browser.on("console", listen)
    browser.on("weberror", lambda error: errors.append(str(error.error)))
    yield browser.new_page()
    for opened in browser.pages:
        opened.close()
    browser.remove_listener("console", listen)
    assert errors == []
