"""Readers of the atlas' data sets whose files are no plain tables; each gets the folder of the downloaded files."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Arrays = dict[str, Any]


def camels(folder: str) -> pd.DataFrame:
    """Weather and discharge of four rivers by days: two files a river, joined by day."""
    rivers = []
    for file in sorted(Path(folder).rglob("*_streamflow_qc.txt")):
        river = file.name[:8]
        flow = pd.read_csv(file, sep=r"\s+", header=None, names=["basin", "year", "month", "day", "cfs", "flag"])
        (forcing,) = Path(folder).rglob(f"{river}_lump_cida_forcing_leap.txt")
        weather = pd.read_csv(forcing, sep=r"\s+", skiprows=3)
        weather = weather.rename(columns={"Year": "year", "Mnth": "month", "Day": "day"})
        weather.columns = [name.partition("(")[0] for name in weather.columns]
        both = weather.merge(flow[["year", "month", "day", "cfs"]], on=["year", "month", "day"])
        both["date"] = pd.to_datetime(both[["year", "month", "day"]])
        rivers.append(
            both.assign(basin=f"river {river}")[["basin", "date", "cfs", "prcp", "srad", "tmax", "tmin", "vp"]]
        )
    return pd.concat(rivers, ignore_index=True)


def steel(folder: str) -> pd.DataFrame:
    """Quarter-hours of a steel works; the midnight that ends a day stands after its 23:45 under the same date."""
    table = pd.read_csv(Path(folder) / "Steel_industry_data.csv", encoding="utf-8-sig")
    table["date"] = pd.to_datetime(table["date"], format="%d/%m/%Y %H:%M")
    ends_day = table["date"] < table["date"].shift(fill_value=table["date"].min())
    table["date"] += pd.to_timedelta(ends_day.astype(int), unit="D")
    return table


def promoters(folder: str) -> pd.DataFrame:
    """Pieces of DNA of 57 bases, a letter a column."""
    table = pd.read_csv(Path(folder) / "promotergene.csv", dtype=str)
    return pd.DataFrame({"bases": table.drop(columns="Class").agg("".join, axis=1), "promoter": table["Class"]})


def reviews(folder: str) -> pd.DataFrame:
    """A label and a sentence a line; four lines have no sentence."""
    content = (Path(folder) / "custrev.all").read_text("latin-1")
    pairs = [line.partition(" ")[::2] for line in content.split("\n") if line.strip()]
    return pd.DataFrame([(text, label) for label, text in pairs if text.strip()], columns=["text", "label"])


def intents(folder: str) -> pd.DataFrame:
    """Requests to an assistant in seven files a part, an intent a file."""
    rows = []
    for file in sorted(Path(folder).rglob("*.json")):
        part = "test" if file.name.startswith("validate") else "train"
        for intent, requests in json.loads(file.read_text("utf-8")).items():
            texts = ("".join(piece["text"] for piece in request["data"]) for request in requests)
            rows += [(text, intent, part) for text in texts]
    return pd.DataFrame(rows, columns=["text", "intent", "part"])


def slots(folder: str) -> pd.DataFrame:
    """The words of requests for a table in a restaurant, each with what it stands for."""
    rows = []
    for file in sorted(Path(folder).rglob("*.json")):
        part = "test" if file.name.startswith("validate") else "train"
        for number, request in enumerate(json.loads(file.read_text("utf-8"))["BookRestaurant"]):
            for piece in request["data"]:
                slot = piece.get("entity", "O")
                rows += [(f"{part} {number}", word, slot, part) for word in piece["text"].split()]
    return pd.DataFrame(rows, columns=["request", "word", "slot", "part"])


def proteins(folder: str) -> pd.DataFrame:
    """Residues of proteins, each in a helix (h), a sheet (e) or neither (_)."""
    rows, number = [], 0
    for part in ("train", "test"):
        (file,) = Path(folder).rglob(f"*.{part}")
        for line in file.read_text("ascii").split("\n"):
            number += line.strip() == "<>"
            if len(cells := line.split()) == 2 and not line.startswith("#"):
                rows.append((f"protein {number}", *cells, part))
    return pd.DataFrame(rows, columns=["protein", "residue", "structure", "part"])


def rings(folder: str) -> Arrays:
    """Gestures of a hand: four channels of 65 steps in one quoted value, then the class."""
    x, y = [], []
    for part in ("TRAIN", "TEST"):
        (file,) = Path(folder).rglob(f"*_{part}.arff")
        for line in file.read_text("utf-8").partition("@data")[2].strip().splitlines():
            values, _, label = line.rpartition(",")
            channels = values.strip("'\"").split("\\n")
            x.append(np.array([channel.split(",") for channel in channels], np.float64).T)
            y.append(label.strip())
    return {"x": np.stack(x), "y": np.array(y)}


def movements(folder: str) -> Arrays:
    """Four radio signals of people who change rooms or do not: a file a walk, of 19 to 129 steps."""
    with zipfile.ZipFile(Path(folder) / "IndoorMovement.zip") as archive:

        def table(name: str) -> np.ndarray[Any, Any]:
            with archive.open(f"dataset/MovementAAL_{name}.csv") as stream:
                return np.loadtxt(stream, delimiter=",", comments="#", ndmin=2)

        numbers, classes = table("target").astype(int).T
        walks = [table(f"RSS_{number}") for number in numbers]
    lengths = np.array([len(walk) for walk in walks])
    x = np.zeros((len(walks), lengths.max(), 4))
    for row, walk in zip(x, walks, strict=True):
        row[: len(walk)] = walk
    return {"x": x, "y": classes.astype(str), "lengths": lengths}


def failures(folder: str, file: str) -> Arrays:
    """Forces and torques of a robot's arm: a line with the class, then 15 lines of six numbers."""
    x, y = [], []
    for block in re.split(r"\n\s*\n", (Path(folder) / file).read_text("ascii").replace("\r\n", "\n").strip()):
        label, *rows = block.strip().split("\n")
        y.append(label.strip())
        x.append([row.split() for row in rows])
    return {"x": np.array(x, np.float64), "y": np.array(y)}


