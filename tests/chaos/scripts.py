"""Runs in which something is done to the hub at a chosen moment, because chance would seldom find it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from hub.errors import StoreError
from hub.store import Store
from tests.chaos.faults import World
from tests.chaos.project import TARGETS, Times
from tests.chaos.ring import Plan

LEASE = 5.0
FAITHFUL = dict.fromkeys(
    ("refused", "pace", "reset", "hang", "late", "lost_answer", "failed_answer", "hung_answer", "lookup"), 0.0
)


def held_up(seed: int) -> Plan:
    """The run of the control without fencing, with the hub as it is: a worker that was overtaken sends nothing more."""
    slow = {"keyed": FAITHFUL, "ordered": FAITHFUL, "marker": {**FAITHFUL, "slow": 1.6}}
    return Plan("held-up", 150, 4, seed, times=Times(lease=LEASE), targets=slow, script=overtaken, patience=90)


def overtaken(world: World, database: str) -> None:
    """Freeze a worker that holds more than it has sent, wait until the other one has done everything, and let it go on."""
    held = "SELECT count(*) FROM delivery WHERE state = 'leased' AND lease_owner LIKE ?"
    with contextlib.closing(Store.open(database, readonly=True)) as store:
        owner = f"%:{world.hub.pid('worker-1')}:deliver.marker"

        def holds_much() -> bool:
            with store.database.read() as connection:
                return bool(store.database.rows(connection, held, owner)[0][0] > 8)

        if not _until(holds_much, 40):
            raise TimeoutError("the worker never held more than it could send at once")
        world.hub.freeze("worker-1")
        if not _until(lambda: not store.in_flight(), 90):
            raise TimeoutError("the other worker did not take over")
        world.hub.thaw("worker-1")
        time.sleep(5.0)


def crash_loop(seed: int) -> Plan:
    """What three workers died of ends at the exceptions desk, and is delivered once when it is released."""
    targets = {target: {**FAITHFUL, "hung_answer": 0.2, "late": 0.1} for target in TARGETS}
    return Plan("crash-loop", 200, 12, seed, targets=targets, script=dying, patience=150)


def dying(world: World, database: str) -> None:
    """Kill the only process whenever it holds what it died of before, until that is given up."""
    statement = "SELECT count(*) FROM delivery WHERE state = 'leased' AND request IS NOT NULL AND crashes >= ?"

    def holds(crashes: int) -> bool:
        try:
            with contextlib.closing(Store.open(database, readonly=True)) as store, store.database.read() as connection:
                return bool(store.database.rows(connection, statement, crashes)[0][0])
        except StoreError:
            return False

    for crashes in (0, 1, 2):
        if not _until(lambda: holds(crashes), 60):  # noqa: B023
            raise TimeoutError(f"nothing is under way that has crashed {crashes} times")
        world.hub.kill("hub")
        world.hub.start("hub")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.03)
    return condition()
