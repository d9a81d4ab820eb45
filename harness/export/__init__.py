"""A champion → saved, proved, loaded again, predicting: raw values in, original units or class names out.

Above `tracking`, from which it takes one thing: the folder that a registered name means. TensorFlow is loaded
by the functions that need it, never by importing this package.
"""

from harness.export.building import build_champion
from harness.export.champion import save_champion
from harness.export.description import Description, read_description
from harness.export.loading import Champion, load, load_folder
from harness.export.proving import agrees, test_rows
from harness.export.verifying import CleanProcess, verify

__all__ = [
    "Champion",
    "CleanProcess",
    "Description",
    "agrees",
    "build_champion",
    "load",
    "load_folder",
    "read_description",
    "save_champion",
    "test_rows",
    "verify",
]
