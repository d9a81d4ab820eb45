"""Data sets by OpenML's number and by Hugging Face's name, against a server on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.config import addresses
from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import AbsentDataError, DataError, HarnessError, UsageError

COMMIT = "c" * 40
needs_the_extra = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None, reason="needs the extra huggingface"
)


@dataclass
class Hub:
    """What a server says of each path, and what it was asked for."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def keep(self, name: str, content: bytes, *, large: bool = False) -> None:
        """A file of the hub: large ones are known by their SHA-256, others by git's SHA-1."""
        path = f"/datasets/org/set/resolve/{COMMIT}/{name}"
        git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        etag = {"X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"'} if large else {}
        self.files[path] = content
        self.headers[path] = {"ETag": f'"{git}"', "X-Repo-Commit": COMMIT, **etag}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(f"{self.command} {self.path}")
            if self.path not in found.files:
                self.send_response(412 if "/json/" in self.path else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            for key, value in found.headers.get(self.path, {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(found.files[self.path])))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found.files[self.path])

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(addresses, "OPENML", found.address + "/api/v1/json/data/{}")
    monkeypatch.setenv("HF_ENDPOINT", found.address)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("datasets").mkdir()
    yield found
    server.shutdown()
    server.server_close()


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["datasets", *words])
    if isinstance(result.exception, HarnessError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def config(source: str, split: str = "") -> None:
    Path("datasets/a.toml").write_text(
        f'name = "a"\nlicense = "MIT"\n[source]\n{source}\n[task]\nkind = "classify"\ntarget = "c"\nid = "i"\n'
        f'features = ["v"]\n{split}'
    )


def rows(count: int = 60, first: int = 0) -> pd.DataFrame:
    """Sequences of three steps, of two classes, with ids that begin with noughts."""
    numbers = np.arange(first, first + count)
    table = pd.DataFrame({"i": [f"{n:04}" for n in np.repeat(numbers, 3)]})
    return table.assign(c=np.repeat(np.where(numbers % 2, "odd", "even"), 3), v=np.arange(3.0 * count) % 7)


def arff() -> bytes:
    head = "@relation a\n@attribute i string\n@attribute c {odd,even}\n@attribute v numeric\n@data\n"
    return (head + rows().to_csv(header=False, index=False)).encode()


def openml(hub: Hub, content: bytes, **described: object) -> None:
    """Data set 7 of OpenML, whose file has another number."""
    told = {"id": "7", "name": "evens", "version": "2", "format": "ARFF", "licence": "CC0"}
    told |= {"url": f"{hub.address}/data/v1/download/99/a.arff", **described}
    hub.files["/api/v1/json/data/7"] = json.dumps({"data_set_description": told}).encode()
    hub.files["/data/v1/download/99/a.arff"] = content
    config(f'kind = "openml"\nid = 7\nsha256 = "{hashlib.sha256(content).hexdigest()}"')


def test_a_data_set_of_openml_is_fetched_once_by_its_number(hub: Hub) -> None:
    openml(hub, arff())
    with pytest.raises(AbsentDataError, match=r"^a: 7.arff not downloaded yet: `harness datasets fetch a`$"):
        run("check", "a")
    assert hub.asked == []
    assert "7.arff: OpenML's evens, version 2, licence CC0\na: fetched and verified" in run("fetch", "a")
    assert hub.asked == ["GET /api/v1/json/data/7", "GET /data/v1/download/99/a.arff"]
    assert "classes    2: even, odd" in run("check", "a")
    assert run("fetch", "a") == "a: is here\n"
    assert len(hub.asked) == 2


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"format": "Sparse_ARFF"}, r"^7.arff: OpenML keeps it as sparse_arff: expected ARFF$"),
        ({"url": "http://example.org/a.arff"}, r"^7.arff: OpenML says it is at 'http://example.org.*expected an addr"),
    ],
)
def test_what_openml_keeps_elsewhere_is_refused(hub: Hub, described: dict[str, str], message: str) -> None:
    openml(hub, arff(), **described)
    with pytest.raises(DataError, match=message):
        run("fetch", "a")
    assert hub.asked == ["GET /api/v1/json/data/7"]


