"""Code of the user's runs where a caller names its file, and it is the one that the champion holds the digest of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.cli import main
from harness.config import make_plan
from harness.config.lookup import DATASETS, SPACES, SWEEPS, builtin_folder
from harness.errors import ExportError, UsageError
from harness.executors import InProcessExecutor
from harness.export.artifact import read_description
from harness.export.predictor import require_code
from harness.export.promote import refit
from harness.export.scoring import _load_pyfunc
from harness.export.verification import test_batch as batch_of_test
from harness.store import Store
from harness.sweeps.plan import resolve
from harness.sweeps.runner import run_sweep
from harness.tracking.pyfunc import scoring
from harness.tracking.server import free_port

MINGRU = Path(__file__).with_name("mingru.py")


def test_a_served_model_runs_the_file_that_was_named_and_no_other(alone: Path, tmp_path: Path) -> None:
    folder, other = alone / "champion", tmp_path / "mingru.py"
    other.write_text("raise SystemExit('it ran')\n")
    with pytest.raises(ExportError, match=r"holds layers of mingru.py .*--code mingru.py"):
        _load_pyfunc(str(folder))
    with pytest.raises(UsageError, match="is not the file that is meant: its SHA-256 is"):
        require_code(folder, [other], "it")
    scorer = _load_pyfunc(str(folder), {"code": [str(other), str(alone / "mingru.py")]})
    assert np.isfinite(scorer.predict(np.zeros((2, 6, 2)))).all()


def test_serve_and_refit_say_which_file_is_to_be_named(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(alone / "mlruns", f"sqlite:///{alone / 'mlruns' / 'mlflow.db'}")
    with pytest.raises(UsageError, match=r"is built by mingru.py:build_model \(SHA-256 .*: --code mingru.py"):
        refit(str(alone / "champion"), store)
    with pytest.raises(SystemExit) as end:
        main(["serve", str(alone / "champion")])
    assert end.value.code != 0
    assert "holds layers of mingru.py" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["loader", "metric"])
def test_a_model_from_a_server_names_no_code_that_is_run(alone: Path, tmp_path: Path, key: str) -> None:
    """It may bring a file, and say that its data or its metric is a function in there."""
    root = tmp_path / "mlruns"
    folder = root / "downloads" / "sums" / "1-1"
    shutil.copytree(alone / "champion", folder)
    (root / "sweeps").mkdir()
    (folder / "evil.py").write_text("raise SystemExit('it ran')\n")
    plain = json.loads((folder / "champion.json").read_text())
    location = f"{folder / 'evil.py'}:f"
    card: dict[str, Any] = plain["card"]
    if key == "loader":
        card["source"] = {"kind": "loader", "loader": location}
    else:
        card["task"] |= {"metric": location, "direction": "min"}
    (folder / "champion.json").write_text(json.dumps(plain))
    assert location not in json.dumps(read_description(folder).to_json())
    champion = harness.load(folder, code=alone / "mingru.py")
    with pytest.raises(UsageError, match=r"evil.py:f: is named by a model from a server, whose code is not run"):
        batch_of_test(champion)


def test_configs_that_come_with_the_product_name_no_code_but_its_loaders() -> None:
    folders = [builtin_folder(kind) for kind in (DATASETS, SPACES, SWEEPS)]
    texts = {path: path.read_text() for folder in folders for path in folder.rglob("*.toml")}
    named = {path: set(re.findall(r'"([^"]*\.py):', text)) for path, text in texts.items()}
    assert len(texts) > 10
    assert set().union(*named.values()) <= {"loaders.py"}
    assert all((path.parent / name).is_file() for path, names in named.items() for name in names)


@pytest.mark.slow
def test_a_registered_champion_is_promoted_compared_refitted_and_served_with_its_file(
    tmp_path: Path, write_project: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_project(tmp_path)
    shutil.copy(MINGRU, project / "mingru.py")
    for name in ("one", "other"):
        (project / f"{name}.toml").write_text(f'name = "{name}"\nbuild = "mingru.py:build_model"\n')
    store = Store(project / "mlruns", f"sqlite:///{project / 'mlruns' / 'mlflow.db'}")
    asked = {"name": "own", "datasets": ("tiny_adding",), "families": ("one", "other"), "trials": 2, "epochs": 2}
    header = resolve(make_plan({**asked, "patience_epochs": 2, "seeds": 0, "workers": 1}), [project])
    done = run_sweep(header, store, InProcessExecutor(), lambda _: None)
    assert done.comparisons[0].champion is not None
    code = ["--code", str(project / "mingru.py")]
    at = ["--store", str(store.root)]

    def refused(*arguments: str) -> str:
        with pytest.raises(SystemExit) as end:
            main([*arguments, *at])
        assert end.value.code not in (0, None)
        return capsys.readouterr().err

    assert "--code mingru.py" in refused("models", "promote", "tiny_adding/1")
    assert "--code mingru.py" in refused("models", "compare", "tiny_adding/1", "tiny_adding/1")
    assert "--code mingru.py" in refused("models", "refit", "tiny_adding/1")

    def ran(*arguments: str) -> str:
        command = [sys.executable, "-P", "-c", "from harness.cli import main; main()", *arguments, *code, *at]
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)
        assert process.returncode == 0, process.stderr
        return process.stdout

    assert "tiny_adding@champion is version 1" in ran("models", "promote", "tiny_adding/1")
    assert "equal" in ran("models", "compare", "tiny_adding/1", "tiny_adding/1")
    assert "models:/tiny_adding/2" in ran("models", "refit", "tiny_adding/1")
    folder = Path(done.comparisons[0].champion.path)
    with scoring(folder, "harness.export.scoring", free_port(None), [project / "mingru.py"]) as server:
        import urllib.request

        body = json.dumps({"instances": np.zeros((2, 6, 2)).tolist()}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{server.address}/invocations", body, headers)
        with urllib.request.urlopen(request) as answer:
            assert len(json.loads(answer.read())["predictions"]) == 2
