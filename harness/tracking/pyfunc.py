"""A champion as MLflow's scoring server takes it.

What is registered stays a plain Keras model with a signature (`flavour`). What `harness serve` serves is a folder
around it without one: MLflow's own check against a signature knows tensors or tables, never both, and says of a wrong
request what its types are, not what is wrong with it. Here the champion's own checks answer.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness._tensorflow import settled_environment
from harness.tracking.client import prepare_environment, without_warnings
from harness.tracking.server import Server, running

FOLDER_PREFIX, SERVED = "harness-", "model"
"""How the temporary folder is named that a server runs in, and what of it is served."""


@contextlib.contextmanager
def scoring(folder: Path, loader: str, port: int, code: Sequence[Path] = ()) -> Iterator[Server]:
    """Run `mlflow models serve --env-manager local` on a champion's folder until the block is left.

    Args:
        folder: The champion's folder.
        loader: Dotted path of the module whose `_load_pyfunc(path, model_config)` loads it.
        port: A free port.
        code: Files of which the server may run the one that the champion needs.

    Raises:
        StoreError: The server ended, or did not answer within two minutes.
    """
    with without_warnings():
        import mlflow.pyfunc
        from mlflow.models import Model, ModelSignature
        from mlflow.types import ParamSchema, ParamSpec

    environment: dict[str, str] = {**settled_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "3"}
    prepare_environment(environment)
    # Of parameters alone: what is predicted from, the champion checks itself.
    described = Model(signature=ModelSignature(params=ParamSchema([ParamSpec("interval", "long", [], (-1,))])))
    config = {"code": [str(file.expanduser().absolute()) for file in code]} if code else None
    mlflow.pyfunc.add_to_model(described, loader_module=loader, data=str(folder.absolute()), model_config=config)
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as temporary:
        served = Path(temporary, SERVED)
        served.mkdir()
        described.save(str(served / "MLmodel"))
        arguments = ["models", "serve", "--model-uri", str(served), "--env-manager", "local"]
        with running(arguments, port, Path(temporary), environment, remove=True) as server:
            yield server


def refuse_what_mlflow_does_not() -> None:
    """In the server's process: answer 400 with a reason where MLflow 3.17 fails with 500 before it asks the model."""
    with without_warnings():
        from mlflow.pyfunc import scoring_server

    invocations = scoring_server.invocations
    if hasattr(invocations, "__wrapped__"):
        return

    @functools.wraps(invocations)
    def answered(data: Any, content_type: str | None, *more: Any) -> Any:
        if content_type is None:
            raise wrong_request(f"the request: no Content-Type: expected {', '.join(scoring_server.CONTENT_TYPES)}")
        try:
            return invocations(data, content_type, *more)
        except RecursionError as error:
            raise wrong_request("the request: its JSON is nested too deeply") from error
        except ValueError as error:  # json.loads refuses to read numbers of thousands of digits
            if "integer string conversion" not in str(error):
                raise
            raise wrong_request("the request: a number has too many digits") from error

    scoring_server.invocations = answered


def wrong_request(why: str) -> Exception:
    """What a served model raises for its server to answer 400 with these words and nothing else."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    class WrongRequest(MlflowException):  # type: ignore[misc]
        def serialize_as_json(self) -> str:
            # The server puts all of the request's data before the reason.
            return json.dumps({"error_code": self.error_code, "message": why})

    return WrongRequest(why, error_code=INVALID_PARAMETER_VALUE)