def test_openml_is_held_to_the_checksum(hub: Hub) -> None:
    openml(hub, arff())
    hub.files["/data/v1/download/99/a.arff"] += b"0,odd,1\n"
    with pytest.raises(DataError, match=r"^7.arff: what came from .* is not the file that is meant: sha256 = "):
        run("fetch", "a")


def test_openml_not_knowing_a_number_and_being_offline_are_one_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    config(f'kind = "openml"\nid = 8\nsha256 = "{"0" * 64}"')
    with pytest.raises(DataError, match=r"^8.arff: OpenML knows no such data set: http://.*/8 answered 412 "):
        run("fetch", "a")
    monkeypatch.setattr(addresses, "OPENML", "http://127.0.0.1:9/{}")
    with pytest.raises(AbsentDataError, match=r"^8.arff: http://127.0.0.1:9/8 cannot be reached \(.*\): --from DIR"):
        run("fetch", "a")


def test_a_copy_of_openmls_file_needs_no_address(hub: Hub) -> None:
    openml(hub, arff())
    Path("copies").mkdir()
    Path("copies/mine").write_bytes(arff())
    run("fetch", "a", "--from", "copies")
    assert hub.asked == []
    assert "a: valid" in run("check", "a")


SPLITS = """[source.data_files]
train = ["data/one.parquet", "data/two.parquet"]
test = "data/three.parquet"
"""


def on_the_hub(hub: Hub) -> None:
    """Three shards of a data set, the last one its test part."""
    for at, name in enumerate(("one", "two", "three")):
        stream = io.BytesIO()
        rows(20, 20 * at).to_parquet(stream)
        hub.keep(f"data/{name}.parquet", stream.getvalue(), large=at != 1)
    config(f'kind = "huggingface"\nname = "org/set"\nrevision = "{COMMIT}"\n{SPLITS}', '[split]\npart = "split"\n')


@needs_the_extra
def test_files_of_the_hub_are_fetched_and_keep_their_splits(hub: Hub) -> None:
    on_the_hub(hub)
    with pytest.raises(AbsentDataError, match=r"^a: 3 of 3 files not downloaded yet: `harness datasets fetch a`$"):
        run("check", "a")
    assert hub.asked == []
    run("fetch", "a")
    count = len(hub.asked)
    assert "a: valid" in run("check", "a")
    data = load_dataset(DatasetConfig.model_validate(read("datasets/a.toml")))
    assert data.facts.sizes[2] == 20
    assert sum(data.facts.sizes) == 60
    assert run("fetch", "a") == "a: is here\n"
    assert len(hub.asked) == count


@needs_the_extra
def test_a_file_of_the_hub_that_changed_is_fetched_again(hub: Hub) -> None:
    on_the_hub(hub)
    run("fetch", "a")
    for name in ("one", "two"):  # known by SHA-256, and by git's SHA-1
        next(Path("cache").rglob(f"{name}.parquet")).write_bytes(b"something else")
        with pytest.raises(AbsentDataError, match=rf"^a: data/{name}.parquet not downloaded yet"):
            run("check", "a")
        run("fetch", "a")
        assert "a: valid" in run("check", "a")


@needs_the_extra
@pytest.mark.parametrize("large", [True, False])
def test_what_the_hub_sends_is_held_to_its_checksum(hub: Hub, large: bool) -> None:
    hub.keep("t.csv", rows().to_csv(index=False).encode(), large=large)
    hub.files[f"/datasets/org/set/resolve/{COMMIT}/t.csv"] += b"1,odd,2\n"
    config(f'kind = "huggingface"\nname = "org/set"\nrevision = "{COMMIT}"\ndata_files = "t.csv"')
    what = "sha256" if large else "git's sha1"
    with pytest.raises(DataError, match=rf"^t.csv: what came from .* is not the file that is meant: {what} = "):
        run("fetch", "a")


