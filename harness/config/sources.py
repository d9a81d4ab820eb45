"""What `[source]` of a dataset's config may say, a model a kind of source; and the values that configs share.

A field's `description` is what an error says was expected.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.config.addresses import (
    IN_CACHE,
    LOCATIONS,
    PLACES,
    data_files,
    folder_of,
    is_safe_address,
    is_safe_name,
    remote_files,
)
from harness.config.errors import fault
from harness.errors import nearest
from harness.records import Value

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=80,
        description="a name of letters, digits, `_`, `.` and `-`, at most 80",
    ),
]
Share = Annotated[float, Field(gt=0, lt=1, strict=True, description="a share between 0 and 1")]
Count = Annotated[int, Field(ge=1, strict=True, description="a whole number of at least 1")]
CountOrZero = Annotated[int, Field(ge=0, strict=True, description="a whole number of at least 0")]
Seed = Annotated[int, Field(strict=True, description="a whole number")]
Number = Annotated[
    Annotated[float, Field(strict=True)] | Annotated[int, Field(strict=True)], Field(description="a number")
]
FunctionName = Annotated[
    str, Field(pattern=r"^.+\.py:[A-Za-z_]\w*$", description="a file and a function, such as my_data.py:load")
]
Plain = Annotated[Value, Field(description="a number, text, true or false")]
Column = Annotated[str, Field(min_length=1, description="the name of a column, in quotes")]
Columns = Annotated[tuple[Column, ...], Field(description='a list of columns, such as ["y"]')]
TimeFormat = Annotated[
    str,
    Field(
        pattern=r"^(|iso|quarters|numbers|seconds|milliseconds|excel|.*%[A-Za-z].*)$",
        description='a pattern such as "%d.%m.%Y %H:%M", or iso, quarters, numbers, seconds, milliseconds or excel',
    ),
]
Location = Annotated[str, Field(min_length=1, description="the path of a file, in quotes")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="64 digits of 0-9 and a-f")]


_NO_FILES = ("idna", "punycode", "raw-unicode-escape", "unicode-escape")
"""Encodings that Python has for other purposes."""


def _known_encoding(name: str) -> str:
    try:
        "a".encode(name)
        if codecs.lookup(name).name.replace("_", "-") in _NO_FILES:
            raise LookupError(name)
    except (LookupError, ValueError):  # no encoding, one of bytes, or a name that is none
        raise ValueError("expected an encoding of text that Python knows, such as utf-8, cp1252 or utf-16") from None
    return name


Encoding = Annotated[str, AfterValidator(_known_encoding), Field(description="the name of an encoding, such as cp1252")]
Mark = Annotated[str | Number, Field(description="a text or a number")]


class Config(BaseModel):
    """What a config, or a table of one, is made of."""

    # A NaN would pass every comparison that a later check makes.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Key = Annotated[str, Field(min_length=1, description="the name of an array, in quotes")]


class Downloadable(Config):
    """What sources say whose files may come from the internet; `harness datasets fetch` brings them, nothing else does.

    Attributes:
        url: The file's address; beside `files` what their names are below.
        files: Name of each file below `url`, or an address of its own, → its SHA-256.
        max_mb: The most megabytes that may come, of all files together.
    """

    url: Annotated[str, Field(min_length=1, description="an address that begins with https://")] | None = None
    files: dict[str, Sha256] = Field(default_factory=dict)
    max_mb: Count = 500

    @model_validator(mode="before")
    @classmethod
    def _paths_in_the_cache(cls, values: Any) -> Any:
        """Paths that name downloaded files lead into the cache; a single file need not be named."""
        if not isinstance(values, Mapping) or not (files := remote_files(values)):
            return values
        given = dict(values)
        folder = IN_CACHE + folder_of(files)
        if "path" in cls.model_fields and not any(given.get(key) for key in LOCATIONS):
            given["path"] = next(iter(files)) if len(files) == 1 or given.get("kind") == "huggingface" else "."
        for key in LOCATIONS:
            if isinstance(path := given.get(key), str) and key in cls.model_fields and not path.startswith(PLACES):
                given[key] = folder if path == "." else f"{folder}/{path}"
        return given

    @model_validator(mode="after")
    def _can_be_downloaded(self) -> Self:
        if self.url is None and not self.files:
            return self
        if self.url is not None and not is_safe_address(self.url):
            expected = (
                "expected an address that begins with https:// (http:// on this machine alone), without a password"
            )
            raise fault(("url",), expected)
        if self.url is not None and not self.files and getattr(self, "sha256", None) is None:
            raise fault((), "missing key 'sha256': expected the checksum of what url leads to; or a table files")
        if self.files and getattr(self, "sha256", None) is not None:
            raise fault(("sha256",), "expected none beside files, each of which has its own")
        files = remote_files({"url": self.url, "files": self.files, "sha256": getattr(self, "sha256", None)})
        for name, (address, _) in files.items():
            if not is_safe_address(address):
                raise fault(("files",), f"{name!r}: expected a name below url, or an address that begins with https://")
            if not is_safe_name(name):
                raise fault(("files",), f"{name!r}: expected the name of a file, such as part/train.csv")
        for key in LOCATIONS:
            path = getattr(self, key, None) or ""
            inner = path.removeprefix(IN_CACHE + folder_of(files)).removeprefix("/")
            if path.startswith(IN_CACHE) and inner and not any(f"{name}/".startswith(f"{inner}/") for name in files):
                raise fault((key,), f"expected one of the downloaded files. {nearest(inner, files)}")
        return self


class OneFile(Downloadable):
    """What all sources in a single file say of it.

    Attributes:
        kind: What kind of file it is.
        path: Absolute, relative to the config's folder, or `package:<import name>/<path>` for a file inside an
            installed package, which is found without importing it. Beside `url` or `files` one of their names.
        sha256: The file's checksum.
    """

    kind: str
    path: Location
    sha256: Sha256 | None = None


Separator = Annotated[str, Field(pattern=r"^([ !#-~\t]|whitespace)$", description='one sign, or "whitespace"')]

TableKind = Literal["csv", "parquet", "excel", "arff", "tsf", "jsonl"]
TABLE_SUFFIXES: dict[str, TableKind] = {
    **dict.fromkeys((".csv", ".tsv", ".dat", ".data"), "csv"),
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".arff": "arff",
    ".tsf": "tsf",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""What a table is, by its file's suffix."""

