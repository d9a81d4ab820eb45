"""One small sweep by the code of another checkout and by this code: are journal, MLflow and reports the same?

Both run the same commands on the same data in the same folder, on this machine and in this call, since scores differ
with the processor. Every field that they leave behind is compared but for the lists below: what differs between any two
runs, what got another name, and what older code does not have. A difference is a line; the last one is `equal` or
`N differences`, with exit code 1.

    python benchmarks/golden.py --against ../before      # a checkout: `git worktree add ../before COMMIT`
"""

from __future__ import annotations

import argparse
import csv
import difflib
import json
import math
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from throughput import HARNESS, HERE, code_of, write_toml

OMITTED = {
    r"(_seconds|started_at)(/\d+)?$": "how long it took, and when",
    r"/versions/(harness|lstm-gru-harness)$": "the version of the code is what differs",
    r"^mlflow/run/.*/tag/mlflow\.user$": "who ran it",
}
"""Fields that differ between any two runs, by what their path matches."""

RENAMED: dict[str, str] = {"/plan/confirmations": "/plan/seeds"}
"""Parts of paths that the code before calls otherwise, with what this code calls them."""

ADDED = (
    r"^journal/champion \w+/alias_because$",
    r"^journal/opened \w+/facts/leaks$",
    r"^journal/planned/plan/register_as$",
    r"^mlflow/experiment/golden/tag/harness\.note$",
)
"""Fields that 0.1.0 (a2b394a) does not have; compared where both sides have them."""

WORDS: dict[str, str] = {}
"""Phrases of the code before in texts for people, with this code's."""

MASKS = {
    r"\b\w+-\d{8}-\d{6}(-[0-9a-f]{8})?\b": "<sweep>",
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)?": "<time>",
    r"(?<=/runs/)[0-9a-f]{32}\b": "<run>",
    r"\b\d[\d.]* ?(ms|s|min|h|seconds|minutes|hours)\b( \d+ (s|min)\b)?": "<duration>",
}
"""What is different in the texts of any two runs, with what stands there in its place."""

COMMANDS = (
    "sweep sums waves --family lstm --family gru --name golden --trials 5 --epochs 3 --confirmations 1 --workers 1",
    "explain",
    "report --output report.md",
    "trials {sweep}",
    "verify --json",
)
SPACE = {
    "units": {"type": "Choice", "values": [2, 3]},
    "learning_rate": {"type": "Float", "min_value": 1e-3, "max_value": 1e-1, "sampling": "log"},
    "dropout": {"type": "Float", "min_value": 0.0, "max_value": 0.3},
}
SUMS = {
    "name": "sums",
    "license": "generated",
    "source": {"kind": "generator", "generator": "adding", "steps": 6, "sequences": 90},
    "task": {"kind": "regress"},
}
WAVES = {
    "name": "waves",
    "license": "generated",
    "source": {"kind": "csv", "path": "waves.csv"},
    "task": {
        "kind": "forecast",
        "target": ["level"],
        "features": ["level", "pressure"],
        "time": "at",
        "lookback_steps": 6,
        "horizon_steps": 2,
        "window_stride": 2,
        "metric": "mae",
        "unit": "m",
    },
    "split": {"validation": 0.2, "test": 0.2},
}

Fields = dict[str, Any]


