"""A champion in the formats of other runtimes: one folder with model, config, example and ten lines that use it."""

from harness.export.formats.package import Exported, export
from harness.export.formats.runtimes import Format

__all__ = ["Exported", "Format", "export"]
