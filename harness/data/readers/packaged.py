"""Data that comes with packages: the files of `keras.datasets` from Keras's cache or ours, scikit-learn's digits.

Read here and not with Keras' `load_data`, so that a copy that lies elsewhere can be read in the same way.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.addresses import IN_CACHE, folder_of
from harness.config.sources import KerasSource
from harness.data.dataset import Sequences, Texts, numbered
from harness.data.readers.arrays import load_object
from harness.data.readers.paths import locate, shown
from harness.errors import AbsentDataError, DataError


def read_digits() -> Sequences:
    """8 steps of 8 channels each, ink from 0 to 16; the classes are the ten digits."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = np.asarray(found.images, np.float32)
    n, steps, width = x.shape
    lengths, y = np.full(n, steps, np.int32), np.asarray(found.target)
    return Sequences("scikit-learn digits", x, lengths, y, numbered("column", width), lambda at: f"image {at}")


ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_SHA256 = {
    "imdb": "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    "reuters": "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    "mnist": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
}


def read_keras(source: KerasSource) -> Sequences:
    """Images of `mnist` as sequences of rows or of pixels.

    Args:
        source: Which dataset, and how it is to be read.

    Raises:
        DataError: It was not downloaded yet, or is no such file.
    """
    where = f"keras.datasets {source.dataset}"
    arrays = load_archive(_file(source), where)
    shares = {"train": 6 / 7, "test": 1 / 7}
    found = {key: [_some(arrays[f"{key}_{name}"], source, shares[name]) for name in shares] for key in "xy"}
    x, y, parts = np.concatenate(found["x"]), np.concatenate(found["y"]), tuple(map(len, found["y"]))
    pixels = x.size // len(x)
    if pixels % source.steps:
        raise DataError(f"{where}: {pixels} pixels cannot be read in {source.steps} steps: expected 28, 784 or alike")
    x = x.reshape(len(x), source.steps, -1).astype(np.float32)
    lengths = np.full(len(x), source.steps, np.int32)
    return Sequences(where, x, lengths, y, numbered("pixel", x.shape[2]), lambda at: f"image {at}", own_parts=parts)


def read_keras_texts(source: KerasSource) -> Texts:
    """Reviews of `imdb` or news of `reuters` as texts of numbered words, `12 407 3 …`.

    Keras' numbers are ranks by frequency; they stand for words here, so that a vocabulary is fitted as for any text.

    Args:
        source: Which dataset; sequences are cut to their first `steps` words.

    Raises:
        DataError: It was not downloaded yet, or is no such file.
    """
    where = f"keras.datasets {source.dataset}"
    arrays = load_archive(_file(source), where)
    if "x" in arrays:  # reuters comes in one piece, of which Keras takes the last fifth for its test part
        cut = int(len(arrays["x"]) * 0.8)
        halves = {"train": slice(cut), "test": slice(cut, None)}
        arrays = {f"{key}_{name}": arrays[key][half] for key in "xy" for name, half in halves.items()}
    shares = {"train": 0.8, "test": 0.2} if source.dataset == "reuters" else {"train": 0.5, "test": 0.5}
    x, y = ([_some(arrays[f"{key}_{name}"], source, share) for name, share in shares.items()] for key in "xy")
    texts = tuple(" ".join(map(str, words[: source.steps])) for part in x for words in part)
    parts = (len(x[0]), len(x[1]))
    return Texts(where, texts, np.concatenate(y), lambda at: f"text {at}", own_parts=parts)


def load_archive(file: Path, where: str) -> dict[str, Any]:
    """The arrays of one of Keras' files, whose sequences of different lengths are pickled lists.

    Args:
        file: The file.
        where: What messages call it.

    Raises:
        DataError: It is cut off, or holds anything but arrays.
    """
    wanted = ("x_train", "y_train", "x_test", "y_test"), ("x", "y")
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            keys = next((keys for keys in wanted if names.issuperset(keys)), None)
            if keys is None:
                raise DataError(f"{where}: {shown(str(file))} holds {', '.join(sorted(names))}: expected x and y")
            found = {}
            for key in keys:
                with archive.open(f"{key}.npy") as stream:
                    found[key] = load_object(stream, where)
            return found
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where}: {shown(str(file))} cannot be read; is it cut off? {error}") from None


def _file(source: KerasSource) -> Path:
    return locate(source.path) if source.path is not None else keras_place(source.dataset)


def keras_file(dataset: str) -> tuple[str, str]:
    """Address and SHA-256 of one of Keras's files."""
    return f"{ORIGIN}{dataset}.npz", _SHA256[dataset]


def keras_place(dataset: str) -> Path:
    """One of Keras's files: in Keras's own cache, else in this package's.

    Raises:
        AbsentDataError: It is in neither; nothing is downloaded here.
    """
    name, (address, sha256) = f"{dataset}.npz", keras_file(dataset)
    cached = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / name
    for path in (str(cached), f"{IN_CACHE}{folder_of({name: (address, sha256)})}/{name}"):
        with contextlib.suppress(DataError):  # a download that was killed leaves a part of the file
            return locate(path, sha256)
    raise AbsentDataError(
        f"keras.datasets {dataset}: not downloaded yet: `harness datasets fetch` brings it; or let [source] path "
        f"name a copy of {name}"
    )


def _some(array: Any, source: KerasSource, share: float) -> Any:
    return array if source.sequences is None else array[: max(round(source.sequences * share), 1)]
