"""The tutorials of the documentation, run from the first block to the last in a process of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"
TOLD = {
    "scikit_learn.md": r"^(lstm|gru) (winner|practically_equal|undecided)$",
    "own_network.md": r"digit_rows@\w+[\s\S]*<Champion \S+: classify, (lstm|mine), [^>]*> \d+ of 1297 right",
}
"""Page → what it prints, among other things."""

_BLOCK = re.compile(r"^```(python|toml)\n(?:# (\w+\.(?:py|toml))\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", TOLD)
def test_a_tutorial_runs_to_its_end(page: str, tmp_path: Path) -> None:
    code = []
    for language, file, text in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if file:
            (tmp_path / file).write_text(text, encoding="utf-8")
        else:
            assert language == "python"
            code.append(text)
    script = tmp_path / "page.py"
    script.write_text("\n".join(code), encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(TOLD[page], done.stdout, re.MULTILINE), done.stdout
    assert "Traceback" not in done.stderr
