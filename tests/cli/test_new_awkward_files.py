"""`harness datasets new` on awkward files: the right config, or one line with the way out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.datasets import app
from harness.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def task_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(Path(f"datasets/{name}.toml").read_text())["task"]
    return found


def hours(rows: int = 200) -> pd.DataFrame:
    stamps = pd.date_range("2024-01-01", periods=rows, freq="h")
    return pd.DataFrame({"t": stamps, "y": np.sin(np.arange(rows) / 4).round(3) + 10})


def wide(answer: str) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {"patient_id": [f"{row:04}" for row in range(60)]}
        | {f"t{step}": draw.normal(size=60).round(3) for step in range(12)}
        | {answer: ["up", "down"] * 30}
    )


def test_ids_of_digits_are_no_dates() -> None:
    wide("class").to_csv("wide.csv", index=False)
    assert "left out: patient_id (text with 60 different values)" in run("new", "wide.csv")
    assert task_of("wide")["layout"] == "wide"


def test_a_class_beside_the_steps_need_not_be_called_so() -> None:
    wide("state at the end").drop(columns="patient_id").to_csv("wide.csv", index=False)
    run("new", "wide.csv")
    assert (task_of("wide")["kind"], task_of("wide")["target"]) == ("classify", "state at the end")


@pytest.mark.parametrize("half", ["hour", "time"])
def test_the_time_of_day_beside_a_date_tells_no_series_apart(half: str) -> None:
    frame = hours(2000)
    frame["date"] = frame["t"].dt.strftime("%Y%m%d")
    frame[half] = frame["t"].dt.hour + 1 if half == "hour" else frame["t"].dt.strftime("%H%M")
    frame[["date", half, "y"]].to_csv("parts.csv", index=False)
    with pytest.raises(UsageError, match=f"expected --time date,{half}, which are a time together, or --id COLUMN"):
        run("new", "parts.csv")


@pytest.mark.parametrize("line", ["Total,2000", "Source: the office. CC BY 4.0", ",kWh"])
def test_a_line_that_is_no_row_is_named(line: str) -> None:
    Path("footer.csv").write_text(hours().to_csv(index=False) + line + "\n")
    with pytest.raises(UsageError, match=r"column '[ty]', row 201: .*expected a (time|number)"):
        run("new", "footer.csv", "--target", "y")


def test_midnight_as_24_is_named() -> None:
    frame = hours()
    days = (frame["t"] - pd.Timedelta(hours=1)).dt.strftime("%d.%m.%Y")
    frame["t"] = days.where(frame["t"].dt.hour == 0, frame["t"].dt.strftime("%d.%m.%Y")) + [
        f" {hour or 24:02}:00" for hour in frame["t"].dt.hour
    ]
    frame.to_csv("meter.csv", index=False)
    with pytest.raises(UsageError, match=r"row 1: '31\.12\.2023 24:00': expected 00:00 of the next day"):
        run("new", "meter.csv")


@pytest.mark.parametrize(("form", "said"), [("{:.1f}%", r"'10\.0%'"), ("€{:.1f}", "'€10.0'")])
def test_numbers_with_a_sign_are_no_classes(form: str, said: str) -> None:
    frame = hours()
    frame["share"] = [form.format(value) for value in frame["y"]]
    frame.to_csv("shares.csv", index=False)
    assert "left out: share (numbers with a sign, such as " in run("new", "shares.csv", "--target", "y")
    with pytest.raises(UsageError, match=f"column 'share' holds numbers with a sign, such as {said}"):
        run("new", "shares.csv", "--target", "share", "--force")


def test_a_column_of_lists_and_one_of_categories_in_parquet() -> None:
    frame = hours()
    frame["parts"] = [[row, row] for row in range(len(frame))]
    frame["sky"] = pd.Categorical(["rain", "sun"] * 100)
    frame.to_parquet("typed.parquet")
    assert "left out: parts (text with 200 different values)" in run("new", "typed.parquet", "--target", "y")
    assert task_of("typed")["categorical"] == ["sky"]


def test_a_sheet_with_a_title_asks_for_the_rows_above_the_names() -> None:
    pytest.importorskip("openpyxl")
    hours().assign(a=1).to_excel("titled.xlsx", index=False, startrow=3)
    with pytest.raises(UsageError, match="3 columns have no name: expected --skip-rows N, the rows above the names"):
        run("new", "titled.xlsx", "--target", "y")
    run("new", "titled.xlsx", "--target", "y", "--skip-rows", "3")
    assert task_of("titled")["time"] == "t"


def test_missing_values_of_sequences_stand_in_the_config() -> None:
    x = np.random.default_rng(0).normal(size=(40, 10, 2))
    x[3, 4, 1] = np.nan
    np.savez("gaps.npz", x=x, y=np.arange(40) % 2)
    assert 'missing = "interpolate": 1 missing value' in run("new", "gaps.npz")
    assert "gaps: valid" in run("check", "gaps")


def test_a_category_whose_name_has_an_equals_sign_is_not_proposed() -> None:
    hours().assign(**{"sky=now": ["rain", "sun"] * 100}).to_csv("equals.csv", index=False)
    assert "left out: sky=now" in run("new", "equals.csv")
    assert "equals: valid" in run("check", "equals")


def test_names_with_blanks_around_them_are_offered_in_quotes() -> None:
    Path("blanks.csv").write_text(hours().to_csv(index=False).replace(",", ", "))
    with pytest.raises(UsageError, match=r"--target y: no such column in blanks\.csv\. .*' y'"):
        run("new", "blanks.csv", "--target", "y")


def test_dates_and_times_of_day_in_a_sheet_are_a_time_together() -> None:
    pytest.importorskip("openpyxl")
    frame = hours()
    frame = frame.assign(day=frame["t"].dt.date, clock=frame["t"].dt.time)
    frame[["day", "clock", "y"]].to_excel("sheet.xlsx", index=False)
    run("new", "sheet.xlsx")
    assert task_of("sheet")["time"] == ["day", "clock"]
    assert "id" not in task_of("sheet")


def test_dates_in_several_forms_are_no_texts_to_be_read() -> None:
    frame = hours()
    stamps = pd.to_datetime(frame["t"])
    odd = [f"{one:%Y-%m-%d %H:%M}" if at % 2 else f"{one:%d/%m/%Y %H:%M}" for at, one in enumerate(stamps)]
    frame.assign(t=odd).rename(columns={"t": "when"}).to_csv("mixed.csv", index=False)
    several = r"column 'when' holds dates in several forms, such as '01/01/2024 00:00' and '2024-01-01 01:00': expected"
    with pytest.raises(UsageError, match=several):
        run("new", "mixed.csv")


def test_numbers_before_a_unit_are_no_classes() -> None:
    frame = hours()
    frame.assign(y=[f"{value + at} kW" for at, value in enumerate(frame["y"])]).to_csv("units.csv", index=False)
    with pytest.raises(UsageError, match=r"column 'y' holds numbers with a unit, such as '10\.0 kW': expected plain"):
        run("new", "units.csv")


@pytest.mark.parametrize(
    ("head", "said"),
    [(b"PK\x03\x04", "a zip file, as Excel's"), (b"\x1f\x8b", "a gzip file"), (b"abc\0", "and holds bytes of 0")],
)
def test_what_is_no_text_is_not_asked_for_its_encoding(head: bytes, said: str) -> None:
    Path("table.csv").write_bytes(head + bytes(range(256)))
    with pytest.raises(UsageError, match=rf"table\.csv: is no text, .*{said}.*: expected a table as text"):
        run("new", "table.csv")
