"""Builders as people write them: Keras Tuner's way, with a `problem`, with training of their own; and broken ones."""

import keras
from keras import layers, ops


def attentive(hp, problem):
    """A convolution, an LSTM, attention pooling: Keras's layers alone."""
    inputs = problem.make_inputs()
    mask = problem.mask(inputs)
    hidden = layers.Conv1D(hp.Choice("filters", [4, 8]), 3, padding="causal", activation="relu")(
        problem.features(inputs)
    )
    hidden = layers.LSTM(hp.Choice("units", [4, 8]), return_sequences=True)(hidden, mask=mask)
    hidden = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(hidden)
    if not problem.task.per_step:
        scores = layers.Dense(1, use_bias=False)(hidden)
        if mask is not None:
            scores = ops.where(ops.expand_dims(mask, -1), scores, -1e9)
        hidden = ops.sum(ops.softmax(scores, axis=1) * hidden, axis=1)
    return problem.network(inputs, hidden)


def from_keras_tuner(hp):
    """As it stands in a script of Keras Tuner's: sizes from outside, softmax, compiled."""
    model = keras.Sequential()
    model.add(layers.Conv1D(hp.Int("filters", 4, 13, step=4), 3, padding="same", activation="relu"))
    model.add(layers.BatchNormalization())
    for number in range(hp.Int("layers", 1, 2)):
        model.add(layers.LSTM(hp.Choice(f"units_{number}", [4, 6]), return_sequences=True))
    model.add(layers.GlobalAveragePooling1D())
    if hp.Boolean("drop"):
        model.add(layers.Dropout(hp.Float("rate", 0.1, 0.4)))
    kind = hp.Choice("kind", ["plain", "hidden"])
    with hp.conditional_scope("kind", ["hidden"]):
        if kind == "hidden":
            model.add(layers.Dense(hp.Int("hidden", 2, 5), activation="relu"))
    model.add(layers.Dense(3, activation="softmax"))
    rate = hp.Choice("rate_of_learning", [1e-2, 1e-3])
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class HyperModel:
    """As `keras_tuner.HyperModel`, which is a class with a `build`."""

    def build(self, hp):
        return from_keras_tuner(hp)


def with_momentum(hp):
    model = from_keras_tuner(hp)
    model.compile(optimizer=keras.optimizers.SGD(1e-2, momentum=0.9), loss="sparse_categorical_crossentropy")
    return model


class OwnStep(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


def with_own_step(hp, problem):
    inputs = problem.make_inputs()
    hidden = layers.Dropout(0.1)(layers.GRU(hp.Choice("units", [4, 8]))(inputs["x"]))
    end = "softmax" if problem.task == "classify" else None
    return OwnStep(inputs["x"], layers.Dense(problem.outputs, activation=end)(hidden))


def returns_nothing(hp):
    hp.Choice("units", [1, 2])


def without_head(hp, problem):
    inputs = problem.make_inputs()
    return keras.Model(list(inputs.values()), layers.LSTM(hp.Choice("units", [4, 8]))(inputs["x"]))


def without_lengths(hp, problem):
    inputs = problem.make_inputs()
    return keras.Model(inputs["x"], layers.Dense(problem.outputs)(layers.LSTM(hp.Choice("units", [4, 8]))(inputs["x"])))


def with_lambda(hp, problem):
    inputs = problem.make_inputs()
    hidden = layers.Lambda(lambda x: x[:, -1])(
        layers.LSTM(hp.Choice("units", [4, 8]), return_sequences=True)(inputs["x"])
    )
    return problem.network(inputs, hidden)


def raises(hp):
    raise RuntimeError(f"no model of {hp.Choice('units', [1, 2])} units")


def asks_nothing(hp, problem):
    inputs = problem.make_inputs()
    return problem.network(inputs, layers.LSTM(4)(inputs["x"]))


def reads_backwards(hp, problem):
    inputs = problem.make_inputs()
    layer = layers.Bidirectional(layers.LSTM(hp.Choice("units", [4, 8]), return_sequences=True))
    return problem.network(inputs, layer(problem.features(inputs), mask=problem.mask(inputs)))


def ignores_padding(hp, problem):
    inputs = problem.make_inputs()
    return problem.network(inputs, layers.LSTM(hp.Choice("units", [4, 8]))(problem.features(inputs)))


def idle_weights(hp, problem):
    inputs = problem.make_inputs()
    hidden = layers.LSTM(hp.Choice("units", [4, 8]))(inputs["x"])
    return problem.network(inputs, hidden + 0.0 * layers.Dense(hp.get("units"))(inputs["x"][:, -1]))


class Forgetful(layers.Layer):
    """Its configuration leaves out what it was made with."""

    def __init__(self, scale=1.0, **arguments):
        super().__init__(**arguments)
        self.scale = scale

    def call(self, x):
        return self.scale * x

    def get_config(self):
        return {"name": self.name}


def forgetful(hp, problem):
    inputs = problem.make_inputs()
    hidden = layers.LSTM(hp.Choice("units", [4, 8]))(Forgetful(3.0)(inputs["x"]))
    return problem.network(inputs, hidden)
