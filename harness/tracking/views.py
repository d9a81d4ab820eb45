"""Views of MLflow's pages that show a sweep as it should be read. Pure: what a view is, as text; knows no client.

MLflow keeps a shared view as a tag of the experiment: which columns a table has, how wide they are, how runs are
grouped and which charts are drawn. Its address names the view. Nobody's own settings are changed by one, and a version
of MLflow that does not know a key leaves it out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from harness.tracking import naming

VIEW_TAG = "mlflow.sharedViewState."
COLOR_TAG = "mlflow.runColor"
"""Given to the runs of one family alike, so that charts of single runs show families apart."""

VERDICTS = "verdicts"
SCORE = naming.TRIAL_METRICS[naming.VALIDATION_SCORE]

MOST_RUNS = 1000
"""Runs that a chart draws."""

MOST_CHARTS = 12
"""Hyperparameters that have a chart: a view must fit into a tag."""

_FACETS: Mapping[str, Any] = {
    "orderByKey": "attributes.start_time",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
}


@dataclass(frozen=True, slots=True)
class Showing:
    """What of a sweep is shown, and how.

    Attributes:
        colors: Colour of each family, such as `#0072b2`, by its name, in order.
        hyperparameters: Names of the hyperparameters that were searched.
        logarithmic: Those of them whose scale is logarithmic.
    """

    colors: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Sequence[str] = ()
    logarithmic: frozenset[str] = frozenset()


def view_tags(showing: Showing, dataset: str) -> dict[str, str]:
    """The experiment's tags that hold the views: the verdicts of all datasets, the trials of this one."""
    views = {VERDICTS: verdicts_view(), trials_key(dataset): trials_view(showing, dataset)}
    return {f"{VIEW_TAG}{key}": json.dumps(view, separators=(",", ":")) for key, view in views.items()}


def trials_key(dataset: str) -> str:
    """The name of the view of a dataset's trials."""
    return f"trials-{dataset}"


def route(experiment_id: str, view: str = "", *, charts: bool = False) -> str:
    """Where MLflow's UI shows an experiment's training runs; unless told it opens its pages for language models.

    Args:
        experiment_id: The experiment's id.
        view: Name of a view; empty for the user's own.
        charts: Whether charts are shown in place of the table.
    """
    options = {"viewStateShareKey": view} if view else {}
    options |= {"compareRunsMode": "CHART"} if charts else {}
    more = "".join(f"&{name}={quote(value)}" for name, value in options.items())
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning{more}"


def verdicts_view() -> dict[str, Any]:
    """A table of comparisons: the answer, how sure it is, expected scores, the lead, the baseline, the model."""
    widths = {
        "attributes.`Run Name`": 400,
        "tags.`probability`": 100,
        "tags.`worst_case_excess_error`": 180,
        f"tags.`{naming.EXPECTED}`": 260,
        f"tags.`{naming.LEAD}`": 330,
        f"tags.`{naming.BEST_BASELINE}`": 260,
        "tags.`champion`": 220,
        "tags.`verdict`": 140,
    }
    chosen = [column for column in widths if not column.startswith("attributes")]
    # Widths are kept for the columns that are in order.
    order = {"columnOrder": list(widths), "columnWidths": widths}
    return {**_FACETS, "searchFilter": "", "selectedColumns": chosen, **order}


def trials_view(showing: Showing, dataset: str) -> dict[str, Any]:
    """A dataset's trials grouped by family: score against each hyperparameter and size, and all of them together."""
    section = "scores"
    plain, logarithms = (naming.keys(prefix, showing.hyperparameters) for prefix in ("hp", naming.LOGARITHMS))
    names = showing.hyperparameters[:MOST_CHARTS]
    hyperparameters = [(logarithms if name in showing.logarithmic else plain)[name] for name in names]
    axes = [("PARAM", key) for key in hyperparameters]
    axes += [("METRIC", naming.TRIAL_METRICS[name]) for name in ("parameters", "fit_seconds")]
    parallel = {
        **_chart("PARALLEL", "parallel", section),
        "selectedParams": hyperparameters,
        "selectedMetrics": [SCORE],
        "showAllRuns": True,
    }
    return {
        **_FACETS,
        "searchFilter": f"tags.phase = 'search' and tags.dataset = '{dataset}'",
        "selectedColumns": ["tags.`family`", f"metrics.`{SCORE}`"],
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "family"}]},
        # A point a trial, and not one a family.
        "useGroupedValuesInCharts": False,
        # Else MLflow sorts by name and puts the sections that it makes of the metrics' prefixes first.
        "isAccordionReordered": True,
        "compareRunSections": [
            {
                "uuid": section,
                "name": f"{dataset}: validation score of every trial",
                "display": True,
                # MLflow's list of runs and its assistant leave half of a screen: side by side no axis can be read.
                "columns": 1,
                "isReordered": False,
                "deleted": False,
                "isGenerated": False,
            }
        ],
        "compareRunCharts": [parallel, *(_scatter(kind, key, section) for kind, key in axes)],
    }


def _scatter(kind: str, key: str, section: str) -> dict[str, Any]:
    return {
        **_chart("SCATTER", f"scatter-{key}", section),
        "xaxis": {"key": key, "type": kind},
        "yaxis": {"key": SCORE, "type": "METRIC"},
    }


def _chart(kind: str, name: str, section: str) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": name,
        "metricSectionId": section,
        "runsCountToCompare": MOST_RUNS,
        "deleted": False,
        "isGenerated": False,
    }
