"""Trials a minute: plain `keras_tuner.RandomSearch` against this product, on the same work, side by side in one run.

Both sides run the same hyperparameters (the same oracle, space and seed for each family), data, batches and epochs,
each in a fresh process whose start, imports and compiles count. XLA's compiles on disk start empty. The product's side
is a whole sweep: workers, journal, MLflow, verdict and champion included. Plain Keras Tuner imports TensorBoard, which
TensorFlow no longer installs: it is in the `test` extra.

    python benchmarks/throughput.py --size small --rounds 3 --json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def run_product(size: Size, began: float) -> dict[str, Any]:
    """One sweep, from the command line as people run it."""
    from harness.journal import EventKind, Journal

    with tempfile.TemporaryDirectory() as folder:
        configs = Path(folder)
        write_toml(configs / "work.toml", dataset(size))
        for family in FAMILIES:
            write_toml(configs / f"{family}.toml", space(size, family))
        plan = {"name": "sweep", "datasets": ["work"], "trials": size.trials // 2, "confirmations": 0, "seed": SEED}
        write_toml(configs / "sweep.toml", plan | {"epochs": size.epochs, "patience_epochs": size.epochs})
        command = [Path(sys.executable).with_name("harness"), "sweep", "--config", configs / "sweep.toml"]
        command += ["--cards", configs, "--store", configs / "s"]
        done = subprocess.run(command, cwd=configs, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        (journal_folder,) = (configs / "s" / "sweeps").iterdir()
        with Journal.read(journal_folder) as journal:
            requests = {event.trial_key: event.payload["values"] for event in journal.events(EventKind.ASKED)}
            ended = list(journal.events(EventKind.ENDED))
            if os.environ.get("HARNESS_BENCHMARK_SHOW"):
                for event in journal.events():
                    about = [event.payload.get(key) for key in ("compile_seconds", "fit_seconds", "kernel")]
                    print(f"{event.at - began:7.2f}", event.kind.value, event.trial_key, *about, file=sys.stderr)
        trials = [{"values": requests[e.trial_key], "score": e.payload["validation_score"]} for e in ended]
        return report(trials, sum(event.payload["gradient_steps"] for event in ended), began)


def run_plain(size: Size, began: float) -> dict[str, Any]:
    """The same trials as Keras Tuner's guide shows it: a builder, `RandomSearch`, `search`."""
    import keras
    import keras_tuner

    from harness.config.dataset import DatasetConfig
    from harness.data import load_dataset
    from harness.records import derive_seed

    data = load_dataset(DatasetConfig.model_validate(dataset(size)))
    scaling, train, validation = data.scaling, data.train, data.validation
    trials = []
    for family, layer in FAMILIES.items():

        def build(hp: keras_tuner.HyperParameters, layer: str = layer) -> keras.Model:
            units = hp.Choice("units", list(size.units))
            rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
            dropout = hp.Float("dropout", 0.0, 0.4, step=0.08)
            model = keras.Sequential(
                [
                    keras.Input((size.steps, 2)),
                    getattr(keras.layers, layer)(units),
                    keras.layers.Dropout(dropout),
                    keras.layers.Dense(1),
                ]
            )
            model.compile(optimizer=keras.optimizers.Adam(rate, global_clipnorm=1.0), loss="mse")
            return model

        with tempfile.TemporaryDirectory() as folder:
            tuner = keras_tuner.RandomSearch(
                build,
                objective="val_loss",
                max_trials=size.trials // 2,
                seed=derive_seed(SEED, "work", family, 1),
                directory=folder,
            )
            tuner.search(
                scaling.scale_inputs(train.x),
                scaling.scale_outputs(train.y, train.x),
                validation_data=(scaling.scale_inputs(validation.x), scaling.scale_outputs(validation.y, validation.x)),
                epochs=size.epochs,
                batch_size=32,
                verbose=0,
            )
            unscale = float(scaling.output_scale[0]) ** 2
            for trial in tuner.oracle.trials.values():
                trials.append({"values": dict(trial.hyperparameters.values), "score": trial.score * unscale})
    return report(trials, len(trials) * size.epochs * size.batches, began)


def run_side(side: str, size: str) -> dict[str, Any]:
    """One side in a process of its own, with an empty folder for XLA's compiles."""
    with tempfile.TemporaryDirectory() as cache:
        began, spent = time.time(), _processor_seconds()
        done = subprocess.run(
            [sys.executable, __file__, "--size", size, "--side", side, "--began", repr(began)],
            env={**os.environ, "HARNESS_XLA_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"},
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


def compare(size: str, rounds: int) -> dict[str, Any]:
    """Alternate the sides and take medians."""
    runs = [(run_side("plain", size), run_side("product", size)) for _ in range(rounds)]
    plain, product = runs[0]
    for key in ("trials", "gradient_steps", "digest"):
        if plain[key] != product[key]:
            sys.exit(f"the sides ran different work: {key} {plain[key]} and {product[key]}")
    ratios = [one["seconds"] / other["seconds"] for one, other in runs]
    return {
        "family": "both",
        "size": size,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "plain_seconds_a_trial": statistics.median(one["seconds"] for one, _ in runs) / plain["trials"],
        "product_seconds_a_trial": statistics.median(other["seconds"] for _, other in runs) / plain["trials"],
        "plain_processor_seconds": statistics.median(one["processor_seconds"] for one, _ in runs),
        "product_processor_seconds": statistics.median(other["processor_seconds"] for _, other in runs),
        "trials": plain["trials"],
        "gradient_steps": plain["gradient_steps"],
        "digest": plain["digest"],
        "median_validation": [plain["median_validation"], product["median_validation"]],
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
    parser.add_argument("--json", action="store_true", help="print a list of rows as JSON")
    parser.add_argument("--side", choices=("plain", "product"), help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        run = run_plain if options.side == "plain" else run_product
        print(json.dumps(run(SIZES[options.size], options.began)))
        return
    row = compare(options.size, options.rounds)
    if options.json:
        print(json.dumps([row], indent=2))
        return
    print(
        f"{row['size']}: {row['ratio']:.1f} times plain Keras Tuner's trials a minute "
        f"({row['product_seconds_a_trial']:.2f} s against {row['plain_seconds_a_trial']:.2f} s a trial, "
        f"{row['trials']} trials, digest {row['digest']}); median validation MSE "
        f"{row['median_validation'][0]:.4g} plain, {row['median_validation'][1]:.4g} here"
    )


if __name__ == "__main__":
    main()
