"""What a process of ours takes from its surroundings: where it may run, never how it computes."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness._tensorflow import (
    CACHE_VARIABLE,
    OWN_PROCESS_VARIABLE,
    cache_folder,
    settled_environment,
)
from harness.machine import installed_version

ODD = '-a b\'c"d,e;f=g%20h#i?j&k\\l\\"m$n{o}[p]*:@~q\nr\ts é é 😀'
"""A folder's name with every kind of character that a path may have."""

COMPILES = """
import os, sys
from harness._tensorflow import load_tensorflow
load_tensorflow()
import keras, tensorflow as tf
tf.function(lambda x: tf.tanh(x) * 2, jit_compile=True)(tf.ones((3, 3)))
print(keras.config.backend(), keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())
"""


def _run(
    code: str, environment: Mapping[str, str], *, own: bool = True, **streams: object
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in (OWN_PROCESS_VARIABLE, CACHE_VARIABLE)}
    mark = {OWN_PROCESS_VARIABLE: "1"} if own else {}
    environment = {**clean, **mark, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)


def test_nothing_decides_scores_but_where_and_how_much_is_kept() -> None:
    kept = {
        "HOME": "/home/someone",
        "KERAS_HOME": "/data/keras",
        "CUDA_VISIBLE_DEVICES": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "OMP_NUM_THREADS": "2",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
    }
    dropped = {
        "TF_USE_LEGACY_KERAS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_DETERMINISTIC_OPS": "1",
        "TF2_BEHAVIOR": "0",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
        "KERAS_MAX_STEPS_PER_EPOCH": "one",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NVIDIA_TF32_OVERRIDE": "0",
    }
    flags = {"XLA_FLAGS": "--broken --xla_gpu_cuda_data_dir=/cuda"}
    settled = settled_environment({**kept, **dropped, **flags, "KERAS_BACKEND": "jax"})
    assert settled == {**kept, "KERAS_BACKEND": "tensorflow", "XLA_FLAGS": "--xla_gpu_cuda_data_dir=/cuda"}
    assert settled_environment(settled) == settled


@pytest.mark.parametrize(
    "content",
    [
        '{"floatx": "float64", "epsilon": 0.1, "backend": "torch"}',
        *(pytest.param(odd, marks=pytest.mark.slow) for odd in ("[]", None)),
    ],
)
def test_keras_json_and_odd_homes_change_nothing(tmp_path: Path, content: str | None) -> None:
    """Neither does a broken variable; the compiles lie in the user's cache alone, whatever its path."""
    home = tmp_path / ODD
    (home / ".keras").mkdir(parents=True)
    if content is None:
        (home / ".keras" / "keras.json").mkdir()
    else:
        (home / ".keras" / "keras.json").write_text(content)
    broken = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--broken", "TF_XLA_FLAGS": "--x=2", "KERAS_MAX_EPOCHS": "x"}
    done = _run(COMPILES, {"HOME": str(home), "XDG_CACHE_HOME": "", **broken})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["tensorflow", "float32", "1e-07", "channels_last"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [ODD]
    assert sorted(path.name for path in home.iterdir()) == [".cache", ".keras"]
    (folder,) = (home / ".cache" / "lstm-gru-harness" / "xla").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name[:17] for path in folder.iterdir()] == ["xla_compile_cache"]


def test_a_users_keras_of_another_kind_is_refused_in_one_line() -> None:
    code = """
import keras
from harness.errors import HarnessError
from harness._tensorflow import load_tensorflow
for change in ("keras.config.set_floatx('float64')", "keras.config.set_dtype_policy('mixed_float16')"):
    exec(change)
    try:
        load_tensorflow()
    except HarnessError as error:
        print(error)
    keras.config.set_floatx("float32"), keras.config.set_dtype_policy("float32")
load_tensorflow()
keras.config.backend = lambda: "jax"  # what the other backend's own word would be; it is not installed here
try:
    load_tensorflow()
except HarnessError as error:
    print(error)
"""
    done = _run(code, {}, own=False)
    assert done.returncode == 0, done.stderr
    floats, policy, backend = done.stdout.splitlines()
    assert floats.startswith(
        "Keras in this process has floatx = float64: expected float32: call keras.config.set_floatx"
    )
    assert policy.startswith("Keras in this process has dtype_policy = mixed_float16: expected float32: call")
    assert backend.startswith(
        "Keras in this process has backend = jax: expected tensorflow: set KERAS_BACKEND=tensorflow"
    )


def test_closed_standard_streams_are_opened(tmp_path: Path) -> None:
    """As cron and some services start a program: what it opens first must not become its standard output."""
    code = f"""
from harness._tensorflow import settle
settle()
import os, sys
kept = open({str(tmp_path / "kept")!r}, "w")
assert kept.fileno() > 2, kept.fileno()
print("said to nobody"), print("nor here", file=sys.stderr), sys.stdin.read()
kept.write("whole")
"""
    shell = f'exec "{sys.executable}" -c "$CODE" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", shell], env={**os.environ, "CODE": code}, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "kept").read_text() == "whole"


def test_the_cache_is_private_or_off(tmp_path: Path) -> None:
    def made(**environment: str) -> Path | None:
        return cache_folder({"HOME": str(tmp_path), **environment})

    mine = tmp_path / "mine"
    before = os.umask(0)
    try:
        folder = made(**{CACHE_VARIABLE: str(mine / "a" / "b")})
    finally:
        os.umask(before)
    assert folder is not None
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent, mine / "a", mine)} == {0o700}
    folder.chmod(0o755)
    assert made(**{CACHE_VARIABLE: str(mine / "a" / "b")}) == folder
    assert folder.stat().st_mode & 0o777 == 0o700  # others need not read it either
    for wrong in (folder, mine / "a"):
        wrong.chmod(0o702)
        assert made(**{CACHE_VARIABLE: str(mine / "a" / "b")}) is None  # another could put native code there
        wrong.chmod(0o700)
    (tmp_path / "link").symlink_to(mine)
    assert made(**{CACHE_VARIABLE: str(tmp_path / "link" / "a" / "b")}) == folder
    mine.chmod(0o777)
    assert made(**{CACHE_VARIABLE: str(tmp_path / "link" / "a" / "b")}) is None
    assert made(**{CACHE_VARIABLE: "off"}) is None
    assert made(**{CACHE_VARIABLE: "~nobody-of-this-name/x"}) is None
    (tmp_path / "file").touch()
    assert made(XDG_CACHE_HOME=str(tmp_path / "file")) is None
    shutil.rmtree(mine)


def test_somebody_elses_folder_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    assert cache_folder({CACHE_VARIABLE: str(tmp_path / "x")}) is not None
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert cache_folder({CACHE_VARIABLE: str(tmp_path / "x")}) is None


def test_without_any_home_there_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user that no table names."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) is None


@pytest.mark.parametrize(("name", "members", "trusted"), [("me", [], True), ("me", ["eve"], False), ("us", [], False)])
def test_only_a_group_of_the_user_alone_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, members: list[str], trusted: bool
) -> None:
    """Where everybody has a group by their own name, new folders let it write (umask 002)."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x").chmod(0o770)
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name=name, gr_mem=members))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="me"))
    assert (cache_folder({CACHE_VARIABLE: str(tmp_path / "x")}) is not None) == trusted


def test_tensorflow_by_its_other_name_is_a_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "tensorflow-cpu":
            return "2.21.0"
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert installed_version("tensorflow") == "2.21.0"
    assert installed_version("keras") is None
