"""How a running sweep looks: a line a family in a terminal, plain lines where there is none. All on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.sweeping.progress import ArmProgress, Concluded, Listener, Note, Progress

PLAIN_EVERY_SECONDS = 10.0
BAR_CELLS = 20


class Watcher:
    """Shows what a sweep says. A context manager; call it with what the sweep's listener gets.

    Args:
        verbose: Show every trial.
        quiet: Show nothing.
    """

    def __init__(self, *, verbose: bool = False, quiet: bool = False) -> None:
        self._verbose, self._quiet = verbose, quiet
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._last_plain = 0.0

    def __call__(self, said: Progress | Note | Concluded) -> None:
        """Show one thing that the sweep said."""
        if self._quiet:
            return
        if isinstance(said, Progress):
            self._progress(said)
        elif isinstance(said, Concluded):
            self._stop()
        elif self._verbose or not said.detail:
            self._line(said.text)

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _progress(self, said: Progress) -> None:
        if not self._console.is_terminal:
            self._plain(said)
            return
        if self._live is None:
            self._live = Live(console=self._console, transient=False, refresh_per_second=4)
            self._live.start()
        self._live.update(table(said), refresh=True)
        if _over(said):
            self._stop()

    def _plain(self, said: Progress) -> None:
        now = time.monotonic()
        if now - self._last_plain >= PLAIN_EVERY_SECONDS or _over(said):
            self._last_plain = now
            print(plain(said), file=sys.stderr, flush=True)

    def _line(self, text: str) -> None:
        console = self._live.console if self._live else self._console
        console.print(Text(text), soft_wrap=True)

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def table(said: Progress) -> Table:
    """One line an arm: a bar, trials done, the best validation score so far; the time left below."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text(said.dataset, style="bold"), "", "", Text(_left(said), style="dim"))
    for arm in said.arms:
        grid.add_row(Text(f"  {arm.name}"), Text(_bar(arm), style="cyan"), Text(_done(arm)), Text(_best(said, arm)))
    return grid


def plain(said: Progress) -> str:
    """The same in one line."""
    arms = "; ".join(f"{arm.name} {_done(arm)}, {_best(said, arm)}" for arm in said.arms)
    return f"{said.dataset}: {arms}; {_left(said)}"


def duration(seconds: float) -> str:
    """Seconds for people: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _over(said: Progress) -> bool:
    return all(arm.wanted is not None and arm.completed >= arm.wanted for arm in said.arms)


def _bar(arm: ArmProgress) -> str:
    if not arm.wanted:
        return ""
    filled = round(BAR_CELLS * min(1.0, arm.completed / arm.wanted))
    return "━" * filled + "╌" * (BAR_CELLS - filled)


def _done(arm: ArmProgress) -> str:
    of = f"/{arm.wanted}" if arm.wanted else ""
    failed = f", {arm.failed} failed" if arm.failed else ""
    return f"{arm.completed}{of} trials{failed}"


def _best(said: Progress, arm: ArmProgress) -> str:
    score = "–" if arm.best is None else f"{arm.best:.4g}"
    return f"best validation {said.objective.metric} {score}"


def _left(said: Progress) -> str:
    if _over(said):
        return "searches done"
    return "" if said.seconds_left is None else f"about {duration(said.seconds_left)} left"


__all__ = ["Listener", "Watcher", "duration", "plain", "table"]