Decimal = Annotated[str, Field(pattern=r"^[.,]$", description='"." or ","')]
Thousands = Annotated[
    str,
    Field(
        pattern=r"^[,.' \u00a0\u202f]?$", description='",", ".", a blank or an apostrophe, or "" where there is none'
    ),
]


class TableSource(OneFile):
    """What all sources of a table say of how it is written.

    Attributes:
        separator: What stands between a CSV's columns; `whitespace` for any run of blanks and tabs.
        columns: Names of the columns of a CSV that has no line with them.
        where: Column → the value it must have, for rows that are wanted. A text is compared with what the file
            says, a number with the number that the file says.
        decimal: The decimal mark of a CSV's numbers.
        thousands: The mark between a CSV's thousands; empty for none.
        encoding: The encoding of a file of text.
        missing_values: Texts and numbers that stand for a missing value, beside the empty cell and the usual words,
            such as NA and null.
        skip_rows: Lines of a CSV, or rows of a sheet, above the column names.
        sheet: The sheet of an Excel file that has several.
        time_format: How the task's times are written, as Python's strptime has it: `%d.%m.%Y %H:%M`; or `iso`,
            `quarters` (2020-Q1), `numbers` (of steps), `seconds` or `milliseconds` since 1970, or `excel` (days as
            spreadsheets count them). Empty to decide from all values.
    """

    separator: Separator = ","
    columns: Annotated[tuple[Column, ...], Field(description='a list of columns, such as ["t", "y"]')] = ()
    where: dict[str, Plain] = Field(default_factory=dict)
    decimal: Decimal = "."
    thousands: Thousands = ""
    encoding: Encoding = "utf-8"
    missing_values: Annotated[tuple[Mark, ...], Field(description='a list, such as ["?", -200]')] = ()
    skip_rows: CountOrZero = 0
    sheet: str = ""
    time_format: TimeFormat = ""

    @property
    def table(self) -> TableKind:
        """What its files are."""
        raise NotImplementedError

    @property
    def located(self) -> tuple[tuple[str, str | None, str], ...]:
        """Path, checksum and split of each file; their rows follow one another."""
        return ((self.path, self.sha256, ""),)


