"""The places that actors take on a cluster's nodes: asked for, come, gone with a node, and asked for again.

All is decided in the thread that asks, from events; Ray's threads only put these into a queue.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

import ray

from harness.executors.base import Habit, Task
from harness.executors.ray.needs import Needs
from harness.executors.ray.slot import Machine, RemoteSlot, versions

RENEW_SECONDS = 5.0
"""How long after an actor that could not be started another one is tried in its place."""


@dataclass(slots=True, eq=False)
class Place:
    """A slot: a place that one actor after another takes.

    Attributes:
        number: From 1.
        life: Number of the actor that has it; what is heard of earlier ones is not for it.
        actor: The actor; None while another one is not asked for yet.
        machine: Where it is; None until the actor has said so.
        running: Its task.
        deadline: When its task's machine is held to be hung.
        known: Digests of shared arguments that the actor has.
        habit: What it ran.
        renew_at: When another actor is asked for; infinite while there is one.
    """

    number: int
    life: int = 0
    actor: Any = None
    machine: Machine | None = None
    running: Task | None = None
    deadline: float = inf
    known: set[str] = field(default_factory=set)
    habit: Habit = field(default_factory=Habit)
    renew_at: float = inf


class Places:
    """All of them."""

    def __init__(self, needs: Needs, arguments: tuple[Any, ...], say: Callable[[str], None], *, same_cpu: bool) -> None:
        """Ask for none yet.

        Args:
            needs: What an actor takes of a node.
            arguments: What an actor is made with.
            say: Told in one line what comes and goes, once `settled`.
            same_cpu: Whether later machines must have the kind of processor of those that are there.
        """
        self._needs, self._arguments, self._say, self._same_cpu = needs, arguments, say, same_cpu
        self._events: queue.SimpleQueue[tuple[Place, int, str, Any]] = queue.SimpleQueue()
        self._doomed: list[Any] = []
        self.all: list[Place] = []
        self.module = ""
        self.settled, self.refusal = False, ""
        self.ended: Callable[[Place, Mapping[str, Any]], None]
        self.lost: Callable[[Place, str], None]

    @property
    def idle(self) -> list[Place]:
        """Those with a living actor and no task."""
        return [place for place in self.all if place.machine is not None and place.running is None]

    @property
    def machines(self) -> list[Machine]:
        """Where the living actors are, one for each of them."""
        return [place.machine for place in self.all if place.machine is not None]

    def ask(self, number: int) -> None:
        """Ask for so many actors; Ray places them when and where there is room."""
        self.all = [Place(one) for one in range(1, number + 1)]
        for place in self.all:
            self.renew(place)

    def renew(self, place: Place) -> None:
        """Ask for another actor in a place."""
        place.life, place.renew_at = place.life + 1, inf
        place.known, place.habit = set(), Habit()
        made = ray.remote(RemoteSlot).options(
            num_cpus=self._needs.cpus,
            num_gpus=self._needs.gpus,
            resources=dict(self._needs.resources),
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        place.actor = made.remote(*self._arguments)
        self.listen(place, "came", place.actor.about.remote(self.module))

    def end(self, place: Place) -> None:
        """End a place's actor and its task; the actor itself by `tidy`."""
        place.life, place.machine, place.running, place.deadline = place.life + 1, None, None, inf
        if place.actor is not None:
            self._doomed.append(place.actor)
        place.actor = None

    def tidy(self) -> None:
        """Kill the actors of places that have ended. Where the head is gone this would block, until Ray ends us."""
        while self._doomed:
            with suppress(Exception):  # it may be dead
                ray.kill(self._doomed.pop())

    def listen(self, place: Place, what: str, reference: Any) -> None:
        """Have an event for the result of an actor's call."""
        life = place.life
        reference.future().add_done_callback(lambda future: self._events.put((place, life, what, future)))

    def hear(self, seconds: float = 0.0) -> None:
        """Take what events there are, at once; where there is none, wait up to so long for one."""
        with suppress(queue.Empty):
            if self._events.empty() and seconds > 0:
                self._take(*self._events.get(timeout=seconds))
            while True:
                self._take(*self._events.get_nowait())

    @property
    def to_do(self) -> bool:
        """Whether there is something to `tidy` or to `renew_due`."""
        now = time.monotonic()
        return bool(self._doomed) or any(now >= place.renew_at for place in self.all)

    def renew_due(self) -> None:
        """Ask for actors in the places that want one again by now; this too would block where the head is gone."""
        now = time.monotonic()
        for place in self.all:
            if now >= place.renew_at:
                self.renew(place)

    def _take(self, place: Place, life: int, what: str, future: Any) -> None:
        if life != place.life:
            return
        if error := future.exception():
            if what == "came":
                self._could_not(place, cause(error))
            else:
                self.lost(place, cause(error))
        elif what == "came":
            self._came(place, Machine(**future.result()))
        elif what == "ended":
            self.ended(place, future.result())

    def _could_not(self, place: Place, why: str) -> None:
        self.end(place)
        if not self.settled and "ModuleNotFoundError" in why:
            self.refusal = f"a slot could not be started: {why}"
        place.renew_at = time.monotonic() + RENEW_SECONDS

    def _came(self, place: Place, machine: Machine) -> None:
        if why := self._unlike(machine):
            self.end(place)  # and no other is asked for: it would come to the same machine again
            if self.settled:
                self._say(f"{why}; not used")
            else:
                self.refusal = why
            return
        place.machine = machine
        if self.settled:
            self._say(f"{machine.host} has slot {place.number} of {len(self.all)}, {machine.processor}")

    def _unlike(self, machine: Machine) -> str:
        """Why a machine must not be used; empty where it may."""
        theirs = machine.versions
        if wrong := [
            f"{name} {theirs.get(name)}, here {mine}" for name, mine in versions().items() if theirs.get(name) != mine
        ]:
            return f"{machine.host} runs {'; '.join(wrong)}: expected the same versions"
        kinds = {one.processor for one in self.machines}
        if self._same_cpu and kinds and machine.processor not in kinds:
            return f"{machine.host} has {machine.processor}, another node {kinds.pop()}: expected one kind (--same-cpu)"
        return ""


def cause(error: BaseException) -> str:
    """Why an actor's call failed, in one short line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, ray.exceptions.RayTaskError):
        return lines[-1][:300] if lines else type(error).__name__
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "it does not answer"
    if missing := next((line for line in lines if "ModuleNotFoundError" in line), ""):
        return missing[:300]
    text = " ".join(lines)
    gone = "node" in text and any(word in text for word in ("died", "dead", "terminated", "removed"))
    return "the node died" if gone else "its process died"
