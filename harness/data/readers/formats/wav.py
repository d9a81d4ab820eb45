"""A folder of sounds → a sequence a file; its class, and its group, stand in the file's name or folder."""

from __future__ import annotations

import re
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import WavSource
from harness.data.dataset import Sequences, numbered, pad
from harness.data.readers.paths import place_of, shown
from harness.errors import DataError
from harness.text import counted


def read_wav(source: WavSource) -> Sequences:
    """The sounds of a folder, in the order of their names; samples as the files hold them, not scaled.

    Args:
        source: The folder, how its files are called, and how many samples form a step.

    Returns:
        A sequence a file, of steps with `frame_samples` channels for each channel of the sound.

    Raises:
        DataError: There is no such file, one is damaged, or their rates or channels differ.
    """
    where, folder = shown(source.path), place_of(source.path)
    if not folder.is_dir():
        raise DataError(f"{where}: expected a folder of .wav files")
    called = _expression(source.pattern)
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    found = [(name, match) for name in files if (match := called.fullmatch(name))]
    if not found:
        raise DataError(f"{where}: has no file that is called like [source] pattern = {source.pattern!r}")
    sounds, first, types = list[npt.NDArray[Any]](), (0, 0), set[str]()
    for name, _ in found:
        rate, samples = samples_of(folder / name, f"{where}/{name}")
        first = first if sounds else (rate, samples.shape[1])
        if (rate, samples.shape[1]) != first:
            raise DataError(
                f"{where}/{name}: {rate:,} Hz, {counted(samples.shape[1], 'channel')}: expected {first[0]:,} Hz, "
                f"{counted(first[1], 'channel')}, as {found[0][0]} has"
            )
        types.add(str(samples.dtype))
        if len(types) > 1:  # those of 16 bits reach to 32,768, those of floating point to 1
            raise DataError(f"{where}/{name}: samples of {samples.dtype}: expected one type, as {found[0][0]} has")
        if len(samples) < source.frame_samples:
            raise DataError(
                f"{where}/{name}: {counted(len(samples), 'sample')}: expected at least {source.frame_samples:,} "
                "(frame_samples)"
            )
        steps = len(samples) // source.frame_samples
        sounds.append(samples[: steps * source.frame_samples].reshape(steps, -1).astype(np.float32))
    x, lengths = pad(sounds)
    groups = np.array([match["group"] for _, match in found]) if source.groups else None
    y = np.array([match["class"] for _, match in found], np.str_)
    names = [name for name, _ in found]
    notes = (f"{counted(len(found), 'sound')} of {first[0]:,} Hz",)
    return Sequences(
        where, x, lengths, y, numbered("channel", x.shape[2]), lambda at: names[at], notes=notes, groups=groups
    )


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{class\}|\{group\}|\*)", pattern)
    known = {"{class}": "(?P<class>[^/]+?)", "{group}": "(?P<group>[^/]+?)", "*": "[^/]*?"}
    seen: set[str] = set()
    written = []
    for part in parts:
        again = part in seen and part != "*"
        written.append(f"(?P={part[1:-1]})" if again else known.get(part, re.escape(part)))
        seen.add(part) if part in known else None
    return re.compile("".join(written))


def samples_of(file: Path, where: str) -> tuple[int, npt.NDArray[Any]]:
    """Samples a second of a sound, and its samples (samples, channels).

    Raises:
        DataError: It is damaged, or no such file.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of chunks with a song's name and the like
            warnings.filterwarnings("error", message="Reached EOF prematurely")
            rate, samples = wavfile.read(file)
    except wavfile.WavFileWarning as error:
        raise DataError(f"{where}: is cut off: {error}") from None
    except (ValueError, OSError, EOFError, KeyError, IndexError, TypeError, struct.error) as error:
        raise DataError(f"{where}: cannot be read as .wav: {' '.join(str(error).split())}") from None
    return int(rate), samples.reshape(len(samples), -1)
