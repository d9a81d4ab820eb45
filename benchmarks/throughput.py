"""Trials a minute: plain `keras_tuner.RandomSearch` against this product, on the same work, side by side in one run.

Both sides run the same hyperparameters (the same oracle, space and seed for each family), data, batches and epochs,
each in a fresh process whose start, imports and compiles count. XLA's compiles on disk start empty. The product's side
is a whole sweep: workers, journal, MLflow, verdict and champion included. Plain Keras Tuner imports TensorBoard, which
TensorFlow no longer installs: it is in the `test` extra. With `--beside optuna` an Optuna study that logs to MLflow
takes its place: the same Keras network and hyperparameters, which the study is handed (`enqueue_trial`), since its own
sampler would draw other sizes of networks. With `--against CHECKOUT` it is the product as it stands in another
checkout.

    python benchmarks/throughput.py --size small --rounds 3 --json
    python benchmarks/throughput.py --size small --rounds 3 --beside optuna
    python benchmarks/throughput.py --size small --rounds 3 --workers 2 --against ../before
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
"""The checkout that this script is part of."""

HARNESS = [sys.executable, "-P", "-c", "import harness.cli as cli; getattr(cli, 'console', cli.main)()"]
"""The command; which code it runs is decided by `code_of`, and 0.1.0 has no `console`, which ends at once."""

FAMILIES = {"lstm": "LSTM", "gru": "GRU"}
SEED = 11


@dataclass(frozen=True)
class Size:
    """What one size of the benchmark runs: trials are counted over both families."""

    steps: int
    units: tuple[int, ...]
    trials: int
    epochs: int
    batches: int

    @property
    def sequences(self) -> int:
        """So many that the training part, 70 % of them, is a whole number of batches of 32."""
        return round(self.batches * 32 / 0.7)


SIZES = {
    "tiny": Size(6, (2, 3), 4, 1, 2),  # measures nothing: shows that both sides run
    "small": Size(24, (16, 32, 48, 64), 48, 10, 63),
    "middle": Size(100, (32, 64, 96, 128), 16, 10, 63),
    "large": Size(400, (64, 128, 192, 256), 6, 2, 20),
}


def space(size: Size, family: str) -> dict[str, Any]:
    """The search space of both sides."""
    return {
        "name": family,
        "layer": FAMILIES[family],
        "hyperparameters": {
            "units": {"type": "Choice", "values": list(size.units)},
            "learning_rate": {"type": "Float", "min_value": 1e-3, "max_value": 1e-2, "sampling": "log"},
            "dropout": {"type": "Float", "min_value": 0.0, "max_value": 0.4, "step": 0.08},
            "batch_size": {"type": "Fixed", "value": 32},
        },
    }


def dataset(size: Size) -> dict[str, Any]:
    """The card of the adding problem of this size."""
    return {
        "name": "work",
        "source": {"kind": "generator", "generator": "adding", "steps": size.steps, "sequences": size.sequences},
        "task": {"kind": "regress", "metric": "mse"},
    }


def report(trials: list[dict[str, Any]], steps: int, began: float) -> dict[str, Any]:
    """What a side says of itself, in the same form for both."""
    shown = sorted(json.dumps(trial["values"], sort_keys=True) for trial in trials)
    return {
        "seconds": time.time() - began,
        "trials": len(trials),
        "gradient_steps": steps,
        "digest": hashlib.sha256("\n".join(shown).encode()).hexdigest()[:16],
        "median_validation": statistics.median(trial["score"] for trial in trials),
    }


def code_of(checkout: Path) -> dict[str, str]:
    """The environment in which Python imports the package from a checkout."""
    if not (checkout / "harness").is_dir():
        sys.exit(f"{checkout}: no folder `harness`; expected a checkout of this project")
    paths = filter(None, (str(checkout), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def run_product(size: Size, began: float, workers: int | None) -> dict[str, Any]:
    """One sweep, from the command line as people run it."""
    with tempfile.TemporaryDirectory() as folder:
        configs = Path(folder)
        write_toml(configs / "work.toml", dataset(size))
        for family in FAMILIES:
            write_toml(configs / f"{family}.toml", space(size, family))
        plan = {"name": "sweep", "datasets": ["work"], "trials": size.trials // 2, "confirmations": 0, "seed": SEED}
        write_toml(configs / "sweep.toml", plan | {"epochs": size.epochs, "patience_epochs": size.epochs})
        command: list[Any] = [*HARNESS, "sweep", "--config", configs / "sweep.toml"]
        command += ["--cards", configs, "--store", configs / "s"]
        command += ["--workers", str(workers)] if workers else []
        done = subprocess.run(command, cwd=configs, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        (journal,) = (configs / "s" / "sweeps").glob("*/journal.db")
        with closing(sqlite3.connect(journal)) as database:
            rows = database.execute("SELECT at, kind, trial_key, payload FROM events ORDER BY seq").fetchall()
    events = [(at, kind, key, json.loads(payload)) for at, kind, key, payload in rows]
    if os.environ.get("HARNESS_BENCHMARK_SHOW"):
        for at, kind, key, payload in events:
            about = [payload.get(name) for name in ("compile_seconds", "fit_seconds", "kernel")]
            print(f"{at - began:7.2f}", kind, key, *about, file=sys.stderr)
    values = {key: payload["values"] for _, kind, key, payload in events if kind == "asked"}
    ended = [(key, payload) for _, kind, key, payload in events if kind == "ended"]
    trials = [{"values": values[key], "score": payload["validation_score"]} for key, payload in ended]
    return report(trials, sum(payload["gradient_steps"] for _, payload in ended), began)


def scaled(size: Size) -> tuple[tuple[Any, Any], tuple[Any, Any], float]:
    """The scaled parts, training and validation, and the factor of a scaled squared error in the data's units."""
    from harness.config.dataset import DatasetConfig
    from harness.data import load_dataset

    data = load_dataset(DatasetConfig.model_validate(dataset(size)))
    scaling = data.scaling
    train, validation = (
        (scaling.scale_inputs(part.x), scaling.scale_outputs(part.y, part.x)) for part in (data.train, data.validation)
    )
    return train, validation, float(scaling.output_scale[0]) ** 2


