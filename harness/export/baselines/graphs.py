"""A fitted baseline → a Keras model of Keras's own layers: raw values in, original units or probabilities out.

Each formula is that of the baseline's module, as a graph; what has none here is refused with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from harness.baselines.forecasts import Copied, Lags
from harness.baselines.kernels import Kernels
from harness.baselines.linear import LinearClasses, LinearNumbers, Standard
from harness.baselines.sequences import Convolved
from harness.baselines.steps import LinearSteps
from harness.baselines.summaries import Forest, RawSteps, summaries
from harness.baselines.tokens import ByToken, CountsOfTokens
from harness.data import SequenceData
from harness.data.scaling import CHANGES
from harness.export.baselines.reasons import LOOKS_UP, NoGraph
from harness.export.baselines.trees import forest_graph
from harness.models import NetworkShape, wrap_for_export
from harness.models.shape import as_model_takes, length_mask

Wide = npt.NDArray[np.float64]

_IMPOSSIBLE = -1e9
"""The logit of a class that the training part does not hold."""


def graph_of(predict: Any, data: SequenceData, shape: NetworkShape) -> keras.Model:
    """A fitted baseline as a model.

    Args:
        predict: What `Fitted.predict` holds.
        data: What it was fitted on.
        shape: Of the model's inputs.

    Raises:
        NoGraph: It has none.
    """
    if data.scaling.fills_gaps:
        raise NoGraph("values may be missing in its data, which it fills from the whole series")
    match predict:
        case Copied():
            return _copied(predict, shape, data)
        case LinearNumbers() | LinearClasses():
            network = _linear(predict, data, shape)
        case LinearSteps():
            network = _linear_steps(predict, shape)
        case Forest():
            return forest_graph(predict, shape, data.scaling)
        case ByToken():
            logits = np.log(np.maximum(predict.table, np.finfo(np.float32).tiny))
            inputs = shape.make_inputs()
            network = _network(inputs, _looked_up(logits, inputs["x"]))
        case _:
            raise NoGraph(LOOKS_UP)
    return wrap_for_export(network, shape, data.scaling)


def _network(inputs: dict[str, Any], outputs: Any) -> keras.Model:
    return keras.Model(as_model_takes(list(inputs.values())), outputs)


def _copied(predict: Copied, shape: NetworkShape, data: SequenceData) -> keras.Model:
    inputs = shape.make_inputs(str(data.scaling.input_mean.dtype))
    steps = keras.ops.take(inputs["x"], predict.places.astype(np.int32), axis=1)
    return _network(inputs, keras.ops.take(steps, np.array(predict.targets, np.int32), axis=2))


def _linear(predict: LinearNumbers | LinearClasses, data: SequenceData, shape: NetworkShape) -> keras.Model:
    if isinstance(predict, LinearNumbers):
        weights, intercept = predict.weights, predict.intercept
    else:
        weights, intercept = _logits(predict.model.coef_.T, predict.model.intercept_)
    weights, intercept = _unstandardised(predict.standard, weights, intercept)
    inputs, features = shape.make_inputs(), predict.features
    if isinstance(features, CountsOfTokens):
        return _network(inputs, _summed(weights, intercept, inputs, shape))
    match features:
        case Lags(every=every):
            seen = _lags(inputs, every, shape)
        case RawSteps(every=every):
            seen = _raw_steps(inputs, every, shape, len(weights))
        case Convolved(kernels=kernels):
            seen = _convolved(inputs, kernels, shape)
        case _ if features is summaries:
            weights, intercept = _of_scaled(weights, intercept, data)
            seen = _summaries(inputs, shape)
        case _:
            raise NoGraph("it counts pairs of tokens in a table that no model holds")
    return _network(inputs, shape.as_answers(_dense(seen, weights, intercept)))


def _dense(seen: Any, weights: Wide, intercept: Wide, name: str = "linear") -> Any:
    layer = keras.layers.Dense(weights.shape[1], name=name)
    outputs = layer(seen)
    layer.set_weights([weights, intercept])
    return outputs


def _logits(weights: Wide, intercept: Wide) -> tuple[Wide, Wide]:
    """Weights and intercept of each class; scikit-learn has those of the second one alone where there are two."""
    if weights.shape[1] > 1:
        return weights, intercept
    return np.hstack([np.zeros_like(weights), weights]), np.append(0.0, intercept)


def _unstandardised(standard: Standard | None, weights: Wide, intercept: Wide) -> tuple[Wide, Wide]:
    """Those of the features themselves."""
    if standard is None:
        return weights, intercept
    turned = weights if standard.basis is None else standard.basis @ weights
    own = turned / standard.spread[:, None]
    return own, intercept - standard.middle @ own


def _of_scaled(weights: Wide, intercept: Wide, data: SequenceData) -> tuple[Wide, Wide]:
    """Those of summaries of scaled values, where the weights are of raw ones: means, deviations, last values."""
    scaling = data.scaling
    if scaling.kind in CHANGES and scaling.changed:
        raise NoGraph(f"it sees raw values, which {scaling.kind} scaling does not leave")
    mean, scale = (values.astype(np.float64) for values in (scaling.input_mean, scaling.input_scale))
    at_zero = np.concatenate([mean, np.zeros_like(mean), mean])
    return weights * np.tile(scale, 3)[:, None], intercept + at_zero @ weights


def _mask(inputs: dict[str, Any], shape: NetworkShape) -> Any:
    """(batch, steps, 1); None where all steps are real."""
    return keras.ops.expand_dims(length_mask(inputs["x"], inputs["lengths"]), -1) if shape.masked else None


def _only_real(x: Any, mask: Any) -> Any:
    return x if mask is None else keras.ops.where(mask, x, keras.ops.zeros_like(x))


def _lags(inputs: dict[str, Any], every: int, shape: NetworkShape) -> Any:
    places = np.arange((shape.steps or 1) - 1, -1, -every).astype(np.int32)
    lags = keras.ops.reshape(keras.ops.take(inputs["x"], places, axis=1), (-1, len(places) * shape.channels))
    return shape.beside_future(lags, inputs.get("future"))


def _raw_steps(inputs: dict[str, Any], every: int, shape: NetworkShape, columns: int) -> Any:
    x, count = _only_real(inputs["x"], _mask(inputs, shape)), columns // shape.channels
    if shape.masked:  # sequences of any length: as many steps as it was fitted on
        x = keras.layers.ZeroPadding1D((0, count * every), name="as_fitted")(x)
    places = (every * np.arange(count)).astype(np.int32)
    return keras.ops.reshape(keras.ops.take(x, places, axis=1), (-1, columns))


def _summaries(inputs: dict[str, Any], shape: NetworkShape) -> Any:
    x, mask = inputs["x"], _mask(inputs, shape)
    if mask is None:
        return keras.ops.concatenate([keras.ops.mean(x, axis=1), keras.ops.std(x, axis=1), x[:, -1]], axis=-1)
    count = keras.ops.expand_dims(keras.ops.cast(inputs["lengths"], "float32"), -1)
    mean = keras.ops.sum(_only_real(x, mask), axis=1) / count
    apart = _only_real(x - keras.ops.expand_dims(mean, 1), mask)
    spread = keras.ops.sqrt(keras.ops.sum(keras.ops.square(apart), axis=1) / count)
    return keras.ops.concatenate([mean, spread, shape.last(x, inputs)], axis=-1)


def _convolved(inputs: dict[str, Any], kernels: Kernels, shape: NetworkShape) -> Any:
    """Largest outputs, then shares of positive ones, in the kernels' order (batch, 2 · kernels).

    Kernels of one dilation are one convolution: shorter ones have zeros on both sides.
    """
    mask = _mask(inputs, shape)
    x = _only_real(inputs["x"], mask)
    steps = keras.ops.cumsum(keras.ops.ones_like(x[:1, :, :1]), axis=1)  # 1, 2, 3, … (1, steps, 1)
    length = _lengths(inputs, x, shape)
    largest, shares, order = [], [], []
    for dilation, groups in _by_dilation(kernels).items():
        longest = max(len(group.weights) for group in groups)
        reach = (longest - 1) // 2 * dilation
        wide = [(longest - len(group.weights)) // 2 for group in groups]
        pads = [((side, side), (0, 0), (0, 0)) for side in wide]
        weights = np.concatenate([np.pad(group.weights, pad) for group, pad in zip(groups, pads, strict=True)], axis=2)
        biases = np.concatenate([group.biases for group in groups])
        # From both ends of a sequence, so many outputs do not count, unless it is too short to leave any.
        edges = [0 if group.pads else (len(group.weights) - 1) // 2 * dilation for group in groups]
        edge = np.repeat(np.array(edges, np.float32), [len(group.places) for group in groups])
        layer = keras.layers.Conv1D(weights.shape[2], longest, dilation_rate=dilation, use_bias=False)
        outputs = layer(keras.layers.ZeroPadding1D(reach)(x))
        layer.set_weights([weights])
        kept = keras.ops.cast(keras.ops.greater(length, 2 * edge), "float32") * edge  # (batch or 1, 1, kernels)
        counts = keras.ops.logical_and(keras.ops.greater(steps, kept), keras.ops.less_equal(steps, length - kept))
        among = keras.ops.where(counts, outputs, keras.ops.full_like(outputs, -1e30))
        positive = keras.ops.cast(keras.ops.greater(among, -biases), "float32")
        largest.append(keras.ops.max(among, axis=1) + biases)
        shares.append(keras.ops.sum(positive, axis=1) / keras.ops.squeeze(length - 2 * kept, 1))
        order += [int(place) for group in groups for place in group.places]
    back = np.argsort(order).astype(np.int32)
    both = [keras.ops.take(keras.ops.concatenate(found, axis=-1), back, axis=1) for found in (largest, shares)]
    return keras.ops.concatenate(both, axis=-1)


def _lengths(inputs: dict[str, Any], x: Any, shape: NetworkShape) -> Any:
    """(batch, 1, 1), or (1, 1, 1) where all sequences have the same length."""
    if shape.masked:
        return keras.ops.reshape(keras.ops.cast(inputs["lengths"], "float32"), (-1, 1, 1))
    return keras.ops.sum(keras.ops.ones_like(x[:1, :, :1]), axis=1, keepdims=True)


def _by_dilation(kernels: Kernels) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for group in kernels.groups:
        found[group.dilation].append(group)
    return found


def _linear_steps(predict: LinearSteps, shape: NetworkShape) -> keras.Model:
    model, seen = predict.model, predict.seen
    weights, intercept = model.coefs_[0], model.intercepts_[0]
    if predict.classes:
        known, (weights, intercept) = list(model.classes_), _logits(weights, intercept)
        every, nothing = np.zeros((len(weights), predict.classes)), np.full(predict.classes, _IMPOSSIBLE)
        every[:, known], nothing[known] = weights, intercept
        weights, intercept = every, nothing
    inputs, places = shape.make_inputs(), seen.before + seen.after + 1
    x = _only_real(inputs["x"], _mask(inputs, shape))
    layer = keras.layers.Conv1D(weights.shape[1], places, name="linear")
    outputs = layer(keras.layers.ZeroPadding1D((seen.before, seen.after))(x))
    layer.set_weights([weights.reshape(places, shape.channels, -1), intercept])
    return _network(inputs, outputs)


def _looked_up(table: npt.NDArray[Any], tokens: Any) -> Any:
    layer = keras.layers.Embedding(*table.shape, name="of_each_token")
    found = layer(tokens)
    layer.set_weights([table])
    return found


def _summed(weights: Wide, intercept: Wide, inputs: dict[str, Any], shape: NetworkShape) -> Any:
    """What is linear in counts of tokens: the sum over a sequence's tokens of what each weighs."""
    mask = keras.ops.expand_dims(length_mask(inputs["x"], inputs["lengths"]), -1) if shape.masked else None
    total = keras.ops.sum(_only_real(_looked_up(weights, inputs["x"]), mask), axis=1)
    return _dense(total, np.eye(weights.shape[1]), intercept)