class FileSource(TableSource):
    """A table in a file; compressed where its name ends in `.gz`, `.bz2`, `.xz` or `.zip`.

    Attributes:
        kind: CSV and other text in columns, Parquet, Excel (`.xlsx`), Weka's ARFF, Monash's `.tsf`, which is read as a
            panel with the columns `series_name`, `timestamp` and `value`, or JSON lines (`.jsonl`), an object a row.
    """

    kind: TableKind

    @property
    def table(self) -> TableKind:
        """The file's kind."""
        return self.kind


class HubSource(TableSource):
    """A table that a hub of data sets knows by its name there.

    Attributes:
        path: Where the first file is; said by the name.
    """

    path: str = ""

    @field_validator("url", "files")
    @classmethod
    def _names_no_address(cls, value: Any) -> Any:
        if value:
            raise fault((), "expected none: the hub says where the files are")
        return value


class OpenmlSource(HubSource):
    """A data set of OpenML, by its number, in ARFF.

    Attributes:
        kind: OpenML.
        id: The number, which names one version.
        sha256: The file's checksum.
    """

    kind: Literal["openml"]
    id: Count
    sha256: Sha256

    @property
    def table(self) -> TableKind:
        """ARFF, in which OpenML keeps every table."""
        return "arff"


FileNames = Annotated[tuple[Column, ...] | Column, Field(description='a file, or a list such as ["data/a.parquet"]')]
SPLIT = "split"
"""The column that says which of `data_files` a row is of."""


class HuggingFaceSource(HubSource):
    """A data set of Hugging Face's hub, by its name and commit.

    Attributes:
        kind: Hugging Face.
        name: Owner and name there, such as `fancyzhx/ag_news`.
        revision: The commit, which fixes every file of it.
        data_files: A file, a list of files of one kind, whose rows follow one another, or a table split → either, as
            `datasets.load_dataset` takes it; the rows then have a column `split`, which `[split] part` may name.
    """

    kind: Literal["huggingface"]
    name: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name, as the hub's address has it")]
    revision: Annotated[
        str, Field(pattern=r"^[0-9a-f]{40}$", description="a commit, 40 digits of 0-9 and a-f: no branch, which moves")
    ]
    data_files: Annotated[
        dict[str, FileNames] | FileNames,
        Field(description='a file, a list of files, or a table such as train = "a.csv"'),
    ]

    @property
    def table(self) -> TableKind:
        """What the suffix of the files says."""
        return TABLE_SUFFIXES[_suffix(data_files(self.data_files)[0][0])]

    @property
    def located(self) -> tuple[tuple[str, str | None, str], ...]:
        """Path and split of each file; their checksums come with the download."""
        folder = IN_CACHE + folder_of(remote_files(self.model_dump()))
        return tuple((f"{folder}/{name}", None, split) for name, split in data_files(self.data_files))

    @model_validator(mode="after")
    def _files_fit_together(self) -> Self:
        names = [name for name, _ in data_files(self.data_files)]
        if not names:
            raise fault(("data_files",), "expected at least one file")
        for name in names:
            if not is_safe_name(name) or names.count(name) > 1:
                raise fault(("data_files",), f"{name!r}: expected the name of a file, once")
            if (suffix := _suffix(name)) not in TABLE_SUFFIXES or TABLE_SUFFIXES[suffix] != self.table:
                raise fault(("data_files",), f"{name!r}: expected files of one kind: {', '.join(TABLE_SUFFIXES)}")
        if self.sha256 is not None:
            raise fault(("sha256",), "expected none: revision fixes the files")
        return self


def _suffix(name: str) -> str:
    """A file's suffix, below that of a packed one."""
    plain = name.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zip")
    return plain[plain.rfind(".") :] if "." in plain else ""


ONLY_FOR: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("separator", "columns", "decimal", "thousands"), ("csv",)),
    "skip_rows": ("csv", "excel"),
    "encoding": ("csv", "arff", "tsf", "jsonl"),
    "sheet": ("excel",),
}
"""Key of a table's `[source]` → the kinds that it says something of."""

HOW_IT_IS_WRITTEN = ("separator", "columns", "decimal", "thousands", "encoding", "skip_rows", "sheet")
"""Keys of a table's `[source]` that tell of the file, and nothing of what is in it."""


