"""Every card in `broken/` has one fault; its first line says which kind of card it is and the message it must get."""

import re
from pathlib import Path

import pytest

from harness.config import find_dataset, find_space, read_sweep
from harness.errors import ConfigError

BROKEN = sorted(path for path in (Path(__file__).parent / "broken").glob("*.toml") if path.name[0] != "_")

READ = {
    "dataset": find_dataset,
    "space": find_space,
    "sweep": lambda path: read_sweep(Path(path), {}),
}


def first_line(path: Path) -> tuple[str, str]:
    line = path.read_bytes().split(b"\n", 1)[0].decode()
    found = re.fullmatch(r"# (dataset|space|sweep): (.+)", line)
    assert found, f"{path.name}: the first line says neither kind nor message"
    kind, message = found.groups()
    return kind, message


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_card_gets_its_message_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent.parent)
    kind, message = first_line(path)
    with pytest.raises(ConfigError) as caught:
        READ[kind](f"broken/{path.name}")
    assert str(caught.value) == f"broken/{path.name}: {message}"


def test_there_are_broken_cards_of_every_kind() -> None:
    kinds = [first_line(path)[0] for path in BROKEN]
    assert {kind: kinds.count(kind) >= 8 for kind in READ} == dict.fromkeys(READ, True)
