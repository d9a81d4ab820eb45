"""How a running sweep looks: a line for each family in a terminal or a notebook, plain lines where there is neither.

All on standard error, but in a notebook, where it is the cell's output.
"""

from __future__ import annotations

import errno
import html
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.errors import UsageError
from harness.report.format import metric_words
from harness.sweeps.events import (
    Callback,
    ComparisonFinished,
    FamilyProgress,
    Progress,
    Step,
    SweepEvent,
    SweepStarted,
)
from harness.text import counted, duration_text, shortened

PLAIN_EVERY_SECONDS = 10.0
BAR_CELLS, NARROWEST_BAR = 20, 5

Verbose: TypeAlias = Literal["auto", 0, 1, 2] | bool
"""How much is shown, in the words of Keras's `fit`: nothing, how far the sweep is, or every trial besides."""


def watched(callback: Callback | None, verbose: Verbose) -> AbstractContextManager[Callback]:
    """Who watches a sweep that a program runs, as long as it runs.

    Args:
        callback: The program's own watcher; None where it has none.
        verbose: What is shown besides; "auto" shows how far the sweep is where nobody else watches.

    Raises:
        UsageError: One of them is something else.
    """
    if not (callback is None or callable(callback)):
        raise UsageError(f"callback = {callback!r}: expected a function that is called with each event")
    if verbose != "auto" and not (isinstance(verbose, int) and verbose in (0, 1, 2)):
        raise UsageError(
            f'verbose = {verbose!r}: expected 0 (nothing), 1 (how far the sweep is), 2 (every trial besides) or "auto" '
            "(1, but 0 where there is a callback)"
        )
    if (callback is None) if verbose == "auto" else verbose:
        return _shown(callback, ProgressDisplay(verbose=verbose == 2))
    return nullcontext(callback or _unwatched)


@contextmanager
def _shown(callback: Callback | None, display: ProgressDisplay) -> Iterator[Callback]:
    def both(event: SweepEvent) -> None:
        display(event)
        if callback:
            callback(event)

    with display:
        yield both


def _unwatched(_: SweepEvent) -> None:
    """Nobody watches."""


class ProgressDisplay:
    """Shows a sweep's events: a callback, and a context manager. `harness.sweep` shows them so by itself.

    Args:
        verbose: Show every trial.
        quiet: Show nothing.
        warning: Shown when the sweep starts, since a command that is refused should say nothing else; may be empty.

    Attributes:
        sweep_id: Id of the sweep; empty until it has started.
        unread: Whether the terminal was closed, or nobody reads the pipe any more; nothing is shown since.
    """

    def __init__(self, *, verbose: bool = False, quiet: bool = False, warning: str = "") -> None:
        self.sweep_id = ""
        self.unread = False
        self._verbose, self._quiet = verbose, quiet
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._cells: dict[str, Any] = {}  # IPython's handle of what is shown of each dataset in a notebook
        self._searching: dict[str, Progress] = {}  # what is shown of each dataset that is being searched
        self._steps: dict[str, Step] = {}  # and of each for which something else is done
        self._last_plain = 0.0
        self._warning = warning

    def __call__(self, event: SweepEvent) -> None:
        """Show one event."""
        if isinstance(event, SweepStarted):
            self.sweep_id = event.sweep_id
        if not (self._quiet or self.unread):
            with self._noticing_its_end():
                self._show(event)

    def _show(self, event: SweepEvent) -> None:
        if isinstance(event, SweepStarted):
            self._line(start_line(event))
            if self._warning:
                self._line(self._warning)
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Step):
            self._step(event)
        elif isinstance(event, ComparisonFinished):
            self._over(event.result.dataset)
        elif self._verbose or not event.detail:
            self._line(event.text)

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._noticing_its_end():
            self._stop()

    @contextmanager
    def _noticing_its_end(self) -> Iterator[None]:
        """Go on without showing anything where nobody can see it; Rich would end the whole program."""
        try:
            yield
        except (OSError, SystemExit) as error:
            cause = error if isinstance(error, OSError) else error.__context__
            if not isinstance(cause, OSError) or cause.errno not in (errno.EPIPE, errno.EIO):
                raise
            self.unread, self._live = True, None

    def _progress(self, event: Progress) -> None:
        if self._console.is_jupyter:
            self._notebook(event)
            return
        if not self._console.is_terminal:
            self._plain(event)
            return
        self._searching[event.dataset] = event
        self._draw()
        if event.over:
            self._over(event.dataset)

    def _step(self, event: Step) -> None:
        if self._console.is_jupyter:
            return
        if not self._console.is_terminal:
            if 0 < event.done < event.of:
                self._plain(event)
            return
        self._steps[event.dataset] = event
        if event.over:
            del self._steps[event.dataset]
        self._draw()
        if not (self._searching or self._steps):
            self._stop()

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(console=self._console, transient=False, refresh_per_second=4)
            self._live.start()
        self._live.update(self._tables(), refresh=True)

    def _tables(self) -> Group:
        width = self._console.width
        searches = (table(one, width) for one in self._searching.values())
        return Group(*searches, *(step_line(one, width) for one in self._steps.values()))

    def _over(self, dataset: str) -> None:
        """Leave what is shown of a dataset where it stands; what is shown of others goes on below."""
        if self._live is None or (last := self._searching.pop(dataset, None)) is None:
            return
        if not (self._searching or self._steps):
            self._stop()
            return
        self._live.console.print(table(last, self._console.width))
        self._live.update(self._tables(), refresh=True)

    def _plain(self, event: Progress | Step) -> None:
        now = time.monotonic()
        if now - self._last_plain >= PLAIN_EVERY_SECONDS or event.over:
            self._last_plain = now
            print(plain(event), file=sys.stderr, flush=True)

    def _notebook(self, event: Progress) -> None:
        from IPython.display import display  # there is one where the console says that this is a notebook

        shown = {"text/html": page(event), "text/plain": plain(event)}
        if event.dataset in self._cells:
            self._cells[event.dataset].update(shown, raw=True)
        else:
            self._cells[event.dataset] = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def _line(self, text: str) -> None:
        console = self._live.console if self._live else self._console
        console.print(Text(text), soft_wrap=True)

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def start_line(event: SweepStarted) -> str:
    """Which sweep this is, and whether it is a new one."""
    if event.finished:
        return f"sweep {event.sweep_id} has finished already; writing its report and its MLflow runs again"
    return f"resuming sweep {event.sweep_id}" if event.resumed else f"starting a new sweep, {event.sweep_id}"


