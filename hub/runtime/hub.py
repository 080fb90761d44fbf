"""The hub of one project in one process: everything put together, started by role, and stopped in good order."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Literal, Self

from hub.errors import HubError, StoreError
from hub.project import Events, Project
from hub.runtime.archive import ArchiveWatch, arrange
from hub.runtime.assembly import build_context, load_mappings
from hub.runtime.bus import MutedBus, WakeBus, open_bus
from hub.runtime.bus.base import INBOUND
from hub.runtime.connections import Connections
from hub.runtime.intake import AcceptResult, Intake
from hub.runtime.poller import Poller
from hub.runtime.pressure import Pressure
from hub.runtime.reading import Reading
from hub.runtime.refresh import Refresher
from hub.runtime.relay import Relay
from hub.runtime.scheduler import Scheduler, poll_name, publishes, wanted
from hub.runtime.webhooks import Webhooks
from hub.runtime.workers import Workers
from hub.sdk.records import InboundRequest
from hub.store import Store
from hub.telemetry import get_logger, metrics

log = get_logger(__name__)

Role = Literal["embedded", "web", "relay", "worker"]
SWEEP: dict[str, float] = {"embedded": 1.0, "worker": 5.0}
STOP_WITHIN = 8.0
"""Seconds for all parts to finish; with what comes before and after, the process ends within ten."""
THREAD_SWITCH = 0.001
"""Seconds after which a busy thread lets another run; with Python's own 5 ms a webhook, or the answer to a call, would wait too long."""


