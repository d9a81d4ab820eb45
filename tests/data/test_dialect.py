# ruff: noqa: E501 - a case a line
"""Tables as people write them: names stay names, marks and encodings are read as the config says, or refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig, text_columns
from harness.config.sources import FileSource
from harness.data import load_dataset
from harness.data.encoding import number_classes
from harness.data.readers import streams
from harness.data.readers.formats.delimited import described, lines_of
from harness.data.readers.registry import read_sequences
from harness.data.readers.tables import numbers, read_table, read_tail, times
from harness.data.readers.texts import read_texts
from harness.errors import DataError, HarnessError, UsageError

Config = Callable[..., DatasetConfig]


def table(file: Path, content: str | bytes, names: tuple[str, ...] = (), **keys: Any) -> pd.DataFrame:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(FileSource.model_validate({"kind": "csv", "path": str(file), **keys}), names)


def classes_of(file: Path, rows: str, grouped_card: Config) -> tuple[str, ...]:
    file.write_text(f"who,v,label\n{rows}")
    config = grouped_card(file)
    return number_classes(read_sequences(config, config.task))[0]  # type: ignore[arg-type]


# Names are text.


def test_ids_with_and_without_zeros_are_two_sequences(tmp_path: Path, grouped_card: Config) -> None:
    rows = [f"{who},{step / 7:.3f},{'ab'[int(who) % 2]}" for who in ("000", "001", "0", "1") for step in range(5)]
    (tmp_path / "ids.csv").write_text("who,v,label\n" + "\n".join(rows))
    config = grouped_card(tmp_path / "ids.csv")
    raw = read_sequences(config, config.task)  # type: ignore[arg-type]
    assert raw.x.shape == (4, 5, 1)
    assert raw.name_of(0) == "who '000'"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a,1,07\nb,2,08\n", ("07", "08")),
        ("a,1,1e2\nb,2,100\n", ("100", "1e2")),
        ("a,1,10\nb,2,2\nc,3,-1\n", ("-1", "2", "10")),
        ("a,1,2.0\nb,2,10.0\n", ("2", "10")),
        ("a,1, 2\nb,2,10\nc,3,2\n", ("2", "10")),
        ("a,1,True\nb,2,False\n", ("False", "True")),
    ],
)
def test_classes_are_called_as_the_file_says(
    rows: str, expected: tuple[str, ...], tmp_path: Path, grouped_card: Config
) -> None:
    assert classes_of(tmp_path / "c.csv", rows, grouped_card) == expected


def test_measurements_are_no_classes(tmp_path: Path, grouped_card: Config) -> None:
    with pytest.raises(DataError, match=r"class '0.5': expected text or a whole number at each step; to predict a nu"):
        classes_of(tmp_path / "c.csv", "a,1,0.5\nb,2,1\n", grouped_card)


def test_names_keep_their_types_where_nothing_is_lost(tmp_path: Path) -> None:
    frame = table(tmp_path / "n.csv", "a,b,c,d\n7,1.1,007,x\n12,1.10,12,y\n", ("a", "b", "c", "d"))
    assert frame["a"].tolist() == [7, 12]
    assert frame["b"].tolist() == ["1.1", "1.10"]
    assert frame["c"].tolist() == ["007", "12"]


def test_the_type_of_an_id_is_one_through_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forecast_card: Config
) -> None:
    """As for 50 stores of which one opens late, after the rows that are read at once."""
    monkeypatch.setattr(streams, "PIECE_ROWS", 50)
    rows = [f"{t},{store},{t + store}" for t in range(60) for store in (1, 2)]
    rows += [f"{t},{store},{t}" for t in range(60, 90) for store in (1, 2, "50B")]
    (tmp_path / "s.csv").write_text("t,store,y\n" + "\n".join(rows))
    config = forecast_card(tmp_path / "s.csv", id="store", time="t", lookback_steps=2, horizon_steps=1)
    facts = load_dataset(config).facts
    assert "within each of 3 series" in facts.split


def test_a_column_has_one_type_through_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE_ROWS", 2)
    frame = table(tmp_path / "m.csv", "a,b,c\n007,1,\n08,2,\n9,x,1\n1e1,4,2\nz,5,3\n")
    assert frame["a"].tolist() == ["007", "08", "9", "1e1", "z"]
    assert frame["b"].tolist() == ["1", "2", "x", "4", "5"]
    assert frame["c"].tolist()[2:] == [1, 2, 3]


@pytest.mark.parametrize(
    ("value", "expected"), [("007", [1]), ("7", [2]), (7, [1, 2, 3]), ("x", [4]), (" 007", [1])], ids=str
)
def test_rows_are_chosen_by_text_or_by_number(tmp_path: Path, value: Any, expected: list[int]) -> None:
    frame = table(tmp_path / "w.csv", "shop,y\n007,1\n7,2\n7.0,3\nx,4\n", where={"shop": value})
    assert frame["y"].tolist() == expected


def test_rows_of_parquet_are_chosen_by_their_digits(tmp_path: Path) -> None:
    pd.DataFrame({"shop": [7, 8], "y": [1, 2]}).to_parquet(tmp_path / "w.parquet")
    for value in (7, "7"):
        source = FileSource(kind="parquet", path=str(tmp_path / "w.parquet"), where={"shop": value})
        assert read_table(source)["y"].tolist() == [1]


def test_names_of_parquet_keep_their_types(tmp_path: Path) -> None:
    pd.DataFrame({"a": ["7", "8"], "b": [7, 8]}).to_parquet(tmp_path / "n.parquet")
    frame = read_table(FileSource(kind="parquet", path=str(tmp_path / "n.parquet")), ("a", "b"))
    assert frame.to_dict("list") == {"a": ["7", "8"], "b": [7, 8]}


def test_columns_of_names_of_a_config(grouped_card: Config, forecast_card: Config) -> None:
    config = grouped_card("a.csv", split={"rule": "group", "group": "clinic"})
    config = config.model_copy(update={"source": config.source.model_copy(update={"where": {"a": "x", "b": 1}})})
    assert text_columns(config) == ("label", "who", "clinic", "a")
    assert text_columns(forecast_card("a.csv", id="shop")) == ("shop",)


# How a file is written.

EUROPEAN = "Zeit;Last;Wind\n01.03.2023 00:00;50,19;-200\n01.03.2023 01:00;?;1.052,5\n01.03.2023 02:00;-;3\n01.03.2023 03:00;1,5;3\n01.03.2023 04:00;2;3\n"


def test_semicolons_decimal_commas_and_missing_marks(tmp_path: Path) -> None:
    keys = {"separator": ";", "decimal": ",", "thousands": ".", "missing_values": ["?", "-", -200]}
    frame = table(tmp_path / "e.csv", EUROPEAN, **keys)
    assert frame["Last"].isna().tolist() == [False, True, True, False, False]
    assert frame["Last"].iloc[0] == 50.19
    assert frame["Wind"].tolist()[1:] == [1052.5, 3, 3, 3]
    assert np.isnan(frame["Wind"].iloc[0])


@pytest.mark.parametrize("mark", [",", " ", "'", "\u00a0"])
def test_thousands_are_read_in_threes_alone(tmp_path: Path, mark: str) -> None:
    good = f'y\n"10{mark}125"\n9\n"1{mark}234{mark}567.5"\n'
    assert table(tmp_path / "t.csv", good, thousands=mark)["y"].tolist() == [10125, 9, 1234567.5]
    frame = table(tmp_path / "t.csv", good + f'"1{mark}5"\n', thousands=mark)
    with pytest.raises(DataError, match=r"row 4: .*: expected a number \(1 of 4"):
        numbers(frame, "y", "t.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "cp1250", "mac-roman"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    content = "größe,y\nä,1\nö,2\n".replace("\n", end).encode(encoding)
    frame = table(tmp_path / "u.csv", content, encoding=encoding)
    assert frame.to_dict("list") == {"größe": ["ä", "ö"], "y": [1, 2]}


def test_rows_that_begin_with_a_blank_after_a_lone_carriage_return(tmp_path: Path) -> None:
    """pandas reads some of them twice."""
    frame = table(tmp_path / "r.csv", "who,a\r" + "1,2\r" * 4 + " ,3\r", ("who",))
    assert frame["a"].tolist() == [2, 2, 2, 2, 3]


@pytest.mark.parametrize("packed", [None, "gz", "bz2", "xz", "zip"])
def test_lines_above_the_names_are_skipped(tmp_path: Path, packed: str | None) -> None:
    content = "Station 5; 'Nord\n\nt;y\n1;2,5\n".encode("utf-16")
    file = tmp_path / f"s.csv{'.' + packed if packed else ''}"
    if packed == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("s.csv", content)
    else:
        pack = {None: bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[packed]
        file.write_bytes(pack(content))
    source = FileSource(kind="csv", path=str(file), separator=";", decimal=",", encoding="utf-16", skip_rows=2)
    assert read_table(source).to_dict("list") == {"t": [1], "y": [2.5]}


def test_the_end_of_a_table_has_the_types_of_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE_ROWS", 2)
    (tmp_path / "e.csv").write_text("t,y\n" + "".join(f"{t},{t}\n" for t in range(7)) + "t,y\n8,8\n9,9\n")
    frame, before = read_tail(FileSource(kind="csv", path=str(tmp_path / "e.csv")), 4)
    assert (frame["y"].tolist(), before) == (["6", "y", "8", "9"], 6)


BAD_KEYS: list[tuple[dict[str, Any], str]] = [
    ({"encoding": "hex"}, "expected an encoding of text that Python knows"),
    ({"encoding": "klingon"}, "expected an encoding of text that Python knows"),
    ({"encoding": "idna"}, "expected an encoding of text that Python knows"),
    ({"decimal": ";"}, ""),
    ({"thousands": "x"}, ""),
    ({"decimal": ",", "thousands": ","}, "expected another sign than the decimal mark"),
    ({"separator": '"'}, ""),
    ({"skip_rows": -1}, ""),
    ({"sheet": "a"}, 'expected it only where kind = "excel"'),
    ({"kind": "parquet", "decimal": ","}, 'expected it only where kind = "csv"'),
]


@pytest.mark.parametrize(("keys", "message"), BAD_KEYS, ids=lambda one: str(one)[:30])
def test_keys_without_sense_are_refused(keys: dict[str, Any], message: str, forecast_card: Config) -> None:
    plain = forecast_card("a.csv").model_dump(mode="json")
    with pytest.raises(ValueError, match=re.escape(message) if message else None):
        DatasetConfig.model_validate({**plain, "source": {"kind": "csv", "path": "a.csv", **keys}})


# What is wrong is said in one line.

SAID: list[tuple[str, Any, dict[str, Any], str]] = [
    ("semicolons", EUROPEAN, {}, "; looks like semicolons and decimal commas and points between thousands: separator = ';', decimal = ',', thousands = '.'"),
    ("tabs", "t\ty\n1\t2\n", {}, "has one column, 't\\ty'; looks like tabs: separator = '\\t'"),
    ("commas", "t,y\n1,2\n", {"separator": ";"}, "has one column, 't,y'; looks like commas: separator = ','"),
    ("utf-16", "y\n1\n".encode("utf-16"), {"encoding": "latin-1"}, "holds zero bytes: expected latin-1; [source] encoding may be utf-16"),
    ("latin-1", "ö\n1\n".encode("latin-1"), {}, "byte 0xf6 is not UTF-8: expected a CSV in UTF-8; for another encoding, such as cp1252, there is [source] encoding"),
    ("no mark", b"y\n1\n\x9d", {"encoding": "cp1252"}, "byte 0x9d is not cp1252"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "keys", "message"), [one[1:] for one in SAID], ids=[one[0] for one in SAID])
def test_a_wrong_dialect_is_named(tmp_path: Path, content: Any, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        table(tmp_path / "d.csv", content, **keys)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["50,19", "7,5"], "row 1: '50,19': expected a number (2 of 2 values are none); looks like decimal commas: decimal = ','"),
        (["1.234,5", "7"], "looks like decimal commas and points between thousands: decimal = ',', thousands = '.'"),
        (["10,125", "9,685"], "looks like decimal commas, or commas between thousands: decimal = ',' or thousands = ','"),
        (["1,234,567", "7"], "looks like commas between thousands: thousands = ','"),
        (["1,5", "x", "2,5"], "row 2: 'x': expected a number (1 of 3 values are none)"),
        (["1", "2", "n/v"], "row 3: 'n/v': expected a number (1 of 3 values are none)"),
    ],
)  # fmt: skip
def test_numbers_in_another_dialect_are_named(values: list[str], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        numbers(pd.DataFrame({"y": values}), "y", "n.csv")


def test_a_second_header_is_the_row_at_fault(tmp_path: Path) -> None:
    frame = table(tmp_path / "j.csv", "t,y\n" + "0,1\n" * 100 + "t,y\n1,2\n")
    with pytest.raises(DataError, match=r"column 't', row 101: 't': expected a time"):
        times(frame, "t", "j.csv")


# Told from the file.


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (EUROPEAN, {"separator": ";", "decimal": ",", "thousands": ".", "missing_values": ["?", "-"]}),
        ("t;y\n1;50.12\n2;7\n", {"separator": ";"}),
        ("t\ty\na\t1\n", {"separator": "\t"}),
        ("a  b\n1  2.5\n3  4\n", {"separator": "whitespace"}),
        ('t,y\n1,"1,234.5"\n2,"7"\n', {"thousands": ","}),
        ('t,y\n1,"1,234,567"\n', {"thousands": ","}),
        ('t,y\n1,"0,819"\n', {"decimal": ","}),
        ("t,y\n1,0.819\n2,1.234\n", {}),
        ("t;y\n1;1'234.5\n", {"separator": ";", "thousands": "'"}),
        ("Report of May\n\nt,y\n1,2\n3,4\n5,6\n7,8\n", {"skip_rows": 2}),
        ('say,y\n"a;b",1\n"c;d",2\n', {}),
        ("day,y\n2024-01-01,?\n2024-01-02,5\n2024-01-03,6\n", {"missing_values": ["?"]}),
        ("t,y\n1,2\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("\ufefft,y\n1,2\n", {}),
        (",0,1\n0,2.5,3\n1,4,5\n", {}),
        ("who,v\n007,a\n008,b\n", {}),
    ],
)
def test_a_dialect_is_told_from_the_file(tmp_path: Path, content: Any, keys: Mapping[str, Any]) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    source, because = described(file, {})
    assert source.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "path"}) == keys
    assert len(because) == len(keys)
    assert len(read_table(source))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('t,y\n1,"1,234"\n2,"5,678"\n', "column 'y': are its commas decimal marks or between thousands? Expected --decimal , or --thousands ,"),
        ("t;y\n1;1.234\n", "column 'y': are its points decimal marks or between thousands? Expected --decimal . or --thousands ."),
        ("who;y\n1.1;7\n50B;1.234\n", "column 'y': are its points decimal marks or between thousands?"),
        ("a;b\n1,5;2.5\n", "column 'a' has decimal commas and column 'b' decimal points"),
        ("0.5,1.5\n0.25,3\n", "line 1 holds values, no column names (0.5, 1.5): expected --columns with 2 names"),
        ("2024-01-01,1\n2024-01-02,2\n", "line 1 holds values, no column names"),
        ("a\n1,5\n2,5\n3,5\n4,5\n", "line 1 has fewer names than line 2 has fields"),
        ("größe\n1\n".encode("latin-1") + b"1\n" * 9, "byte 0xf6 is not UTF-8: expected --encoding, such as cp1252"),
    ],
)  # fmt: skip
def test_what_a_file_leaves_open_is_asked(tmp_path: Path, content: Any, message: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UsageError, match=re.escape(message)):
        described(file, {})


@pytest.mark.parametrize("written", [{"decimal": ","}, {"thousands": ","}])
def test_an_option_settles_it(tmp_path: Path, written: dict[str, str]) -> None:
    (tmp_path / "x.csv").write_text('t,y\n1,"1,234"\n2,"5,678"\n')
    source, _ = described(tmp_path / "x.csv", written)
    assert read_table(source)["y"].tolist() == ([1.234, 5.678] if "decimal" in written else [1234, 5678])


def test_other_files_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a file that ends in \.csv, \.tsv"):
        described(tmp_path / "a.png", {})
    with pytest.raises(HarnessError, match="no such file"):
        described(tmp_path / "a.csv", {})


# Lines of text.

STRANGE = "\u2028\x85\x0c\x0b\x1c\u2029"


def test_three_signs_end_a_line_and_no_other() -> None:
    assert lines_of(f"a{STRANGE}b\nc\r\nd\re\n") == [f"a{STRANGE}b", "c", "d", "e"]
    assert lines_of("") == []


@pytest.mark.parametrize(("encoding", "sign"), [("utf-8", "\u2028"), ("utf-8", "\x85"), ("cp1252", "…")])
def test_a_line_of_text_holds_what_ends_no_line(tmp_path: Path, encoding: str, sign: str) -> None:
    lines = [f"{'good' if number % 2 else 'bad'}\tword {number}" for number in range(40)]
    lines[7] += f" and{sign}more"
    (tmp_path / "r.tsv").write_bytes("\n".join(lines).encode(encoding))
    source = {"kind": "text", "path": str(tmp_path / "r.tsv"), "form": "lines", "encoding": encoding}
    config = {"name": "r", "source": source, "task": {"kind": "classify", "tokens": "words"}}
    texts = read_texts(DatasetConfig.model_validate(config), labelled=True)
    assert len(texts.texts) == 40
    assert texts.texts[7] == f"word 7 and{sign}more"
