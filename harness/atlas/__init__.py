"""The Atlas: LSTM or GRU, over many data sets."""