def network(size: Size, layer: str, units: int, learning_rate: float, dropout: float) -> Any:
    """The network that all sides train, compiled."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((size.steps, 2)),
            getattr(keras.layers, layer)(units),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate, global_clipnorm=1.0), loss="mse")
    return model


def tuner_of(size: Size, family: str, folder: str) -> Any:
    """Keras Tuner's search of a family: a builder and `RandomSearch`, as its guide shows it."""
    import keras_tuner

    from harness.records import derive_seed

    def build(hp: Any) -> Any:
        units = hp.Choice("units", list(size.units))
        rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
        dropout = hp.Float("dropout", 0.0, 0.4, step=0.08)
        return network(size, FAMILIES[family], units, rate, dropout)

    return keras_tuner.RandomSearch(
        build,
        objective="val_loss",
        max_trials=size.trials // 2,
        seed=derive_seed(SEED, "work", family, 1),
        directory=folder,
    )


def run_plain(size: Size, began: float) -> dict[str, Any]:
    """The same trials by Keras Tuner alone."""
    train, validation, unscale = scaled(size)
    trials = []
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            tuner = tuner_of(size, family, folder)
            tuner.search(*train, validation_data=validation, epochs=size.epochs, batch_size=32, verbose=0)
            for trial in tuner.oracle.trials.values():
                trials.append(
                    {"values": {**trial.hyperparameters.values, "batch_size": 32}, "score": trial.score * unscale}
                )
    return report(trials, len(trials) * size.epochs * size.batches, began)


