"""The suite `atlas` from the internet, for which a server on this machine stands in; and what configs say of its files.

The files are copies in a folder beside the project; where that is not there the tests skip.
"""

from __future__ import annotations

import csv
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.config import list_datasets
from harness.config.lookup import builtin_folder
from harness.data.downloads import files_of, missing_files

ATLAS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "atlas"
CONFIGS = {found.name: found.config for found in list_datasets() if found.config and "atlas" in found.config.suites}
pytestmark = pytest.mark.skipif(not ATLAS.is_dir(), reason="the copies of the atlas' files are not beside the project")


def copies() -> list[dict[str, str]]:
    with (ATLAS / "files.tsv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_addresses_and_digests_are_those_of_the_copies() -> None:
    listed = {(row["name"], row["url"]): row["sha256"] for row in copies()}
    named = {
        (name, file.address): file.digest for name, config in CONFIGS.items() for file in files_of(config).values()
    }
    assert len(CONFIGS) == 70
    assert {key: listed.get(key) for key in named} == named


class Copies(SimpleHTTPRequestHandler):
    """Answers an address of the internet, given as a path, with its copy."""

    def __init__(self, *given: object, places: dict[str, Path], **more: object) -> None:
        self.places = places
        super().__init__(*given, **more)

    def translate_path(self, path: str) -> str:
        return str(self.places.get(unquote(path).lstrip("/"), Path("nowhere")))

    def log_message(self, *given: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    places = {}
    for row in copies():
        parts = urlsplit(row["url"])
        places[unquote(f"{parts.hostname}{parts.path}")] = ATLAS / row["file"].removeprefix("data/")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Copies, places=places)) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}/"
        httpd.shutdown()


@pytest.mark.slow
def test_all_of_it_is_fetched_from_addresses(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    home, folder = builtin_folder("datasets") / "atlas", tmp_path / "configs"
    shutil.copytree(home, folder)
    for path in folder.glob("*.toml"):
        path.write_text(path.read_text(encoding="utf-8").replace("https://", server), encoding="utf-8")
    ran = CliRunner().invoke(app, ["datasets", "fetch", "atlas", "--config-dir", str(folder), "--accept-terms"])
    assert ran.exit_code == 0, ran.output
    assert ran.output.count("fetched and verified") == 70
    for name, config in CONFIGS.items():
        assert not missing_files(config), name  # by digest: a file's folder in the cache does not hang on its address
