"""The executor of a cluster: slots that come and go with its nodes, tasks whose machine may be lost.

The end of a task costs the same with a thousand slots. Where a slot's actor dies its task is lost, and another actor
takes its place as soon as a node has room.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from harness.errors import ExecutorError, UsageError
from harness.executors.base import Done, Task, checked
from harness.executors.pool import PoolExecutor
from harness.executors.ray import cluster
from harness.executors.ray.files import write_whole
from harness.executors.ray.needs import Needs
from harness.executors.ray.offers import Offers
from harness.executors.ray.places import Place, Places
from harness.executors.ray.slot import Machine
from harness.executors.resources import memory_share
from harness.notes import Note
from harness.records import FailureKind

SLOTS_SECONDS, BUSY_SECONDS = 60.0, 8.0
"""How long a first slot may take to come, and how long where others' work holds all of the nodes; the rest of the slots
has the latter too."""

GRACE_SECONDS = 120.0
"""How much longer than its limit a task may take before its machine is held to be hung: the worker's own timer, which
ends it in time, hangs with it."""

SAY_SECONDS = 60.0
"""How long there is no slot before that is said."""

HEAD_SECONDS, HEAD_LOST_SECONDS = 3.0, 15.0
"""How often the head is asked whether it is there, and how long it may not answer."""


class RayExecutor:
    """Runs tasks on a cluster. Used from one thread; leaving it ends its actors and nothing else of the cluster."""

    def __init__(
        self,
        address: str,
        slots: int | None = None,
        threads: int | None = 1,
        needs: Needs | None = None,
        say: Callable[[str], None] = lambda _: None,
        environment: Mapping[str, str] | None = None,
        module: str = "",
        *,
        same_cpu: bool = False,
    ) -> None:
        """Join the cluster and wait for the slots that it has room for.

        Args:
            address: `HOST:PORT` of the head.
            slots: Slots to be had; None for as many as the nodes hold now.
            threads: Threads of each numeric library in a worker.
            needs: What a slot takes of a node.
            say: Told in one line what nodes there are, come and go.
            environment: Variables that tasks see.
            module: What workers import as soon as they are there (`prewarm`); nothing where it is empty.
            same_cpu: Whether slots on another kind of processor than the first one's are refused.

        Raises:
            UsageError: The cluster does not answer, has no room for a slot, runs other versions, or has several kinds
                of processor where one is wanted.
        """
        self.address, self._needs, self._say, self._threads = address, needs or Needs(), say, threads
        self._own = cluster.connect(address)
        self._places = Places(self._needs, (threads, dict(environment or {})), say, same_cpu=same_cpu)
        self._places.module = module
        self._places.ended, self._places.lost = self._ended, self._lost
        self._heard: list[tuple[Place | None, Done]] = []
        self._offers, self._submitted, self._closed = Offers(), 0, False
        self._local: PoolExecutor | None = None
        self._slotless_since, self._said_slotless = inf, False
        self._head_seen = self._head_asked = time.monotonic()
        self._gone = False
        try:
            self._settle(slots)
        except BaseException:
            self.close()
            raise

    # What the contract asks for.

    @property
    def slots(self) -> int:
        """How many there are to be at most."""
        return len(self._places.all)

    @property
    def running(self) -> int:
        """Tasks whose end was not heard of yet."""
        lost = sum(place is None for place, _ in self._heard)
        return lost + sum(place.running is not None for place in self._places.all)

    @property
    def free(self) -> int:
        """Living slots without a task."""
        if self._closed:
            return 0
        self._places.hear()
        return len(self._places.idle)

    @property
    def here(self) -> PoolExecutor:
        """One worker process of this machine."""
        if self._local is None:
            self._local = PoolExecutor(1, self._threads)
        return self._local

    @property
    def preferred_group(self) -> str:
        """The affinity group of the idlest free slot."""
        free = [place.habit for place in self._places.idle]
        return min(free, key=lambda habit: habit.last_used).group if free else ""

    def prewarm(self, module: str) -> None:
        """Have the workers of all slots import a module, of those that are to come too; does not wait for it."""
        if self._closed or self._places.module == module:
            return
        self._places.module = module
        for place in self._places.all:
            if place.machine is not None:
                place.actor.prewarm.remote(module)

    def submit(self, task: Task) -> None:
        """Hand over one task: to the free slot that suits it best.

        Raises:
            ExecutorError: No slot is free, the executor is closed, the task is malformed, or one of its files cannot
                be read.
        """
        if self._closed:
            raise ExecutorError(f"task {task.id}: the engine is closed")
        if not (free := self._places.idle):
            raise ExecutorError(f"task {task.id}: no slot of {self.slots} is free; wait for one")
        self._give(task, min(free, key=lambda place: place.habit.rank(task)))

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        """The tasks that ended since the last call; see `Executor.wait`."""
        end = inf if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self._closed:
            self._places.hear()
            self._look_after()
            if self._heard:
                heard, self._heard = self._heard, []
                for place, _ in heard:
                    if place is not None:
                        place.running, place.deadline = None, inf
                return [done for _, done in heard]
            left = end - time.monotonic()
            if left <= 0 or (not self.running and self._places.idle):
                break
            self._places.hear(min(left, 0.5))
        return []

    def notes(self) -> list[Note]:
        """None: what tasks tell does not come from other machines yet."""
        return []

    def drop(self) -> None:
        """End the actors that run a task; others take their places."""
        for place in [place for place in self._places.all if place.running is not None]:
            self._end(place)
        self._heard.clear()
        if self._head_answers():
            self._places.tidy()
            self._places.renew_due()

    def close(self) -> None:
        """End all actors and leave the cluster as it was. May be called twice."""
        if self._closed:
            return
        self._closed = True
        for place in self._places.all:
            self._places.end(place)
        self._heard.clear()
        if self._local is not None:
            self._local.close()
        if not self._head_answers():
            cluster.abandon()
            return
        self._places.tidy()
        if self._own:
            cluster.disconnect()

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What a cluster has beside it.

    @property
    def machines(self) -> list[Machine]:
        """Where the living slots are, a machine for each of them."""
        return self._places.machines

    def require_room(self, paths: Sequence[str]) -> None:
        """Refuse data that the cluster's memory cannot hold.

        Raises:
            UsageError: It cannot; the message says what to do.
        """
        self._offers.fit(paths, cluster.nodes())

    def on_every_node(self, task: Task) -> dict[str, Done]:
        """Run a task once on each machine that has a slot, while nothing else runs; what became of it, by machine."""
        one_each = {place.machine.node: place for place in self._places.idle if place.machine is not None}
        hosts = {f"{task.id} {node}": place.machine.host for node, place in one_each.items() if place.machine}
        for node, place in one_each.items():
            self._give(replace(task, id=f"{task.id} {node}"), place)
        found: dict[str, Done] = {}
        while self.running:
            found |= {hosts[done.task_id]: done for done in self.wait()}
        return found

    # How it goes about it.

    def _settle(self, slots: int | None) -> None:
        """Ask for slots, wait for those that the nodes have room for, and say what there is."""
        nodes = cluster.nodes()
        room = sum(self._needs.fit(node.resources) for node in nodes)
        if not room:
            why = self._needs.shortage({node.host: node.resources for node in nodes})
            raise UsageError(f"--address {self.address}: no slot on any of {len(nodes)} nodes: {why}")
        began = time.monotonic()
        patience = SLOTS_SECONDS if self._needs.fit(cluster.free_resources()) else BUSY_SECONDS
        self._places.ask(slots or room)
        expected = min(room, self.slots)
        while (there := len(self.machines)) < expected and not self._places.refusal:
            left = began + (BUSY_SECONDS if there else patience) - time.monotonic()
            if left <= 0:
                break
            self._places.hear(min(left, 0.5))
        if not self.machines and not self._places.refusal:
            self._places.refusal = f"no slot has come in {patience:.0f} s: others' work may hold the nodes"
        if self._places.refusal:
            raise UsageError(f"--address {self.address}: {self._places.refusal}")
        self._places.settled = True
        for line in self.lines():
            self._say(line)

    def lines(self) -> list[str]:
        """The machines that have slots, a line each, and how many slots there are to be."""
        by_host: dict[str, list[Machine]] = {}
        for machine in self.machines:
            by_host.setdefault(machine.node, []).append(machine)
        found = [f"{ones[0].host}: {_counted(ones, 'slot')}, {ones[0].processor}" for ones in by_host.values()]
        missing = self.slots - len(self.machines)
        rest = f"; {missing} more as nodes have room" if missing else ""
        total = f"{_counted(self.machines, 'slot')} on {_counted(by_host, 'node')}{rest}"
        return [*sorted(found), f"Ray at {self.address}: {total}"]

    def _give(self, task: Task, place: Place) -> None:
        task = checked(task)
        files = self._offers.of(task.inputs)
        self._submitted += 1
        place.habit.take(task, self._submitted)
        place.running = task
        if task.limit_seconds is not None:
            place.deadline = time.monotonic() + task.limit_seconds + GRACE_SECONDS
        shared = task.shared
        if shared and shared.digest not in place.known:
            place.actor.keep.remote(shared.digest, shared.values)
            place.known.add(shared.digest)
        plain = {name: getattr(task, name) for name in ("id", "function", "arguments", "limit_seconds", "outputs")}
        plain["limit_mb"] = task.limit_mb or self._memory_of(place)
        self._places.listen(place, "ended", place.actor.run.remote(plain, shared.digest if shared else "", files))

    def _memory_of(self, place: Place) -> int:
        """The place's share of its node's memory."""
        assert place.machine is not None  # it lives
        beside = sum(machine.node == place.machine.node for machine in self.machines)
        return memory_share(place.machine.memory_mb, beside)

    def _ended(self, place: Place, found: Mapping[str, Any]) -> None:
        for path, content in found["files"].items():
            with suppress(OSError):  # as on one machine: what is missing is made again when it is needed
                write_whole(Path(path), content)
        done = {**found["done"], "failure": FailureKind(name) if (name := found["done"]["failure"]) else None}
        self._heard.append((place, Done(**done)))

    def _lost(self, place: Place, why: str) -> None:
        """Its actor is gone, or must go: a task must not run twice into one place."""
        task, host = place.running, place.machine.host if place.machine else "a node"
        self._end(place)
        if task is not None:
            self._say(f"{host} is lost ({why}): {task.id.rpartition('#')[0] or task.id} is tried again")
            self._heard.append((None, Done(task.id, failure=FailureKind.LOST, message=f"{host}: {why}")))

    def _end(self, place: Place) -> None:
        """End a place's actor, and have another one asked for when there is time."""
        self._places.end(place)
        place.renew_at = time.monotonic()

    def _look_after(self) -> None:
        """What no event tells: machines that hang, places to be filled, no slot for long, a head that is gone."""
        now = time.monotonic()
        for place in self._places.all:
            if now >= place.deadline:
                self._lost(place, "no answer long after the task's time limit")
        self._say_slotless(now)
        if (now - self._head_asked >= HEAD_SECONDS or self._places.to_do) and self._head_answers():
            self._places.tidy()
            self._places.renew_due()

    def _say_slotless(self, now: float) -> None:
        if self.machines:
            self._slotless_since, self._said_slotless = inf, False
            return
        self._slotless_since = min(self._slotless_since, now)
        if now - self._slotless_since >= SAY_SECONDS and not self._said_slotless:
            self._said_slotless = True
            waiting = f"no slot for {SAY_SECONDS:.0f} s; waiting for a node"
            self._say(f"Ray at {self.address}: {waiting}. Ctrl-C ends, and the same command goes on")

    def _head_answers(self) -> bool:
        """Whether the head does, without which Ray's calls would block.

        Raises:
            KeyboardInterrupt: It has not for long.
        """
        if self._gone:
            return False
        why, self._head_asked = cluster.answers(self.address, 2.0), time.monotonic()
        if not why:
            self._head_seen = self._head_asked
        elif self._head_asked - self._head_seen >= HEAD_LOST_SECONDS and not self._closed:
            self._gone = True
            self._say(f"Ray at {self.address}: the head is gone ({why})")
            raise KeyboardInterrupt
        return not why


def _counted(things: Collection[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
