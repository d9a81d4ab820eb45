"""A champion → saved, verified, loaded again, predicting: raw values in, original units or class names out.

Above `tracking`, from which it takes one thing: the folder that a registered name means. TensorFlow is loaded
by the functions that need it, never by importing this package.
"""

from harness.export.artifact import Description, read_description
from harness.export.predictor import Champion, load, load_folder
from harness.export.verification import CleanProcess, agrees, verify

__all__ = ["Champion", "CleanProcess", "Description", "agrees", "load", "load_folder", "read_description", "verify"]
