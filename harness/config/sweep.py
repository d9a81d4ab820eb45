"""A sweep's plan: its model, and the way to it from a TOML file and the command's options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from harness.config.dataset import RegisteredName
from harness.config.errors import ValidationIssue, fault, in_file, in_options, issue_of
from harness.config.loader import check_name, read_toml
from harness.config.lookup import SWEEPS, builtin_folder, existing_file, is_path
from harness.config.sources import Config, Count, CountOrZero, Name, Plain, Seed
from harness.errors import ConfigError, UsageError, nearest

SCHEDULED = ("hyperband", "grid")
"""Oracles that set the number of trials themselves."""

DOCS_TEST_VARIABLE = "HARNESS_DOCS_TEST"
"""Environment variable that, set to 1, makes every plan a tiny one: for the test that runs the commands of the docs."""

_OF_A_CLUSTER: Mapping[str, Any] = {
    "address": None,
    "cpus": 1.0,
    "gpus": 0.0,
    "resources": {},
    "same_cpu": False,
    "shared_data": False,
}
"""What only a cluster has a use for, and what it is where nothing is said of it."""

_DOCS_TEST_MOST = {"trials": 2, "minutes": 1, "replicates": 2, "seeds": 2}


class SweepConfig(Config):
    """What one launch does: the keys of a sweep's TOML file, and the options of `harness sweep`.

    The budget is either `trials` or `minutes`; with `minutes` alone `trials` is None. Hyperband and grid search set the
    number of trials themselves; both are None then.

    Attributes:
        name: Name of the sweep and of its MLflow experiment.
        datasets: Names or paths of datasets or suites.
        families: Names or paths of search spaces.
        oracle: What proposes hyperparameters: one of Keras Tuner's oracles, or Optuna's `tpe`.
        trials: Trials per family and replicate.
        minutes: Time for all searches, in place of a number of trials.
        epochs: The most epochs of a trial.
        patience_epochs: Epochs without a better validation score after which a trial ends.
        min_steps: Gradient steps that a trial's epochs are to hold: on small training parts epochs and patience are
            raised by the factor that it takes, the same for every family. 0, and where `epochs` is given without it,
            takes the epochs as they are. Not for Hyperband's.
        max_train: About the most sequences, or windows, of each dataset that are trained on, as `[split] max_train` of
            its config says it; where both do, the smaller number.
        calibrate: After training, the logits of a classifier of sequences are divided by a temperature, fitted on the
            validation part, so that it is no surer than it may be; no answer changes. For every family, or for none
            where one is a builder of your own.
        prune: Median stopping: a trial ends that is worse than the median of its search so far.
        replicates: Independent searches per family.
        until_decided: Replicates are added until there is a verdict, by a group-sequential rule.
        seeds: Retrainings of each family's selected hyperparameters with fresh seeds.
        workers: Worker processes; one per core, or on a cluster as many as its nodes hold, where it is not given or
            `all`.
        threads: Threads of TensorFlow and the numeric libraries in each worker, which scores depend on.
        in_flight: Trials of one search that run at a time with an oracle that learns (`bayesian`, `tpe`, `hyperband`),
            which trials depend on.
        trial_minutes: Time limit of a trial.
        trial_memory_mb: Memory limit of a trial's process.
        baselines: `limited` fits them within 10 seconds or a tenth of the search's time, whichever is more, the
            cheapest first; `all` fits all of them, however long it takes.
        prior: What the probability of a verdict takes for likely before it has seen a trial: `usual`, half
            N(0, 0.05²) and half N(0, 0.3²) of the log ratio of two losses, or `atlas`, what lstm and gru differed by
            over the data sets of the Atlas.
        seed: Seed of the whole sweep.
        engine: Where trials run: `local`, in worker processes of this machine, or `ray`, on a cluster.
        address: `HOST:PORT` of the cluster's head; where it is not given, the variable `RAY_ADDRESS`.
        cpus: Processors of a node that a worker takes.
        gpus: GPUs that a worker takes; a fraction lets several share one.
        resources: The cluster's own resources that a worker takes, such as `{big = 1}`.
        same_cpu: Nodes of several kinds of processor, whose scores would differ, are refused.
        shared_data: Datasets are at the same path on every node, so that their files do not travel.
        hyperparameters: Values in place of those of every search space, a list for each hyperparameter, such as
            `units = [16, 64, 256]`.
        register_as: Name of the registered models, in which `{dataset}` is the dataset's; else the dataset's own.
        data_in_report: Whether the report, also MLflow's, may show windows of the test part, names of classes, and
            paths.
    """

    name: Name = "sweep"
    datasets: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(min_length=1, description="a list of at least one dataset"),
    ]
    families: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(min_length=2, description="at least two families; the same one twice is an A/A comparison"),
    ] = ("lstm", "gru")
    oracle: Literal["random", "bayesian", "tpe", "hyperband", "grid"] = "random"
    trials: Count | None = 20
    minutes: Annotated[float, Field(gt=0, strict=True, description="a number greater than 0")] | None = None
    epochs: Count = 30
    patience_epochs: Count = 5
    min_steps: CountOrZero | None = 500
    max_train: Count | None = None
    calibrate: Annotated[bool, Field(strict=True)] | None = True
    prune: Annotated[bool, Field(strict=True)] = False
    replicates: Count = 1
    until_decided: Annotated[bool, Field(strict=True)] = False
    seeds: CountOrZero = 5
    workers: Annotated[Count | None, BeforeValidator(lambda value: None if value == "all" else value)] = None
    threads: Count | None = 1
    in_flight: Count | None = 1
    trial_minutes: Annotated[float, Field(gt=0, strict=True, description="a number greater than 0")] | None = None
    trial_memory_mb: Count | None = None
    baselines: Literal["limited", "all"] = "limited"
    prior: Literal["usual", "atlas"] = "usual"
    seed: Seed = 1
    engine: Literal["local", "ray"] = "local"
    address: Annotated[str, Field(pattern=r"^[^/\s]+:\d+$", description="HOST:PORT of the head")] | None = None
    cpus: Annotated[float, Field(gt=0, description="a number greater than 0")] = 1.0
    gpus: Annotated[float, Field(ge=0, description="a number of at least 0")] = 0.0
    resources: dict[str, Annotated[float, Field(gt=0, description="a number greater than 0")]] = Field(
        default_factory=dict
    )
    same_cpu: Annotated[bool, Field(strict=True)] = False
    shared_data: Annotated[bool, Field(strict=True)] = False
    hyperparameters: dict[str, Annotated[tuple[Plain, ...], Field(min_length=1)]] = Field(default_factory=dict)
    register_as: RegisteredName | None = None
    data_in_report: Annotated[bool, Field(strict=True)] = True

    @model_validator(mode="before")
    @classmethod
    def _minutes_stand_for_trials(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        values = in_todays_keys(values)
        if values.get("epochs") is not None:
            values = {"min_steps": 0, **values}
        if values.get("minutes") is not None or values.get("oracle") in SCHEDULED:
            values = {"trials": None, **values}
        return _tiny(values) if os.environ.get(DOCS_TEST_VARIABLE) == "1" else values

    @model_validator(mode="after")
    def _keys_fit_together(self) -> SweepConfig:
        if self.oracle in SCHEDULED:
            for name, number in (("trials", self.trials), ("minutes", self.minutes)):
                if number is not None:
                    raise fault((name,), f"expected none with oracle = {self.oracle}, which sets the number itself")
            if self.prune and self.oracle == "hyperband":
                raise fault(("prune",), "expected false with oracle = hyperband, which stops trials itself")
        elif self.minutes is not None and self.trials is not None:
            raise fault(("minutes",), f"expected no minutes where trials = {self.trials} is given, or no trials")
        elif self.minutes is None and self.trials is None:
            raise fault((), "expected a budget: trials or minutes")
        if self.engine == "local":
            given = (name for name, nothing in _OF_A_CLUSTER.items() if getattr(self, name) != nothing)
            if key := next(given, None):
                raise fault((key,), "expected none without engine = ray, which joins a cluster")
        if self.until_decided and self.replicates != 1:
            raise fault(("replicates",), "expected none beside until_decided, which adds replicates one at a time")
        if twice := sorted({name for name in self.datasets if self.datasets.count(name) > 1}):
            raise fault(("datasets",), f"expected each dataset once, got {', '.join(twice)} twice")
        return self


def _tiny(values: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with no more than a test of the docs may take; what is no number stays, and is refused by its key."""
    asked = {key: values.get(key, SweepConfig.model_fields[key].default) for key in _DOCS_TEST_MOST}
    numbers = {key: number for key, number in asked.items() if isinstance(number, int | float)}
    return {**values, **{key: min(number, _DOCS_TEST_MOST[key]) for key, number in numbers.items()}}


