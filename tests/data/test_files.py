from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from harness.data.readers.paths import locate, shown
from harness.errors import DataError


def test_a_file_and_its_checksum(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"t\n1\n")
    digest = hashlib.sha256(b"t\n1\n").hexdigest()
    assert locate(str(file)) == file
    assert locate(str(file), digest) == file
    with pytest.raises(DataError, match=f"a.csv: sha256 = {digest}: expected {'0' * 64}"):
        locate(str(file), "0" * 64)


def test_a_missing_file_names_near_ones(tmp_path: Path) -> None:
    (tmp_path / "Airline.csv").write_text("x")
    (tmp_path / "vic.parquet").write_text("x")
    with pytest.raises(DataError, match=r"airline\.csv: no such file\. Did you mean Airline\.csv\?"):
        locate(str(tmp_path / "airline.csv"))
    with pytest.raises(DataError, match=r"vic\.csv: no such file\. Did you mean vic\.parquet\?"):
        locate(str(tmp_path / "vic.csv"))
    with pytest.raises(DataError, match=r"no such file; the folder .*gone does not exist either"):
        locate(str(tmp_path / "gone" / "vic.csv"))


def test_a_folder_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="is a folder: expected a file"):
        locate(str(tmp_path))
    with pytest.raises(DataError, match=r"empty\.csv: the file is empty"):
        locate(str(tmp_path / "empty.csv"))


def test_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "toypackage"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "a.csv").write_text("x")
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("package:toypackage/a.csv") == package / "a.csv"
    assert "toypackage" not in sys.modules
    with pytest.raises(DataError, match=r"^package:toypackage/b\.csv: no such file"):
        locate("package:toypackage/b.csv")


def test_a_missing_package_names_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'package .tsdata. is not installed: pip install "lstm-gru-harness\[data\]"'):
        locate("package:tsdata/fpp3/vic_elec.csv")
    with pytest.raises(DataError, match="install the package that holds 'nowhere'"):
        locate("package:nowhere/a.csv")


@pytest.mark.parametrize(
    "path", ["package:", "package:/a.csv", "package:a-b/c.csv", "package:tsdata", "package:os.path/x"]
)
def test_a_package_path_without_both_halves(path: str) -> None:
    with pytest.raises(DataError, match=r"expected package:<import name>/<path inside it>"):
        locate(path)


def test_a_module_without_a_folder_holds_no_data() -> None:
    with pytest.raises(DataError, match="package 'hashlib' is not installed"):
        locate("package:hashlib/a.csv")


def test_paths_are_shown_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(str(tmp_path / "data" / "a.csv")) == "data/a.csv"
    assert shown("/elsewhere/a.csv") == "/elsewhere/a.csv"
    assert shown("package:tsdata/a.csv") == "package:tsdata/a.csv"
