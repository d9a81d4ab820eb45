"""`harness serve`: the real server, asked over HTTP as a client does."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from mlflow.exceptions import MlflowException

from harness.export import load_folder
from harness.export.scoring import Scorer, _load_pyfunc

CHANNELS = ["demand", "temperature", "holiday"]
DOCS = Path(__file__).parents[2] / "docs" / "serving.md"


class Client:
    """Asks one server."""

    def __init__(self, address: str, process: int) -> None:
        self.process = process
        self.host = re.fullmatch(r"http://(127\.0\.0\.1:\d+)/invocations", address)[1]  # type: ignore[index]

    def post(self, body: Any, content_type: str | None = "application/json") -> tuple[int, Any]:
        """Status and content of the answer."""
        connection = http.client.HTTPConnection(self.host, timeout=120)
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        connection.request("POST", "/invocations", text, {"Content-Type": content_type} if content_type else {})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, json.loads(content) if content.startswith("{") else content

    def predictions(self, body: Any, content_type: str = "application/json") -> Any:
        status, content = self.post(body, content_type)
        assert status == 200, content
        return content["predictions"]


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], Client]]:
    """Starts `harness serve` on a folder; all end together, by the signal that a service manager sends."""
    processes: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> Client:
        command = [sys.executable, "-c", "from harness.cli import main; main()", "serve", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return Client(process.stdout.readline().strip(), process.pid)

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err.splitlines()[-1]) == (0, "closed")


@pytest.fixture(scope="session")
def client(serve: Callable[[Path], Client], forecast: Any) -> Client:
    return serve(forecast.folder)


@pytest.fixture(scope="session")
def frame(forecast: Any) -> pd.DataFrame:
    return pd.read_csv(forecast.data).tail(15)


def _x(frame: pd.DataFrame) -> list[Any]:
    rows: list[Any] = frame[CHANNELS].astype(float).to_numpy()[-12:].tolist()
    return rows


def test_it_listens_to_this_machine_only(client: Client) -> None:
    parent = psutil.Process(client.process)
    sockets = [one for each in (parent, *parent.children(recursive=True)) for one in each.net_connections("all")]
    assert {one.laddr for one in sockets if one.status == psutil.CONN_LISTEN} == {
        (host, int(port)) for host, port in [client.host.split(":")]
    }


def test_raw_rows_in_every_form(client: Client, forecast: Any, frame: pd.DataFrame) -> None:
    expected = load_folder(forecast.folder).predict_frame(frame)
    rows = frame[CHANNELS]
    with_times = {"dataframe_split": frame.to_dict("split")}, {"dataframe_records": frame.to_dict("records")}
    without = {"instances": rows.to_dict("records")}, {"inputs": rows.to_dict("list")}
    for body in with_times:
        phrase = client.predictions(body)
        assert [row["time"] for row in phrase] == expected["time"].tolist()
        assert [row["demand"] for row in phrase] == pytest.approx(expected["demand"].tolist(), rel=1e-6)
    for body in without:
        phrase = client.predictions(body)
        assert [row["step"] for row in phrase] == [1, 2, 3, 4]
        assert [row["demand"] for row in phrase] == pytest.approx(expected["demand"].tolist(), rel=1e-6)
    assert client.predictions(frame.to_csv(index=False), "text/csv") == client.predictions(with_times[0])
    parquet = frame.to_parquet(index=False)
    assert client.predictions(parquet, "application/vnd.apache.parquet") == client.predictions(with_times[0])


def test_arrays_in_every_form(client: Client, forecast: Any, frame: pd.DataFrame) -> None:
    x = [_x(frame), _x(frame.head(13))]
    expected = load_folder(forecast.folder).predict(x)
    records = [{"x": one} for one in x]
    for body in ({"instances": x}, {"inputs": x}, {"inputs": {"x": x}}, {"instances": records}, {"inputs": records}):
        assert np.array(client.predictions(body)) == pytest.approx(expected, rel=1e-6)
    assert np.array(client.predictions({"dataframe_records": records})) == pytest.approx(expected, rel=1e-6)
    whole = np.round(np.array(x)).astype(int).tolist()
    floats = np.array(whole, float).tolist()
    assert client.predictions({"inputs": whole}) == client.predictions({"inputs": floats})


def _rows(**changes: Any) -> Any:
    return lambda frame: {"dataframe_records": frame.assign(**changes).to_dict("records")}


WRONG: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "Ensure that input is a valid JSON formatted string"),
    "nothing": ("", "Ensure that input is a valid JSON formatted string"),
    "a list": ("[1]", "must be a JSON dictionary with exactly one of the input fields"),
    "no field": ({"data": [1]}, "must be a JSON dictionary with exactly one of the input fields"),
    "two fields": ({"inputs": [1], "instances": [1]}, "exactly one of the input fields"),
    "a column is missing": (
        lambda frame: {"dataframe_records": frame.drop(columns="demand").to_dict("records")},
        "the request: has no column 'demand'",
    ),
    "a column is misspelt": (
        lambda frame: {"dataframe_split": frame.rename(columns={"demand": "Demand"}).to_dict("split")},
        r"has no column 'demand' \(\[task\] features\)\. Did you mean Demand\?",
    ),
    "too few rows": (
        lambda frame: {"dataframe_records": frame.tail(11).to_dict("records")},
        "has 11 rows: expected at least 12, the model's lookback",
    ),
    "no rows": ({"dataframe_records": []}, "the request: has no rows"),
    "a time that repeats": (
        lambda frame: {"dataframe_records": pd.concat([frame, frame.tail(1)]).to_dict("records")},
        "column 'time': expected the rows in time order, each time once",
    ),
    "no time": (_rows(time="soon"), "column 'time'.*'soon': expected a time"),
    "text for a number": (_rows(demand="much"), "column 'demand'.*'much': expected a number"),
    "a missing value in rows": (_rows(demand=None), "column 'demand'.*missing value"),
    "a table without data": ({"dataframe_split": {"columns": CHANNELS}}, "must have 'data' field"),
    "a row that is too short": (
        {"dataframe_split": {"columns": CHANNELS, "data": [[1, 2]]}},
        "3 columns passed, passed data had 2",
    ),
    "records that are none": ({"dataframe_records": {"a": 1}}, "must be a list of records"),
    "columns of unequal length": (
        {"inputs": {"demand": [1, 2], "temperature": [1], "holiday": [1]}},
        "the columns cannot be put side by side: All arrays must be of the same length",
    ),
    "a column of lists": (
        {"inputs": {"demand": [[1]], "temperature": [1], "holiday": [1]}},
        "column 'demand': expected a list of values, one a row",
    ),
    "too few axes": ({"inputs": [[1, 2, 3]]}, r"int64 \(1, 3\): expected numbers \(sequences, steps, channels\)"),
    "too few channels": ({"inputs": [[[1, 2]] * 12]}, "2 channels: expected 3: demand, temperature, holiday"),
    "too few steps": ({"instances": [[[1, 2, 3]] * 5]}, r"x\[0\] has 5 steps: expected at least 12"),
    "sequences of unequal length": ({"inputs": [[[1, 2, 3]] * 12, [[1, 2, 3]] * 13]}, "inhomogeneous shape"),
    "a sequence in pieces": ({"dataframe_records": [{"x": [[1, 2], [3]]}]}, r"x\[0\]: expected numbers \(steps, ch"),
    "a null": ({"inputs": [[[None, 1, 1]] * 12]}, "expected numbers"),
    "text in an array": ({"inputs": [[["a", "b", "c"]] * 12]}, "expected numbers"),
    "NaN": (f'{{"inputs": [[{", ".join(["[NaN, 1, 1]"] * 12)}]]}}', "missing value"),
    "infinity": (f'{{"inputs": [[{", ".join(["[Infinity, 1, 1]"] * 12)}]]}}', "inf: expected a finite number"),
    "too large a number": ({"inputs": [[[1e300, 1, 1]] * 12]}, "expected a finite number, at most 3.4e38"),
    "another input": (
        {"inputs": {"x": [[[1, 2, 3]] * 12], "length": [12]}},
        "'length': expected x, lengths. Did you mean lengths",
    ),
    "nested too deeply": ("[" * 100_000, "its JSON is nested too deeply"),
    "too many digits": (f'{{"inputs": [[[{"9" * 5000}]]]}}', "a number has too many digits"),
    "columns without names": ({"dataframe_split": {"data": [[1, 2, 3]]}}, "column 0: expected rows whose columns have"),
    "records that are lists": ({"dataframe_records": [[1, 2, 3]]}, "column 0: expected rows whose columns have names"),
    "lengths beyond the end": (
        {"inputs": {"x": [[[1, 2, 3]] * 12], "lengths": [13]}},
        "expected 1 whole numbers from 1 to 12",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_request_gets_400_and_the_reason(client: Client, frame: pd.DataFrame, kind: str) -> None:
    body, phrase = WRONG[kind]
    status, content = client.post(body(frame) if callable(body) else body)
    assert status == 400, content
    assert re.search(phrase, content["message"]), content["message"]


def test_other_ways_to_send_are_refused_too(client: Client, frame: pd.DataFrame) -> None:
    status, content = client.post({"dataframe_records": frame.to_dict("records")}, None)
    assert status == 400
    assert content["message"].startswith("the request: no Content-Type: expected text/csv, application/json, ")
    for content_type, body, phrase in (
        ("text/csv", "", "valid CSV-formatted"),
        ("text/csv", "a,b\n1,2,3\n1,2,3,4", "valid CSV-formatted"),
        ("text/csv", b"a\n\xff", "valid UTF-8 encoded string"),
        ("application/vnd.apache.parquet", "PAR1", "valid Parquet"),
    ):
        status, content = client.post(body, content_type)
        assert (status, phrase in content["message"]) == (400, True), content
    assert client.post("{}", "text/plain")[0] == 415


def test_our_reasons_are_one_line_without_the_data(client: Client) -> None:
    _, content = client.post({"inputs": [[[1.25, 2]] * 12]})
    assert content == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "x: 2 channels: expected 3: demand, temperature, holiday",
    }


@pytest.mark.parametrize(("clients_at_once", "requests"), [(8, 200), pytest.param(32, 400, marks=pytest.mark.slow)])
def test_many_clients_at_once(client: Client, forecast: Any, clients_at_once: int, requests: int) -> None:
    chance = np.random.default_rng(0)
    asked = [chance.normal([5000, 15, 0], [300, 5, 1], (chance.integers(1, 4), 12, 3)) for _ in range(requests)]
    with ThreadPoolExecutor(clients_at_once) as clients:
        phrase = list(clients.map(lambda x: client.predictions({"instances": x.tolist()}), asked))
    champion = load_folder(forecast.folder)
    for x, predictions in zip(asked, phrase, strict=True):
        assert np.array(predictions) == pytest.approx(champion.predict(x), rel=1e-5)


def test_the_request_of_the_documentation(serve: Callable[[Path], Client], regress: Any) -> None:
    text = DOCS.read_text()
    (request,) = re.findall(r"-d '\n(.*?)'\n", text, re.S)
    config = regress.plain["dataset"]
    for line in re.search(r"```toml\n.*?\n(.*?)```", text, re.S)[1].splitlines():  # type: ignore[index]
        name, _, value = line.partition(" = ")
        if value and name != "name":
            assert json.loads(value) in (config["source"].get(name), config["task"].get(name))
    ((answer,),) = serve(regress.folder).predictions(request)
    assert answer == pytest.approx(
        load_folder(regress.folder).predict(json.loads(request)["instances"]).item(), rel=1e-6
    )


def test_sequences_of_different_lengths(classify: Any) -> None:
    scorer = _load_pyfunc(str(classify.folder))
    chance = np.random.default_rng(0)
    x = [chance.normal(size=(steps, 2)) for steps in (3, 8, 20)]
    champion = load_folder(classify.folder)
    alone = np.concatenate([champion.predict(one[None]) for one in x])
    phrase = scorer.predict(pd.DataFrame({"x": [one.tolist() for one in x]}))
    assert list(phrase.columns) == ["sequence", "class", "p(no)", "p(perhaps)", "p(yes)"]
    assert phrase.iloc[:, 2:].to_numpy(float) == pytest.approx(alone, abs=1e-6)
    padded = np.zeros((3, 20, 2))
    for row, one in zip(padded, x, strict=True):
        row[: len(one)] = one
    again = scorer.predict({"x": padded, "lengths": np.array([3, 8, 20])})
    assert again.iloc[:, 2:].to_numpy(float) == pytest.approx(alone, abs=1e-6)


def test_a_table_of_sequences_is_answered_as_predict_does(classify: Any) -> None:
    champion = load_folder(classify.folder)
    frame = pd.read_csv(classify.data).drop(columns="said")
    pd.testing.assert_frame_equal(Scorer(champion).predict(frame), champion.predict_frame(frame))


def test_labels_and_tokens_of_each_real_step(label: Any, letters: Any) -> None:
    champion = load_folder(label.folder)
    x = [np.random.default_rng(0).normal(size=(steps, 2)) for steps in (3, 6)]
    phrase = Scorer(champion).predict(pd.DataFrame({"x": [one.tolist() for one in x]}))
    assert [len(one) for one in phrase] == [3, 6]
    for one, alone in zip(phrase, x, strict=True):
        assert np.array(one) == pytest.approx(champion.predict(alone[None])[0], abs=1e-6)
    frame = pd.read_csv(label.data).drop(columns="doing")
    pd.testing.assert_frame_equal(Scorer(champion).predict(frame), champion.predict_frame(frame))

    champion = load_folder(letters.folder)
    phrase = Scorer(champion).predict({"x": [[1, 2, 3], [4, 5]]})
    assert [len(one) for one in phrase] == [3, 2]
    assert np.array(phrase[1]) == pytest.approx(champion.predict(np.array([[4, 5]]))[0], abs=1e-6)
    table = Scorer(champion).predict(pd.DataFrame({"text": ["the cat", "mat"]}))
    assert len(table) == 10
    with pytest.raises(MlflowException, match=r"x\[0\]: float64 \(1, 2\): expected numbers of tokens"):
        Scorer(champion).predict({"x": [[[0.5, 1]]]})


def test_what_is_known_in_advance(panel: Any) -> None:
    champion = load_folder(panel.folder)
    frame = pd.read_csv(panel.data)
    frame.loc[frame.groupby("shop").tail(3).index, "sold"] = np.nan
    pd.testing.assert_frame_equal(Scorer(champion).predict(frame), champion.predict_frame(frame))
    x, future = np.ones((2, 10, 2)), np.ones((2, 3, 1))
    phrase = Scorer(champion).predict({"x": x, "future": future})
    assert phrase == pytest.approx(champion.predict(x, future=future))
    with pytest.raises(MlflowException, match=r"expected numbers \(2, 3, 1\): price over the horizon"):
        Scorer(champion).predict({"x": x})