_BUDGETS = {"trials": "minutes", "minutes": "trials"}
_FORMER_KEYS = {"confirmations": "seeds"}


def in_todays_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a plan by today's keys, of which 0.1.0, its journals and its TOML files have one by another name."""
    return {_FORMER_KEYS.get(key, key): value for key, value in values.items()}


def find_sweep(name_or_path: str) -> Path:
    """The file of a sweep: a path; else `./sweeps/<name>.toml`; else built in.

    Raises:
        ConfigError: There is none.
    """
    if is_path(name_or_path):
        return existing_file(Path(name_or_path).expanduser())
    folders = (Path(SWEEPS), builtin_folder(SWEEPS))
    known = [path for folder in folders for path in sorted(folder.glob("*.toml"))]
    for path in known:
        if path.stem == name_or_path:
            return path
    near = nearest(name_or_path, (path.stem for path in known))
    raise ConfigError(f'sweep "{name_or_path}" is unknown. {near}'.rstrip())


def read_sweep(path: Path, overrides: Mapping[str, object]) -> SweepConfig:
    """The plan of a file, as far as options do not say otherwise.

    A relative path to a config is read from the file's folder. An option for one budget, trials or minutes,
    takes the place of the file's other one; epochs that are given as an option are taken as they are.

    Args:
        path: The file.
        overrides: Values of options by the plan's keys; None and empty lists were not given.

    Raises:
        UsageError: An option's value is wrong; the message names the option.
        ConfigError: The file cannot be read or is wrong; the message names the file and the key.
    """
    read, _ = read_toml(path)
    values = in_todays_keys(read)
    if "name" in values:
        check_name(values["name"], path)
    options = _given(overrides)
    dropped = {_BUDGETS[key] for key in options if key in _BUDGETS} | ({"min_steps"} if "epochs" in options else set())
    kept = {key: _from_folder(value, path.parent) for key, value in values.items() if key not in dropped}
    merged = {"name": path.stem, **kept, **options}
    try:
        return SweepConfig.model_validate(merged)
    except ValidationError as error:
        issue = issue_of(error, SweepConfig, merged)
    if issue.keys and issue.keys[0] in options:
        raise _option_error(issue)
    raise ConfigError(in_file(path, issue))


