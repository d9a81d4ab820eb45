"""The `harness` command: parses, calls, prints. Heavy imports happen inside commands."""

from harness.cli.app import console, main

__all__ = ["console", "main"]
