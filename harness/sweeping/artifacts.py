"""The files that MLflow keeps with a comparison: enough to read its answer and to make it again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.records import ComparisonResult, SweepResult, TrialRecord
from harness.report.drawings import figures
from harness.report.html import html
from harness.report.tables import trials_csv
from harness.sweeping.planning import SweepHeader
from harness.tracking.naming import CASES_FILE, CHANGES_FILE, TRIALS_FILE, VERDICT_FILE, card_file


def comparison_files(
    result: ComparisonResult,
    so_far: SweepResult,
    header: SweepHeader,
    ui_command: str,
    cases: Mapping[str, Any],
    links: Mapping[str, str],
    changes: Sequence[str] = (),
) -> dict[str, str]:
    """Place among the artifacts of the comparison's run → content.

    Args:
        result: The comparison.
        so_far: The sweep with this comparison alone, for the report.
        header: The sweep's plan and cards.
        ui_command: The command that opens MLflow's UI on the store.
        cases: Scores of test cases, by the trial's key.
        links: Addresses of the runs in MLflow's UI, for the report.
        changes: What was changed since the sweep began.
    """
    explanation = {"explanation.json": _json(result.explanation.to_json())} if result.explanation else {}
    return {
        "report.html": html(so_far, ui_command, links),
        TRIALS_FILE: trials_csv([result]),
        VERDICT_FILE: _json(result.verdict.to_json()),
        CASES_FILE: json.dumps(cases),
        CHANGES_FILE: json.dumps(list(changes), indent=2),
        "ledger.json": _json({arm.arm.name: arm.ledger.to_json() for arm in result.arms}),
        "learning_curves.csv": learning_curves(result.trials),
        "environment.json": _json(_environment(header)),
        **explanation,
        **_cards(header, result.dataset),
        **{f"figures/{name}.svg": drawing.svg for name, drawing in figures(result).items()},
    }


def learning_curves(trials: tuple[TrialRecord, ...]) -> str:
    """Every epoch of every trial as CSV: training loss in scaled units, validation score in the objective's unit."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("family", "replicate", "trial", "epoch", "train_loss", "validation"))
    for trial in trials:
        key = trial.key
        for epoch, pair in enumerate(zip(trial.train_losses, trial.validation_scores, strict=False), start=1):
            writer.writerow((key.arm, key.replicate, key.number, epoch, *pair))
    return buffer.getvalue()


def _cards(header: SweepHeader, dataset: str) -> dict[str, str]:
    spaces = {card_file(family): card.model_dump_json(indent=2) for family, card in header.spaces.items()}
    return {card_file(dataset): header.datasets[dataset].model_dump_json(indent=2), **spaces}


def _environment(header: SweepHeader) -> dict[str, Any]:
    return {
        "versions": dict(header.versions),
        "plan": header.plan.model_dump(mode="json"),
        "sha256_of_cards": dict(header.hashes),
    }


def _json(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, indent=2)
