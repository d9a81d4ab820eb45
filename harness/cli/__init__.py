"""The `harness` command: parses, calls, prints. Heavy imports happen inside commands."""

from harness.cli.app import main

__all__ = ["main"]
