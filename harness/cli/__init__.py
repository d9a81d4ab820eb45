"""The `harness` command: parses, calls, prints. Heavy imports happen inside commands."""

import sys

from harness.errors import NEEDS_POSIX

if sys.platform == "win32":  # before anything is imported that Windows does not have
    sys.exit(f"harness: {NEEDS_POSIX}")

from harness.cli.app import console, main

__all__ = ["console", "main"]
