"""Files as people have them whose values would be other ones than the file says, or of which no word was said."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

from harness.config.sources import FileSource, WavSource
from harness.config.times import Clock, decide_format, read_times, say_format
from harness.data.readers.formats.wav import read_wav
from harness.data.readers.tables import filtered, number_table, read_table, times
from harness.errors import DataError
from harness.export.stamps import continue_stamps

BERLIN = "Europe/Berlin"


def test_stamps_with_and_without_an_offset_stand_in_one_table() -> None:
    hours = pd.Series(pd.date_range("2024-07-01", periods=6, freq="h", tz=BERLIN))
    written = [at.isoformat() if place % 2 else str(at.tz_localize(None)) for place, at in enumerate(hours)]
    assert read_times(pd.Series(written), Clock("iso", BERLIN)).tolist() == hours.dt.tz_convert("UTC").tolist()
    first = read_times(pd.Series(written), Clock("iso")).iloc[0]  # without a zone in UTC, as ever
    assert first == pd.Timestamp("2024-07-01", tz="UTC")


def test_years_of_two_digits_are_of_one_century() -> None:
    months = pd.date_range("1960-01-01", periods=240, freq="MS").strftime("%d.%m.%y")
    with pytest.raises(DataError, match="column 't': years of two digits are read as 1969 to 2068, and these lie in"):
        times(pd.DataFrame({"t": months}), "t", "old.csv", clock=Clock("%d.%m.%y"))
    later = pd.date_range("1990-01-01", periods=240, freq="MS").strftime("%d.%m.%y")
    assert (np.diff(times(pd.DataFrame({"t": later}), "t", "old.csv", clock=Clock("%d.%m.%y"))) > 0).all()


@pytest.mark.parametrize(
    ("stamp", "clock", "expected"),
    [
        ("2024-03-31 02:00", Clock("iso", BERLIN), "the clocks of Europe/Berlin leap over it: expected times of the"),
        ("31.12.2023 24:00", Clock("%d.%m.%Y %H:%M"), "expected 00:00 of the next day in the place of 24:00"),
        ("Total", Clock("iso"), "expected a time such as 2024-05-31 14:30"),
    ],
)
def test_a_time_that_is_none_is_refused_with_its_reason(stamp: str, clock: Clock, expected: str) -> None:
    with pytest.raises(DataError, match=f"column 't', row 1: '{stamp}': {expected}"):
        times(pd.DataFrame({"t": [stamp]}), "t", "odd.csv", clock=clock)


def test_a_format_is_shown_by_a_value_that_it_reads() -> None:
    stamps = pd.Series(["31.12.2023 24:00", "01.01.2024 01:00"], name="t")
    assert "'01.01.2024 01:00' is 1 January 2024, 01:00:00" in say_format(stamps, "%d.%m.%Y %H:%M")
    assert say_format(stamps.iloc[:1], "%d.%m.%Y %H:%M") == ""


def test_readings_that_all_fit_are_shown_by_a_value_that_differs() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=12).strftime("%m/%d/%Y"), name="t")
    with pytest.raises(DataError, match=r"'01/02/2024' .* \(1 February 2024\) or .* \(2 January 2024\)"):
        decide_format(days, "us.csv: column 't'")


def test_sounds_of_several_types_and_sounds_cut_off_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    whole = np.linspace(-0.5, 0.5, 400)
    wavfile.write(tmp_path / "x" / "a.wav", 8000, (whole * 32767).astype(np.int16))
    wavfile.write(tmp_path / "x" / "b.wav", 8000, whole.astype(np.float32))
    source = WavSource(kind="wav", path=str(tmp_path))
    with pytest.raises(DataError, match=r"x/b\.wav: samples of float32: expected one type, as x/a\.wav has"):
        read_wav(source)
    content = (tmp_path / "x" / "a.wav").read_bytes()
    (tmp_path / "x" / "b.wav").write_bytes(content[:300])
    with pytest.raises(DataError, match=r"x/b\.wav: is cut off: Reached EOF prematurely"):
        read_wav(source)


def parquet(path: Path, **columns: Any) -> FileSource:
    pd.DataFrame(columns).to_parquet(path)
    return FileSource(kind="parquet", path=str(path))


def test_decimals_of_parquet_are_numbers_but_for_names(tmp_path: Path) -> None:
    ids = [Decimal("9007199254740993"), Decimal("9007199254740992")]
    source = parquet(tmp_path / "d.parquet", id=ids, price=[Decimal("1.25"), None], parts=[[1, 2], [3]])
    frame = read_table(source, names=("id",))
    assert frame["price"].dtype == np.float64
    assert frame["price"].iloc[0] == 1.25
    assert frame["id"].tolist() == ids
    assert frame["parts"].tolist() == ["[1 2]", "[3]"]


def test_numbers_as_text_in_a_sheet_are_told_no_key_that_a_sheet_has_not(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    pd.DataFrame({"y": ["19,5", "2,25"]}).to_excel(tmp_path / "s.xlsx", index=False)
    frame = read_table(FileSource(kind="excel", path=str(tmp_path / "s.xlsx")))
    with pytest.raises(DataError, match=r"'19,5': expected a number .*; numbers as text: write them as numbers$"):
        number_table(frame, ["y"], "s.xlsx")


def test_rows_are_chosen_by_a_number_in_the_files_dialect() -> None:
    source = FileSource(kind="csv", path="k.csv", decimal=",", where={"k": 1.5})
    frame = pd.DataFrame({"k": ["1,5", "x", "1,50"]})
    assert filtered(frame, source, "k.csv").index.tolist() == [0, 2]


@pytest.mark.parametrize("offset", ["+02:00", "Z"])
def test_stamps_go_on_after_some_with_and_some_without_an_offset(offset: str) -> None:
    hours = pd.date_range("2024-07-01", periods=12, freq="h", tz=BERLIN)
    given = hours.tz_convert("UTC") if offset == "Z" else hours
    written = [
        f"{at:%Y-%m-%dT%H:%M}" if place % 3 else f"{of:%Y-%m-%dT%H:%M}{offset}"
        for place, (at, of) in enumerate(zip(hours, given, strict=True))
    ]
    found = continue_stamps(pd.Series(written, name="t"), 2, 12, Clock("iso", BERLIN))
    assert found is not None
    assert [pd.Timestamp(value) for value in found.values] == [
        hours[-1] + pd.Timedelta(hours=1),
        hours[-1] + pd.Timedelta(hours=2),
    ]
    assert found.assumed == "The times have different offsets from UTC: they go on in UTC."


@pytest.mark.parametrize("skip_rows", [0, 2])
def test_zero_bytes_within_a_value_are_refused(tmp_path: Path, skip_rows: int) -> None:
    lines = [*["# of ours\n"] * skip_rows, "t,y\n", *(f"{row},10.{row + 500}\n" for row in range(300))]
    path = tmp_path / "logger.csv"
    path.write_text("".join(lines).replace("10.579\n", "10\0\0.579\n"))
    with pytest.raises(
        DataError, match=rf"logger\.csv, line {81 + skip_rows}: holds zero bytes: expected utf-8 without"
    ):
        read_table(FileSource(kind="csv", path=str(path), skip_rows=skip_rows))
    path.write_bytes("t,y\n1,2\n3,4\n".encode("utf-16"))  # half of whose bytes are
    assert read_table(FileSource(kind="csv", path=str(path), encoding="utf-16"))["y"].tolist() == [2, 4]
