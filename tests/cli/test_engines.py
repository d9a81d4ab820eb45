"""`--engine ray` and its options: what is wrong with them is said in one line, before anything is joined."""

from __future__ import annotations

import importlib.util
import time

import pytest

SWEEP = ("sweep", "adding_50", "--engine", "ray")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (SWEEP, "--engine ray: expected --address HOST:PORT, or the variable RAY_ADDRESS: no cluster is started here"),
        ((*SWEEP, "--address", "127.0.0.1:9"), "--address 127.0.0.1:9: no cluster answers there (Connection refused)"),
        (("doctor", "--engine", "ray", "--address", "127.0.0.1:9"), "--address 127.0.0.1:9: no cluster answers there"),
        ((*SWEEP, "--address", "ray://h:1"), '--address = "ray://h:1": expected HOST:PORT of the head'),
        ((*SWEEP, "--resources", "big"), "--resources big: expected JSON such as '{\"big\": 1}'"),
        ((*SWEEP, "--cpus", "0"), "--cpus = 0.0: expected a number greater than 0"),
        ((*SWEEP, "--workers", "some"), 'got "some", expected a whole number, or all'),
        (("sweep", "adding_50", "--engine", "dask"), '--engine = "dask": expected one of local, ray'),
        (("doctor", "--engine", "local"), "--engine: expected ray, a cluster to examine"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused_in_one_line(command, monkeypatch, tmp_path, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    began = time.monotonic()
    ran = command(*words)
    assert time.monotonic() - began < 10
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--address", "127.0.0.1:9"), '--address = "127.0.0.1:9": expected none without engine = ray'),
        (("--cpus", "2"), "--cpus = 2.0: expected none without engine = ray"),
        (("--gpus", "0.5"), "--gpus = 0.5: expected none without engine = ray"),
        (("--resources", '{"big": 1}'), "expected none without engine = ray"),
        (("--same-cpu",), "--same-cpu = true: expected none without engine = ray"),
        (("--engine", "local", "--shared-data"), "--shared-data = true: expected none without engine = ray"),
    ],
)
def test_options_of_a_cluster_are_none_of_this_machine(command, monkeypatch, tmp_path, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command("sweep", "adding_50", *words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not (tmp_path / "mlruns").exists()


def test_the_same_in_a_file(command, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('datasets = ["adding_50"]\ntrials = 2\nsame_cpu = true\n')
    ran = command("sweep", "--config", "mine.toml")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "mine.toml: same_cpu = true: expected none without engine = ray, which joins a cluster" in ran.err
