"""`python -m harness.export`, the clean process of `verification`: reads what to prove, prints what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness._tensorflow import leave, load_tensorflow
from harness.errors import HarnessError
from harness.export.predictor import load_folder
from harness.export.verification import measure, score_again

if __name__ == "__main__":
    load_tensorflow()  # before there is a folder to read: what takes longest is done by then
    asked = json.loads(sys.stdin.read())
    try:
        code = [Path(file) for file in asked["code"]]
        champion = load_folder(Path(asked["folder"]), code=code)
        score = score_again(champion)
    except HarnessError as error:
        sys.exit(str(error))
    measured = measure(champion, Path(asked["beside"]), code) if asked["beside"] else None
    print(json.dumps({"score": score, "measured": measured.to_json() if measured else None}))
    leave(0)
