"""The working threads of a process: they translate what came in, and deliver what must go out."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hub.errors import HubError, StoreError
from hub.pipeline import Context, ProcessReport, process_batch, work_batch, work_taken
from hub.pipeline.prepare import Job
from hub.runtime.batch_size import BatchSize
from hub.runtime.bus import WakeBus
from hub.runtime.bus.base import INBOUND, deliveries
from hub.runtime.connections import Connections
from hub.runtime.threads import DaemonPool
from hub.store import ClaimedMessage, Store
from hub.store.taking import Taking
from hub.telemetry import get_logger, metrics

log = get_logger(__name__)

LEASE = 60.0
INBOUND_BATCH = BATCH = 100
HANDLERS_PER_CONNECTION = 2
"""Two, so that one slow call holds up its own batch and not the connection."""
REAP_EVERY = 5.0
GRACE = 2.0
"""Seconds that a process takes to end at the most, after it has given back the lease of a call that hangs."""
LONGEST_TURN = 300.0
"""Seconds after which a handler gives its wake-up back and asks for another: a broker ends consumers that hold one for half an hour."""
FEW = 5
"""Where fewer than these come at a time there is little load, and nobody waits for company."""
LONGEST_LINGER = 0.02
"""Under steady load a worker waits so long, at the most, for company: ten messages in one batch cost little more than one."""


def owner_name() -> str:
    """What this process writes on its leases."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Workers:
    """Works off one group at each wake-up until nothing of it is due, and looks by itself every ``sweep`` seconds."""

    def __init__(
        self,
        store: Store,
        context: Context,
        connections: Connections,
        bus: WakeBus,
        *,
        sweep: float = 1.0,
        reaps: bool = True,
    ) -> None:
        self._store = store
        self._context = context
        self._connections = connections
        self._bus = bus
        self._sweep_seconds = sweep
        self._reaps = reaps
        self._owner = owner_name()
        self._stop = threading.Event()
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._sizes: dict[str, BatchSize] = {}
        self._targets = {deliveries(name): name for name in connections}
        self._fallback = DaemonPool(len(self._targets) + 1, "sweep")
        self._sweeping: set[str] = set()
        self._rooms = {name: threading.Semaphore(HANDLERS_PER_CONNECTION) for name in connections}
        """For how many batches of a connection, taken when they were made, there is a thread at once."""
        self._at_once = DaemonPool(len(self._rooms) * HANDLERS_PER_CONNECTION, "send")
        self._sweeper = threading.Thread(target=self._sweep_forever, name="sweeper", daemon=True)

    def start(self) -> None:
        """Take wake-ups, and begin to sweep."""
        self._bus.subscribe(INBOUND, self.handle)
        for group in self._targets:
            self._bus.subscribe(group, self.handle, threads=HANDLERS_PER_CONNECTION)
        self._bus.start()
        self._sweeper.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish what is under way, up to ``timeout`` seconds, and give all leases back, also those of calls that hang."""
        until = time.monotonic() + timeout
        self._stop.set()
        self._bus.stop(max(0.5, timeout - 1.0))
        self._sweeper.join(max(0.1, until - time.monotonic()))
        self._fallback.shutdown(wait=False, cancel_futures=True)
        while time.monotonic() < until and any(self._running.values()):
            time.sleep(0.02)
        for group in (INBOUND, *self._targets):
            hangs = bool(self._running[group])
            try:
                given = self._store.give_back(
                    self._lease_owner(group), self._connections.settle() + GRACE if hangs else None
                )
            except StoreError as error:
                log.warning("lease.not_given_back", group=group, code=error.code)
                continue
            if hangs and given:
                log.warning("lease.given_back_under_way", group=group, leases=given)
        self._at_once.shutdown(wait=False)

    def handle(self, group: str) -> None:
        """Work off a group until nothing of it is due. Never raises."""
        self._count(group, 1)
        try:
            with self._told(group):
                if group == INBOUND:
                    self._process()
                elif group in self._targets:
                    self._deliver(group, self._targets[group])
        finally:
            self._count(group, -1)

    def _count(self, group: str, change: int) -> None:
        with self._lock:
            self._running[group] += change

    @contextmanager
    def _told(self, group: str) -> Iterator[None]:
        """Tell the log what went wrong, and rest a moment; whatever it was, its leases run out and it is done again."""
        try:
            yield
        except StoreError as error:
            log.warning("work.store", group=group, code=error.code)
            self._stop.wait(0.5)
        except HubError as error:
            log.warning("work.failed", group=group, code=error.code)
            self._stop.wait(0.5)
        except Exception:
            log.exception("work.bug", group=group, code="HUB-BUG")
            self._stop.wait(0.5)

    def _process(self) -> None:
        linger = _Linger(INBOUND_BATCH)
        while not self._stop.is_set():
            claimed = self._store.claim_messages(INBOUND_BATCH, LEASE, self._lease_owner(INBOUND))
            if not claimed:
                return
            report = self._process_batch(claimed)
            metrics.PROCESSED.inc(len(claimed))
            self._bus.wake(deliveries(name) for name in report.targets)
            self._stop.wait(linger.after(len(claimed)))
            if linger.over:
                self._bus.wake([INBOUND])
                return

    def _process_batch(self, claimed: Sequence[ClaimedMessage]) -> ProcessReport:
        """Process a batch, and have the deliveries that it makes sent at once where there is room for them."""
        free = {
            name: deliveries(name) for name, room in self._rooms.items()
            if self._connections.usable(name) and room.acquire(blocking=False)
        }  # fmt: skip
        taking = Taking(
            {name: self._size(name).size for name in free},
            {name: self._lease_owner(group) for name, group in free.items()},
            LEASE,
        )
        report = ProcessReport()
        try:
            report = process_batch(self._store, self._context, claimed, taking)
        finally:
            for name, group in free.items():
                if jobs := report.taken.get(name):
                    self._count(group, 1)
                    self._at_once.submit(self._send, group, name, jobs)
                else:
                    self._rooms[name].release()
        return report

    def _send(self, group: str, name: str, jobs: Sequence[Job]) -> None:
        """Send what was taken when it was made. Counted as running since it was handed over."""
        try:
            with self._told(group):
                began = time.monotonic()
                report = work_taken(self._store, self._context, name, jobs, self._connections.executor(name))
                self._worked(name, len(jobs), began)
                self.wake_targets(report.targets)
        finally:
            self._rooms[name].release()
            self._count(group, -1)

    def _deliver(self, group: str, name: str) -> None:
        if not self._connections.usable(name):
            return
        executor = self._connections.executor(name)
        linger = _Linger(BATCH)
        size = self._size(name)
        while not self._stop.is_set():
            claimed = self._store.claim_deliveries(name, size.size, LEASE, self._lease_owner(group))
            if not claimed:
                return
            began = time.monotonic()
            report = work_batch(self._store, self._context, claimed, executor)
            self._worked(name, len(claimed), began)
            self.wake_targets(report.targets - {name})
            self._stop.wait(linger.after(len(claimed)))
            if linger.over:
                self._bus.wake([group])
                return

    def _size(self, name: str) -> BatchSize:
        return self._sizes.setdefault(name, BatchSize(self._connections.concurrency(name)))

    def _worked(self, name: str, count: int, began: float) -> None:
        self._size(name).worked(count, time.monotonic() - began)
        metrics.DELIVERED.labels(name).inc(count)

    def wake_targets(self, names: frozenset[str] | set[str]) -> None:
        """Wake the groups of these targets; "" stands for the inbox."""
        self._bus.wake(deliveries(name) if name else INBOUND for name in names)

    def _lease_owner(self, group: str) -> str:
        return f"{self._owner}:{group}"

    def _sweep_forever(self) -> None:
        reaped_at = 0.0
        pause = 0.0
        while not self._stop.wait(pause):
            pause = self._sweep_seconds
            try:
                if self._reaps and time.monotonic() - reaped_at >= REAP_EVERY:
                    reaped_at = time.monotonic()
                    self._store.reap(self._connections.settle())
                self._look()
                following = self._store.next_due()
                if following is not None and following > 0:
                    pause = min(pause, max(following, 0.01))
            except StoreError as error:
                log.warning("sweep.store", code=error.code)
            except Exception:
                log.exception("sweep.bug", code="HUB-BUG")

    def _look(self) -> None:
        """Find due work without any wake-up."""
        if self._store.due_messages(1):
            self._hand_over(INBOUND)
        for target in self._store.due_targets(1):
            self._hand_over(deliveries(target.name))

    def _hand_over(self, group: str) -> None:
        """Have a group worked off in a thread of the sweep, unless enough threads are at it."""
        enough = 1 if group == INBOUND else HANDLERS_PER_CONNECTION
        with self._lock:
            known = group == INBOUND or group in self._targets
            if not known or group in self._sweeping or self._running[group] >= enough:
                return
            self._sweeping.add(group)

        def run() -> None:
            try:
                self.handle(group)
            finally:
                with self._lock:
                    self._sweeping.discard(group)

        try:
            self._fallback.submit(run)
        except RuntimeError:  # shut down meanwhile
            with self._lock:
                self._sweeping.discard(group)


class _Linger:
    """How long to wait before the next claim: up to 20 ms under steady load, while batches are neither full nor very small."""

    def __init__(self, full: int) -> None:
        self._full = full
        self._began = time.monotonic()
        self._turn_ends = self._began + LONGEST_TURN
        self._rounds = 0

    @property
    def over(self) -> bool:
        """Whether the handler has worked long enough for one wake-up."""
        return self._began >= self._turn_ends

    def after(self, count: int) -> float:
        """Seconds to wait after a batch of so many."""
        now = time.monotonic()
        took, self._began = now - self._began, now
        self._rounds += 1
        if self._rounds < 2 or not FEW <= count < self._full:
            return 0.0
        return min(LONGEST_LINGER, took)
