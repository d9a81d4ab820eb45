"""Runs an exported folder's own `predict.py` where this package cannot be imported.

A file that is run by its path, `python -I isolated.py FOLDER ROWS OUT`: ROWS is an `.npz` with the model's inputs, OUT
an `.npz` that gets `all`, the predictions for all rows in one call, and `first`, those for the first row alone.
"""

import runpy
import sys
from importlib.abc import MetaPathFinder

import numpy as np


class _Without(MetaPathFinder):
    """Hides one package from every import."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


if __name__ == "__main__":
    folder, rows, out = sys.argv[1:4]
    sys.meta_path.insert(0, _Without("harness"))
    predict = runpy.run_path(f"{folder}/predict.py", run_name="__main__")["predict"]
    with np.load(rows, allow_pickle=False) as archive:
        inputs = {name: archive[name] for name in archive.files}
    one = {name: values[:1] for name, values in inputs.items()}
    np.savez(out, all=predict(**inputs), first=predict(**one))
