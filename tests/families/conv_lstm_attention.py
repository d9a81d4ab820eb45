"""A convolution, an LSTM and additive attention (Bahdanau et al. 2015), with a layer and hyperparameters of its own."""

from keras import layers, ops


class AttentionPooling(layers.Layer):
    """Weighs the steps of a sequence by what a small network makes of each."""

    def __init__(self, width, **arguments):
        super().__init__(**arguments)
        self.width = width
        self.hidden = layers.Dense(width, activation="tanh")
        self.score = layers.Dense(1, use_bias=False)

    def build(self, shape):
        self.hidden.build(shape)
        self.score.build((*shape[:-1], self.width))

    def call(self, x):
        weights = ops.softmax(self.score(self.hidden(x)), axis=1)
        return ops.sum(weights * x, axis=1)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def build_model(hp, problem):
    inputs = problem.make_inputs()
    hidden = layers.Conv1D(hp.Choice("filters", [4, 8]), 3, padding="causal", activation="relu")(
        problem.features(inputs)
    )
    hidden = layers.LSTM(hp.Choice("units", [4, 8]), return_sequences=True)(hidden)
    kind = hp.Choice("scores", ["one", "several"])
    with hp.conditional_scope("scores", ["several"]):
        width = hp.Int("width", 2, 4) if kind == "several" else 1
    hidden = AttentionPooling(width)(hidden)
    if hp.Boolean("drop"):
        hidden = layers.Dropout(hp.Float("rate", 0.1, 0.4))(hidden)
    hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    return problem.network(inputs, hidden)
