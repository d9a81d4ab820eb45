"""`harness datasets fetch` against a server of this machine: whole or not at all, and nothing that was not meant."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.app import app, main
from harness.cli.sweep import _end_without
from harness.config import lookup
from harness.config.loader import read_dataset
from harness.config.sources import ArraysSource
from harness.config.sweep import SweepConfig
from harness.data import load_dataset
from harness.data.downloads import files_of, folder_for, require_data, terms_of
from harness.data.downloads.archives import refuse_bomb
from harness.errors import AbsentDataError, ConfigError, DataError, HarnessError, UsageError
from harness.sweeps.plan import resolve
from harness.sweeps.prepare import without_absent

RANDOM = np.random.default_rng(0)


def arrays() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, x=RANDOM.normal(size=(60, 9, 2)), y=np.arange(60) % 2)
    return stream.getvalue()


CONTENT = arrays()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """What the server answers, and what it was asked.

    Attributes:
        address: Its address.
        files: Path → content.
        leads: Path → where it redirects to.
        cut: So many bytes come, then the connection ends; None for all.
        ranges: Whether it goes on where a download ended.
        asked: Path and range of each request.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    ranges: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            found.asked.append((self.path, wanted))
            if self.path in found.leads:
                self.send_response(302)
                self.send_header("Location", found.leads[self.path])
                self.end_headers()
                return
            if self.path not in found.files:
                self.send_error(404)
                return
            content, start = found.files[self.path], 0
            if wanted and found.ranges:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:][: found.cut])

        def log_message(self, *_: object) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    found.files["/a.npz"] = CONTENT
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets").mkdir()
    ours = lookup.builtin_folder  # without the built-in datasets a suite is found sooner
    monkeypatch.setattr(lookup, "builtin_folder", lambda kind: Path("none") if kind == "datasets" else ours(kind))
    yield found
    server.shutdown()
    server.server_close()


