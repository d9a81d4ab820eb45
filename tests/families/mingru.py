"""minGRU (Feng et al. 2024, "Were RNNs All We Needed?", arXiv 2410.01201, section 3.1): a GRU without its past.

Neither gate nor candidate looks at the state: h_t = (1 - z_t) h_{t-1} + z_t h̃_t, z_t = σ(W_z x_t), h̃_t = W_h x_t.
"""

import keras
from keras import ops


class MinGRUCell(keras.layers.Layer):
    def __init__(self, units, **arguments):
        super().__init__(**arguments)
        self.units = self.state_size = self.output_size = units
        self.gate_and_candidate = keras.layers.Dense(2 * units)

    def build(self, shape):
        self.gate_and_candidate.build(shape)

    def call(self, x, states):
        gate, candidate = ops.split(self.gate_and_candidate(x), 2, axis=-1)
        update = ops.sigmoid(gate)
        state = (1 - update) * states[0] + update * candidate
        return state, [state]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def build_model(hp, problem):
    inputs = problem.make_inputs()
    hidden, mask = problem.features(inputs), problem.mask(inputs)
    units, layers = hp.Choice("units", [4, 8]), hp.Choice("layers", [1, 2])
    hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    for number in range(1, layers + 1):
        sequences = number < layers or problem.task.per_step
        hidden = keras.layers.RNN(MinGRUCell(units), return_sequences=sequences)(hidden, mask=mask)
        hidden = keras.layers.Dropout(hp.Float("dropout", 0.0, 0.4, step=0.1))(hidden)
    return problem.network(inputs, hidden)
