"""How a sweep looks that another command runs: searches, other steps, trials in training and the last events."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from harness.cli.terminal.output import columns_of, say
from harness.sweeps.live.progress import plain, step_line, table
from harness.sweeps.live.state import RunningTrial, Standing
from harness.text import counted, duration_text, printable, shortened

EVENTS_SHOWN = 5
LOOK_SECONDS = 1.0
RUNNING = "running"


def show(found: Standing, look: Callable[[], Standing]) -> None:
    """Show a sweep until it ends: in a terminal in place, elsewhere a line for each thing that is new.

    Args:
        found: How it stands.
        look: How it stands at the next instant.
    """
    console = Console(highlight=False)
    said = set[str]()
    with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live:
        while True:
            if live:
                live.update(view(found, console.width), refresh=True)
            elif new := [line for line in changes(found) if line not in said]:
                say("\n".join(new))
                said.update(new)
            if found.state != RUNNING:
                return
            time.sleep(LOOK_SECONDS)
            found = look()


def view(standing: Standing, width: int) -> Group:
    """The standing for a terminal of so many columns."""
    parts: list[RenderableType] = [Text(shortened(printable(heading(standing)), width), no_wrap=True)]
    parts += [table(one, width) for one in standing.searches]
    parts += [step_line(one, width) for one in standing.steps]
    if standing.running:
        parts += [Text(line, no_wrap=True) for line in _running(standing.running, width)]
    events = standing.events[-EVENTS_SHOWN:]
    parts += [Text(shortened(printable(line), width), style="dim", no_wrap=True) for line in events]
    return Group(*parts)


def heading(standing: Standing) -> str:
    """Which sweep, and how it stands: `quickstart-… running, 14 trials a minute`."""
    rate = standing.trials_a_minute
    return f"{standing.sweep_id}  {standing.state}{'' if rate is None else f', {rate:.0f} trials a minute'}"


def lines(standing: Standing) -> list[str]:
    """The standing where there is no terminal: a line each."""
    found = [heading(standing), *map(plain, standing.searches), *map(plain, standing.steps)]
    if standing.running:
        found.append(f"in training: {', '.join(f'{_name(one)} {_epochs(one)}' for one in standing.running)}")
    return [printable(line) for line in (*found, *standing.events[-EVENTS_SHOWN:])]


def changes(standing: Standing) -> list[str]:
    """Those of the lines that change with what has ended, and with no epoch."""
    heads = [f"{standing.sweep_id}  {standing.state}"]
    found = [*heads, *map(plain, standing.searches), *map(plain, standing.steps), *standing.events]
    return [printable(line) for line in found]


def _running(trials: tuple[RunningTrial, ...], width: int) -> list[str]:
    table = [("in training", "epoch", "validation", "since", "worker")]
    for one in trials:
        score = "–" if one.validation is None else f"{one.validation:.4g}"
        since = duration_text(round(max(0.0, time.time() - one.started_at)))
        table.append((_name(one), _epochs(one), score, since, one.worker))
    return columns_of([[printable(cell) for cell in row] for row in table], width, spare=(4, 3, 2))


def _name(one: RunningTrial) -> str:
    dataset, family, replicate, phase, number = one.trial.rsplit("/", 4)
    what = f"{replicate} {int(number):03d}" if phase == "search" else f"fresh seed {int(number)}"
    return f"{dataset} {family} {what}"


def _epochs(one: RunningTrial) -> str:
    return f"{one.epochs}/{one.of_epochs}" if one.of_epochs else counted(one.epochs, "epoch")
