"""`harness serve` and `harness ui`: a champion, or MLflow's own pages, at an address of this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.common import CodeOption, ModelArgument, StoreOption, TrackingOption
from harness.cli.terminal.output import say, say_last
from harness.errors import UsageError
from harness.store import Store, find_store, without_user

PortOption = Annotated[
    int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="Port. [the first free one from 5000 on]")
]


def serve(
    model: ModelArgument,
    port: PortOption = None,
    code: CodeOption = None,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Serve predictions over HTTP, until Ctrl-C.

    MLflow's scoring server answers this machine only. POST to ADDRESS/invocations what MLflow's servers take:
    dataframe_split or dataframe_records with the columns that `predict` takes, instances or inputs with arrays
    (sequences, steps, channels); CSV and Parquet too. Raw values go in, original units or class probabilities come
    out; an invalid request gets 400 and the reason.
    """
    from harness.export.predictor import locate, require_code
    from harness.tracking.pyfunc import scoring
    from harness.tracking.server import free_port

    folder, name, _ = locate(model, find_store(store, tracking_uri))
    named = [code] if code else []
    require_code(folder, named, name)
    say(f"starting MLflow's scoring server on {name}, until Ctrl-C", err=True)
    try:
        with scoring(folder, "harness.export.scoring", free_port(port), named) as server:
            say(f"{server.address}/invocations")
            server.wait()
    except KeyboardInterrupt:
        say_last("closed")


def ui(
    port: PortOption = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address; open no browser.")] = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Open MLflow's UI on the sweeps, until Ctrl-C.

    It answers this machine only.
    """
    from harness.tracking.server import free_port, serving

    place = find_store(store, tracking_uri)
    if not place.local:
        served = place.tracking_uri.startswith("http")
        _show(without_user(place.tracking_uri) if served else place.address, no_open or not served)
        return
    experiment, view = _latest_experiment(place)
    say(f"starting MLflow's UI on {place.root}, until Ctrl-C", err=True)
    try:
        with serving(place, free_port(port)) as server:
            _show(server.page(experiment, view), no_open)
            server.wait()
    except KeyboardInterrupt:
        say_last("closed")


def _latest_experiment(store: Store) -> tuple[str, str]:
    """The experiment of the last sweep, and the view of its verdicts where it has one.

    Raises:
        UsageError: The store holds none.
    """
    from harness.tracking.client import connect, database_file
    from harness.tracking.queries import experiment_ids
    from harness.tracking.views import VERDICTS, VIEW_TAG

    cure = "run `harness sweep` first, or name another folder with --store"
    if not database_file(store).is_file():
        raise UsageError(f"{store.root}: holds no sweep yet, there is no {database_file(store).name}; {cure}")
    client = connect(store, create=False)
    # MLflow's own experiment 0, `Default`, is in every store.
    found = next((number for number in experiment_ids(client) if number != "0"), None)
    if found is None:
        raise UsageError(f"{store.root}: holds no sweep yet; {cure}")
    has_view = f"{VIEW_TAG}{VERDICTS}" in client.get_experiment(found).tags
    return found, VERDICTS if has_view else ""


def _show(address: str, no_open: bool) -> None:
    say(address)
    if not no_open:
        import webbrowser

        webbrowser.open(address)