class WavSource(Downloadable):
    """A folder of sounds, a file a sequence.

    Attributes:
        kind: Files of `.wav`.
        path: The folder; absolute or relative to the config's.
        pattern: How the files are called, from the folder on: `{class}` stands for the class, `{group}` for the group
            of a split by group, `*` for anything.
        frame_samples: Samples that form a step, as so many channels; what is left at the end of a file is left out.
    """

    kind: Literal["wav"]
    path: Location
    pattern: Annotated[
        str, Field(pattern=r"\{class\}", description='a pattern with {class} in it, such as "{class}/*.wav"')
    ] = "{class}/*.wav"
    frame_samples: Count = 1

    @property
    def groups(self) -> str | None:
        """What in the pattern says a file's group; None where nothing does."""
        return "group" if "{group}" in self.pattern else None


class ArraysSource(OneFile):
    """Arrays of NumPy.

    Attributes:
        kind: `npz`, an archive of plain arrays; or `npy`, a dictionary of arrays as `numpy.save` pickles it, read with
            an unpickler that admits NumPy's arrays and nothing else.
        x: Name of the inputs (sequences, steps, channels).
        y: Name of the answers.
        lengths: Name of the real steps of each sequence, where there is such an array.
        groups: Name of the array with each sequence's group, for a split by group.
    """

    kind: Literal["npz", "npy"]
    x: Key = "x"
    y: Key = "y"
    lengths: Key = "lengths"
    groups: Key | None = None


class TsSource(Downloadable):
    """A pair of `.ts` files of the UCR/UEA archive, the archive's own split into train and test.

    Attributes:
        kind: Files of the archive.
        train: The training part; as `path` is for other files.
        test: The test part.
        train_sha256: The training part's checksum.
        test_sha256: The test part's checksum.
    """

    kind: Literal["ts"]
    train: Location
    test: Location
    train_sha256: Sha256 | None = None
    test_sha256: Sha256 | None = None


class CorpusSource(Downloadable):
    """What sources of tokens say of their files: one, or a corpus's official parts.

    Attributes:
        path: The one file, which `[split]` divides; as for `OneFile`.
        train: The training part, where there are official ones.
        validation: The validation part; carved from the training part where there is none.
        test: The test part.
        sha256: The one file's checksum.
        train_sha256: Of the training part.
        validation_sha256: Of the validation part.
        test_sha256: Of the test part.
        encoding: The files' encoding.
    """

    kind: str
    path: Location | None = None
    train: Location | None = None
    validation: Location | None = None
    test: Location | None = None
    sha256: Sha256 | None = None
    train_sha256: Sha256 | None = None
    validation_sha256: Sha256 | None = None
    test_sha256: Sha256 | None = None
    encoding: Encoding = "utf-8"

    @property
    def located(self) -> tuple[tuple[str, str | None], ...]:
        """Each part's path and checksum: the one file's, or the training, validation and test part's."""
        named = (
            (self.path, self.sha256),
            (self.train, self.train_sha256),
            (self.validation, self.validation_sha256),
            (self.test, self.test_sha256),
        )
        return tuple((path, sha256) for path, sha256 in named if path is not None)


class TextSource(CorpusSource):
    """Text: a line a sequence with its label, a folder a class, or one long text.

    Attributes:
        kind: Text.
        path: A file, or for `folders` a folder.
        form: `lines`: each line a label and a sequence. `folders`: a folder a class with a file a sequence, or a file a
            class with a line a sequence. `whole`: one long text.
        label: Whether a line's label comes first or last.
        separator: What stands between a line's label and its text.
        sha256: The file's checksum; not for folders.
        skip_signs: So many signs at the begin of a whole text are left out.
        most_signs: So many signs of it are read; None for all.
    """

    kind: Literal["text"]
    form: Literal["lines", "folders", "whole"]
    label: Literal["first", "last"] = "first"
    separator: Annotated[str, Field(min_length=1, description="the signs between label and text")] = "\t"
    skip_signs: CountOrZero = 0
    most_signs: Count | None = None


