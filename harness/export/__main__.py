"""`python -m harness.export`, the clean process of `verifying`: reads a folder, prints the score as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.errors import HarnessError
from harness.export.loading import load_folder
from harness.export.proving import score_again
from harness.starting import leave, load_tensorflow

if __name__ == "__main__":
    load_tensorflow()  # before there is a folder to read: what takes longest is done by then
    try:
        score = score_again(load_folder(Path(sys.stdin.read().strip())))
    except HarnessError as error:
        sys.exit(str(error))
    print(json.dumps({"score": score}))
    leave(0)