def make_plan(values: Mapping[str, object], called: Callable[[str], str] | None = None) -> SweepConfig:
    """The plan that options alone make.

    Args:
        values: Values by the plan's keys; None and empty lists were not given.
        called: What messages call a key; as the command line does by default.

    Raises:
        UsageError: A value is wrong; the message names the option.
    """
    options = _given(values)
    if "datasets" not in options:
        raise UsageError("DATASET: expected at least one dataset, or --config with a sweep that names some")
    try:
        return SweepConfig.model_validate(options)
    except ValidationError as error:
        issue = issue_of(error, SweepConfig, options)
        raise UsageError(in_options(issue, called or option_name)) from None


def _given(values: Mapping[str, object]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], (), {})}


def _from_folder(value: Any, folder: Path) -> Any:
    if not isinstance(value, list):
        return value
    return [str(folder / item) if isinstance(item, str) and is_path(item) else item for item in value]


def _option_error(issue: ValidationIssue) -> UsageError:
    return UsageError(in_options(issue, option_name))


def option_name(key: str) -> str:
    """What the command line calls a key of the plan."""
    names = {
        "datasets": "DATASET",
        "families": "--family",
        "hyperparameters": "--set",
        "data_in_report": "--no-data-in-report",
        "calibrate": "--no-calibrate",
    }
    return names.get(key, f"--{key.replace('_', '-')}")