def table(event: Progress, width: int) -> Group:
    """The time left, and one line per family: a bar where there is room, trials done, the best score so far."""
    heading = Text.assemble((event.dataset, "bold"), "  ", (_left(event), "dim"), no_wrap=True, overflow="ellipsis")
    heading.append(f"  best validation {metric_words(event.objective)}", "dim")
    done, best = [_done(family) for family in event.families], [_best(family) for family in event.families]
    # An indent of two, and a space after each column.
    space_left = width - max(map(len, done)) - max(map(len, best)) - 6
    names = [f"  {shortened(family.name, max(2, space_left))}" for family in event.families]
    space_left -= max(map(len, names))
    cells = min(BAR_CELLS, space_left) if space_left >= NARROWEST_BAR else 0
    grid = Table.grid(padding=(0, 1))
    for _ in range(4):
        grid.add_column(no_wrap=True)
    for family, *texts in zip(event.families, names, done, best, strict=True):
        grid.add_row(Text(texts[0]), Text(_bar(family, cells), style="cyan"), Text(texts[1]), Text(texts[2]))
    return Group(heading, grid)


def step_line(event: Step, width: int) -> Text:
    """What else is done for a dataset, with a bar where there is room: `airline  fresh seeds  ━━━╌╌╌ 3/6`."""
    done = f"{event.done}/{event.of}"
    text = Text.assemble((event.dataset, "bold"), "  ", event.what, "  ", no_wrap=True, overflow="ellipsis")
    cells = min(BAR_CELLS, width - len(text.plain) - len(done) - 1)
    if cells >= NARROWEST_BAR:
        text.append(f"{_filled(event.done / event.of, cells)} ", "cyan")
    text.append(done)
    return text


def plain(event: Progress | Step) -> str:
    """The same in one line."""
    if isinstance(event, Step):
        return f"{event.dataset}: {event.what} {event.done}/{event.of}"
    metric = f"validation {metric_words(event.objective)}"
    families = "; ".join(f"{family.name} {_done(family)}, best {metric} {_best(family)}" for family in event.families)
    return f"{event.dataset}: {'; '.join(part for part in (families, _left(event)) if part)}"


def page(event: Progress) -> str:
    """The same as a table in HTML, for a notebook."""
    rows = ""
    for family in event.families:
        bar = f'<progress max="{family.wanted}" value="{family.completed}"></progress>' if family.wanted else ""
        cells = (html.escape(family.name), bar, _done(family), _best(family))
        rows += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    metric = html.escape(f"best validation {metric_words(event.objective)}")
    head = f"<tr><th></th><th></th><th>{_left(event)}</th><th>{metric}</th></tr>"
    return f"<table><caption>{html.escape(event.dataset)}</caption>{head}{rows}</table>"


def _bar(family: FamilyProgress, cells: int) -> str:
    if not family.wanted:
        return ""
    return _filled(family.completed / family.wanted, cells)


def _filled(share: float, cells: int) -> str:
    filled = round(cells * min(1.0, share))
    return "━" * filled + "╌" * (cells - filled)


def _done(family: FamilyProgress) -> str:
    done = f"{family.completed}/" if family.wanted else ""
    failed = f", {family.failed} failed" if family.failed else ""
    return f"{done}{counted(family.wanted or family.completed, 'trial')}{failed}"


def _best(family: FamilyProgress) -> str:
    return "–" if family.best is None else f"{family.best:.4g}"


def _left(event: Progress) -> str:
    if event.over:
        return "searches done"
    return "" if event.seconds_left is None else f"about {duration_text(round(event.seconds_left))} left"
