"""What is done to a running hub. Each fault strikes, lasts a while, and heals; two never hold the same thing at a time."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pika

from tests.chaos.processes import HubProcesses
from tests.chaos.services import Disk, Postgres, Rabbit

DATABASE, BROKER = frozenset({"database"}), frozenset({"broker"})


@dataclass
class World:
    """Everything that can be struck. The embedded hub has neither database server nor broker."""

    hub: HubProcesses
    disk: Disk
    queues: Sequence[str] = ()
    postgres: Postgres | None = None
    rabbit: Rabbit | None = None


@dataclass(frozen=True)
class Fault:
    """One kind of fault: what it holds while it lasts, how long that is (seconds, from and to), how often it is chosen."""

    name: str
    holds: frozenset[str]
    strike: Callable[[World], None]
    heal: Callable[[World], None]
    lasts: tuple[float, float]
    weight: float


@dataclass
class Chaos:
    """Strikes at random, by a seed, until told to stop; then everything is healed. `run` is the body of a thread."""

    world: World
    faults: Sequence[Fault]
    pause: tuple[float, float]
    rnd: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._open: list[tuple[float, Fault]] = []
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with everything healed."""
        self._stop.set()
        self._thread.join(120)
        self._heal(float("inf"))

    def _run(self) -> None:
        due = time.monotonic() + self.rnd.uniform(*self.pause)
        # each kind once at first, in random order, so that a short run has them all
        queue = sorted(self.faults, key=lambda _: self.rnd.random())
        while not self._stop.wait(0.05):
            now = time.monotonic()
            self._heal(now)
            if now < due:
                continue
            held = frozenset[str]().union(*(fault.holds for _, fault in self._open))
            first = [fault for fault in queue if not fault.holds & held]
            free = [fault for fault in self.faults if not fault.holds & held]
            if first:
                queue.remove(first[0])
                self._strike(first[0])
            elif free:
                self._strike(self.rnd.choices(free, [fault.weight for fault in free])[0])
            due = time.monotonic() + self.rnd.uniform(*self.pause)

    def _strike(self, fault: Fault) -> None:
        self.struck[fault.name] += 1
        self._guarded(fault.name, lambda: fault.strike(self.world))
        self._open.append((time.monotonic() + self.rnd.uniform(*fault.lasts), fault))

    def _heal(self, now: float) -> None:
        for entry in [entry for entry in self._open if entry[0] <= now]:
            self._open.remove(entry)
            self._guarded(entry[1].name, lambda fault=entry[1]: fault.heal(self.world))  # type: ignore[misc]

    def _guarded(self, name: str, body: Callable[[], None]) -> None:
        try:
            body()
        except Exception as error:
            self.errors.append(f"{name}: {type(error).__name__}: {error}")


def killed(role: str, weight: float = 3.0) -> Fault:
    """kill -9 of a process of the hub, started again within a second."""
    name = f"kill -9 {role}"
    return Fault(
        name,
        frozenset({role}),
        lambda world: world.hub.kill(role),
        lambda world: world.hub.start(role),
        (0.0, 1.0),
        weight,
    )


def frozen(role: str, seconds: float, weight: float = 1.5) -> Fault:
    """A process that stands still for longer than its lease."""
    name = f"freeze {role} past its lease"
    # one worker at a time: with both frozen nobody would take over
    return Fault(
        name, frozenset({role, "frozen"}), lambda world: world.hub.freeze(role), lambda world: world.hub.thaw(role),
        (seconds, seconds + 3), weight,
    )  # fmt: skip


def clock_jumps(role: str, most: float, weight: float = 1.0) -> Fault:
    """The time of day of a process is set forward or back by up to ``most`` seconds; leases and settle times must not notice."""
    jumps = random.Random(most)
    name = f"clock of {role} jumps"
    return Fault(
        name, frozenset({f"clock of {role}"}), lambda world: world.hub.set_clock(role, jumps.uniform(-most, most)),
        lambda _: None, (0.0, 0.1), weight,
    )  # fmt: skip


def database_faults() -> list[Fault]:
    """Immediate stop of the database, and kill -9 of one of its processes."""

    def stop(world: World) -> None:
        assert world.postgres
        world.postgres.stop_immediately()

    def start(world: World) -> None:
        assert world.postgres
        world.postgres.wait()

    def kill_backend(world: World) -> None:
        assert world.postgres
        world.postgres.kill_backend()

    return [
        Fault("stop database immediately", DATABASE, stop, start, (0.2, 3.0), 2.0),
        Fault("kill -9 a database process", DATABASE, kill_backend, start, (0.1, 0.2), 1.0),
    ]


def broker_faults() -> list[Fault]:
    """kill -9 of the broker; its queues purged and deleted."""

    def kill(world: World) -> None:
        assert world.rabbit
        world.rabbit.kill()

    def start(world: World) -> None:
        assert world.rabbit
        world.rabbit.start()

    return [
        Fault("kill -9 broker", BROKER, kill, start, (0.5, 6.0), 1.5),
        Fault("purge and delete queues", BROKER, purge_and_delete, lambda _: None, (0.0, 0.1), 1.5),
    ]


def purge_and_delete(world: World) -> None:
    """Empty every queue, then delete it. A broker that is still starting is left alone."""
    assert world.rabbit
    with (
        contextlib.suppress(pika.exceptions.AMQPError, OSError),
        contextlib.closing(world.rabbit.connect()) as connection,
    ):
        for queue in world.queues:
            for remove in ("queue_purge", "queue_delete"):
                with contextlib.suppress(pika.exceptions.AMQPError):
                    getattr(connection.channel(), remove)(queue)


def full_disk(holds: frozenset[str]) -> Fault:
    """Not a byte is left where the database writes. PostgreSQL may give up meanwhile, and is started again."""

    def heal(world: World) -> None:
        world.disk.free()
        if world.postgres is not None:
            world.postgres.wait()

    return Fault("disk full", holds, lambda world: world.disk.fill(), heal, (1.5, 4.0), 1.0)
