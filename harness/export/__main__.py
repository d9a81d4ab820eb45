"""`python -m harness.export FOLDER`, the clean process of `verifying`: prints the test score as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.data import load_dataset
from harness.errors import HarnessError
from harness.export.loading import load_folder
from harness.export.proving import score_on

if __name__ == "__main__":
    try:
        champion = load_folder(Path(sys.argv[1]))
        score = score_on(champion, load_dataset(champion.description.dataset_card).test.open())
    except HarnessError as error:
        sys.exit(str(error))
    print(json.dumps({"test_score": score}))
