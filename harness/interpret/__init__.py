"""What a trained recurrent network does with its data: how far gradients reach back, how open its gates stand.

Knows networks and data; nothing of sweeps, reports or MLflow.
"""

from __future__ import annotations

from harness._tensorflow import load_tensorflow

load_tensorflow()  # before a module here imports it, which would let it chatter