def run_optuna(size: Size, began: float) -> dict[str, Any]:
    """The same trials by an Optuna study for each family, every trial a run of MLflow with its curve."""
    import mlflow
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train, validation, unscale = scaled(size)
    trials = []
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("work")
        for family, layer in FAMILIES.items():

            def objective(trial: optuna.Trial, layer: str = layer) -> float:
                units = trial.suggest_categorical("units", list(size.units))
                rate = trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
                dropout = trial.suggest_float("dropout", 0.0, 0.4, step=0.08)
                model = network(size, layer, units, rate, dropout)
                with mlflow.start_run():
                    mlflow.log_params(trial.params)
                    history = model.fit(
                        *train, validation_data=validation, epochs=size.epochs, batch_size=32, verbose=0
                    ).history
                    for epoch, (loss, score) in enumerate(zip(history["loss"], history["val_loss"], strict=True)):
                        mlflow.log_metrics({"loss": loss, "val_loss": score}, step=epoch)
                return float(min(history["val_loss"]))

            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
            oracle = tuner_of(size, family, f"{folder}/{family}").oracle
            for number in range(size.trials // 2):
                study.enqueue_trial(oracle.create_trial(f"worker{number}").hyperparameters.values)
            study.optimize(objective, n_trials=size.trials // 2)
            for done in study.trials:
                assert done.value is not None
                trials.append({"values": {**done.params, "batch_size": 32}, "score": done.value * unscale})
    return report(trials, len(trials) * size.epochs * size.batches, began)


BESIDE = {"plain": (run_plain, "plain Keras Tuner"), "optuna": (run_optuna, "Optuna and MLflow")}
"""What the product may be measured beside: the function, and its name in a sentence."""


def run_side(side: str, size: str, checkout: Path = HERE, workers: int | None = None) -> dict[str, Any]:
    """One side in a process of its own, with an empty folder for XLA's compiles."""
    with tempfile.TemporaryDirectory() as cache:
        began, spent = time.time(), _processor_seconds()
        options = ["--workers", str(workers)] if workers else []
        done = subprocess.run(
            [sys.executable, __file__, "--size", size, "--side", side, "--began", repr(began), *options],
            env={**code_of(checkout), "HARNESS_XLA_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.time() - began
    if done.returncode:
        sys.exit(f"{side}: {done.stderr[-2000:]}")
    mine = {"seconds": seconds, "processor_seconds": _processor_seconds() - spent}
    return {**json.loads(done.stdout.splitlines()[-1]), **mine}


def _processor_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def compare(
    size: str, rounds: int, workers: int | None = None, against: Path | None = None, beside: str = "plain"
) -> dict[str, Any]:
    """Alternate the sides and take medians."""
    other = ("product", size, against, workers) if against else (beside, size)
    runs = [(run_side(*other), run_side("product", size, workers=workers)) for _ in range(rounds)]
    one, two = runs[0]
    for key in ("trials", "gradient_steps", "digest"):
        if one[key] != two[key]:
            sys.exit(f"the sides ran different work: {key} {one[key]} and {two[key]}")
    names = ("before" if against else beside, "product")
    seconds, processor = (
        {
            name: statistics.median(run[key] for run in side)
            for name, side in zip(names, zip(*runs, strict=True), strict=True)
        }
        for key in ("seconds", "processor_seconds")
    )
    ratios = [before["seconds"] / after["seconds"] for before, after in runs]
    middle = seconds[names[0]] / seconds[names[1]] if against else statistics.median(ratios)
    return {
        "family": "both",
        "size": size,
        "ratio": middle,
        "ratios": ratios,
        **{f"{name}_seconds_a_trial": seconds[name] / one["trials"] for name in names},
        **{f"{name}_processor_seconds": processor[name] for name in names},
        "trials": one["trials"],
        "gradient_steps": one["gradient_steps"],
        "digest": one["digest"],
        "median_validation": [one["median_validation"], two["median_validation"]],
    }


def write_toml(path: Path, config: dict[str, Any]) -> None:
    """Write a card: plain keys, tables, and a search space's tables of hyperparameters."""
    tables = {key: item for key, item in config.items() if isinstance(item, dict)}
    lines = [f"{key} = {json.dumps(item)}" for key, item in config.items() if key not in tables]
    for name, table in tables.items():
        groups = table if name == "hyperparameters" else {"": table}
        for group, items in groups.items():
            lines.append(f"[{name}.{group}]" if group else f"[{name}]")
            lines.extend(f"{key} = {json.dumps(item)}" for key, item in items.items())
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Run both sides, or, called by itself, one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--rounds", type=int, default=1, help="alternations; the median ratio counts")
    parser.add_argument("--workers", type=int, help="worker processes of the product; one a core by default")
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="a checkout to measure in place of Keras Tuner"
    )
    parser.add_argument("--beside", choices=BESIDE, default="plain", help="what the product is measured beside")
    parser.add_argument("--json", action="store_true", help="print a list of rows as JSON")
    parser.add_argument("--side", choices=(*BESIDE, "product"), help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        size = SIZES[options.size]
        if options.side == "product":
            said = run_product(size, options.began, options.workers)
        else:
            run, _ = BESIDE[options.side]
            said = run(size, options.began)
        print(json.dumps(said))
        return
    against = options.against.resolve() if options.against else None
    row = compare(options.size, options.rounds, options.workers, against, options.beside)
    if options.json:
        print(json.dumps([row], indent=2))
        return
    name, other = ("before", str(options.against)) if against else (options.beside, BESIDE[options.beside][1])
    print(
        f"{row['size']}: {row['ratio']:.{2 if against else 1}f} times {other}'s trials a minute "
        f"({row['product_seconds_a_trial']:.2f} s against {row[f'{name}_seconds_a_trial']:.2f} s a trial, "
        f"{row['trials']} trials, digest {row['digest']}); median validation MSE "
        f"{row['median_validation'][0]:.4g} {name}, {row['median_validation'][1]:.4g} here"
    )


if __name__ == "__main__":
    main()
