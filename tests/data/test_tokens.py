"""Tokens as inputs: columns of texts and of tokens, a token a line, official parts of a corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.baselines import compute
from harness.config.dataset import DatasetConfig
from harness.config.inferred.infer import UserHints, infer_task
from harness.data import SequenceData, load_dataset
from harness.data.dataset import Part
from harness.data.encoding import UNKNOWN
from harness.errors import DataError, UsageError

Write = Callable[..., Path]


def load(source: dict[str, Any], task: dict[str, Any], **more: Any) -> SequenceData:
    return load_dataset(DatasetConfig.model_validate({"name": "toy", "source": source, "task": task, **more}))


def written(data: SequenceData, part: Part, at: int) -> list[str]:
    return [data.vocabulary[number] for number in part.x[at, : part.lengths[at]]]


@pytest.fixture
def molecules(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    smiles = ["C" * random.integers(1, 6) + "O" * (row % 2) + "1e5"[: row % 4] + " " for row in range(60)]
    frame = pd.DataFrame({"id": range(60), "smiles": smiles, "active": [row % 2 for row in range(60)]})
    frame["level"] = [text.count("C") + 0.5 for text in smiles]
    frame["set"] = ["test" if row < 12 else "dev" if row < 20 else "train" for row in range(60)]
    frame.to_csv(tmp_path / "molecules.csv", index=False)
    return tmp_path / "molecules.csv"


def test_a_column_of_texts_is_classified_by_characters(molecules: Path) -> None:
    data = load({"kind": "csv", "path": str(molecules)}, {"kind": "classify", "text": "smiles", "target": "active"})
    frame = pd.read_csv(molecules)
    assert (data.channels, data.targets, data.classes) == (("characters",), ("active",), ("0", "1"))
    assert sum(data.facts.sizes) == 60
    assert set(data.vocabulary) == {UNKNOWN, *"CO1e5"}
    for at, row in enumerate(data.train.rows):
        assert "".join(written(data, data.train, at)) == frame["smiles"][row].strip()
        assert data.train.y[at] == frame["active"][row]


def test_a_column_of_texts_gives_a_number(molecules: Path) -> None:
    data = load({"kind": "csv", "path": str(molecules)}, {"kind": "regress", "text": "smiles", "target": "level"})
    frame = pd.read_csv(molecules)
    assert np.array_equal(data.train.y[:, 0], frame["level"].to_numpy(np.float32)[data.train.rows])
    assert data.scaling.output_mean[0] == pytest.approx(data.train.y.mean())
    scores = {score.name: score.test_score for score in compute(data)}
    assert list(scores) == ["mean", "ridge on counts of tokens", "ridge on tokens and pairs of them"]
    assert scores["ridge on counts of tokens"] < 0.1 * scores["mean"]


def test_a_column_names_the_official_parts(molecules: Path) -> None:
    task = {"kind": "classify", "text": "smiles", "target": "active"}
    data = load({"kind": "csv", "path": str(molecules)}, task, split={"part": "set"})
    assert data.facts.sizes == (40, 8, 12)
    assert data.facts.split == "the source's own: 40 train, 8 validation, 12 test"
    frame = pd.read_csv(molecules)
    test = data.test.open()
    assert ["".join(written(data, test, at)) for at in range(12)] == frame["smiles"][:12].str.strip().tolist()
    frame.loc[3, "set"] = "holdout"
    frame.to_csv(molecules, index=False)
    with pytest.raises(DataError, match=r"row 4: column 'set' \(\[split\] part\) says 'holdout': expected train"):
        load({"kind": "csv", "path": str(molecules)}, task, split={"part": "set"})


def test_official_parts_of_a_table_of_numbers(tmp_path: Path) -> None:
    rows = [
        (who, step, who % 2 + step, who % 2, "test" if who > 20 else "train") for who in range(30) for step in (1, 2)
    ]
    pd.DataFrame(rows, columns=["who", "t", "a", "y", "part"]).to_csv(tmp_path / "a.csv", index=False)
    task = {"kind": "classify", "target": "y", "id": "who", "time": "t"}
    data = load({"kind": "csv", "path": str(tmp_path / "a.csv")}, task, split={"part": "part"})
    assert data.facts.sizes[2] == 9
    assert data.channels == ("a",)


def test_a_text_that_is_missing_is_named(molecules: Path) -> None:
    frame = pd.read_csv(molecules)
    frame.loc[4, "smiles"] = None
    frame.to_csv(molecules, index=False)
    with pytest.raises(DataError, match="column 'smiles', row 5: expected a value, got an empty cell"):
        load({"kind": "csv", "path": str(molecules)}, {"kind": "classify", "text": "smiles", "target": "active"})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Cases of events, in a file in which they stand among each other; two of each case at one time."""
    random = np.random.default_rng(1)
    rows = [
        (f"2024-01-{1 + step // 2:02d} 0{case % 9}:00:00", f"{case:03d}", f"{(case + step) % 3}")
        for case in range(40)
        for step in range(2 + case % 4)
    ]
    frame = pd.DataFrame(rows, columns=["at", "case", "event"])
    frame = frame.iloc[np.argsort(frame["at"].str[:10], kind="stable")]
    frame = frame.iloc[np.argsort(random.permutation(40)[frame["case"].astype(int)], kind="stable")]
    frame.to_csv(tmp_path / "log.csv", index=False)
    return tmp_path / "log.csv"


