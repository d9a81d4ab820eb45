"""Why a baseline cannot be written as a model."""

from __future__ import annotations


class NoGraph(Exception):
    """A baseline cannot be written as a model; the message says why, as the end of a sentence."""
