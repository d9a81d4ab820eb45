"""What a registered version says of itself: tags to filter by, and a description that leads to its evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.tracking import naming

STATUS = "status"
TESTED, UNTESTED = "tested", "untested"


def version_tags(champion: Mapping[str, Any], key: str, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a version.

    Args:
        champion: Its description, as plain values.
        key: Sweep and trial that it is.
        tags: What the caller adds, such as the verdict.
    """
    evidence = champion.get("evidence") or {}
    arms = evidence.get("arms", {})
    own = arms.get(champion["arm"], {})
    baselines = evidence.get("baselines", {}).values()
    best = (min if champion.get("direction", "min") == "min" else max)(baselines, default=None)
    known = {
        **{name: champion[name] for name in ("sweep_id", "family", "arm", "metric", "test_score")},
        "validation_score": None if champion.get("refit") else own.get("validation_score"),
        **{f"expected_test_{name}": arm.get("expected_test_score") for name, arm in arms.items()},
        "best_baseline": best,
        "winner": evidence.get("winner"),
        "budget": evidence.get("budget"),
    }
    words = {name: naming.cut(str(value)) for name, value in known.items() if value is not None}
    status = UNTESTED if champion.get("refit") else TESTED
    return {**tags, **words, STATUS: status, "dataset": str(champion["name"]), naming.TRIAL_KEY: key}


def about(champion: Mapping[str, Any], name: str, tags: Mapping[str, str], page: str) -> str:
    """The description in Markdown: why it is there, the verdict, the score, and the way to the comparison."""
    evidence = champion.get("evidence") or {}
    unit = f" {champion['unit']}" if champion.get("unit") else ""
    score = champion["test_score"]
    scored = f"test {champion['metric']} {score:.6g}{unit}" if score is not None else "untested"
    lines = [
        tags.get("why", ""),
        evidence.get("headline", ""),
        f"{champion['family']}, {scored}; trial `{champion['trial']}`",
        f"Evidence: [the comparison]({page}), with its report, its table of trials and its cards as artifacts; "
        f"`harness models show {name}`",
    ]
    return "\n\n".join(line for line in lines if line)
