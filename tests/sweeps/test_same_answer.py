"""One answer everywhere: what terminal, JSON, page, MLflow's run and registered model say of a sweep is its record."""

from __future__ import annotations

import html
import json
import re

import pytest

from harness.checks.verify import verify
from harness.records import Verdict
from harness.report.text import document, text
from harness.stats.words import brief, sentences
from harness.tracking import connect
from harness.tracking.registry import registered_versions


def flat(page: str) -> str:
    """The text of a page in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).replace("\N{NO-BREAK SPACE}", " ").split())


def _parent_run(swept, dataset: str):
    client = connect(swept.store)
    experiment = client.get_experiment_by_name(swept.header.plan.name)
    wanted = f"tags.phase = 'comparison' and tags.dataset = '{dataset}'"
    return client.search_runs([experiment.experiment_id], wanted)[0]


@pytest.fixture(params=["tiny_adding", "tiny_waves"])
def decided(request: pytest.FixtureRequest, swept) -> Verdict:
    """A dataset's verdict as the sweep returned it."""
    verdicts = {comparison.dataset: comparison.verdict for comparison in swept.result.comparisons}
    assert verdicts[request.param].recommendation is not None
    return verdicts[request.param]


def test_the_page_says_the_records_sentences(swept, decided) -> None:
    page = flat((swept.folder / "report.html").read_text())
    told = sentences.recommendation(decided).removeprefix(f"{decided.dataset}: ")
    settling = sentences.settling(decided, swept.result.to_extend(swept.store.options)).replace("`", "")
    for sentence in (told[1:], *sentences.three(decided), settling):
        assert " ".join(sentence.split()) in page


def test_the_terminal_says_the_records_sentences(swept, decided) -> None:
    shown = " ".join(text(swept.result, "", 80, options=swept.store.options).split())
    settling = sentences.settling(decided, swept.result.to_extend(swept.store.options))
    for sentence in (sentences.recommendation(decided), *sentences.three(decided), settling):
        assert " ".join(sentence.split()) in shown
    assert sentences.recommendation(decided) in str(swept.result)


def test_json_is_the_record(swept, decided) -> None:
    plain = json.loads(json.dumps(document(swept.result, swept.store.options)))
    assert Verdict.from_json(plain["verdicts"][decided.dataset]).recommendation == decided.recommendation
    assert plain["answers"][decided.dataset]["recommendation"] == sentences.recommendation(decided)
    assert plain["answers"][decided.dataset]["sentences"] == list(sentences.three(decided))


def test_mlflows_run_says_what_the_record_says(swept, decided) -> None:
    run, found = _parent_run(swept, decided.dataset), decided.recommendation
    assert run.info.run_name == brief.answer(decided)
    tags, note = run.data.tags, run.data.tags["mlflow.note.content"]
    assert tags["recommendation"] == brief.use(found)
    assert note.startswith(f"**{sentences.recommendation(decided)}**")
    assert all(sentence in note for sentence in sentences.three(decided))
    numbers = {
        "probability": found.probability,
        "worst_case_excess_error": found.regret,
        "error_reduction": found.lower_loss,
    }
    held = {name: run.data.metrics.get(f"verdict/{name}") for name in numbers}
    assert held == numbers
    published = {name: run.data.metrics[f"{name}/held_out_test_score"] for name in found.scores}
    assert published == dict(found.scores)


def test_the_registered_model_is_the_recommended_familys(swept, decided) -> None:
    comparison = next(one for one in swept.result.comparisons if one.dataset == decided.dataset)
    assert comparison.champion.arm == decided.recommendation.family
    assert comparison.champion.why == brief.why(decided.recommendation)
    version = registered_versions(swept.store, decided.dataset)[-1]
    assert version.tags["recommendation"] == brief.use(decided.recommendation)
    evidence = json.loads((swept.folder / "champions" / decided.dataset / "champion.json").read_text())["evidence"]
    assert evidence["recommendation"] == json.loads(json.dumps(decided.recommendation.to_json()))
    assert evidence["headline"] == sentences.recommendation(decided)


def test_the_recommendation_can_be_made_again_from_mlflow(swept, decided) -> None:
    again = {one.dataset: one for one in verify(swept.store, swept.result.sweep_id)}[decided.dataset]
    assert again.agrees
    assert again.verdict.recommendation == decided.recommendation


def test_the_experiment_says_what_to_use_on_every_dataset(swept) -> None:
    note = connect(swept.store).get_experiment_by_name(swept.header.plan.name).tags["mlflow.note.content"]
    assert note.startswith(brief.answers([comparison.verdict for comparison in swept.result.comparisons]))
