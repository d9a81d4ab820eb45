"""The three cells written out in NumPy, with float64, one sequence at a time: forwards, gates, and backwards by hand.

Nothing here comes from Keras but the order of the blocks in its kernels. The formulas are those that the package's
docstrings name.
"""

from __future__ import annotations

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn(x, kernel, recurrent, bias):
    """h_t = tanh(W x_t + U h_{t-1} + b)."""
    h = np.zeros(recurrent.shape[0])
    trace = []
    for value in x:
        new = np.tanh(value @ kernel + h @ recurrent + bias)
        trace.append({"h": new, "before": h})
        h = new
    return trace


def lstm(x, kernel, recurrent, bias):
    units = recurrent.shape[0]
    h = c = np.zeros(units)
    trace = []
    for value in x:
        zi, zf, zg, zo = np.split(value @ kernel + h @ recurrent + bias, 4)
        i, f, g, o = sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)
        new_c = f * c + i * g
        new_h = o * np.tanh(new_c)
        trace.append({"h": new_h, "c": new_c, "before": c, "i": i, "f": f, "g": g, "o": o})
        h, c = new_h, new_c
    return trace


def gru(x, kernel, recurrent, bias):
    """Reset after the product; z keeps."""
    h = np.zeros(recurrent.shape[0])
    trace = []
    for value in x:
        xz, xr, xh = np.split(value @ kernel + bias[0], 3)
        hz, hr, hh = np.split(h @ recurrent + bias[1], 3)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        candidate = np.tanh(xh + r * hh)
        new = z * h + (1 - z) * candidate
        trace.append({"h": new, "before": h, "z": z, "r": r, "n": candidate, "hh": hh})
        h = new
    return trace


def rnn_back(trace, recurrent, last):
    """Gradients with respect to the state that each step began with, from the last step's back to the second's."""
    dh, found = last, []
    for step in reversed(trace[1:]):
        dh = (dh * (1 - step["h"] ** 2)) @ recurrent.T
        found.append(dh)
    return found


def lstm_back(trace, recurrent, last):
    dh, dc, found = last, np.zeros_like(last), []
    for step in reversed(trace[1:]):
        squashed = np.tanh(step["c"])
        total = dc + dh * step["o"] * (1 - squashed**2)
        di = total * step["g"] * step["i"] * (1 - step["i"])
        df = total * step["before"] * step["f"] * (1 - step["f"])
        dg = total * step["i"] * (1 - step["g"] ** 2)
        do = dh * squashed * step["o"] * (1 - step["o"])
        dh = np.concatenate([di, df, dg, do]) @ recurrent.T
        dc = total * step["f"]
        found.append(np.concatenate([dh, dc]))
    return found


def gru_back(trace, recurrent, last):
    dh, found = last, []
    for step in reversed(trace[1:]):
        dn = dh * (1 - step["z"]) * (1 - step["n"] ** 2)
        dz = dh * (step["before"] - step["n"]) * step["z"] * (1 - step["z"])
        dr = dn * step["hh"] * step["r"] * (1 - step["r"])
        dh = dh * step["z"] + np.concatenate([dz, dr, dn * step["r"]]) @ recurrent.T
        found.append(dh)
    return found


CELLS = {"SimpleRNN": (rnn, rnn_back), "LSTM": (lstm, lstm_back), "GRU": (gru, gru_back)}
