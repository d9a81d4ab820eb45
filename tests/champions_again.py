"""Champions that another environment wrote give their scores again here; `make test-lowest` runs it both ways.

`python tests/champions_again.py FOLDER`: below FOLDER lie saved, registered and exported champions, as the tests of
`tests/export` leave them in their `--basetemp`. A champion must give its logged score again, an exported folder the
output of its example.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.export import agrees, load_folder
from harness.export.artifact import TRIED, versions_of
from harness.export.verification import score_again


def fault_of_champion(folder: Path) -> str:
    """Why a saved or registered champion does not give its score again; empty where it does."""
    try:
        champion = load_folder(folder)
        score = score_again(champion)
    except HarnessError as error:
        return str(error)
    if agrees(champion.description, score):
        return ""
    return f"{folder}: {score!r}, expected {champion.description.logged_score!r}"


def fault_of_export(folder: Path) -> str:
    """Why an exported folder does not give its example's output again; empty where it does."""
    example, expected = (json.loads((folder / f"example_{name}.json").read_text()) for name in ("input", "output"))
    try:
        got: Any = runpy.run_path(str(folder / "predict.py"))["predict"](**example)
    except Exception as error:  # whatever the library raises
        return f"{folder}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return "" if np.allclose(got, expected["prediction"], rtol=1e-4, atol=1e-5) else f"{folder}: another output"


def main(root: Path) -> int:
    """Try all that lies below a folder; the exit code."""
    # Tests put damaged and hostile copies beside; what was built by the fixtures is whole.
    exported = sorted({file.resolve().parent for file in root.rglob("example_output.json")})
    saved = sorted({file.resolve().parent for file in root.glob("*/champion/champion.json")})
    faults = [*map(fault_of_champion, saved), *map(fault_of_export, exported)]
    for fault in filter(None, faults):
        print(fault)
    here = " and ".join(f"{name} {version}" for name, version in versions_of(TRIED).items())
    writers = sorted({json.loads((folder / "champion.json").read_text())["versions"]["keras"] for folder in saved})
    failed = sum(map(bool, faults))
    print(f"{here}: {len(saved)} champions and {len(exported)} exports of keras {', '.join(writers)}: {failed} failed")
    return 1 if failed or not saved or not exported else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
