"""How long `harness serve` takes for one forecast, for each form of a request, and with eight clients at once.

    harness sweep vic_elec --trials 2
    python benchmarks/serving.py vic_elec

MODEL is what `harness serve` takes; it must be a forecast's. Every request holds one series of random numbers, of as
many steps as the model looks back on. The server is started, and ended, by this script; clients are threads with a
connection for each request, as `curl` has.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from harness.export import load
from harness.records import TaskKind

WARM_UP = 10


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("--requests", type=int, default=200)
    arguments.add_argument("--clients", type=int, default=8)
    given = arguments.parse_args()
    if given.requests <= WARM_UP:
        arguments.error(f"--requests {given.requests}: expected more than {WARM_UP}, the first ones that do not count")
    description = load(given.model).description
    if description.task is not TaskKind.FORECAST or description.known:
        sys.exit(f"{given.model}: expected a model of one series' forecast")
    command = [sys.executable, "-c", "from harness.cli import main; main()", "serve", given.model]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        host = server.stdout.readline().strip().removeprefix("http://").removesuffix("/invocations")
        frames = series(description, given.requests)
        print(f"{'form':<28}{'median ms':>10}{'95 % ms':>10}   one client")
        for name, form in FORMS.items():
            spent = [ask(host, *form(frame)) for frame in [*frames[:WARM_UP], *frames]][WARM_UP:]
            show(name, spent)
        print(f"\n{given.requests} requests from {given.clients} clients")
        for name, form in FORMS.items():
            began = time.perf_counter()
            with ThreadPoolExecutor(given.clients) as clients:
                spent = list(clients.map(lambda frame, form=form: ask(host, *form(frame)), frames))
            show(name, spent, f"{given.requests / (time.perf_counter() - began):.0f} a second")
    finally:
        server.terminate()
        server.wait(60)


def series(description: Any, count: int) -> list[pd.DataFrame]:
    """So many series of the model's channels; calendar channels and times are not asked for."""
    chance = np.random.default_rng(0)
    shape = (count, description.steps, len(description.channels))
    return [pd.DataFrame(values, columns=list(description.channels)) for values in chance.normal(100, 10, shape)]


def ask(host: str, body: str | bytes, content_type: str = "application/json") -> float:
    """Seconds from connecting to the answer's last byte."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("POST", "/invocations", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {content[:300]!r}")
    return time.perf_counter() - began


def parquet(frame: pd.DataFrame) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue(), "application/vnd.apache.parquet"


def show(name: str, spent: list[float], more: str = "") -> None:
    ms = np.array(spent) * 1000
    print(f"{name:<28}{np.median(ms):>10.1f}{np.quantile(ms, 0.95):>10.1f}   {more}".rstrip(), flush=True)


def plain(key: str, value: Callable[[pd.DataFrame], Any]) -> Callable[[pd.DataFrame], tuple[str]]:
    return lambda frame: (json.dumps({key: value(frame)}),)


FORMS: dict[str, Callable[[pd.DataFrame], tuple[Any, ...]]] = {
    "dataframe_split, rows": plain("dataframe_split", lambda frame: frame.to_dict("split")),
    "dataframe_records, rows": plain("dataframe_records", lambda frame: frame.to_dict("records")),
    "instances, rows": plain("instances", lambda frame: frame.to_dict("records")),
    "inputs, columns": plain("inputs", lambda frame: frame.to_dict("list")),
    "dataframe_records, sequence": plain("dataframe_records", lambda frame: [{"x": frame.to_numpy().tolist()}]),
    "instances, array": plain("instances", lambda frame: [frame.to_numpy().tolist()]),
    "inputs, array": plain("inputs", lambda frame: [frame.to_numpy().tolist()]),
    "CSV": lambda frame: (frame.to_csv(index=False), "text/csv"),
    "Parquet": parquet,
}

if __name__ == "__main__":
    main()
