"""A forest on many summaries of a sequence → a Keras model: tables of its nodes, gone through step by step."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from harness.baselines.summaries import Forest
from harness.data import Scaling
from harness.data.scaling import CHANGES
from harness.export.baselines.reasons import NoGraph
from harness.models import NetworkShape
from harness.models.shape import as_model_takes

_THIRDS = 3
_FAR = 3e38


def forest_graph(forest: Forest, shape: NetworkShape, scaling: Scaling) -> keras.Model:
    """The forest as a model: raw values in, probabilities or original units out.

    Args:
        forest: The fitted baseline.
        shape: Of the model's inputs.
        scaling: Of the data.

    Raises:
        NoGraph: Its answers are scaled by more than a mean and a spread.
    """
    if not len(forest.beside) and scaling.kind in CHANGES:
        raise NoGraph(f"its answers have {scaling.kind} scaling")
    inputs = shape.make_inputs(str(scaling.input_mean.dtype))
    seen = keras.ops.clip(keras.ops.cast(_summaries(inputs, shape), "float32"), -_FAR, _FAR)
    said = keras.ops.mean(_leaves(forest, seen), axis=1)
    if len(forest.beside):
        share = float(forest.beside.sum())
        outputs = keras.layers.Rescaling(1 - share, forest.beside.tolist(), name="probabilities")(said)
    else:
        scale, mean = scaling.output_scale.tolist(), scaling.output_mean.tolist()
        outputs = keras.layers.Rescaling(scale, mean, name="original_units")(said)
    return keras.Model(as_model_takes(list(inputs.values())), outputs, name="champion")


def _leaves(forest: Forest, seen: Any) -> Any:
    """What the leaf of each tree says (batch, trees, outputs)."""
    trees = [one.tree_ for one in forest.model.estimators_]
    begins = np.cumsum([0, *(tree.node_count for tree in trees)])
    nodes = np.concatenate([_nodes(tree, begin) for tree, begin in zip(trees, begins, strict=False)])
    values = np.concatenate([_values(forest, tree) for tree in trees])
    node_table = keras.layers.Embedding(*nodes.shape, name="nodes")
    value_table = keras.layers.Embedding(*values.shape, name="leaves")
    # The root of every tree, for every sequence.
    at = keras.ops.zeros_like(seen[:, :1], dtype="int32") + begins[:-1].astype(np.int32)
    for _ in range(max(tree.max_depth for tree in trees)):
        node = node_table(at)
        value = keras.ops.take_along_axis(seen, keras.ops.cast(node[:, :, 0], "int32"), axis=1)
        goes_left = keras.ops.less_equal(value, node[:, :, 1])
        at = keras.ops.cast(keras.ops.where(goes_left, node[:, :, 2], node[:, :, 3]), "int32")
    said = value_table(at)
    if node_table.built:
        node_table.set_weights([nodes])
    value_table.set_weights([values])
    return said


def _nodes(tree: Any, begin: int) -> npt.NDArray[np.float32]:
    """Feature, threshold, and the nodes to the left and to the right (nodes, 4); a leaf leads to itself."""
    own, leaf = np.arange(tree.node_count), tree.children_left < 0
    table = np.stack(
        [
            np.where(leaf, 0, tree.feature),
            np.where(leaf, 0, _as_32_bits(tree.threshold)),
            begin + np.where(leaf, own, tree.children_left),
            begin + np.where(leaf, own, tree.children_right),
        ],
        axis=1,
    )
    return table.astype(np.float32)


def _as_32_bits(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The largest number of 32 bits that is no larger: no number of 32 bits lies between."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _values(forest: Forest, tree: Any) -> npt.NDArray[np.float32]:
    """What each node says (nodes, outputs)."""
    said = tree.value.reshape(tree.node_count, -1)
    if not len(forest.beside):
        return np.asarray(said, np.float32)
    wide = np.zeros((len(said), len(forest.beside)))
    wide[:, forest.model.classes_] = said / said.sum(axis=1, keepdims=True)
    return wide.astype(np.float32)


def _summaries(inputs: dict[str, Any], shape: NetworkShape) -> Any:
    """`many_summaries` of a batch (batch, columns)."""
    x, ops = inputs["x"], keras.ops
    bits = x.dtype
    steps = ops.cumsum(ops.ones_like(x[:1, :, 0], dtype="int32"), axis=1) - 1  # 0, 1, 2, … (1, steps)
    if shape.masked:
        length = ops.expand_dims(ops.cast(inputs["lengths"], "int32"), 1)
    else:
        length = ops.zeros_like(x[:, :1, 0], dtype="int32") + shape.steps
    found = [_at(x, ops.equal(steps, length - 1))]
    for first, last in ((0, _THIRDS), *pairwise(range(_THIRDS + 1))):
        begin, end = ((length * edge + _THIRDS - 1) // _THIRDS for edge in (first, last))
        end = ops.maximum(end, ops.minimum(begin + 1, length))
        begin = ops.minimum(begin, end - 1)
        inside = ops.logical_and(ops.greater_equal(steps, begin), ops.less(steps, end))
        among, count = ops.expand_dims(inside, -1), ops.cast(end - begin, bits)
        mean = ops.sum(_where(among, x, 0.0), axis=1) / count
        squares = ops.sum(_where(among, ops.square(x - ops.expand_dims(mean, 1)), 0.0), axis=1) / count
        both = ops.logical_and(among[:, 1:], among[:, :-1])
        moves = ops.sum(_where(both, ops.abs(x[:, 1:] - x[:, :-1]), 0.0), axis=1) / ops.maximum(count - 1, 1)
        low, high = ops.min(_where(among, x, _FAR), axis=1), ops.max(_where(among, x, -_FAR), axis=1)
        found += [mean, ops.sqrt(squares), low, high, moves, _at(x, ops.equal(steps, begin))]
    return ops.concatenate([*found, ops.cast(length, bits)], axis=-1)


def _where(among: Any, x: Any, other: float) -> Any:
    return keras.ops.where(among, x, keras.ops.full_like(x, other))


def _at(x: Any, chosen: Any) -> Any:
    """The one chosen step of each sequence (batch, channels)."""
    return keras.ops.sum(_where(keras.ops.expand_dims(chosen, -1), x, 0.0), axis=1)