def test_next_events_of_each_case_of_a_log(log: Path) -> None:
    task = {"kind": "next_token", "token": "event", "id": "case", "time": "at"}
    data = load({"kind": "csv", "path": str(log)}, task, split={"rule": "shuffled"})
    assert (data.channels, data.targets) == (("event",), ("next event",))
    assert set(data.vocabulary) == {UNKNOWN, "0", "1", "2"}
    assert any("the file's order is kept" in note for note in data.facts.notes)
    assert any(note.startswith("vocabulary of 4 values of 'event'") for note in data.facts.notes)
    for part in (data.train, data.validation, data.test.open()):
        for at in range(len(part)):
            read = written(data, part, at)
            assert [int(event) for event in read[1:]] == [(int(event) + 1) % 3 for event in read[:-1]]
            assert data.vocabulary[part.y[at, part.lengths[at] - 1]] == str((int(read[-1]) + 1) % 3)
    names = [score.name for score in compute(data)]
    assert names == ["token frequencies", "frequencies after the present token", "n-grams with back-off"]


def test_whole_sequences_of_tokens_have_a_class_or_a_label_each(log: Path) -> None:
    frame = pd.read_csv(log, dtype=str)
    frame["kind"] = np.where(frame["case"].astype(int) % 2 == 0, "even", "odd")
    frame["next"] = frame["event"].map({"0": "one", "1": "two", "2": "nought"})
    frame.to_csv(log, index=False)
    source, columns = {"kind": "csv", "path": str(log)}, {"token": "event", "id": "case", "time": "at"}
    data = load(source, {"kind": "classify", "target": "kind", **columns})
    assert (data.classes, data.train.x.dtype) == (("even", "odd"), np.int32)
    data = load(source, {"kind": "label", "target": ["next"], **columns})
    assert data.targets == ("next",)
    said = {"0": "one", "1": "two", "2": "nought"}
    for at in range(len(data.train)):
        answers = data.train.y[at, : data.train.lengths[at]]
        assert [data.classes[number] for number in answers] == [said[event] for event in written(data, data.train, at)]


CONLL = "-DOCSTART- O\n\nThe DET\n#tag NOUN\nruns VERB\n\n\nIt PRON\nruns VERB\n\t\n\u2028 X\n. PUNCT\n"
CONLLU = (
    "# sent_id = 1\n# text = Im Haus\n1-2\tIm\t_\t_\n1\tIn\tin\tADP\n2\tdem\tder\tDET\n3\tHaus\tHaus\tNOUN\n"
    "3.1\tist\tsein\tAUX\n\n# sent_id = 2\n1\tJa\tja\tINTJ\n\n"
)


