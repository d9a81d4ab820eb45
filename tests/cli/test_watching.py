"""How a running sweep looks, with a terminal of any width and without one."""

from __future__ import annotations

import pytest
from rich.console import Console

from harness.errors import UsageError
from harness.records import Direction, Objective
from harness.sweeps.events import FamilyProgress, Message, Progress, SweepStarted
from harness.sweeps.live.progress import ProgressDisplay, plain, table, watched

OBJECTIVE = Objective("accuracy", Direction.MAX)


def progress(wanted: int | None = 20, name: str = "gru", dataset: str = "vowels", **changes: object) -> Progress:
    families = (
        FamilyProgress("lstm", 7, wanted, 1, 2, 0.93333),
        FamilyProgress(name, 20, wanted, 1, 0, None),
    )
    return Progress(dataset, OBJECTIVE, families, **{"seconds_left": 125.0, **changes})


def drawn(phrase: Progress, width: int) -> list[str]:
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(table(phrase, width))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_line_a_family_with_trials_score_and_time_left() -> None:
    assert drawn(progress(), 80) == [
        "vowels  about 2 min 5 s left  best validation accuracy",
        "  lstm ━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌ 7/20 trials, 2 failed 0.9333",
        "  gru  ━━━━━━━━━━━━━━━━━━━━ 20/20 trials          –",
    ]


@pytest.mark.parametrize("width", [40, 50, 60, 72])
@pytest.mark.parametrize("wanted", [20, None])
def test_a_narrow_terminal_loses_the_bar_then_letters_of_the_name_and_never_the_score(width, wanted) -> None:
    lines = drawn(progress(wanted, "a-family-of-a-very-long-name"), width)
    assert len(lines) == 3
    assert max(map(len, lines)) <= width
    assert lines[1].endswith("0.9333")
    assert "20/20 trials" in lines[2] or wanted is None


def test_plain_is_the_same_in_one_line() -> None:
    assert plain(progress()) == (
        "vowels: lstm 7/20 trials, 2 failed, best validation accuracy 0.9333; "
        "gru 20/20 trials, best validation accuracy –; about 2 min 5 s left"
    )
    assert plain(progress(seconds_left=None)).endswith("accuracy –")
    assert plain(progress(over=True)).endswith("; searches done")


def test_without_a_terminal_there_are_plain_lines_now_and_then(capsys) -> None:
    with ProgressDisplay() as progress_display:
        progress_display(SweepStarted("vowels-1"))
        for _ in range(3):
            progress_display(progress())
        progress_display(progress(over=True))
        progress_display(Message("a note"))
        progress_display(Message("for those who asked", detail=True))
    phrase = capsys.readouterr()
    assert phrase.out == ""
    lines = phrase.err.splitlines()
    assert lines[0] == "starting a new sweep, vowels-1"
    assert [line.startswith("vowels: ") for line in lines[1:3]] == [True, True]
    assert lines[3:] == ["a note"]


def test_verbose_shows_details_and_quiet_nothing(capsys) -> None:
    with ProgressDisplay(verbose=True) as progress_display:
        progress_display(Message("for those who asked", detail=True))
    assert capsys.readouterr().err == "for those who asked\n"
    with ProgressDisplay(quiet=True, warning="crowded") as progress_display:
        for phrase in (SweepStarted("vowels-1"), progress(), Message("a note")):
            progress_display(phrase)
        assert progress_display.sweep_id == "vowels-1"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("started", "line"),
    [
        (SweepStarted("x"), "starting a new sweep, x"),
        (SweepStarted("x", resumed=True), "resuming sweep x"),
        (
            SweepStarted("x", resumed=True, finished=True),
            "sweep x has finished already; writing its report and its MLflow runs again",
        ),
    ],
)
def test_it_says_which_sweep_this_is_and_then_what_to_beware_of(started, line, capsys) -> None:
    with ProgressDisplay(warning="crowded") as progress_display:
        progress_display(started)
    phrase = capsys.readouterr().err.splitlines()
    assert phrase[0].startswith(line)
    assert phrase[1:] == ["crowded"]


def test_a_terminal_gets_one_table_a_dataset_and_the_cursor_back(capsys, monkeypatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    with ProgressDisplay() as progress_display:
        progress_display(progress())
        progress_display(Message("in between"))
        progress_display(progress(over=True))
        progress_display(progress(dataset="waves"))
    phrase = capsys.readouterr().err
    assert "in between" in phrase
    assert phrase.count("\x1b[?25l") == phrase.count("\x1b[?25h") == 2


def test_datasets_that_are_searched_beside_each_other_are_shown_below_each_other(capsys, monkeypatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    with ProgressDisplay() as progress_display:
        progress_display(progress())
        progress_display(progress(dataset="waves"))
        capsys.readouterr()
        progress_display(progress())
        both = capsys.readouterr().err
        progress_display(progress(over=True))
        capsys.readouterr()
        progress_display(progress(dataset="waves"))
        one = capsys.readouterr().err
    assert both.index("vowels") < both.index("waves")
    assert "waves" in one
    assert "vowels" not in one
    phrase = both + one + capsys.readouterr().err
    assert "\x1b[?25h" in phrase


def test_a_notebook_gets_one_table_a_dataset_that_is_changed_in_place(monkeypatch) -> None:
    """As IPython is called in a kernel; tests/test_notebook.py sees it in a real one."""
    shown: list[tuple[str, dict[str, str]]] = []

    class Handle:
        def update(self, data, raw):
            shown.append(("changed", data))

    def display(data, raw, display_id):
        shown.append(("new", data))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    progress_display = ProgressDisplay()
    progress_display._console.is_jupyter = True
    for phrase in (progress(), progress(over=True), progress(dataset="<waves>", wanted=None)):
        progress_display(phrase)
    assert [how for how, _ in shown] == ["new", "changed", "new"]
    first, last, other = (data["text/html"] for _, data in shown)
    assert '<td>lstm</td><td><progress max="20" value="7"></progress></td><td>7/20 trials, 2 failed</td>' in first
    assert "about 2 min 5 s left" in first
    assert "searches done" in last
    assert "&lt;waves&gt;" in other
    assert "<progress" not in other
    assert shown[0][1]["text/plain"] == plain(progress())


@pytest.mark.parametrize(
    ("verbose", "with_callback", "lines"),
    [
        ("auto", False, ["starting a new sweep, x", "a note"]),
        ("auto", True, []),
        (0, False, []),
        (False, True, []),
        (1, True, ["starting a new sweep, x", "a note"]),
        (True, False, ["starting a new sweep, x", "a note"]),
        (2, False, ["starting a new sweep, x", "a note", "for those who asked"]),
    ],
)
def test_a_program_is_shown_its_sweep_unless_it_asks_for_less(verbose, with_callback, lines, capsys) -> None:
    events = [SweepStarted("x"), Message("a note"), Message("for those who asked", detail=True)]
    heard: list[object] = []
    with watched(heard.append if with_callback else None, verbose) as watcher:
        for event in events:
            watcher(event)
    assert heard == (events if with_callback else [])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == lines


@pytest.mark.parametrize("verbose", ["yes", 3, None, 1.5])
def test_another_word_for_how_much_is_shown_is_refused(verbose) -> None:
    with pytest.raises(UsageError, match=r"verbose = .*: expected 0 \(nothing\), 1"):
        watched(None, verbose)