def config(site: Site, name: str = "a", sha256: str = SHA256, more: str = "", top: str = 'license = "MIT"') -> Path:
    path = Path("datasets") / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\nsuites = ["mine"]\n{top}\n[source]\nkind = "npz"\nurl = "{site.address}/{name}.npz"\n'
        f'sha256 = "{sha256}"\n{more}\n[task]\nkind = "classify"\n'
    )
    return path


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["datasets", *words])
    if isinstance(result.exception, HarnessError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def cached() -> list[str]:
    return sorted(str(path.relative_to("cache")) for path in Path("cache").rglob("*") if path.is_file())


def test_a_file_is_fetched_once_and_read(site: Site) -> None:
    path = config(site)
    with pytest.raises(AbsentDataError, match=r"^a: a.npz not downloaded yet: `harness datasets fetch a`$"):
        run("check", "a")
    assert site.asked == []
    output = run("fetch", "a")
    assert output.startswith("a: no title (1 file)\n  licence: MIT\na: fetched and verified, in ")
    assert run("fetch", "a") == "a: is here\n"
    assert site.asked == [("/a.npz", "")]
    assert "a: valid (datasets/a.toml)" in run("check", "a")
    data = load_dataset(read_dataset(path)[0])
    assert data.facts.sizes == (42, 10, 8)


def test_what_was_cut_off_is_gone_on_with(site: Site) -> None:
    config(site)
    site.cut = 1000
    run("fetch", "a")
    assert site.asked[:3] == [("/a.npz", ""), ("/a.npz", "bytes=1000-"), ("/a.npz", "bytes=2000-")]
    assert len(cached()) == 1


def test_the_next_command_goes_on_with_what_came(site: Site) -> None:
    config(site)
    site.cut = 0
    with pytest.raises(
        AbsentDataError, match=r"cannot be reached \(the connection ended early\): the same command goes"
    ):
        run("fetch", "a")
    folder = folder_for(files_of(read_dataset(Path("datasets/a.toml"))[0]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.npz.part").write_bytes(CONTENT[:500])
    site.cut = None
    run("fetch", "a")
    assert site.asked[-1] == ("/a.npz", "bytes=500-")
    assert (folder / "a.npz").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"something else" * 20, CONTENT + b"more", CONTENT])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_false_beginning_is_thrown_away(site: Site, part: bytes, ranges: bool) -> None:
    folder = folder_for(files_of(read_dataset(config(site))[0]))
    folder.mkdir(parents=True)
    (folder / "a.npz.part").write_bytes(part)
    site.ranges = ranges
    run("fetch", "a")
    assert (folder / "a.npz").read_bytes() == CONTENT
    assert len(cached()) == 1


def test_another_file_than_the_one_that_is_meant_is_removed(site: Site) -> None:
    config(site, sha256="0" * 64)
    with pytest.raises(DataError, match=rf"is not the file that is meant: sha256 = {SHA256}: expected 0{{64}}; it was"):
        run("fetch", "a")
    assert cached() == []


def test_what_is_too_large_is_not_fetched(site: Site) -> None:
    site.files["/a.npz"] = bytes(1_200_000)
    config(site, more="max_mb = 1")
    with pytest.raises(
        DataError, match=r"^a.npz: 1.2 MB or more, where 1.0 are left of the 1 that \[source\] max_mb allows"
    ):
        run("fetch", "a")
    assert cached() == []


def test_a_redirection_leads_to_encrypted_addresses_alone_and_is_shown(site: Site) -> None:
    config(site)
    site.leads["/a.npz"] = f"{site.address}/b.npz"
    with pytest.raises(DataError, match=r"^a.npz: http://127.*/a.npz leads to http://127.*/b.npz: expected an address"):
        run("fetch", "a")
    assert site.asked == [("/a.npz", "")]
    site.leads["/a.npz"] = "file:///etc/passwd"
    with pytest.raises(DataError, match=r"answered 302 .*'file:///etc/passwd' is not allowed"):
        run("fetch", "a")
    site.leads["/a.npz"] = site.address.replace("http", "https") + "/b.npz"  # where nobody speaks TLS
    result = CliRunner().invoke(app, ["datasets", "fetch", "a"])
    assert "/a.npz leads to https://127.0.0.1" in result.output
    assert isinstance(result.exception, AbsentDataError)
    assert cached() == []


def test_being_offline_is_one_line(site: Site) -> None:
    config(site)
    site.address = "http://127.0.0.1:9"
    config(site)
    with pytest.raises(AbsentDataError, match=r"^a.npz: .* cannot be reached \(.*refused.*\).*--from DIR takes copies"):
        run("fetch", "a")
    assert cached() == []


def test_an_answer_that_is_an_error_is_said(site: Site) -> None:
    config(site, "b")
    with pytest.raises(DataError, match=r"^b.npz: http://.*/b.npz answered 404 Not Found$"):
        run("fetch", "b")


def test_copies_in_a_folder_are_taken_by_their_checksums_and_no_address_is_called(site: Site) -> None:
    config(site)
    copies = Path("copies/deep")
    copies.mkdir(parents=True)
    (copies / "another name").write_bytes(CONTENT)
    (copies / "a.npz").write_bytes(b"another file")
    run("fetch", "a", "--from", "copies")
    assert site.asked == []
    assert "a: valid" in run("check", "a")
    config(site, "b", sha256="0" * 64)
    with pytest.raises(AbsentDataError, match=r"^b.npz: no file in copies has its sha256, 0{64}$"):
        run("fetch", "b", "--from", "copies")
    with pytest.raises(UsageError, match=r"^--from nowhere: expected a folder"):
        run("fetch", "b", "--from", "nowhere")


def test_terms_are_asked_for_once(site: Site) -> None:
    config(site, top='license = "ours"\nuse = "research"')
    with pytest.raises(UsageError, match=r"^a is for research only: --accept-terms says that you may use it so$"):
        run("fetch", "a")
    assert site.asked == []
    assert "licence: ours (for research only)" in run("fetch", "a", "--accept-terms")
    for path in Path("cache").rglob("a.npz"):
        path.unlink()
    run("fetch", "a")
    assert len(site.asked) == 2


def test_what_states_no_terms_is_asked_for_too(site: Site) -> None:
    assert terms_of(read_dataset(config(site, top=""))[0]) == "not stated"
    with pytest.raises(UsageError, match=r"^a is without stated terms: --accept-terms"):
        run("fetch", "a")
    run("fetch", "a", "--yes")


def pieces(site: Site, files: str) -> str:
    path = Path("datasets/t.toml")
    path.write_text(
        f'name = "t"\nlicense = "MIT"\n[source]\nkind = "text"\nform = "folders"\nurl = "{site.address}/in"\n'
        f'[source.files]\n{files}\n[task]\nkind = "classify"\n'
    )
    return "t"


def test_a_table_of_files_becomes_a_folder(site: Site) -> None:
    names = [f"{word}{number}" for word in ("ab", "cd") for number in range(40)]
    for kind in ("one", "two"):
        site.files[f"/in/{kind}.txt"] = "\n".join(f"{name}{kind}" for name in names).encode()
    digests = {name: hashlib.sha256(site.files[f"/in/{name}"]).hexdigest() for name in ("one.txt", "two.txt")}
    pieces(site, "\n".join(f'"{name}" = "{digest}"' for name, digest in digests.items()))
    with pytest.raises(AbsentDataError, match=r"^t: 2 of 2 files not downloaded yet"):
        run("check", "t")
    run("fetch", "t")
    assert "classes    2: one, two" in run("check", "t")
    next(Path("cache").rglob("two.txt")).write_text("changed")
    with pytest.raises(AbsentDataError, match=r"^t: two.txt not downloaded yet"):
        run("check", "t")
    run("fetch", "t")
    assert [path for path, _ in site.asked] == ["/in/one.txt", "/in/two.txt", "/in/two.txt"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ('"../a" = "{sha}"', r"\[source.files\] '../a': expected the name of a file"),
        ('".a" = "{sha}"', r"\[source.files\] '.a': expected the name of a file"),
        ('"http://a.b/c" = "{sha}"', r"\[source.files\] 'c': expected a name below url, or an address"),
        ('"a" = "12"', r'\[source.files\] a = "12": expected 64 digits'),
    ],
)
def test_names_and_checksums_are_checked(site: Site, files: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run("fetch", pieces(site, files.replace("{sha}", SHA256)))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://example.org/a", "ftp://a.b/c", "https://me:word@a.b/c", "https://", "a.npz"]
)
def test_addresses_are_encrypted_or_of_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="expected an address that begins with https://"):
        ArraysSource.model_validate({"kind": "npz", "url": url, "sha256": SHA256})


