"""A champion in the formats of other runtimes: one folder with model, card, example and ten lines that use it."""

from harness.export.formats.exporting import Exported, export
from harness.export.formats.kinds import Format

__all__ = ["Exported", "Format", "export"]
