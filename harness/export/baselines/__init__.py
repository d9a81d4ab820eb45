"""The best baseline of a champion's sweep, fitted again and written as a model of Keras's own layers."""

from harness.export.baselines.refit import best_baseline

__all__ = ["best_baseline"]