def test_an_address_needs_a_checksum() -> None:
    with pytest.raises(ValueError, match="missing key 'sha256'"):
        ArraysSource.model_validate({"kind": "npz", "url": "https://a.b/c.npz"})


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
    return stream.getvalue()


@pytest.mark.parametrize("pack", [zipped, gzip.compress])
def test_an_archive_that_grows_too_much_is_refused(pack: Callable[[bytes], bytes], site: Site) -> None:
    site.files["/a.npz"] = pack(bytes(1_000_000))
    config(site, sha256=hashlib.sha256(site.files["/a.npz"]).hexdigest())
    with pytest.raises(DataError, match=r"^a.npz: unpacks to .* or more, .* grows at most 20 times$"):
        run("fetch", "a")
    assert cached() == []
    sound = Path("sound")
    sound.write_bytes(pack(RANDOM.bytes(100_000)))
    refuse_bomb(sound, "sound")


def test_of_a_suite_what_does_not_come_stops_nothing(site: Site) -> None:
    config(site)
    config(site, "b")
    output = run("fetch", "mine", code=3)
    assert "a: fetched and verified" in output
    assert re.search(r"^b: .*answered 404", output, re.M)
    assert "b: not on this machine: b: b.npz not downloaded yet" in run("check", "mine", code=3)


def test_a_sweep_leaves_out_what_is_not_here(site: Site) -> None:
    config(site)
    config(site, "b")
    run("fetch", "mine", code=3)
    header, lines = without_absent(resolve(SweepConfig(datasets=("mine",))))
    assert header.plan.datasets == tuple(header.datasets) == ("a",)
    assert lines == ("b is left out: b.npz not downloaded yet: `harness datasets fetch b`",)
    assert lines[0] in header.notes
    assert "datasets/b" not in header.hashes
    with pytest.raises(AbsentDataError, match=r"^b: b.npz not downloaded yet"):
        without_absent(resolve(SweepConfig(datasets=("b",))))


@pytest.mark.slow
def test_a_sweep_without_some_of_its_datasets_has_a_code_of_its_own(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shows that the rest is swept, and the code is 3 (a quarter of a minute for the probe)."""
    config(site)
    config(site, "b")
    run("fetch", "mine", code=3)
    with pytest.raises(SystemExit) as end:
        main(["sweep", "mine", "--dry-run", "--workers", "1"])
    assert end.value.code == 3
    shown = capsys.readouterr()
    assert "a: 40 trials" in shown.out
    assert "b is left out: b.npz not downloaded yet: `harness datasets fetch b`" in shown.err


def test_what_was_left_out_is_named_last(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end:
        _end_without(["b is left out: gone"])
    assert end.value.exit_code == 3
    assert capsys.readouterr().err == "b is left out: gone\n"
    _end_without(())


def test_every_suite_works_as_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HARNESS_CACHE", "HARNESS_DATA", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    for suite, members in lookup.suites_of(lookup.list_datasets()).items():
        asked = resolve(SweepConfig(datasets=(suite,)))
        if suite in ("atlas", "music", "online"):  # of which all has to be fetched first
            with pytest.raises(AbsentDataError, match=f"`harness datasets fetch {members[0].name}`; {members[1].name}"):
                without_absent(asked)
        elif suite == "aeon" and importlib.util.find_spec("aeon") is None:  # a package that is installed by itself
            with pytest.raises(AbsentDataError, match="pip install --no-deps aeon"):
                without_absent(asked)
        else:
            header, lines = without_absent(asked)
            assert len(header.datasets) + len(lines) == len(members)


def test_files_and_packages_that_are_missing_are_absent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(site)
    path.write_text('name = "a"\n[source]\nkind = "npz"\npath = "gone.npz"\n[task]\nkind = "classify"\n')
    with pytest.raises(AbsentDataError, match=r"gone.npz: no such file"):
        require_data(read_dataset(path)[0])
    path.write_text('name = "a"\n[source]\nkind = "generator"\ngenerator = "mnist1d"\n[task]\nkind = "classify"\n')
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AbsentDataError, match=r'the package .mnist1d. is not installed: pip install "lstm-gru'):
        require_data(read_dataset(path)[0])
