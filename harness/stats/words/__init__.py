"""Verdicts and recommendations as sentences, in one place for terminal, pages, MLflow and Python."""