def test_a_token_a_line(write_text: Write) -> None:
    from harness.config.sources import ConllSource
    from harness.data.readers.formats.delimited import lines_of
    from harness.data.readers.tokens import conll_sequences

    source = ConllSource(kind="conll", path="x", separator=" ", boundaries=("-DOCSTART-",))
    found = conll_sequences(lines_of(CONLL), source, "x", labelled=True)
    assert found.tokens == (("The", "#tag", "runs"), ("It", "runs"), ("\u2028", "."))
    assert found.y.tolist() == [["DET", "NOUN", "VERB"], ["PRON", "VERB", ""], ["X", "PUNCT", ""]]
    assert [found.name_of(at) for at in range(3)] == ["line 3", "line 8", "line 11"]
    assert found.notes == ("x: 1 token of blanks alone, taken as such",)
    plain = conll_sequences(lines_of(CONLL), source.model_copy(update={"comment": "#"}), "x", labelled=False)
    assert plain.tokens[0] == ("The", "runs")
    universal = ConllSource(kind="conllu", path="x")
    found = conll_sequences(lines_of(CONLLU), universal, "x", labelled=True)
    assert found.tokens == (("In", "dem", "Haus"), ("Ja",))
    assert found.y.tolist() == [["ADP", "DET", "NOUN"], ["INTJ", "", ""]]
    lemmas = conll_sequences(lines_of(CONLLU), universal.model_copy(update={"label_column": 3}), "x", labelled=True)
    assert lemmas.y[0].tolist() == ["in", "der", "Haus"]


@pytest.mark.parametrize(
    ("content", "more", "phrase"),
    [
        ("a X\nb Y\n", {}, r"line 1: 1 column between '\\t': expected at least 2"),
        ("a\tX\nb\t\n", {}, "line 2: expected a label in column 2, got an empty one"),
        ("\n\n", {}, "has no line with a token"),
        ("a\tX\nb\tY\n", {"label_column": 4}, "line 1: 2 columns .* expected at least 4"),
    ],
)
def test_a_line_without_its_columns_is_named(
    write_text: Write, content: str, more: dict[str, Any], phrase: str
) -> None:
    path = write_text(content, "toy.conll")
    with pytest.raises(DataError, match=phrase):
        load({"kind": "conll", "path": str(path), **more}, {"kind": "label"})


def sentences(count: int, seed: int) -> str:
    random, words = np.random.default_rng(seed), [("the", "DET"), ("cat", "NOUN"), ("sat", "VERB"), ("down", "ADV")]
    lines = []
    for number in range(count):
        chosen = [words[at] for at in random.integers(0, 4, 1 + number % 5)]
        lines += [f"{word}\t{kind}" for word, kind in chosen] + [f"once{seed}{number}\tX", ""]
    return "\n".join(lines)


def test_labels_of_a_corpus_with_official_parts(tmp_path: Path) -> None:
    parts = {"train": 40, "validation": 10, "test": 12}
    for seed, (part, count) in enumerate(parts.items()):
        (tmp_path / f"{part}.conll").write_text(sentences(count, seed))
    source = {"kind": "conll", **{part: str(tmp_path / f"{part}.conll") for part in parts}}
    data = load(source, {"kind": "label", "metric": "log_loss"})
    assert data.facts.sizes == (40, 10, 12)
    assert data.classes == ("ADV", "DET", "NOUN", "VERB", "X")
    # A word that the training part holds once is the unknown token, so that what this means is learnt.
    assert set(data.vocabulary) == {UNKNOWN, "the", "cat", "sat", "down"}
    assert set(load(source, {"kind": "label", "least_count": 1}).vocabulary) > {"once00", "once039"}
    scores = {score.name: score.test_score for score in compute(data)}
    assert list(scores) == [
        "majority class",
        "classes of the token",
        "n-grams with back-off",
        "logistic regression on tokens beside",
    ]
    assert (
        max(scores["classes of the token"], scores["logistic regression on tokens beside"])
        < 0.2 * scores["majority class"]
    )
    two = {name: path for name, path in source.items() if name != "validation"}
    assert load(two, {"kind": "label"}).facts.sizes[2] == 12
    assert sum(load({"kind": "conll", "path": source["train"]}, {"kind": "label"}).facts.sizes) == 40


