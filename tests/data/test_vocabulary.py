from __future__ import annotations

import pytest

from harness.data.encoding import UNKNOWN, fit_vocabulary, to_numbers, tokenize


@pytest.mark.parametrize("text", ["to be, or not to be\n", "Ünïcödé 日本語 🎵", "", "\t \r"])
def test_characters_come_back_as_they_were(text: str) -> None:
    tokens = tokenize(text, "characters")
    vocabulary = fit_vocabulary([tokens], 1000)
    numbers, lengths = to_numbers([tokens, ["z"]], vocabulary)
    assert lengths.tolist() == [len(text), 1]
    assert "".join(vocabulary[number] for number in numbers[0, : len(text)]) == text


def test_words_keep_their_apostrophes_and_punctuation_stands_alone() -> None:
    tokens = tokenize("Don't panic -- it's 42!", "words")
    assert tokens == ["Don't", "panic", "-", "-", "it's", "42", "!"]


def test_the_most_frequent_tokens_are_kept_and_all_others_are_one() -> None:
    vocabulary = fit_vocabulary(["abracadabra"], 4)
    assert vocabulary == (UNKNOWN, "a", "b", "r")
    assert to_numbers(["abcdz"], vocabulary)[0].tolist() == [[1, 2, 0, 0, 0]]


def test_a_text_that_holds_the_sign_for_the_unknown_adds_no_second_one() -> None:
    vocabulary = fit_vocabulary([f"a{UNKNOWN}b"], 9)
    assert vocabulary.count(UNKNOWN) == 1
    assert to_numbers([f"a{UNKNOWN}"], vocabulary)[0].tolist() == [[1, 0]]
