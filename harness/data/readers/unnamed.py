"""Files whose sequences have no named columns: a first guess at their config, for `datasets new`.

Archives of arrays, pairs of `.ts` files, folders of sounds or texts, labelled lines, a token a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.inferred.corpora import holds_tokens, labelled_lines, sound_pattern, token_columns
from harness.config.inferred.infer import task_of_answers
from harness.config.sources import ArraysSource, TsSource, WavSource
from harness.data.dataset import Sequences
from harness.data.readers.arrays import read_arrays
from harness.data.readers.formats.delimited import HEAD, lines_of
from harness.data.readers.formats.sniffer import encoding_of
from harness.data.readers.formats.wav import read_wav, samples_of
from harness.data.readers.texts import decoded
from harness.data.readers.ts import pair_of, read_ts
from harness.errors import UsageError, nearest
from harness.metrics import at_real_steps
from harness.text import counted

FRAME_SECONDS = 0.02
"""The usual length of a step of a sound."""

_OF_TOKENS = {".conllu": "conllu", **dict.fromkeys((".conll", ".iob", ".iob2", ".bio"), "conll")}
_LINES = (".txt", ".tsv", ".train")
_PARTS = {"validation": ("dev", "valid", "validation", "val"), "test": ("test",)}


@dataclass(frozen=True, slots=True)
class SequencesGuess:
    """A config of sequences without named columns, and why it is so.

    Attributes:
        kind: Kind of the source.
        paths: Its files, by their keys in `[source]`.
        task: The task's kind.
        source: Further keys of `[source]`.
        settings: Further keys of `[task]`.
        split: Keys of `[split]`.
        gaps: Whether values are missing.
        because: What was guessed and why, a line each.
    """

    kind: str
    paths: Mapping[str, Path]
    task: str
    source: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    gaps: bool = False
    because: tuple[str, ...] = ()


def guess_sequences(file: Path, options: Mapping[str, Any]) -> SequencesGuess | None:
    """What files without named columns are for.

    Args:
        file: A file or a folder.
        options: What the user has said, by the option's name without its dashes; None or empty where nothing.

    Returns:
        The guess; None where the file is a table, or none that is known.

    Raises:
        UsageError: Two readings fit, an option means nothing for it, or it is no such file.
        DataError: It cannot be read.
    """
    given = {key: value for key, value in options.items() if value}
    suffix = file.suffix.lower()
    if file.is_dir():
        return _of_folder(file, given)
    if suffix in (".npz", ".ts"):
        _refuse_options(given, ("task",), file)
        return _of_arrays(file, given.get("task"))
    if suffix in _OF_TOKENS:
        return _of_tokens(file, _OF_TOKENS[suffix], given)
    if suffix not in _LINES or not file.is_file():
        return None
    if given.get("task") == "next_token":
        if suffix != ".txt":
            return None
        _refuse_options(given, ("task", "encoding"), file)
        source, settings = _encoding(file, given, {"form": "whole"}), {"tokens": "characters", "window_steps": 64}
        why = ("form = whole: one text",)
        return SequencesGuess("text", {"path": file}, "next_token", source, settings, because=why)
    if {*given} <= {"task", "target", "encoding", "separator"}:
        return _of_lines(file, given)
    return None


def _refuse_options(given: Mapping[str, Any], known: tuple[str, ...], file: Path) -> None:
    if strange := next((key for key in given if key not in known), None):
        if strange == "target" and file.suffix.lower() == ".npz":
            raise UsageError(
                f"--target: expected none, got {file}: an .npz's answers are its array y; leave the option out, or "
                'name another array in the config: [source] y = "…"'
            )
        what = "a folder of .wav files" if strange == "pattern" else "a table"
        raise UsageError(f"--{strange.replace('_', '-')}: expected it only for {what}, got {file}")


def _task(given: Mapping[str, Any], *known: str) -> str:
    task = given.get("task", known[0])
    if task not in known:
        raise UsageError(f"--task {task}: {nearest(task, known)}")
    return str(task)


def _of_arrays(file: Path, task: str | None) -> SequencesGuess:
    if file.suffix.lower() == ".npz":
        raw = read_arrays(ArraysSource(kind="npz", path=str(file.absolute())), per_step=task == "label")
        kind, paths = "npz", {"path": file}
    else:
        train, test = pair_of(file)
        raw = read_ts(TsSource(kind="ts", train=str(train.absolute()), test=str(test.absolute())))
        kind, paths = "ts", {"train": train, "test": test}
    guessed, why = task_of_answers(raw.y)
    gaps = int(np.isnan(at_real_steps(raw.x, raw.lengths)).sum())
    told = (f'missing = "interpolate": {counted(gaps, "missing value")}',) if gaps else ()
    because = (_shape(raw), *(() if task else (why,)), *told)
    return SequencesGuess(kind, paths, task or guessed, gaps=gaps > 0, because=because)


def _shape(raw: Sequences) -> str:
    shortest, longest = int(raw.lengths.min()), int(raw.lengths.max())
    steps = f"{longest:,}" if shortest == longest else f"{shortest:,}–{longest:,}"
    return f"{counted(len(raw.x), 'sequence')} of {steps} steps and {counted(len(raw.channels), 'channel')}"


def _of_folder(folder: Path, given: Mapping[str, Any]) -> SequencesGuess:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    sounds = [path.relative_to(folder).as_posix() for path in files if path.suffix.lower() == ".wav"]
    if sounds:
        return _of_sounds(folder, sounds, given)
    if len(files) < 2 or any(path.suffix.lower() != ".txt" for path in files):
        raise UsageError(f"{folder}: is a folder: expected a file, or a folder of .wav files, or of .txt files")
    _refuse_options(given, ("task", "encoding"), folder)
    classes = {path.relative_to(folder).parts[0] for path in files}
    texts = [text for path in files[:: max(1, len(files) // 50)] for text in _lines(path, given)]
    tokens = "words" if sum(" " in text.strip() for text in texts) > len(texts) / 2 else "characters"
    each = "a folder" if any(path.parent != folder for path in files) else "a file"
    because = (f"{each} a class, {counted(len(classes), 'class', 'classes')}", f"tokens = {tokens}")
    source = _encoding(files[0], given, {"form": "folders"})
    return SequencesGuess(
        "text", {"path": folder}, _task(given, "classify"), source, {"tokens": tokens}, because=because
    )


def _of_sounds(folder: Path, sounds: list[str], given: Mapping[str, Any]) -> SequencesGuess:
    _refuse_options(given, ("task", "pattern"), folder)
    task = _task(given, "classify")
    if pattern := given.get("pattern"):
        if "{class}" not in pattern:
            raise UsageError(f"--pattern {pattern}: expected a pattern with {{class}} in it, such as '{{class}}/*.wav'")
        why = tuple[str, ...]()
    else:
        pattern, told = sound_pattern(sounds, str(folder))
        why = (f"pattern = {pattern}: {told}",)
    rate, samples = samples_of(folder / sounds[0], f"{folder}/{sounds[0]}")
    frame = max(1, min(round(rate * FRAME_SECONDS), len(samples)))
    raw = read_wav(WavSource(kind="wav", path=str(folder.absolute()), pattern=pattern, frame_samples=frame))
    step = f"frame_samples = {frame}: a step of {1000 * frame / rate:g} ms at {rate:,} Hz"
    grouped = ("split by group: all sounds of a group in one part",) if "{group}" in pattern else ()
    split = {"rule": "group"} if grouped else {}
    source = {"pattern": pattern, "frame_samples": frame}
    return SequencesGuess(
        "wav", {"path": folder}, task, source, split=split, because=(_shape(raw), *why, step, *grouped)
    )


def _of_lines(file: Path, given: Mapping[str, Any]) -> SequencesGuess | None:
    """Labelled lines, or a token a line; None where the file is no such text."""
    target = given.get("target")
    lines = _lines(file, given)
    if holds_tokens(lines):
        return _of_tokens(file, "conll", given)
    side = target if target in ("first", "last") else None
    if given.get("separator", "\t") != "\t" or (target and not side):
        return None
    if (guess := labelled_lines(lines, side, str(file))) is None:
        return None
    source = _encoding(file, given, guess.source)
    paths, parts = _official_parts(file)
    because = (*guess.because, *parts)
    return SequencesGuess("text", paths, _task(given, "classify", "regress"), source, guess.task, because=because)


def _of_tokens(file: Path, kind: str, given: Mapping[str, Any]) -> SequencesGuess:
    _refuse_options(given, ("task", "target", "encoding"), file)
    guess = token_columns(_lines(file, given), kind, given.get("target"), str(file))
    task = _task(given, "label", "next_token")
    paths, parts = _official_parts(file)
    settings = guess.task if task == "label" else {}
    return SequencesGuess(
        kind, paths, task, _encoding(file, given, guess.source), settings, because=(*guess.because, *parts)
    )


def _official_parts(file: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The files of a corpus's official parts, where a file beside it is called `test` as this one is called `train`."""
    found = {"train": file}
    if re.search(r"(?<![A-Za-z])train(?![A-Za-z])", file.name):
        for part, words in _PARTS.items():
            beside = (file.with_name(re.sub(r"(?<![A-Za-z])train(?![A-Za-z])", word, file.name)) for word in words)
            if (other := next((path for path in beside if path.is_file()), None)) is not None:
                found[part] = other
    if "test" not in found:
        return {"path": file}, ()
    others = " and ".join(path.name for part, path in found.items() if part != "train")
    return found, (f"official parts: {others} beside it",)


def _encoding(file: Path, given: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    encoding = _encoding_of(file, given)
    return {**source, **({} if encoding == "utf-8" else {"encoding": encoding})}


def _encoding_of(file: Path, given: Mapping[str, Any]) -> str:
    if "encoding" in given:
        return str(given["encoding"])
    with file.open("rb") as stream:
        return encoding_of(stream.read(HEAD), str(file))


def _lines(file: Path, given: Mapping[str, Any]) -> list[str]:
    return lines_of(decoded(file, _encoding_of(file, given), str(file)))
