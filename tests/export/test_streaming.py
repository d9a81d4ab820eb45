"""Files that are read in pieces: a sequence is whole, and every digit is what it is when the file is read at once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError
from harness.export import Champion
from harness.export import load as load_anew
from harness.export.inputs.batches import batch_of_arrays, read_input
from harness.export.inputs.forecasts import Batch
from harness.export.outputs.tables import predictions_of
from harness.export.outputs.write import ArraySink, ParquetSink, TextSink, finished, written_to
from harness.export.streaming import Portion, read_portions

load = cache(load_anew)
"""A champion once for each folder: nothing here changes one."""

PIECES = (1, 2, 3, 7, 50, 10_000)


def _portions(champion: Champion, path: Path, rows: int, sequences: int = 256) -> list[Portion]:
    return list(read_portions(champion.description, path, piece_rows=rows, sequences=sequences))


def _whole(champion: Champion, path: Path) -> pd.DataFrame:
    return champion.tabulate(read_input(champion.description, path)).table


def _streamed(champion: Champion, portions: list[Portion]) -> pd.DataFrame:
    return pd.concat([champion.tabulate(portion.batch).table for portion in portions], ignore_index=True)


def _shares(portions: list[Portion]) -> list[float]:
    return [share for portion in portions for share in (portion.since, portion.until)]


def _many(classify: Any, path: Path, count: int = 700) -> Path:
    """More sequences than a call of the network takes, of different lengths, named by what looks like numbers."""
    random = np.random.default_rng(5)
    rows = pd.DataFrame({"word": np.repeat([f"{number:04d}" for number in range(count)], random.integers(1, 9, count))})
    rows["t"] = rows.groupby("word").cumcount()
    rows[["a", "b"]] = random.normal(size=(len(rows), 2))
    rows.loc[rows.index[-1], "word"] = "last"
    rows.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("rows", PIECES)
def test_sequences_over_the_borders_of_pieces(classify: Any, rows: int) -> None:
    champion = load(classify.folder)
    portions = _portions(champion, classify.data, rows, sequences=7)
    assert [len(portion.batch.x) for portion in portions] == [7] * 8 + [4]
    expected = [champion.predict_frame(piece) for _, piece in _by_sevens(classify.data)]
    pd.testing.assert_frame_equal(_streamed(champion, portions), pd.concat(expected, ignore_index=True), rtol=0, atol=0)
    assert _shares(portions) == sorted(_shares(portions))
    assert _shares(portions)[-1] == 1


def _by_sevens(path: Path) -> Any:
    frame = pd.read_csv(path)
    return frame.groupby(pd.factorize(frame["word"])[0] // 7)


@pytest.mark.parametrize("rows", [64, 999])
def test_every_digit_is_what_it_is_when_read_whole(classify: Any, tmp_path: Path, rows: int) -> None:
    """Also where an id is a number in one piece and text in another."""
    path, champion = _many(classify, tmp_path / "many.csv"), load(classify.folder)
    portions = _portions(champion, path, rows)
    assert [len(portion.batch.x) for portion in portions] == [256, 256, 189]
    streamed = _streamed(champion, portions)
    pd.testing.assert_frame_equal(streamed, _whole(champion, path), rtol=0, atol=0)
    assert streamed["word"].tolist()[:2] == ["0000", "0001"]


@pytest.mark.parametrize("rows", [50, 10_000])
def test_steps_with_a_class_each(label: Any, tmp_path: Path, rows: int) -> None:
    champion = load(label.folder)
    pd.read_csv(label.data).to_parquet(tmp_path / "in.parquet")
    for path in (label.data, tmp_path / "in.parquet"):
        streamed = _streamed(champion, _portions(champion, path, rows))
        pd.testing.assert_frame_equal(streamed, _whole(champion, path), rtol=0, atol=0)


@pytest.mark.parametrize("rows", PIECES)
@pytest.mark.parametrize("name", ["forecast", "panel"])
def test_a_lookback_over_the_borders_of_pieces(
    name: str, rows: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    built = request.getfixturevalue(name)
    champion, frame = load(built.folder), pd.read_csv(built.data)
    if name == "panel":
        frame.loc[frame.groupby("shop").tail(3).index, "sold"] = np.nan
    frame.to_csv(tmp_path / "in.csv", index=False)
    frame.to_parquet(tmp_path / "in.parquet")
    for path in (tmp_path / "in.csv", tmp_path / "in.parquet"):
        (portion,) = _portions(champion, path, rows)
        pd.testing.assert_frame_equal(_streamed(champion, [portion]), _whole(champion, path), rtol=0, atol=0)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_series_that_are_mixed_with_each_other_keep_their_order(panel: Any, tmp_path: Path, rows: int) -> None:
    champion, frame = load(panel.folder), pd.read_csv(panel.data)
    frame.loc[frame.groupby("shop").tail(3).index, "sold"] = np.nan
    mixed = frame.sort_values(["day", "shop"], ascending=[True, False])
    mixed.to_csv(tmp_path / "in.csv", index=False)
    (portion,) = _portions(champion, tmp_path / "in.csv", rows)
    assert portion.batch.names == ("south", "north")
    pd.testing.assert_frame_equal(_streamed(champion, [portion]), _whole(champion, tmp_path / "in.csv"), rtol=0, atol=0)


def test_times_that_pandas_keeps_as_an_index(forecast: Any, tmp_path: Path) -> None:
    champion, frame = load(forecast.folder), pd.read_csv(forecast.data)
    counted = frame.assign(time=range(7, 7 + len(frame))).set_index(pd.RangeIndex(7, 7 + len(frame), name="time"))
    for index in (frame.set_index("time"), counted.drop(columns="time")):
        index.to_parquet(tmp_path / "in.parquet")
        (portion,) = _portions(champion, tmp_path / "in.parquet", 50)
        expected = champion.predict_frame(index.reset_index())
        pd.testing.assert_frame_equal(_streamed(champion, [portion]), expected, rtol=0, atol=0)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_an_archive(classify: Any, panel: Any, letters: Any, tmp_path: Path, save: Any) -> None:
    random = np.random.default_rng(6)
    lengths = random.integers(1, 9, 600)
    known = {"x": random.normal(size=(600, 10, 2)), "future": random.normal(size=(600, 3, 1))}
    arrays = [
        (classify, {"x": random.normal(size=(600, 8, 2)), "lengths": lengths, "note": np.array(["unread"])}),
        (panel, known),
        (letters, {"x": random.integers(0, 5, (600, 8)), "lengths": lengths}),
    ]
    for built, given in arrays:
        champion, path = load(built.folder), tmp_path / "in.npz"
        save(path, **given)
        portions = _portions(champion, path, 1)
        assert [len(portion.batch.x) for portion in portions] == [256, 256, 88]
        pd.testing.assert_frame_equal(_streamed(champion, portions), _whole(champion, path), rtol=0, atol=0)
        assert _shares(portions)[-1] == 1


@pytest.mark.parametrize("rows", [1, 300, 10_000])
def test_texts(letters: Any, tmp_path: Path, rows: int) -> None:
    champion = load(letters.folder)
    texts = [("the cat sat", "007", "on the mat; ")[number % 3] for number in range(300)]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "in.csv", index=False)
    portions = _portions(champion, tmp_path / "in.csv", rows, sequences=100)
    table = _streamed(champion, portions)
    assert table["row"].nunique() == 300
    assert len(table) == sum(len(text) for text in texts)


def test_a_column_called_sequence_where_the_card_has_no_id(regress: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(8).normal(size=(9, 12, 2))
    frame = pd.DataFrame(x.reshape(-1, 2), columns=list(load(regress.folder).description.channels))
    frame.assign(sequence=np.repeat([f"s{number}" for number in range(9)], 12)).to_csv(tmp_path / "in.csv", index=False)
    champion = load(regress.folder)
    streamed = _streamed(champion, _portions(champion, tmp_path / "in.csv", 5))
    assert streamed["sequence"].tolist() == [f"s{number}" for number in range(9)]
    np.testing.assert_allclose(streamed["y"], champion.predict(x)[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    "shape",
    ["ids come back", "no id", "by columns", "a text file"],
)
def test_what_is_read_whole(shape: str, classify: Any, letters: Any, tmp_path: Path) -> None:
    champion, frame = load(classify.folder), pd.read_csv(classify.data)
    path = tmp_path / "in.csv"
    if shape == "ids come back":
        frame.sort_values("t").to_csv(path, index=False)
    elif shape == "no id":
        task = {**champion.description.card["task"], "id": None, "time": None, "target": None}
        config = {**champion.description.card, "task": task, "source": {"kind": "npz", "path": "in.npz"}}
        champion = replace(champion, description=replace(champion.description, card=config))
        frame.to_csv(path, index=False)
    elif shape == "by columns":
        path = tmp_path / "in.npz"
        np.savez(path, x=np.asfortranarray(np.random.default_rng(0).normal(size=(300, 5, 2))))
    else:
        champion, path = load(letters.folder), tmp_path / "in.txt"
        path.write_text("the cat sat")
    (portion,) = _portions(champion, path, 10, sequences=7)
    pd.testing.assert_frame_equal(_streamed(champion, [portion]), _whole(champion, path), rtol=0, atol=0)


def _spoilt(column: str, row: int, value: Any) -> Any:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return spoil


@pytest.mark.parametrize(
    ("spoil", "phrase"),
    [
        (_spoilt("a", 200, "much"), "column 'a', row 201: 'much': expected a number"),
        (_spoilt("a", 200, 1e300), r"column 'a', row 201: 1e\+300: expected a finite number"),
        (_spoilt("word", 200, None), "column 'word', row 201: expected a value, got an empty cell"),
        (_spoilt("t", 200, None), "column 't', row 201: an empty cell: expected a time"),
        (_spoilt("t", 200, -1), None),
        (lambda frame: pd.concat([frame, frame.tail(1)]), "repeats within the sequence 'w59'"),
        (lambda frame: frame.drop(columns="b"), "has no column 'b'"),
        (lambda frame: frame.drop(columns="word"), "has no column 'word'"),
        (lambda frame: frame.head(0), "has no rows"),
    ],
)
def test_rows_are_named_by_their_place_in_the_file(
    classify: Any, tmp_path: Path, spoil: Any, phrase: str | None
) -> None:
    spoil(pd.read_csv(classify.data)).to_csv(tmp_path / "in.csv", index=False)
    champion = load(classify.folder)
    if phrase is None:
        assert len(_streamed(champion, _portions(champion, tmp_path / "in.csv", 10, sequences=7))) == 60
        return
    with pytest.raises(DataError, match=phrase):
        _portions(champion, tmp_path / "in.csv", 10, sequences=7)


def test_arrays_are_named_by_their_place_in_the_file(classify: Any, panel: Any, tmp_path: Path) -> None:
    champion, path = load(classify.folder), tmp_path / "in.npz"
    x, lengths = np.ones((600, 5, 2)), np.full(600, 5)
    for place, value, phrase in (
        ((555, 3, 1), np.inf, r"x\[555, 3, 1\]"),
        ((555, 3, 1), np.nan, r"x\[555\], .*step 4"),
    ):
        spoilt = x.copy()
        spoilt[place] = value
        np.savez(path, x=spoilt, lengths=lengths)
        with pytest.raises(DataError, match=phrase):
            _portions(champion, path, 1)
    np.savez(path, x=x, lengths=np.where(np.arange(600) == 555, 9, 5))
    with pytest.raises(DataError, match=r"lengths\[555\] = 9: expected 1 to 5"):
        _portions(champion, path, 1)
    np.savez(path, x=x, lengths=lengths[1:])
    with pytest.raises(DataError, match="expected 600 whole numbers, one a sequence"):
        _portions(champion, path, 1)
    future = np.ones((600, 3, 1))
    future[555, 2, 0] = np.nan
    np.savez(path, x=np.ones((600, 10, 2)), future=future)
    with pytest.raises(DataError, match=r"future\[555, 2, 0\]: missing value"):
        _portions(load(panel.folder), path, 1)


def test_an_archive_that_is_cut_off(classify: Any, tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, x=np.ones((600, 5, 2)))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        _portions(load(classify.folder), path, 1)


def test_an_archive_without_a_sequence_is_refused(classify: Any, tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, x=np.ones((0, 5, 2)))
    with pytest.raises(DataError, match=r"in\.npz: x has shape \(0, 5, 2\): expected .*, none of them 0$"):
        _portions(load(classify.folder), path, 1)


def _write(description: Any, batch: Batch, outputs: Any, file: Path, pieces: int) -> None:
    kinds = {".parquet": ParquetSink, ".npz": ArraySink, ".json": partial(TextSink, json=True)}
    with finished(kinds.get(file.suffix, TextSink)(file)) as sink:
        for part in np.array_split(np.arange(len(batch.x)), pieces):
            longest = int(batch.lengths[part].max())
            names = tuple(batch.names[number] for number in part)
            some = replace(batch, x=batch.x[part][:, :longest], lengths=batch.lengths[part], names=names)
            given = outputs[part][:, :longest] if description.task.per_step else outputs[part]
            sink.add(predictions_of(description, some, given))


@pytest.mark.parametrize("name", ["forecast", "panel", "classify", "label", "letters"])
def test_what_is_written_in_pieces_is_what_is_written_at_once(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    champion = load(request.getfixturevalue(name).folder)
    description, random = champion.description, np.random.default_rng(7)
    steps = description.steps or 8
    channels = () if description.vocabulary else (len(description.channels),)
    x = random.integers(0, 4, (30, steps, *channels))
    future = random.normal(size=(30, 3, 1)) if description.known else None
    lengths = None if description.steps else random.integers(1, steps + 1, 30)
    batch = batch_of_arrays(description, x, lengths, future)
    outputs = champion.predict_batch(batch)
    for suffix in ("csv", "json", "parquet", "npz"):
        files = [tmp_path / f"{pieces}.{suffix}" for pieces in (1, 3)]
        for file, pieces in zip(files, (1, 3), strict=True):
            _write(description, batch, outputs, file, pieces)
        if suffix == "parquet":
            pd.testing.assert_frame_equal(*(pd.read_parquet(file) for file in files))
        elif suffix == "npz":
            with np.load(files[0], allow_pickle=False) as once, np.load(files[1], allow_pickle=False) as pieces:
                assert once.files == pieces.files
                for key in once.files:
                    np.testing.assert_array_equal(once[key], pieces[key])
        else:
            assert files[0].read_text() == files[1].read_text()


def _fail_half_way(champion: Champion, batch: Batch, place: Path) -> None:
    with written_to(place) as sink:
        sink.add(champion.tabulate(batch))
        raise DataError("a row that is wrong")


def test_nothing_is_in_its_place_before_all_is_there(classify: Any, tmp_path: Path) -> None:
    champion = load(classify.folder)
    batch = read_input(champion.description, classify.data)
    for suffix in ("csv", "parquet", "npz"):
        place = tmp_path / f"out.{suffix}"
        place.write_text("before")
        with pytest.raises(DataError):
            _fail_half_way(champion, batch, place)
        assert place.read_text() == "before"
        assert [path.name for path in tmp_path.iterdir()] == [place.name]
        place.unlink()
        link = tmp_path / f"link.{suffix}"
        link.symlink_to(place)
        with written_to(link) as sink:
            sink.add(champion.tabulate(batch))
        assert link.is_symlink()
        assert place.stat().st_size > 1000
        link.unlink()
        place.unlink()
