"""The Atlas as one HTML page that loads nothing: the sentence, the forest, a table that filters, and every limit."""

from __future__ import annotations

from harness.atlas.answer import Answer
from harness.atlas.report import words
from harness.atlas.report.figure import KEY, LOOKS, forest
from harness.report.axes import APPEARANCES
from harness.report.html import environment
from harness.report.page import script

ANCHOR = "atlas"
"""What the script calls the table."""


def page(answer: Answer) -> str:
    """The whole HTML document.

    Args:
        answer: The Atlas's answer.
    """
    rows = words.table(answer)
    figure = forest(answer, f"{ANCHOR}-forest")
    heads = [head.lower() for head in words.HEADER]
    wordy = [words.HEADER.index(name) for name in words.WORDS]
    data = {
        "figures": {f"{ANCHOR}-forest": getattr(figure, "tips", {})} if figure else {},
        "tables": {
            ANCHOR: {
                "heads": heads,
                "words": wordy,
                "looks": {},
                "noun": "data sets",
                "rows": [(place, 0, cells) for place, cells in enumerate(rows)],
            }
        },
    }
    return (
        environment()
        .get_template("atlas.html.j2")
        .render(
            answer=answer,
            state=words.state(answer),
            headline=words.headline(answer),
            findings=words.findings(answer),
            limits=words.limits(answer),
            figure=figure,
            figure_key=KEY,
            key=f"{words.KEY} {words.KEY_OF_COSTS}",
            tasks=words.by_task(answer),
            task_heads=[head.lower() for head in words.BY_TASK],
            task_key=words.KEY_BY_TASK,
            heads=heads,
            words=wordy,
            rows=rows,
            looks=LOOKS,
            anchor=ANCHOR,
            data=script.block(data),
            policy=script.policy(),
            script=script.script(),
            licence=script.licence(),
            appearances=APPEARANCES,
        )
    )
