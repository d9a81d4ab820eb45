"""Search spaces: which hyperparameters a network knows, values that follow the data, values that a sweep sets."""
