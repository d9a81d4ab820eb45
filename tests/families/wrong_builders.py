"""Builders with one mistake each, as people make them."""

import sys

import keras
from keras import layers

STEPS, CHANNELS, CLASSES = 6, 2, 3
CALLS = []
SETTINGS = {"units": [4, 8]}


def ends_in(hp, *ends, inputs=(STEPS, CHANNELS)):
    start = keras.Input(inputs)
    hidden = layers.LSTM(hp.Choice("units", [2, 3]))(start)
    return keras.Model(start, [end(hidden) for end in ends] if len(ends) > 1 else ends[0](hidden) if ends else hidden)


def without_output_layer(hp):
    return ends_in(hp)


def wrong_number_of_classes(hp):
    return ends_in(hp, layers.Dense(5, activation="softmax"))


def one_sigmoid(hp):
    return ends_in(hp, layers.Dense(1, activation="sigmoid"))


def two_outputs(hp):
    return ends_in(hp, layers.Dense(CLASSES), layers.Dense(1))


def other_steps(hp):
    return ends_in(hp, layers.Dense(CLASSES), inputs=(7, CHANNELS))


def other_loss(hp):
    model = ends_in(hp, layers.Dense(CLASSES))
    model.compile("adam", loss="mse")
    return model


def entropy_of_numbers(hp):
    model = ends_in(hp, layers.Dense(1))
    model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy())
    return model


def returns_nothing(hp):
    ends_in(hp, layers.Dense(CLASSES))


def returns_a_class(hp):
    hp.Choice("units", [2, 3])
    return keras.Model


def returns_several(hp):
    return [ends_in(hp, layers.Dense(CLASSES))]


def takes_nothing():
    return None


def takes_more(hp, problem, units):
    return None


def leaves(hp):
    sys.exit(3)


def misspells(hp):
    return ends_in(hp, layers.Dence(CLASSES))


def asks_other_names(hp):
    CALLS.append(1)
    hp.Choice(f"end_{len(CALLS)}", ["linear", "softmax"])


def asks_ever_more(hp):
    for number in range(len(CALLS)):
        hp.Boolean(f"more_{number}")
    CALLS.append(1)


def mixes_types(hp):
    hp.Choice("width", [1, "two"])
    return ends_in(hp, layers.Dense(CLASSES))


def searches_the_seed(hp):
    hp.Int("seed", 1, 10)
    return ends_in(hp, layers.Dense(CLASSES))


def computes_in_16_bits(hp):
    keras.config.set_dtype_policy("mixed_float16")
    hp.Choice("units", [2, 3])
    return ends_in(hp, layers.Dense(CLASSES))


def steps_of_nothing(hp):
    hp.Int("units", 1, 4, step=0)
    return ends_in(hp, layers.Dense(CLASSES))


def takes_hyperbands_name(hp):
    hp.Int("tuner/epochs", 1, 4)
    return ends_in(hp, layers.Dense(CLASSES))


def names_with_blanks(hp):
    hp.Int("my units", 1, 4)
    return ends_in(hp, layers.Dense(CLASSES))


async def waits(hp):
    return ends_in(hp, layers.Dense(CLASSES))


def yields(hp):
    yield ends_in(hp, layers.Dense(CLASSES))


def unknown_optimizer(hp):
    hp.Choice("optimizer", ["adam", "lion"])
    return ends_in(hp, layers.Dense(CLASSES))


def one_name_in_two_scopes(hp):
    kind = hp.Choice("kind", ["a", "b"])
    for each in ("a", "b"):
        with hp.conditional_scope("kind", [each]):
            if kind == each:
                hp.Int("width", 1, 2 if each == "a" else 4)
    return ends_in(hp, layers.Dense(CLASSES))


class FitsItself:
    def build(self, hp):
        return ends_in(hp, layers.Dense(CLASSES))

    def fit(self, hp, model, *arguments, **options):
        return model.fit(*arguments, batch_size=hp.Choice("batch_size", [8, 16]), **options)


class NeedsArguments:
    def __init__(self, classes):
        self.classes = classes

    def build(self, hp):
        return ends_in(hp, layers.Dense(self.classes))


for_three_classes = NeedsArguments(CLASSES)


class Probits(layers.Layer):
    """The inverse of the error function: an operation that not every runtime has."""

    def call(self, x):
        return keras.ops.erfinv(0.9 * keras.ops.tanh(x))


def inverts(hp):
    start = keras.Input((STEPS, CHANNELS))
    hidden = layers.LSTM(hp.Choice("units", [2, 3]))(Probits()(start))
    return keras.Model(start, layers.Dense(1)(hidden))


def raises_at_three_units(hp):
    if hp.Choice("units", [2, 3]) == 3:
        raise ValueError("too many")
    return ends_in(hp, layers.Dense(CLASSES))


def fails_at_a_large_spread(hp):
    spread = hp.Float("spread", 0.1, 1.0)
    if spread > 0.6:
        raise ValueError(f"a spread of {spread:.0f} is too large")
    return ends_in(hp, layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=spread)))