def test_a_baseline_of_labels_sees_the_tokens_beside(tmp_path: Path) -> None:
    """What a token is depends on the one before it alone."""
    random = np.random.default_rng(0)
    lines = []
    for _ in range(60):
        tokens = random.choice(["a", "b"], random.integers(3, 7))
        before = ["", *tokens[:-1]]
        lines += [f"{token}\t{'after a' if one == 'a' else 'else'}" for token, one in zip(tokens, before, strict=True)]
        lines.append("")
    (tmp_path / "a.conll").write_text("\n".join(lines))
    data = load({"kind": "conll", "path": str(tmp_path / "a.conll")}, {"kind": "label"})
    scores = {score.name: score.test_score for score in compute(data)}
    assert scores["logistic regression on tokens beside"] == 1
    assert scores["classes of the token"] < 0.8


def test_texts_with_official_parts(tmp_path: Path) -> None:
    for part, count in (("train", 30), ("dev", 8), ("test", 10)):
        lines = [f"{row % 2} so it {'was' if row % 2 else 'is'} {part} {'and on ' * (row % 7)}" for row in range(count)]
        (tmp_path / part).write_text("\n".join(lines), "latin-1")
    source = {"kind": "text", "form": "lines", "separator": " ", "encoding": "latin-1"}
    files = {"train": str(tmp_path / "train"), "validation": str(tmp_path / "dev"), "test": str(tmp_path / "test")}
    data = load(source | files, {"kind": "classify", "tokens": "words"})
    assert data.facts.sizes == (30, 8, 10)
    assert "train" in data.vocabulary
    assert not {"dev", "test"} & set(data.vocabulary)
    number = load(source | {"train": files["train"], "test": files["test"]}, {"kind": "regress", "tokens": "words"})
    assert number.facts.sizes[2] == 10
    assert set(number.train.y[:, 0].tolist()) == {0.0, 1.0}


def test_a_line_ends_where_an_editor_ends_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\r\n".join(f"{row % 2}\tone\u2028two\x0bthree" for row in range(30)).encode())
    data = load({"kind": "text", "form": "lines", "path": str(tmp_path / "a.txt")}, {"kind": "classify"})
    assert sum(data.facts.sizes) == 30


ATLAS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "atlas"


@pytest.mark.skipif(not ATLAS.is_dir(), reason="the atlas is not here")
@pytest.mark.parametrize(
    ("source", "task", "split", "sequences", "tokens"),
    [
        (
            {"kind": "conllu", **{part: f"pos_telugu/te_mtg-ud-{name}.conllu" for part, name in
                                  (("train", "train"), ("validation", "dev"), ("test", "test"))}},
            {"kind": "label"}, {}, 1328, 6465,
        ),
        (
            {"kind": "conll", "separator": " ", "comment": "#", "boundaries": ["<>", "end", "<end>"],
             **{part: f"protein_secondary/protein-secondary-structure.{part}" for part in ("train", "test")}},
            {"kind": "label"}, {}, 128, 11791 + 4384 + 5450,
        ),
        (
            {"kind": "csv", "path": "esol/delaney-processed.csv"},
            {"kind": "regress", "text": "smiles", "target": "measured log solubility in mols per litre"},
            {}, 1128, None,
        ),
        (
            {"kind": "csv", "path": "helpdesk_events/helpdesk.csv"},
            {"kind": "next_token", "token": "ActivityID", "id": "CaseID", "time": "CompleteTimestamp"},
            {"rule": "shuffled"}, 3803, 13710 - 3804,
        ),
    ],
    ids=["parts of speech", "proteins", "molecules", "events"],
)  # fmt: skip
def test_real_sets_have_their_sequences_and_tokens(
    source: dict[str, Any], task: dict[str, Any], split: dict[str, Any], sequences: int, tokens: int | None
) -> None:
    located = {key: str(ATLAS / value) if key in ("path", "train", "validation", "test") else value
               for key, value in source.items()}  # fmt: skip
    data = load(located, task, split=split)
    parts = (data.train, data.validation, data.test.open())
    assert sum(len(part) for part in parts) == sequences
    assert tokens is None or sum(int(part.lengths.sum()) for part in parts) == tokens


def test_new_says_how_a_text_a_row_is_read(molecules: Path) -> None:
    frame = pd.read_csv(molecules)[["smiles", "active"]].assign(smiles=[f"C{row}" for row in range(60)])
    with pytest.raises(
        UsageError, match=r'--id COLUMN for a task of kind classify; of a text a row, .* text = "smiles"'
    ):
        infer_task(frame, UserHints(task="classify", target="active"), "my.csv")