def write_project(folder: Path) -> None:
    """Two datasets, one of them a table with times, and two search spaces."""
    configs, spaces = folder / "datasets", folder / "search_spaces"
    for place in (configs, spaces):
        place.mkdir(parents=True)
    for dataset in (SUMS, WAVES):
        write_toml(configs / f"{dataset['name']}.toml", dataset)
    for family, layer in (("lstm", "LSTM"), ("gru", "GRU")):
        write_toml(spaces / f"{family}.toml", {"name": family, "layer": layer, "hyperparameters": SPACE})
    with (configs / "waves.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("at", "level", "pressure"))
        for hour in range(300):
            day = f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00"
            rows.writerow((day, f"{5 + 2 * math.sin(hour / 4):.4f}", f"{math.cos(hour * hour):.4f}"))


def run(checkout: Path, folder: Path) -> Fields:
    """Every field that the commands leave behind when the code of a checkout runs them."""
    write_project(folder)
    texts = {}
    for line in COMMANDS:
        sweep = next((folder / "mlruns").glob("sweeps/*"), folder)
        command = [*HARNESS, *line.format(sweep=sweep.name).split()]
        done = subprocess.run(command, cwd=folder, env=code_of(checkout), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{checkout}: harness {line}: exit code {done.returncode}\n{done.stderr[-2000:]}")
        texts[line.split()[0]] = done.stdout.splitlines()
    texts["report.html"] = text_of((sweep / "report.html").read_text())
    texts["report.md"] = (folder / "report.md").read_text().splitlines()
    trials = list(csv.DictReader(texts.pop("trials")))
    tables = {"trials": trials, "verify": json.loads("\n".join(texts.pop("verify")))}
    found = {**journal_fields(sweep / "journal.db"), **mlflow_fields(folder / "mlruns" / "mlflow.db")}
    found |= {**dict(flat(tables)), **{f"text/{name}": lines for name, lines in texts.items()}}
    shutil.rmtree(folder)
    return found


def journal_fields(path: Path) -> Fields:
    """The journal's events, by kind, dataset and trial, the order they came in, and the sealed scores."""
    with closing(sqlite3.connect(path)) as database:
        events = database.execute("SELECT kind, dataset, trial_key, payload FROM events ORDER BY seq").fetchall()
        sealed = database.execute("SELECT trial_key, payload FROM sealed").fetchall()
    order = [" ".join(filter(None, event[:3])) for event in events]
    found = {f"journal/{name}": json.loads(event[3]) for name, event in zip(order, events, strict=True)}
    scores = {f"sealed/{key}": json.loads(payload) for key, payload in sealed}
    return {"text/journal": order, **dict(flat(found)), **dict(flat(scores))}


def mlflow_fields(path: Path) -> Fields:
    """Runs with their parameters, metrics and tags, models with their versions, tags and aliases."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute
        trials = dict(rows("SELECT run_uuid, value FROM tags WHERE key = 'trial_key'").fetchall())
        names = dict(rows("SELECT run_uuid, name FROM runs").fetchall())
        runs = {run: f"mlflow/run/{str(trials.get(run)).partition('/')[2] or name}" for run, name in names.items()}
        found: Fields = {f"{runs[run]}/name": name for run, name in names.items()}
        for kind, table in (("parameter", "params"), ("tag", "tags")):
            for run, key, value in rows(f"SELECT run_uuid, key, value FROM {table}"):
                found[f"{runs[run]}/{kind}/{key}"] = runs.get(value, value)
        for run, key, step, value in rows("SELECT run_uuid, key, step, value FROM metrics"):
            found[f"{runs[run]}/metric/{key}/{step}"] = value
        models = dict(rows("SELECT model_id, name FROM logged_models").fetchall())
        for model, key, value in rows("SELECT model_id, tag_key, tag_value FROM logged_model_tags"):
            found[f"mlflow/logged model/{models[model]}/tag/{key}"] = value
        for name, version, description in rows("SELECT name, version, description FROM model_versions"):
            found[f"mlflow/version/{name}/{version}/description"] = description
        for name, version, key, value in rows("SELECT name, version, key, value FROM model_version_tags"):
            found[f"mlflow/version/{name}/{version}/tag/{key}"] = value
        for name, alias, version in rows("SELECT name, alias, version FROM registered_model_aliases"):
            found[f"mlflow/alias/{name}/{alias}"] = version
        for name, key, value in rows(
            "SELECT e.name, t.key, t.value FROM experiments e JOIN experiment_tags t USING (experiment_id)"
        ):
            found[f"mlflow/experiment/{name}/tag/{key}"] = value
    return found


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The single values within a nested one, each with the way to it."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from flat(item, f"{path}/{key}" if path else str(key))
    else:
        yield path, value


class _Text(HTMLParser):
    """Gathers what a page shows, without the numbers along the axes of a drawing that shows seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._hidden = self._drawing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._hidden += tag in ("script", "style")
        if tag == "svg":
            self._drawing = len(self.lines)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")
        drawing = self.lines[self._drawing :] if tag == "svg" else []
        if any("seconds" in line for line in drawing):
            self.lines[self._drawing :] = [line for line in drawing if not re.fullmatch(r"[\d.,-]+", line)]

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.lines.append(" ".join(data.split()))


def text_of(page: str) -> list[str]:
    """What a page shows, one piece of text a line."""
    parser = _Text()
    parser.feed(page)
    return parser.lines


def replaced(text: str, table: dict[str, str]) -> str:
    """The text after all replacements of a table of patterns."""
    for pattern, other in table.items():
        text = re.sub(pattern, other, text)
    return text


def known(found: Fields, words: dict[str, str], renamed: dict[str, str]) -> Fields:
    """The fields without what is known to differ."""
    masked = {}
    for path, value in found.items():
        if not any(re.search(pattern, path) for pattern in OMITTED):
            lines = value if isinstance(value, list) else [value]
            shown = [replaced(replaced(one, words), MASKS) if isinstance(one, str) else one for one in lines]
            masked[replaced(path, {**MASKS, **renamed})] = shown if isinstance(value, list) else shown[0]
    return masked


def differences(before: Fields, after: Fields) -> Iterator[str]:
    """A line for each field, or line of a text, that is not the same."""
    for path in sorted({*before, *after}):
        one, two = before.get(path, "(missing)"), after.get(path, "(missing)")
        if isinstance(one, list) and isinstance(two, list) and path.startswith("text/"):
            changed = difflib.unified_diff(one, two, lineterm="", n=0)
            yield from (f"{path}: {line}" for line in changed if not re.match(r"---|\+\+\+|@@", line))
        elif one != two and not (path not in before and any(re.search(pattern, path) for pattern in ADDED)):
            yield f"{path}: {one!r} → {two!r}"


def main() -> int:
    """Run both, compare, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="folder with the other code")
    checkout = parser.parse_args().against
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        before, after = run(checkout.resolve(), folder), run(HERE, folder)
    found = list(differences(known(before, WORDS, RENAMED), known(after, {}, {})))
    print(*found, f"{len(found)} differences" if found else "equal", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
