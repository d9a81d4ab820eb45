"""Trials that go wrong on purpose, among real ones; run in workers, which find this module by its name."""

import os
import time
from collections.abc import Mapping
from typing import Any

from harness.training import trial

TEN_MB = 10_000_000


def run_trial(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A real trial, except for the first of `tiny_lstm` and the first three of `tiny_gru`."""
    request = plain["request"]
    match request["key"].split("/")[1:]:
        case ["tiny_lstm", _, "search", "0001"]:
            while True:
                time.sleep(1)
        case ["tiny_gru", _, "search", "0001"]:
            kept = []
            while True:
                kept.append(b"x" * TEN_MB)
                time.sleep(0.01)
        case ["tiny_gru", _, "search", "0002"]:
            hot = {**request, "values": {**request["values"], "learning_rate": 1e38, "clip_norm": float("inf")}}
            return trial.run_trial({**plain, "request": hot})
        case ["tiny_gru", _, "search", "0003"]:
            os._exit(7)
        case ["tiny_lstm", _, "search", "0002"]:
            raise RuntimeError("a bug")
    return trial.run_trial(plain)


def bug_in_waves(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A bug of one family on one dataset alone."""
    if plain["request"]["key"].startswith("tiny_waves/tiny_gru/"):
        number = int(plain["request"]["key"][-4:])
        raise RuntimeError(f"no kernel for step {number}")
    return trial.run_trial(plain)


def third_fails_alike(plain: Mapping[str, Any]) -> dict[str, Any]:
    """One bug of `tiny_gru-2`."""
    if "/tiny_gru-2/" in plain["request"]["key"]:
        raise RuntimeError("no kernel")
    return trial.run_trial(plain)


def third_fails_variously(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A bug of its own in every trial of `tiny_gru-2`."""
    if "/tiny_gru-2/" in plain["request"]["key"]:
        raise RuntimeError(f"no kernel {chr(ord('a') + int(plain['request']['key'][-4:]))}")
    return trial.run_trial(plain)
