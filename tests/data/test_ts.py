# ruff: noqa: E501 - a fault and its message stand on one line
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.sources import TsSource
from harness.data import load_dataset
from harness.data.readers.ts import read_ts
from harness.errors import DataError

HEADER = "#comment\n@problemName Toy\n@univariate false\n@classLabel true up down\n@data\n"
GOOD = HEADER + "1,2,3:4,5,6:up\n7,8:9,?:down\n"


def write(folder: Path, train: str | bytes, test: str | bytes = GOOD) -> TsSource:
    for name, text in (("train.ts", train), ("test.ts", test)):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return TsSource(kind="ts", train=str(folder / "train.ts"), test=str(folder / "test.ts"))


def test_channels_lengths_gaps_and_classes(tmp_path: Path) -> None:
    raw = read_ts(write(tmp_path, GOOD, HEADER + "\n0.5,-1e2,3,4:1,1,1,1:up\n"))
    assert raw.x.shape == (3, 4, 2)
    assert raw.x[0].tolist() == [[1, 4], [2, 5], [3, 6], [0, 0]]
    assert np.isnan(raw.x[1, 1, 1])
    assert raw.x[1, 2:].tolist() == [[0, 0], [0, 0]]
    assert (raw.lengths.tolist(), raw.y.tolist()) == ([3, 2, 4], ["up", "down", "up"])
    assert (raw.own_parts[0], raw.channels) == (2, ("channel_1", "channel_2"))
    assert raw.name_of(2).endswith("test.ts, line 7")


def test_comments_may_be_in_any_encoding(tmp_path: Path) -> None:
    assert len(read_ts(write(tmp_path, "#M\xfcller\n".encode("latin-1") + GOOD.encode())).x) == 4


def test_targets_that_are_numbers(tmp_path: Path) -> None:
    text = "@problemname Toy\n@targetlabel true\n@data\n" + "".join(f"{i},{i + 1}:{i / 2}\n" for i in range(10))
    source = write(tmp_path, text, text)
    data = load_dataset(DatasetConfig(name="toy", source=source, task={"kind": "regress"}))  # type: ignore[arg-type]
    assert data.test.open().y[:, 0].tolist() == [i / 2 for i in range(10)]
    broken = text.replace("9,10:4.5", "9,10:much")
    with pytest.raises(DataError, match=r"train\.ts, line 13: target 'much': expected a finite number"):
        load_dataset(
            DatasetConfig(name="toy", source=write(tmp_path, broken, text), task={"kind": "regress"})  # type: ignore[arg-type]
        )


FAULTS: list[tuple[str, str | bytes, str]] = [
    ("no data", HEADER, "train.ts: has no sequence below @data"),
    ("no header end", HEADER.replace("@data\n", ""), "train.ts: has no sequence below its header, and no @data line"),
    ("no header", "1,2,3:up\n", "train.ts, line 1: expected a header line such as @problemName, then @data"),
    ("time stamps", "@timeStamps true\n@data\n(1,2):up\n", "train.ts, line 3: @timeStamps true: expected values without time stamps"),
    ("no class", HEADER + "1,2,3\n", "train.ts, line 6: expected channels and, after the last ':', the class or target"),
    ("cut off", GOOD[:-4], "train.ts, line 7: class 'd': expected one of up, down, as in @classLabel"),
    ("text", HEADER + "1,x,3:4,5,6:up\n", "train.ts, line 6, channel 1: 'x': expected numbers"),
    ("hole", HEADER + "1,,3:4,5,6:up\n", "train.ts, line 6, channel 1: '': expected numbers"),
    ("uneven channels", HEADER + "1,2,3:4,5:up\n", "train.ts, line 6, channel 2: 2 steps: expected 3, as in channel 1"),
    ("fewer channels", GOOD + "1,2:up\n", "train.ts, line 8: 1 channel: expected 2, as in line 6"),
    ("infinite", HEADER + "1,2:4,inf:up\n", "train.ts, line 6, channel 2, step 2: inf: expected a finite number, at most 3.4e38 in size"),
    ("encoding", HEADER.encode() + b"1,\xff:2,3:up\n", "train.ts, line 6: byte 0xff is not UTF-8"),
    ("other channels in test", HEADER + "1,2:up\n", "test.ts: has 2 channels: expected 1, as in train.ts"),
    ("nothing", "", "train.ts: the file is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_one_fault_one_line(text: str | bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read_ts(write(tmp_path, text))


def test_a_class_only_in_the_test_part_is_refused(tmp_path: Path) -> None:
    train = HEADER + "1,2:1,2:up\n" * 6
    task: Any = {"kind": "classify"}
    with pytest.raises(DataError, match="no sequence of class 'down' is in the training part"):
        load_dataset(DatasetConfig(name="toy", source=write(tmp_path, train), task=task))
    with pytest.raises(
        DataError, match="class 'down' has 1 sequence: expected at least 2, in the archive's train part"
    ):
        load_dataset(DatasetConfig(name="toy", source=write(tmp_path, train + "3,4:5,6:down\n"), task=task))


def test_hashes_are_checked(tmp_path: Path) -> None:
    source = write(tmp_path, GOOD).model_copy(update={"test_sha256": "0" * 64})
    with pytest.raises(DataError, match=r"test\.ts: sha256 = [0-9a-f]{64}: expected 0{64}"):
        read_ts(source)
