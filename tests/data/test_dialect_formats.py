"""Excel's sheets, ARFF, Monash's `.tsf` and folders of sounds."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

from harness.config.dataset import DatasetConfig
from harness.config.sources import FileSource, WavSource
from harness.data import load_dataset
from harness.data.readers.formats.wav import read_wav
from harness.data.readers.tables import read_table
from harness.errors import DataError


def table(file: Path, kind: str, content: str = "", names: tuple[str, ...] = (), **keys: Any) -> pd.DataFrame:
    if content:
        file.write_text(content)
    return read_table(FileSource.model_validate({"kind": kind, "path": str(file), **keys}), names)


ARFF = """% A relation
@relation 'eye state'
@ATTRIBUTE 'AF 3' NUMERIC
@attribute said string
@attribute at date "yyyy-MM-dd HH:mm:ss"
@attribute open {0, 1}
@data
% values
4329.5, 'a, b', "2024-01-01 00:00:00", 0
?, c, '2024-01-01 00:00:01', 1
"""


def test_arff(tmp_path: Path) -> None:
    frame = table(tmp_path / "a.arff", "arff", ARFF.replace('"2024', "'2024").replace('00", ', "00', "), ("open",))
    assert frame["AF 3"].tolist()[0] == 4329.5
    assert np.isnan(frame["AF 3"].iloc[1])
    assert frame["said"].tolist() == ["a, b", "c"]
    assert frame["at"].tolist() == ["2024-01-01 00:00:00", "2024-01-01 00:00:01"]
    assert frame["open"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("t,y\n1,2\n", "line 1: 't,y': expected @attribute with a name and a type"),
        ("@data\n1\n", "has no @attribute: expected a file of ARFF"),
        ("@attribute a relational\n@data\n", "line 1: attribute 'a' is relational: expected numeric"),
        ("@attribute a real\n@data\n{0 1}\n", "line 3: a sparse row"),
        ("@attribute a real\n@data\n", "has no rows"),
        ("@attribute a real\n@data\nx\n", "cannot be read as ARFF"),
        ("@attribute a real\n@attribute a real\n@data\n1,2\n", "two columns are called 'a'"),
        (
            "@attribute a {x, 'y z'}\n@data\nx\n'y z'\nnod\n",
            "column 'a', row 3: 'nod': expected one of the values that",
        ),
    ],
)
def test_what_is_no_arff_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        table(tmp_path / "a.arff", "arff", content)


TSF = """# Monash
@relation tourism
@attribute series_name string
@attribute state string
@attribute start_timestamp date
@frequency {frequency}
@horizon 2
@missing true
@data
T1:NSW:1996-03-18 00-00-00:605,?,586
T2:VIC:1997-01-31 12-30-00:1.5,2
"""


@pytest.mark.parametrize(
    ("frequency", "ends"),
    [
        ("daily", ["1996-03-20 00:00", "1997-02-01 12:30"]),
        ("monthly", ["1996-05-18 00:00", "1997-02-28 12:30"]),
        ("quarterly", ["1996-09-18 00:00", "1997-04-30 12:30"]),
        ("yearly", ["1998-03-18 00:00", "1998-01-31 12:30"]),
        ("half_hourly", ["1996-03-18 01:00", "1997-01-31 13:00"]),
        ("10_minutes", ["1996-03-18 00:20", "1997-01-31 12:40"]),
    ],
)
def test_tsf_is_a_panel(tmp_path: Path, frequency: str, ends: list[str]) -> None:
    frame = table(tmp_path / "m.tsf", "tsf", TSF.format(frequency=frequency))
    assert list(frame.columns) == ["series_name", "state", "timestamp", "value"]
    assert frame["series_name"].tolist() == ["T1", "T1", "T1", "T2", "T2"]
    assert frame["value"].isna().tolist() == [False, True, False, False, False]
    last = frame.groupby("series_name")["timestamp"].last()
    assert last.tolist() == [pd.Timestamp(end) for end in ends]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("daily", "often", "@frequency often: expected one of seconds"),
        ("605,?,586", "605,x", "line 10: could not convert string to float: 'x': expected numbers, or ?"),
        ("T1:NSW:", "T1:", "line 10: 2 attributes: expected 3 attributes and values"),
        ("1996-03-18 00", "18.3.1996 00", "start_timestamp '18.3.1996 00-00-00': expected a time such as"),
        ("series_name", "name", "has no @attribute series_name"),
        ("# Monash", "Monash", "line 1: 'Monash\\n': expected a line that begins with @ or #"),
    ],
)
def test_what_is_no_tsf_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        table(tmp_path / "m.tsf", "tsf", TSF.format(frequency="daily").replace(old, new))


def test_tsf_without_times_counts_steps(tmp_path: Path) -> None:
    frame = table(tmp_path / "m.tsf", "tsf", "@attribute series_name string\n@data\nT1:5,6,7\n")
    assert frame["timestamp"].tolist() == [0, 1, 2]


def test_excel(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"who": ["007", "7"], "y": [1.5, -200.0], "note": ["a", "?"]})
    with pd.ExcelWriter(tmp_path / "e.xlsx") as book:
        frame.to_excel(book, sheet_name="data", index=False, startrow=2)
    keys = {"skip_rows": 2, "missing_values": ["?", -200]}
    found = table(tmp_path / "e.xlsx", "excel", names=("who",), **keys)
    assert found["who"].tolist() == ["007", "7"]
    assert found["y"].tolist()[0] == 1.5
    assert found[["y", "note"]].isna().sum().tolist() == [1, 1]


def test_one_sheet_of_several_is_named(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(tmp_path / "e.xlsx") as book:
        for name in ("May", "June"):
            pd.DataFrame({"y": [len(name)]}).to_excel(book, sheet_name=name, index=False)
    assert table(tmp_path / "e.xlsx", "excel", sheet="June")["y"].tolist() == [4]
    with pytest.raises(DataError, match=r"has 2 sheets: expected \[source\] sheet, one of May, June$"):
        table(tmp_path / "e.xlsx", "excel")
    with pytest.raises(DataError, match=r"has no sheet 'Mai' \(\[source\] sheet\)\. Did you mean May\?"):
        table(tmp_path / "e.xlsx", "excel", sheet="Mai")


def test_excel_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        DataError, match=r'need openpyxl, which is not installed: pip install "lstm-gru-harness\[excel\]"'
    ):
        table(tmp_path / "e.xlsx", "excel", "no sheet")


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for label in range(2):
        for speaker in ("ann", "bob", "cleo"):
            for take in range(4):
                samples = random.integers(-3000, 3000, 50 + take).astype(np.int16)
                wavfile.write(tmp_path / f"{label}_{speaker}_{take}.wav", 8000, samples)
    return tmp_path


def test_sounds_by_the_names_of_their_files(sounds: Path) -> None:
    source = WavSource(kind="wav", path=str(sounds), pattern="{class}_{group}_*.wav", frame_samples=10)
    raw = read_wav(source)
    assert raw.x.shape == (24, 5, 10)
    assert raw.y.tolist() == ["0"] * 12 + ["1"] * 12
    assert raw.groups is not None
    assert raw.groups.tolist()[:5] == ["ann"] * 4 + ["bob"]
    assert raw.x[1].ravel().tolist() == wavfile.read(sounds / "0_ann_1.wav")[1][:50].tolist()
    config = {"name": "s", "source": source.model_dump(), "task": {"kind": "classify"}}
    facts = load_dataset(DatasetConfig.model_validate({**config, "split": {"rule": "group"}})).facts
    assert facts.classes == ("0", "1")


def test_sounds_by_folder(tmp_path: Path) -> None:
    for name in ("yes/a.wav", "yes/b.wav", "no/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        wavfile.write(tmp_path / name, 8000, np.zeros((7, 2), np.int16))
    raw = read_wav(WavSource(kind="wav", path=str(tmp_path)))
    assert raw.x.shape == (3, 7, 2)
    assert raw.y.tolist() == ["no", "yes", "yes"]


def test_sounds_that_do_not_fit_are_refused(sounds: Path) -> None:
    source = WavSource(kind="wav", path=str(sounds), pattern="{class}_*.wav", frame_samples=100)
    with pytest.raises(DataError, match=r"50 samples: expected at least 100 \(frame_samples\)"):
        read_wav(source)
    with pytest.raises(DataError, match="has no file that is called like"):
        read_wav(source.model_copy(update={"pattern": "{class}-x.wav"}))
    wavfile.write(sounds / "1_zoe_9.wav", 16000, np.zeros(99, np.int16))
    with pytest.raises(DataError, match="16,000 Hz, 1 channel: expected 8,000 Hz, 1 channel, as"):
        read_wav(source.model_copy(update={"frame_samples": 5}))
    (sounds / "0_ann_0.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"0_ann_0\.wav: cannot be read as \.wav"):
        read_wav(source)
