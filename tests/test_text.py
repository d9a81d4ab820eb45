from harness.text import begin_of

SENTENCE = "it was still falling at the end of the budget: from the best of 5 to the best of 10 trials, by 0.0004"


def test_the_begin_of_a_sentence_ends_with_a_clause() -> None:
    clauses = "it was still falling at the end of the budget", " from the best of 5 to the best of 10 trials"
    assert begin_of(SENTENCE, len(SENTENCE)) == SENTENCE
    assert begin_of(SENTENCE, len(SENTENCE) - 1) == ":".join(clauses)
    assert begin_of(SENTENCE, 80) == clauses[0]
    assert begin_of(SENTENCE, 20) == "it was still fallin…"
    assert begin_of("1,000 cases", 11) == "1,000 cases"
