"""What the estimators share: their parameters, the comparison that `fit` runs, and what is known afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from harness import sweeps
from harness.errors import ExportError, UsageError
from harness.export import Champion, load_folder
from harness.records import ChampionInfo, ComparisonResult, Recommendation, Verdict

SEED = 1
"""The sweep's seed where `random_state` says nothing, as for `harness.compare`."""


class EstimatorError(UsageError, ValueError):
    """Wrong use that is a `ValueError` as well, as scikit-learn's tools expect of a wrong parameter or input."""


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Raise this package's errors of wrong use as `EstimatorError`."""
    try:
        yield
    except EstimatorError:
        raise
    except UsageError as error:
        raise EstimatorError(str(error)) from None


class SequenceEstimator(BaseEstimator):  # type: ignore[misc]
    """A comparison behind scikit-learn's interface: `harness.compare` is its `fit`.

    Args:
        families (Sequence[str] | Mapping[str, Any]): Families to compare, as for `harness.compare`.
        trials (int): Completed trials of each family; None where `options` has another budget, such as `minutes`.
        epochs (int): The most epochs of a trial; None for 30, raised on small data (`min_steps` of `harness.compare`).
        seeds (int): Retrainings of each family's selected hyperparameters with fresh seeds.
        metric (str): The objective; None for the task's usual one.
        random_state (int | RandomState): Seed of the comparison; None is 1, so that the same call gives the same model.
        store (str | Path): Folder for journals, models and MLflow's database; `./mlruns` by default.
        verbose (bool): Show how far the searches are.
        options (dict): Further arguments of `harness.compare`, such as `{"replicates": 3, "missing": "interpolate"}`.

    Attributes:
        champion_ (Champion): The model that predicts. It pickles as the path and digest of its folder.
        best_family_ (str): Its family.
        verdict_ (Verdict): What is decided of the families, and how sure that is.
        recommendation_ (Recommendation): What to use, by how much it is better, and how sure that is.
        comparison_ (ComparisonResult): All scores; `harness.figures(comparison_)` draws them.
        n_features_in_ (int): Columns of a 2-D X, or channels of sequences.
    """

    champion_: Champion
    best_family_: str
    verdict_: Verdict
    recommendation_: Recommendation | None
    comparison_: ComparisonResult
    n_features_in_: int

    def __init__(
        self,
        *,
        families: Sequence[Any] | Mapping[str, Any] = ("lstm", "gru"),
        trials: int | None = 20,
        epochs: int | None = None,
        seeds: int = 5,
        metric: str | None = None,
        random_state: Any = None,
        store: str | Path | None = None,
        verbose: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.families = families
        self.trials = trials
        self.epochs = epochs
        self.seeds = seeds
        self.metric = metric
        self.random_state = random_state
        self.store = store
        self.verbose = verbose
        self.options = options

    def _compare(self, x: Any, y: Any, task: str, **more: Any) -> None:
        """Run the comparison, by `harness.compare`, and keep what is known then."""
        asked: dict[str, Any] = {
            "families": self.families,
            "trials": self.trials,
            "epochs": self.epochs,
            "seeds": self.seeds,
            "metric": self.metric,
            "seed": self._seed(),
            "store": self.store,
            "verbose": "auto" if self.verbose else 0,
            **more,
            **self._options,
        }
        with as_value_errors():
            result = sweeps.compare(x, y, task=task, **asked)
        (comparison,) = result.comparisons or (None,)
        info = comparison.champion if comparison else None
        if comparison is None or info is None:
            why = "; ".join(result.unfinished.values()) or result.behind or "no model was exported"
            raise ExportError(f"{type(self).__name__}: the comparison {result.sweep_id} gave no model: {why}")
        self.champion_ = champion_of(info)
        self.best_family_, self.verdict_ = info.family, comparison.verdict
        self.recommendation_, self.comparison_ = comparison.verdict.recommendation, comparison

    @property
    def _options(self) -> Mapping[str, Any]:
        if self.options is not None and not isinstance(self.options, Mapping):
            raise EstimatorError(f"options = {self.options!r}: expected a dict of arguments of harness.compare")
        return self.options or {}

    def _seed(self) -> int:
        if self.random_state is None:
            return SEED
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))


def champion_of(info: ChampionInfo) -> Champion:
    """The model that a comparison exported."""
    return load_folder(Path(info.path), f"models:/{info.name}/{info.version}")
