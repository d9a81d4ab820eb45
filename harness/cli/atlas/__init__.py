"""`harness atlas`: LSTM or GRU over many real data sets, a command a module."""