class Hub:
    """One process of an installation.

    ``role`` says which part it plays: ``embedded`` does everything; ``web`` only accepts and never meets the broker;
    ``relay`` publishes wake-ups and runs schedules; ``worker`` translates and delivers.
    """

    def __init__(
        self, project: Project, catalog: Any, *, role: Role = "embedded", bus: WakeBus | None = None, share: int = 1,
        sweep: float | None = None,
    ) -> None:  # fmt: skip
        self.project = project
        self.catalog = catalog
        self.role = role
        self.stopping = False
        self._started: list[Any] = []
        self._stopped = threading.Event()
        self._count_again_at = 0.0
        self.store = Store.open(project.database)
        try:
            self._assemble(bus, share, sweep)
        except BaseException:
            self.store.close()
            raise

    @classmethod
    def open(cls, project: Project, **settings: Any) -> Self:
        """The hub of a project, with the installed connectors."""
        from hub.sdk.plugins import load_connectors

        return cls(project, load_connectors(project.path), **settings)

    def _assemble(self, bus: WakeBus | None, share: int, sweep: float | None) -> None:
        project = self.project
        arrange(self.store, project)
        self.archive = ArchiveWatch(self.store, project)
        self.store.register_connections(list(project.connections))
        self.connections = Connections(project, self.catalog, self.store, share=share, alone=self.role == "embedded")
        self.faults = self.connections.faults
        self.connections.check_all()
        self.mappings = load_mappings(project, self.catalog)
        self.context = build_context(project, self.mappings, self.connections)
        if bus is None:
            bus = MutedBus() if self.role == "web" else open_bus(project.broker, installation=project.name)
        self.bus = bus
        self.pressure = Pressure(self.store)
        self.intake = Intake(self.store, self.connections, bus, self.pressure, self.archive.full)
        self.workers = Workers(
            self.store, self.context, self.connections, bus, sweep=sweep or SWEEP.get(self.role, 1.0),
            reaps=self.role == "embedded",
        )  # fmt: skip
        self.scheduler = Scheduler(self.store, {})
        self.reading = Reading(self.store, project, self.connections, bus)
        self.webhooks = Webhooks(self.store, project, self.connections)
        self.scheduler.add("webhooks", self.webhooks)
        self.scheduler.add("poll", Poller(self.store, self.connections, bus, lambda: self.stopping, self.archive.full))
        self.scheduler.add("maintain", lambda *_: self._maintain())
        if project.events is not None:
            self._assemble_events(project.events)

    def _assemble_events(self, events: Events) -> None:
        publishing = publishes(self.project)
        self.scheduler.add("forget", lambda *_: self._forget_events(events.keep, publishing))
        if publishing:
            from hub.runtime.events.publish import Publishing

            self.scheduler.add(
                "publish",
                Publishing(
                    self.store, events, self.project.name, self.project.broker or "", base=self.project.public_url or "",
                    stopping=lambda: self.stopping,
                ),
            )  # fmt: skip

    def _maintain(self) -> None:
        self.store.maintain()

    def _forget_events(self, keep: float, publishing: bool) -> None:
        self.store.forget_events(keep, published_only=publishing)

    # --- starting and stopping

    def start(self) -> Self:
        """Start the threads of this process's role."""
        self._pause_as_said()
        parts: list[Any] = [self.archive]
        if self.role in {"embedded", "worker"}:
            sys.setswitchinterval(THREAD_SWITCH)
        if self.role == "embedded":
            self.store.recover(self.connections.settle())
        if self.role in {"embedded", "relay"}:
            self.store.plan(wanted(self.project))
        if self.role == "relay" or (self.role == "embedded" and not _in_process(self.bus)):
            parts.append(Relay(self.store, self.connections, self.bus))
        if self.role in {"embedded", "worker"}:
            parts += [self.workers, Refresher(self.mappings)]
        if self.role in {"embedded", "relay"}:
            parts.append(self.scheduler)
        if self.role in {"embedded", "web"}:
            parts.append(self.pressure)
        for part in parts:
            part.start()
            self._started.append(part)
        log.info("hub.started", role=self.role, project=self.project.name, connections=len(self.project.connections))
        return self

    def stop(self, timeout: float = STOP_WITHIN) -> None:
        """Stop every part, the last started first; what is under way is finished or left to its lease. May be called twice."""
        if self._stopped.is_set():
            return
        self.stopping = True
        until = time.monotonic() + timeout
        for part in reversed(self._started):
            part.stop(max(0.5, until - time.monotonic()))
        self.bus.stop(max(0.5, until - time.monotonic()))
        self.connections.close()
        self.store.close()
        self._stopped.set()
        log.info("hub.stopped", role=self.role)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run_embedded(self) -> Self:
        """The same as `start` for a hub of role embedded."""
        return self.start()

    # --- what people and programs ask of it

    @property
    def api_token(self) -> str | None:
        """The REST API's bearer token; none = the API is closed."""
        return self.project.secrets.get("HUB_API_TOKEN")

    def accept_webhook(self, connection: str, request: InboundRequest) -> AcceptResult:
        """Verify, read and store one webhook. Raises `InputRefused`."""
        return self.intake.accept(connection, request)

    def release(self, exception_id: int, *, by: str = "", note: str = "") -> None:
        """Try what stopped at an exception again."""
        self.workers.wake_targets(self.store.release([exception_id], by, note))

    def replay(self, *, delivery_id: int | None = None, message_id: int | None = None, by: str = "") -> int:
        """Send a delivery anew, or take a stored message in once more. Returns the delivery's or the new message's id."""
        if delivery_id is not None:
            self.workers.wake_targets({self.store.replay_delivery(delivery_id, by)})
            return delivery_id
        if message_id is None:
            raise HubError("say which message or which delivery", code="HUB-USAGE")
        new = self.store.replay_message(message_id, by)
        self.bus.wake([INBOUND])
        return new

    def pause(self, connection: str, detail: str = "") -> None:
        """Call a connection no more until `resume`; what is for it waits."""
        self.project.connection(connection)
        self.store.pause(connection, "PAUSED", detail)

    def resume(self, connection: str) -> None:
        """Call a connection again, at once."""
        self.project.connection(connection)
        self.store.resume(connection)
        self.workers.wake_targets({connection})

    def poll_now(self, connection: str, stream: str) -> bool:
        """Make a poll due at once. False where the project has no such poll."""
        found = self.store.run_schedule_now(poll_name(connection, stream))
        self.scheduler.nudge()
        return found

    def drain(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is under way. What waits for another record does not count, nor what is for a paused connection."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            flying = self.store.in_flight()
            if not any(
                flying.get(name, 0) for name in ("message.new", "message.leased", "delivery.pending", "delivery.leased")
            ):
                return True
            time.sleep(0.02)
        return False

    def overview(self) -> list[dict[str, Any]]:
        """The connections with their live state, for people."""
        states = self.store.connection_states()
        shown = []
        for name, said in self.project.connections.items():
            state, fault = states.get(name), self.faults.get(name)
            shown.append(
                {
                    "connection": name, "connector": said.connector, "title": said.title,
                    "paused": bool(state and state.paused), "code": state.pause_code if state else "",
                    "breaker": state.breaker if state else "closed", "fault": fault.as_dict() if fault else None,
                }
            )  # fmt: skip
        return shown

    def measure(self) -> None:
        """Bring the metrics that are read from the database up to date."""
        try:
            self._count_ledger()
            states, backlog = self.store.connection_states(), self.store.backlog()
            now = self.store.now()
            feed = self.store.feed()
        except StoreError:
            return
        metrics.EXCEPTIONS.clear()
        for code, count in backlog.exceptions.items():
            metrics.EXCEPTIONS.labels(code).set(count)
        for name in self.project.connections:
            state = states.get(name)
            metrics.BREAKER.labels(name).set(1 if state and state.breaker == "open" else 0)
            metrics.PAUSED.labels(name).set(1 if state and state.paused else 0)
            since, waiting = backlog.deliveries.get(name, (now, 0))
            metrics.LAG.labels(name).set(max(0.0, now - since))
            metrics.WAITING.labels(name).set(waiting)
            since, waiting = backlog.messages.get(name, (now, 0))
            metrics.INBOUND_LAG.labels(name).set(max(0.0, now - since))
            metrics.INBOUND.labels(name).set(waiting)
        if publishes(self.project):
            metrics.EVENTS_WAITING.set(max(0.0, now - feed.oldest_waiting) if feed.oldest_waiting else 0.0)

    def _count_ledger(self) -> None:
        """The ledger reads every message, so it is counted again only when twenty times what that took has passed."""
        began = time.monotonic()
        if began < self._count_again_at:
            return
        ledger = self.store.conservation()
        for part in ("delivered", "filtered", "superseded", "exceptions", "in_flight"):
            metrics.LEDGER.labels(part).set(getattr(ledger, part))
        metrics.LEDGER.labels("in").set(ledger.in_)
        self._count_again_at = time.monotonic() + 20 * (time.monotonic() - began)

    def _pause_as_said(self) -> None:
        """Pause what hub.yaml pauses, and end such a pause when hub.yaml no longer says so."""
        states = self.store.connection_states()
        for name, said in self.project.connections.items():
            state = states.get(name)
            if said.paused and not (state and state.paused):
                self.store.pause(name, "CFG-PAUSED", "paused in hub.yaml")
            elif not said.paused and state and state.paused and state.pause_code == "CFG-PAUSED":
                self.store.resume(name)


def _in_process(bus: WakeBus) -> bool:
    from hub.runtime.bus import InProcessBus

    return isinstance(bus, (InProcessBus, MutedBus))