def engines(folder: str, window: int, stride: int, most: int) -> Arrays:
    """Pieces of jet engines' lives, simulated; the answer is how many cycles are left, at most `most`."""
    columns = ["unit", "cycle", *(f"setting_{n}" for n in range(1, 4)), *(f"sensor_{n}" for n in range(1, 22))]
    table = pd.read_csv(Path(folder) / "train_FD001.txt", sep=r"\s+", header=None, names=columns)
    x, y, groups = [], [], []
    for unit, life in table.groupby("unit"):
        values = life[columns[2:]].to_numpy()
        for end in range(window, len(values) + 1, stride):
            x.append(values[end - window : end])
            y.append(min(most, len(values) - end))
            groups.append(f"engine {unit}")
    return {"x": np.stack(x), "y": np.array(y, float), "groups": np.array(groups)}


def spectra(folder: str, file: str, target: str, first: str) -> Arrays:
    """Spectra of fruit, one a row, read as sequences from the column `first` on; the answer is another column."""
    table = pd.read_csv(Path(folder) / file)
    columns = list(table.columns)[list(table.columns).index(first) :]
    return {"x": table[columns].to_numpy()[:, :, None], "y": table[target].to_numpy()}


def air(folder: str, window: int) -> Arrays:
    """Windows of a day of cheap sensors; the answer is the benzene that a good one measures in the last hour."""
    table = pd.read_csv(Path(folder) / "AirQualityUCI.csv").dropna(how="all").dropna(axis=1, how="all")
    sensors = ["PT08.S1(CO)", "PT08.S3(NOx)", "PT08.S4(NO2)", "PT08.S5(O3)", "T", "RH", "AH"]
    values = table[sensors].replace(-200, np.nan).to_numpy(float)
    benzene = table["C6H6(GT)"].replace(-200, np.nan).to_numpy(float)
    ends = [end for end in range(window, len(table) + 1, window) if np.isfinite(benzene[end - 1])]
    ends = [end for end in ends if np.isfinite(values[end - window : end]).any(axis=0).all()]
    x = np.stack([values[end - window : end] for end in ends])
    return {"x": x, "y": benzene[np.array(ends) - 1], "groups": np.array([f"week {end // (24 * 7)}" for end in ends])}


def column(folder: str, window: int, stride: int) -> Arrays:
    """Windows of a distillation column's sensors; the answer is the butane at the last step."""
    lines = (Path(folder) / "debutanizer_data.txt").read_text("ascii").split("\n")
    rows = [cells for line in lines if len(cells := line.split()) == 8 and cells[0][0].isdigit()]
    table = np.array(rows, np.float64)
    block = 10 * window  # no window lies in two of them, so that no row is in two parts
    ends = [end for end in range(window, len(table) + 1, stride) if (end - window) // block == (end - 1) // block]
    x = np.stack([table[end - window : end, :7] for end in ends])
    groups = np.array([f"block {(end - 1) // block}" for end in ends])
    return {"x": x, "y": table[np.array(ends) - 1, 7], "groups": groups}


def beats(folder: str, window: int) -> pd.DataFrame:
    """Readings of one heart in pieces, so that each part has beats of both kinds."""
    table = pd.read_csv(Path(folder) / "mitdb.csv")
    return table.assign(piece=[f"piece {number // window}" for number in range(len(table))])


def valves(folder: str) -> pd.DataFrame:
    """Seconds of a water circulation, an experiment a file."""
    tables = []
    for file in sorted(Path(folder).rglob("*.csv")):
        table = pd.read_csv(file, sep=";")
        table["anomaly"] = table["anomaly"].astype(int)
        tables.append(table.drop(columns="changepoint").assign(experiment=f"experiment {file.stem}"))
    return pd.concat(tables, ignore_index=True)


def genome(folder: str) -> pd.DataFrame:
    """The bases of phage lambda, in their order, without the line that names it."""
    _, *lines = (Path(folder) / "lambda_virus.fa").read_text("ascii").split("\n")
    return pd.DataFrame({"base": list("".join(line.strip() for line in lines))})
