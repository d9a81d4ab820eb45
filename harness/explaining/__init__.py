"""What a trained recurrent network does with its data: how far gradients reach back, how open its gates stand.

Knows networks and data; nothing of sweeps, reports or MLflow.
"""