@needs_the_extra
def test_the_hub_must_answer_with_the_commit(hub: Hub) -> None:
    hub.keep("t.csv", b"i,c,v\n")
    hub.headers[f"/datasets/org/set/resolve/{COMMIT}/t.csv"]["X-Repo-Commit"] = "d" * 40
    config(f'kind = "huggingface"\nname = "org/set"\nrevision = "{COMMIT}"\ndata_files = "t.csv"')
    with pytest.raises(DataError, match=r"^t.csv: .* is of the commit d{40}: expected c{40}$"):
        run("fetch", "a")


@needs_the_extra
def test_errors_of_the_hub_are_one_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    config(f'kind = "huggingface"\nname = "org/set"\nrevision = "{COMMIT}"\ndata_files = ["gone.jsonl"]')
    with pytest.raises(DataError, match=r"^gone.jsonl: http://.*/gone.jsonl answered 404 Not Found: there is no such"):
        run("fetch", "a")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AbsentDataError, match=r"^gone.jsonl: http://127.0.0.1:9/.* cannot be reached \(.*\): --from"):
        run("fetch", "a")
    monkeypatch.setenv("HF_ENDPOINT", "http://example.org")
    with pytest.raises(DataError, match=r"^gone.jsonl: HF_ENDPOINT leads to http://example.org/.*: expected an addre"):
        run("fetch", "a")


def test_the_hub_without_its_library_names_the_command(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_hub(hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r'huggingface_hub is not installed: pip install "lstm-gru-harness\[hugging'):
        run("fetch", "a")
    assert hub.asked == []


def test_a_cache_of_the_hubs_library_needs_neither_address_nor_library(hub: Hub) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows().to_dict("records")).encode()
    root = Path("hub/datasets--org--set")
    (root / "blobs").mkdir(parents=True)
    (root / f"snapshots/{COMMIT}/data").mkdir(parents=True)
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    (root / "blobs" / digest).write_bytes(content)
    (root / f"snapshots/{COMMIT}/data/t.jsonl").symlink_to(f"../../../blobs/{digest}")
    config(f'kind = "huggingface"\nname = "org/set"\nrevision = "{COMMIT}"\ndata_files = "data/t.jsonl"')
    run("fetch", "a", "--from", "hub")
    assert hub.asked == []
    assert "classes    2: even, odd" in run("check", "a")
    config(f'kind = "huggingface"\nname = "org/set"\nrevision = "{COMMIT}"\ndata_files = "data/u.jsonl"')
    with pytest.raises(
        AbsentDataError, match=r"^data/u.jsonl: hub holds no snapshots/c{40}/data/u.jsonl: expected a c"
    ):
        run("fetch", "a", "--from", "hub")


def read(path: str) -> dict[str, object]:
    return tomllib.loads(Path(path).read_text())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"revision": "main"}, "a commit, 40 digits"),
        ({"name": "set"}, "owner/name"),
        ({"data_files": []}, "expected at least one file"),
        ({"data_files": ["a.csv", "b.parquet"]}, "'b.parquet': expected files of one kind"),
        ({"data_files": "../a.csv"}, "'../a.csv': expected the name of a file, once"),
        ({"data_files": {"train": "a.csv", "test": "a.csv"}}, "'a.csv': expected the name of a file, once"),
        ({"url": "https://a.b/c.csv"}, 'url = "https://a.b/c.csv": expected none: the hub says'),
        ({"sha256": "0" * 64}, "expected none: revision fixes the files"),
    ],
)
def test_keys_of_the_hub_are_checked(keys: dict[str, object], message: str) -> None:
    given = {"kind": "huggingface", "name": "org/set", "revision": COMMIT, "data_files": "a.csv", **keys}
    with pytest.raises(HarnessError, match=message.replace("(", r"\(")):
        checked(given)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "missing key 'sha256'"),
        ({"sha256": "0" * 64, "id": 0}, "a whole number of at least 1"),
        ({"sha256": "0" * 64, "url": "https://a.b/c.arff"}, "expected none: the hub says where"),
    ],
)
def test_keys_of_openml_are_checked(keys: dict[str, object], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        checked({"kind": "openml", "id": 7, **keys})


def checked(source: dict[str, object]) -> None:
    from harness.config.loader import validated

    task = {"kind": "classify", "target": "c", "id": "i"}
    validated(DatasetConfig, {"name": "a", "source": source, "task": task}, Path("a.toml"))
