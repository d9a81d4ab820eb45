"""What a worker keeps between trials: configs, a dataset's tensors, and compiled networks by structure.

All are caches of one process, bounded, and hold nothing that a trial could not make again.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import Part, Scaling, SequenceData, cached_dataset, fold_configs
from harness.errors import DataError
from harness.metrics import without_padding
from harness.models import Network, NetworkShape, family_of
from harness.models.builder import BuiltNetwork
from harness.models.network import setting
from harness.records import Answer, Value
from harness.training.batches import LARGEST_TENSORS_BYTES, DataPart, StreamedPart, TensorPart
from harness.training.fitted import FittedNetwork
from harness.training.loop import CompiledNetwork
from harness.training.ops import LOSS_OF_METRIC, loss_of, xla_pays

Trainer: TypeAlias = CompiledNetwork | FittedNetwork
"""What trains a network, epoch by epoch: as one compiled function, or by its own `fit`."""

LARGEST_NETWORKS = 24
"""Compiled networks kept by one process; each keeps about 19 MB."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dataset as training wants it.

    Attributes:
        data: The dataset in raw units.
        shape: Inputs and outputs of its networks.
        train: Training part, scaled.
        validation: Validation part, scaled.
    """

    data: SequenceData
    shape: NetworkShape
    train: DataPart
    validation: DataPart


def prepare(config: DatasetConfig, digest: str | None = None) -> Prepared:
    """The config's dataset as tensors; loaded once a process.

    Args:
        config: The dataset's config.
        digest: Of the data that the sweep began with; None where it has been checked.

    Raises:
        DataError: The data is not what the sweep began with.
    """
    return _as_begun(_prepared(config.model_dump_json()), digest)


def prepare_folds(config: str, digest: str) -> list[Prepared]:
    """Each division of a rolling split, the earliest first, as tensors; else the dataset as it is.

    Args:
        config: The dataset's config as JSON text, by which everything is found that this process has.
        digest: Of the data that the sweep began with.

    Raises:
        DataError: The data is not what the sweep began with.
    """
    *earlier, last = map(_prepared, _folds(config))
    return [*earlier, _as_begun(last, digest)]


def _as_begun(prepared: Prepared, digest: str | None) -> Prepared:
    data = prepared.data
    if digest is not None and data.facts.digest != digest:
        message = f"{data.name}: the data changed: digest {data.facts.digest}, expected {digest} as the sweep began"
        raise DataError(message)
    return prepared


read_space = functools.lru_cache(maxsize=64)(SearchSpace.model_validate_json)
"""A search space from its JSON text; the same text gives the same one again within a process."""


def scaled(part: Part, scaling: Scaling, shape: NetworkShape) -> DataPart:
    """A part in the units that networks are trained in; padded steps become zeros, which masks leave out.

    As tensors, or streamed where they would be too large.
    """
    one = _scaled_arrays(part.at(np.arange(1, dtype=np.int64)), scaling, shape)
    row_bytes = sum(array.nbytes for array in one)
    if len(part) * row_bytes <= LARGEST_TENSORS_BYTES:
        return TensorPart.of(*_scaled_arrays(part, scaling, shape))
    return StreamedPart(
        len(part), row_bytes, lambda rows: _scaled_arrays(part.at(rows.astype(np.int64)), scaling, shape)
    )


def _scaled_arrays(part: Part, scaling: Scaling, shape: NetworkShape) -> tuple[npt.NDArray[Any], ...]:
    x = part.x if shape.vocabulary else scaling.scale_inputs(part.x).astype(np.float32)
    if shape.masked:
        x = without_padding(x, part.lengths)
    y = scaling.scale_outputs(part.y, part.x).astype(np.float32) if shape.answer is Answer.NUMBERS else part.y
    nothing = np.zeros((len(x), 0, 0), np.float32)
    future = nothing if part.future is None else scaling.scale_future(part.future).astype(np.float32)
    return x, part.lengths, y, future


_trainers: OrderedDict[tuple[object, ...], Trainer] = OrderedDict()


def trainer_for(
    prepared: Prepared, space: SearchSpace, given: Mapping[str, Value], epochs: int
) -> tuple[Trainer, Mapping[str, Value]]:
    """What trains networks of these hyperparameters' structure, made when this process has none yet.

    It serves all datasets that are alike in shapes, metric and class weights: weights and data go into it as values.

    Args:
        prepared: The data.
        space: The family's search space.
        given: Values of the hyperparameters.
        epochs: The most epochs of a trial.

    Returns:
        The trainer, and the hyperparameters with those in their place that the network was compiled with.
    """
    family, data, shape = family_of(space), prepared.data, prepared.shape
    values = {**given, **family.settings(shape, given).settings}
    # A batch larger than the data would be filled up with rows that count for nothing, as many as it takes.
    batch_size = min(int(setting(values, "batch_size")), len(data.train))
    batches = -(-len(data.train) // batch_size)
    layers = int(setting(values, "layers")) if space.layer is not None else 1  # a builder's are not known
    xla = xla_pays(data.train.x.shape[1], layers, batches * epochs)
    structure = (family.structure(shape, given), batch_size, setting(values, "optimizer"))
    key = (*_compiled_for(prepared, space), shape, data.objective.metric, xla, *structure)
    if key not in _trainers:
        numbers = LOSS_OF_METRIC.get(data.objective.metric, "mse")
        how = (str(setting(values, "optimizer")), numbers, batch_size, data.class_weights)
        _trainers[key] = trainer_of(family.build(shape, given), *how, xla=xla)
    _trainers.move_to_end(key)
    while len(_trainers) > LARGEST_NETWORKS:
        _trainers.popitem(last=False)
    return _trainers[key], values


def _compiled_for(prepared: Prepared, space: SearchSpace) -> tuple[object, ...]:
    """What of a dataset a trainer is made for: another one that is alike in it is trained by the same function.

    A builder's network may keep anything of what it has seen, and is made for each dataset anew.
    """
    data = prepared.data
    if space.build is not None:
        return (data.facts.digest,)
    weights = None if data.class_weights is None else data.class_weights.tobytes()
    # Numbers of rows are shapes too: a function that met ever new ones would keep a compile of each.
    return (data.train.x.shape, data.train.x.dtype.str, len(prepared.validation), weights)


def trainer_of(
    network: Network,
    optimizer: str,
    numbers: str,
    batch_size: int,
    class_weights: npt.NDArray[np.float32] | None = None,
    *,
    xla: bool,
) -> Trainer:
    """What trains a network: the compiled epoch whatever is made of Keras's layers alone, its own `fit` the rest.

    Args:
        network: The network, not yet built.
        optimizer: Such as `adam`.
        numbers: `mse` or `mae`, where answers are numbers and the network was not compiled with one of them.
        batch_size: Sequences a batch.
        class_weights: What an error on each class weighs; None for 1 all through.
        xla: Whether to compile the epoch with XLA.
    """
    numbers = network.training.loss or numbers
    if network.training.compiled:
        return CompiledNetwork(network, optimizer, loss_of(network.shape, numbers, class_weights), batch_size, xla=xla)
    assert isinstance(network, BuiltNetwork)  # the shipped ones train in the compiled epoch
    return FittedNetwork(network, numbers, batch_size, class_weights)


@functools.lru_cache(maxsize=64)
def _folds(config: str) -> tuple[str, ...]:
    return tuple(fold.model_dump_json() for fold in fold_configs(DatasetConfig.model_validate_json(config)))


@functools.lru_cache(maxsize=6)  # the divisions of a rolling split follow each other in every trial
def _prepared(config_json: str) -> Prepared:
    data = cached_dataset(DatasetConfig.model_validate_json(config_json))
    shape = NetworkShape.of(data)
    return Prepared(data, shape, scaled(data.train, data.scaling, shape), scaled(data.validation, data.scaling, shape))
