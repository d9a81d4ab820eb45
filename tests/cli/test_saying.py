"""What is printed: text that a terminal does not obey, JSON that reads back the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.terminal.output import say, say_json

NASTY = "a\x1b[2J\x7f\x9b\u202eb\u2028c\ttab\r\nnext"


def test_a_terminal_obeys_nothing_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    say(NASTY)
    assert capsys.readouterr().out == "a\ufffd[2J\ufffd\ufffd\ufffdb\u2028c\ttab\nnext\n"


def test_json_reads_back_the_same_and_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"löwe": NASTY})
    phrase = capsys.readouterr().out
    assert json.loads(phrase) == {"löwe": NASTY}
    assert "löwe" in phrase
    assert not set("\x1b\x7f\x9b\u202e\u2028") & set(phrase)


def test_a_config_is_shown_without_its_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "evil.toml"
    config.write_text('name = "evil"\ntitle = "\u202eevil"\n', encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["datasets", "show", str(config)])
    phrase = capsys.readouterr()
    assert "\u202e" not in phrase.out + phrase.err
