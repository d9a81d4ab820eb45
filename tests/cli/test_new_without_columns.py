"""`datasets new` for sounds, tokens and texts: a config that `check` loads, or the one option that settles it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile
from typer.testing import CliRunner

from harness.cli.datasets import app
from harness.errors import HarnessError

TONE = np.sin(np.arange(1000)).astype(np.float32)
MAILS = [f"{'spam' if n % 3 else 'ham'}\tthis is mail number {n}\n" for n in range(60)]
TOKENS = "".join(f"word{n % 5} N\nruns{n % 3} V\n. P\n\n" for n in range(30))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> str:
    """What a command prints, or its error."""
    result = CliRunner().invoke(app, words)
    if isinstance(result.exception, HarnessError):
        return str(result.exception)
    assert result.exception is None, result.exception
    return result.output


def sounds(*names: str) -> None:
    for name in names:
        path = Path("sounds", f"{name}.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, 8000, TONE)


def test_a_folder_a_class_of_sounds() -> None:
    sounds(*(f"{word}/{number}" for word in ("yes", "no") for number in range(10)))
    assert "pattern = {class}/*.wav: a folder a class, 2 classes" in run("new", "sounds")
    assert "frame_samples = 160" in Path("datasets/sounds.toml").read_text()
    checked = run("check", "sounds")
    assert "6 steps" in checked
    assert "classes    2: no, yes" in checked


def test_the_begin_of_a_name_is_a_class() -> None:
    sounds(*(f"{word}_{number}" for word in ("yes", "no") for number in range(10)))
    assert "pattern = {class}_*.wav: names such as no_0 say the class" in run("new", "sounds")
    assert "classes    2: no, yes" in run("check", "sounds")


def test_two_parts_of_a_name_are_asked_for() -> None:
    sounds(*(f"{digit}_{who}_{take}" for digit in range(3) for who in ("ann", "bob", "cy", "di") for take in range(3)))
    asked = run("new", "sounds")
    assert "which part of a name such as 0_ann_0 says the class? Expected --pattern '{class}_*_*.wav' or" in asked
    assert "split by group" in run("new", "sounds", "--pattern", "{class}_{group}_*.wav")
    assert "by whole groups" in run("check", "sounds")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "b", "c"], "neither folders nor names such as a.wav say a class: expected --pattern"),
        (["x/a/1", "x/b/2", "y/a/1", "y/b/2"], "which folder says the class? Expected --pattern '{class}/*/*.wav' or"),
        (["x/1", "2"], "folders of different depth: expected --pattern"),
    ],
)
def test_sounds_without_a_class_are_refused(names: list[str], said: str) -> None:
    sounds(*names)
    assert said in run("new", "sounds")
    assert not Path("datasets").exists()


def test_a_token_a_line_with_official_parts() -> None:
    for part in ("train", "dev", "test"):
        Path(f"{part}.conll").write_text(f"-DOCSTART- O\n\n{TOKENS}")
    output = run("new", "train.conll", "--name", "words")
    assert "label_column = 2: the last, 3 classes" in output
    assert "official parts: dev.conll and test.conll beside it" in output
    assert "30 train, 30 validation, 30 test; 3 steps" in run("check", "words")


@pytest.mark.parametrize("name", ["tags.txt", "tags.tsv", "tags.iob"])
def test_a_token_a_line_by_other_suffixes(name: str) -> None:
    Path(name).write_text(TOKENS.replace(" ", "\t"))
    assert "separator = a tab: 2 columns a line" in run("new", name)
    assert "classes    3: N, P, V" in run("check", "tags")


def test_universal_dependencies_and_another_column() -> None:
    line = "{0}\tword{1}\tl{1}\t{2}\t{3}\t_\t0\troot\t_\t_\n"
    rows = "".join(
        "# text\n1-2\tboth"
        + "\t_" * 8
        + "\n"
        + line.format(1, n % 5, "NOUN", "x")
        + line.format(2, n % 3, "VERB", "y")
        + "\n"
        for n in range(30)
    )
    Path("ud.conllu").write_text(rows)
    assert "label_column = 4: the part of speech, 2 classes; --target 3 reads another" in run("new", "ud.conllu")
    assert "classes    2: NOUN, VERB" in run("check", "ud")
    run("new", "ud.conllu", "--target", "5", "--force")
    assert "classes    2: x, y" in run("check", "ud")
    assert "--target 11: expected the number of the label's column" in run("new", "ud.conllu", "--target", "11")


def test_lines_of_unequal_columns_are_refused() -> None:
    Path("odd.conll").write_text("a N\nb\n\nc V\n")
    assert "lines of 1 and 2 columns: expected a token and its label" in run("new", "odd.conll")


@pytest.mark.parametrize(("side", "word"), [("first", "begins"), ("last", "ends")])
def test_labelled_lines(side: str, word: str) -> None:
    lines = MAILS if side == "first" else ["\t".join(line.strip().split("\t")[::-1]) + "\n" for line in MAILS]
    Path("mails.txt").write_text("".join(lines))
    assert f"label = {side}: each line {word} with one of 2 classes" in run("new", "mails.txt")
    assert "classes    2: ham, spam" in run("check", "mails")
    assert "--pattern: expected it only for a folder of .wav files" in run("new", "mails.txt", "--pattern", "x")


def test_a_table_of_texts_and_labels() -> None:
    rows = (line.strip().split("\t") for line in MAILS)
    Path("mails.csv").write_text("text,label\n" + "".join(f'"well, {text}",{label}\n' for label, text in rows))
    assert "text = text: 60 different texts, a row a sequence" in run("new", "mails.csv")
    checked = run("check", "mails")
    assert "channels   1: words" in checked
    assert "classes    2: ham, spam" in checked


def test_texts_beside_numbers_are_asked_for() -> None:
    rows = "".join(f"a long remark of number {n},{n / 7},{n % 2}\n" for n in range(60))
    Path("cars.csv").write_text("remark,weight,fast\n" + rows)
    asked = run("new", "cars.csv", "--target", "fast")
    assert (
        "remark holds a text in each row: expected --task classify or --task regress for the texts of remark" in asked
    )
    run("new", "cars.csv", "--target", "fast", "--task", "classify")
    assert "classes    2: 0, 1" in run("check", "cars")


def test_a_folder_of_texts_and_of_nothing() -> None:
    for name in ("greek", "latin"):
        Path("names").mkdir(exist_ok=True)
        Path("names", f"{name}.txt").write_text("".join(f"{name}{n}\n" for n in range(20)))
    output = run("new", "names")
    assert "a file a class, 2 classes" in output
    assert "tokens = characters" in output
    assert "classes    2: greek, latin" in run("check", "names")
    Path("empty").mkdir()
    assert "empty: is a folder: expected a file, or a folder of .wav files, or of .txt files" in run("new", "empty")
