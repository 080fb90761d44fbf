"""Runs the polls and other timed jobs: each is a row with its next time, leased, so that any number of hubs run it once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from hub.errors import HubError, StoreError
from hub.project import Project
from hub.runtime.threads import DaemonPool
from hub.runtime.workers import owner_name
from hub.store import DueSchedule, Schedule, Store
from hub.telemetry import get_logger

log = get_logger(__name__)

LEASE = 20.0
"""Seconds that a schedule stays with a hub that no longer says it is alive. A living one extends it, however long a run takes."""
LONGEST_RUN = 180.0
"""Seconds after which a run ends at the next page, so that others have their turn."""
THREADS = 8
LONGEST_BACKOFF = 900.0
Job = Callable[[DueSchedule, float], "float | None"]
"""Runs one schedule until done or until the given monotonic time. Returns seconds to the next run, or none for the usual."""


def poll_name(connection: str, stream: str) -> str:
    """The name of a poll's schedule."""
    return f"poll:{connection}:{stream}"


MAINTAIN_ARCHIVE = "maintain:archive"
PUBLISH_EVENTS, FORGET_EVENTS = "publish:events", "forget:events"


def webhooks_name(connection: str) -> str:
    """The name of the schedule that verifies a connection's webhook subscriptions."""
    return f"webhooks:{connection}"


def wanted(project: Project) -> list[Schedule]:
    """The schedules that the project asks for: its polls, and what its other settings need."""
    found = [Schedule(MAINTAIN_ARCHIVE, interval=3600.0)]
    if project.events is not None:
        found.append(Schedule(FORGET_EVENTS, interval=3600.0))
        if publishes(project):
            found.append(Schedule(PUBLISH_EVENTS, interval=1.0))
    for connection in project.connections.values():
        if connection.webhooks is not None:
            found.append(Schedule(webhooks_name(connection.name), connection.name, interval=connection.webhooks.every))
        for stream, poll in connection.poll.items():
            found.append(
                Schedule(
                    name=poll_name(connection.name, stream), connection=connection.name, stream=stream,
                    interval=poll.every, cron=poll.cron or "", timezone=poll.timezone,
                )
            )  # fmt: skip
    return found


def publishes(project: Project) -> bool:
    """Whether canonical events go to a broker."""
    return project.events is not None and (project.broker or "").startswith("amqp")


def backoff(failures: int, interval: float | None) -> float:
    """Seconds until a failed job runs again: from its interval (at least a second), doubling, at most 15 intervals or 15 minutes."""
    base = min(max(interval or 30.0, 1.0), 30.0)
    longest = min(LONGEST_BACKOFF, max(30.0, 15 * (interval or 60.0)))
    return min(longest, base * 2.0 ** min(failures, 10))


class Scheduler:
    """Claims due schedules and runs their jobs in threads; a job that is still running keeps its lease, so none overlaps."""

    def __init__(self, store: Store, jobs: Mapping[str, Job], *, tick: float = 0.5) -> None:
        self._store = store
        self._jobs = dict(jobs)
        self._tick = tick
        self._owner = f"{owner_name()}:schedule"
        self._stop = threading.Event()
        self._nudge = threading.Event()
        self._threads = DaemonPool(THREADS, "poll")
        self._running = 0
        self._extend_at = 0.0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether jobs should come to an end."""
        return self._stop.is_set()

    def add(self, kind: str, job: Job) -> None:
        """Have ``job`` run the schedules whose name begins with ``kind:``."""
        self._jobs[kind] = job

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """Look for due schedules at once."""
        self._nudge.set()

    def stop(self, timeout: float = 10.0) -> None:
        """Start nothing more, and wait for running jobs, up to ``timeout`` seconds."""
        until = time.monotonic() + timeout
        self._stop.set()
        self._nudge.set()
        self._thread.join(timeout)
        while self._running and time.monotonic() < until:
            time.sleep(0.02)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._keep_leases()
                self._start_due()
            except StoreError as error:
                log.warning("schedule.store", code=error.code)
            except Exception:
                log.exception("schedule.bug", code="HUB-BUG")
            self._nudge.wait(self._tick)
            self._nudge.clear()

    def _keep_leases(self) -> None:
        if self._running and time.monotonic() >= self._extend_at:
            self._store.extend_schedules(self._owner, LEASE)
            self._extend_at = time.monotonic() + LEASE / 4

    def _start_due(self) -> None:
        free = THREADS - self._running
        if free <= 0:
            return
        for schedule in self._store.claim_schedules(free, LEASE, self._owner):
            with self._lock:
                self._running += 1
            self._threads.submit(self._work, schedule)

    def _work(self, schedule: DueSchedule) -> None:
        next_in: float | None = None
        error = ""
        try:
            job = self._jobs.get(schedule.name.partition(":")[0])
            if job is not None:
                next_in = job(schedule, time.monotonic() + LONGEST_RUN)
        except HubError as failure:
            error = f"{failure.code}: {failure.message}"
            next_in = max(backoff(schedule.failures, schedule.interval), getattr(failure, "after", None) or 0.0)
            log.warning("schedule.failed", schedule=schedule.name, code=failure.code, again_in=round(next_in, 1))
        except Exception as failure:
            error = f"HUB-BUG: {type(failure).__name__}"
            next_in = backoff(schedule.failures, schedule.interval)
            log.exception("schedule.bug", schedule=schedule.name, code="HUB-BUG")
        try:
            self._store.finish_schedule(schedule.name, self._owner, next_in=next_in, error=error)
        except StoreError as failure:
            log.warning("schedule.not_finished", schedule=schedule.name, code=failure.code)
        finally:
            with self._lock:
                self._running -= 1
