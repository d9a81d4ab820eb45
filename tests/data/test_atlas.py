"""The suite `atlas`: each of its configs reads the file that it means, with the rows, steps and classes that it has.

The files are copies in a folder beside the project; where that is not there the tests skip.
"""

from __future__ import annotations

import csv
import re
from ast import literal_eval
from pathlib import Path

import pytest

from harness.config import DatasetConfig, list_datasets
from harness.config.tasks import ForecastTask
from harness.data import load_dataset
from harness.data.downloads import files_of, folder_for
from harness.data.downloads.fetcher import Copies, Fetcher
from harness.data.readers.registry import read_loaded_series
from harness.data.readers.series import read_series
from harness.data.readers.texts import read_texts

ATLAS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "atlas"
CONFIGS = {found.name: found.config for found in list_datasets() if found.config and "atlas" in found.config.suites}

here = pytest.mark.skipif(not ATLAS.is_dir(), reason="the copies of the atlas' files are not beside the project")


def test_every_config_names_its_files_and_terms() -> None:
    for name, config in CONFIGS.items():
        assert files_of(config), name
        assert config.use, name


@pytest.fixture(scope="session")
def copies() -> Copies:
    return Copies(ATLAS)


def fetched(config: DatasetConfig, copies: Copies) -> DatasetConfig:
    files = files_of(config)
    Fetcher(folder_for(files), 50_000_000, lambda *_: None, print, copies).fetch(files)
    return config


def manifest() -> dict[str, dict[str, str]]:
    with (ATLAS / "manifest.tsv").open(encoding="utf-8") as stream:
        return {row["name"]: row for row in csv.DictReader(stream, delimiter="\t")}


SLOW = (
    *("beijing_pm25", "crispr_guides", "lipophilicity", "malaria_ec50", "musedata", "ner_emerging", "ner_twitter"),
    *(
        "pjm_aep",
        "plato_republic",
        "pos_afrikaans",
        "snips_intents",
        "spoken_digits",
        "tiny_shakespeare",
        "zinc_smiles",
    ),
)
"""Those that take longer; `make test-slow` reads them, too."""

ROWS = {
    **dict.fromkeys(
        ("ad_cost_per_click", "birmingham_parking", "machine_temperature", "pjm_aep"), "rows of one time are merged"
    ),
    "benzene": "a row a window of a day",
    "customer_reviews": "four lines without a sentence are left out",
    "cmapss_fd001": "a row a piece of an engine's life",
    "debutanizer": "a row a window",
    "ecg_beats": "a row a piece",
    "linux_syslog": "a line's end is one sign",
    "plato_republic": "without Gutenberg's header and footer",
    "robot_failures": "one of the five problems",
}
"""Why a config has other rows than the manifest says."""


@here
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in CONFIGS])
def test_a_config_reads_what_the_manifest_says(
    name: str, copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    config, row = fetched(CONFIGS[name], copies), manifest()[name]
    data = load_dataset(config)
    if config.size is None:
        pytest.fail(f"{name}: says no [size]")
    assert config.size.steps_range == data.facts.steps
    assert config.size.channels == len(data.channels)
    assert config.size.classes == (0 if data.vocabulary == data.classes else len(data.classes))
    if found := re.search(r"(?<!\w)classes: (\{.*?\})", row["verified"]):
        assert len(data.classes) == len({re.sub(" (train|validate)$", "", name) for name in literal_eval(found[1])})
    if isinstance(config.task, ForecastTask):
        assert config.size.rows == rows_of(config, config.task)
    elif config.source.kind == "text" and config.source.form == "whole":
        assert config.size.rows == len(read_texts(config).texts[0])
    elif not getattr(config.task, "window_steps", None):
        assert config.size.rows == sum(data.facts.sizes)
    if name not in ROWS:
        assert config.size.rows == int(row["rows"].split()[0])


def rows_of(config: DatasetConfig, task: ForecastTask) -> int:
    """Rows of all series of a forecast, before they are cut into windows."""
    if config.source.kind == "loader":
        panel = read_loaded_series(config.source, task)
    else:
        panel = read_series(config.source, task)
    return sum(series.first_row + len(series.values) for series in panel)