class ConllSource(CorpusSource):
    """Tokens with a label each, a line a token, an empty line between sequences, as at the CoNLL's shared tasks.

    Attributes:
        kind: `conll`; or `conllu`, the format of Universal Dependencies, whose comments, ranges (`1-2`) and empty nodes
            (`1.1`) are no tokens.
        token_column: Number of the column with the token, from 1; 1, or 2 for `conllu`.
        label_column: Number of the column with the label; the last one, or 4 (the part of speech) for `conllu`.
        separator: What stands between columns: one sign, or `whitespace` for any run of blanks and tabs.
        comment: Lines that begin with it are left out; empty for none.
        boundaries: First columns that end a sequence as an empty line does, such as `-DOCSTART-`.
    """

    kind: Literal["conll", "conllu"]
    token_column: Count | None = None
    label_column: Count | None = None
    separator: Annotated[str, Field(pattern=r"^(.|whitespace)$", description='one sign, or "whitespace"')] = "\t"
    comment: str = ""
    boundaries: Annotated[tuple[str, ...], Field(description='a list of words, such as ["-DOCSTART-"]')] = ()


class MatSource(OneFile):
    """A MATLAB file with a cell array of sequences (steps, channels) for each of the three parts.

    Attributes:
        kind: MATLAB, up to version 7.
        train_name: Name of the variable with the training sequences.
        validation_name: Name of the one with the validation sequences.
        test_name: Name of the one with the test sequences.
    """

    kind: Literal["mat"]
    train_name: Key = "traindata"
    validation_name: Key = "validdata"
    test_name: Key = "testdata"


class GeneratorSource(Config):
    """Sequences made by a generator of `harness.data.generators`, the same for the same seed.

    Attributes:
        kind: A generator.
        generator: Its name.
        steps: Steps of a sequence, or of the longest.
        sequences: How many sequences.
        seed: Seed of what is drawn by chance.
    """

    kind: Literal["generator"]
    generator: Literal[
        "adding", "temporal_order", "counting", "mnist1d", "copy_memory", "first_names", "anbn", "anbncn"
    ]
    steps: Annotated[int, Field(ge=4, le=5000, strict=True, description="a whole number from 4 to 5000")] = 50
    sequences: Annotated[
        int, Field(ge=20, le=1_000_000, strict=True, description="a whole number from 20 to 1000000")
    ] = 2000
    seed: Seed = 0


class SklearnSource(Config):
    """A dataset inside scikit-learn: `digits`, whose 8 × 8 images are read as 8 steps of 8 channels.

    Attributes:
        kind: scikit-learn.
        dataset: Its name there.
    """

    kind: Literal["sklearn"]
    dataset: Literal["digits"]


class KerasSource(Config):
    """A dataset of `keras.datasets`, which `harness datasets fetch` downloads.

    Attributes:
        kind: Keras.
        dataset: `imdb` (reviews, words), `reuters` (news, words), `mnist` (images).
        steps: Sequences are cut to their first so many words; for `mnist`, 28 reads the rows of an image, 784 its
            pixels.
        words: So many of the most frequent words are told apart.
        sequences: At most so many sequences, the first ones of each part in proportion; None for all.
        path: A copy of the file that would be downloaded, for machines without a network.
    """

    kind: Literal["keras"]
    dataset: Literal["imdb", "reuters", "mnist"]
    path: Location | None = None
    steps: Count
    words: Count = 5000
    sequences: Count | None = None


class LoaderSource(Downloadable):
    """A function of the user's: `file.py:function`.

    It is called with `arguments`, and with `folder`, where its downloaded `files` lie, if it has any. It returns a
    pandas table, or a dictionary of arrays `x`, `y` and, where they are wanted, `lengths` and `groups`.

    Attributes:
        kind: A function.
        loader: File and function.
        arguments: What it is called with, by name.
        time_format: As for a table in a file.
    """

    kind: Literal["loader"]
    loader: FunctionName
    arguments: dict[str, Plain] = Field(default_factory=dict)
    time_format: TimeFormat = ""


Source = Annotated[
    FileSource
    | OpenmlSource
    | HuggingFaceSource
    | ArraysSource
    | TsSource
    | MatSource
    | TextSource
    | WavSource
    | ConllSource
    | GeneratorSource
    | SklearnSource
    | KerasSource
    | LoaderSource,
    Field(discriminator="kind"),
]
