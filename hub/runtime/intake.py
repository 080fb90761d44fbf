"""The way in for webhooks: verify, read, and accept many at once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hub.canonical.reasons import REASONS
from hub.errors import HubError, InputRefused
from hub.pipeline import as_new_message, refused_message
from hub.runtime.bus import WakeBus
from hub.runtime.bus.base import INBOUND
from hub.sdk.connector import Connector
from hub.sdk.records import Answer, InboundRequest
from hub.store import Accepted, NewMessage, Store
from hub.telemetry import metrics, tracing


class Connectors(Protocol):
    """The live connectors by the name of their connection."""

    def __contains__(self, name: object) -> bool: ...

    def get(self, name: str) -> Connector[Any]:
        """The connector of a connection. Raises `ConfigError`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One verified request: the messages in it, of which the last ``quarantined`` are kept as exceptions."""

    connection: str
    messages: Sequence[NewMessage]
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """What became of one request. ``ids`` are the message ids, old ones where the fact was known."""

    accepted: int
    duplicates: int
    quarantined: int
    ids: tuple[int, ...] = ()
    status: int = 200

    def as_dict(self) -> dict[str, Any]:
        """The answer to the sender."""
        return {
            "accepted": self.accepted, "duplicates": self.duplicates, "quarantined": self.quarantined, "messages": list(self.ids),
        }  # fmt: skip


class Intake:
    """Reads webhooks and stores them. When `commit` has returned, they are on disk."""

    def __init__(
        self,
        store: Store,
        connectors: Connectors,
        bus: WakeBus,
        pressure: Callable[[], bool] | None = None,
        full: Callable[[str], bool] | None = None,
    ) -> None:
        self._store = store
        self._connectors = connectors
        self._bus = bus
        self.under_pressure: Callable[[], bool] = pressure or (lambda: False)
        self.full: Callable[[str], bool] = full or (lambda _: False)

    def knows(self, connection: str) -> bool:
        """Whether webhooks for this connection are taken at all."""
        return connection in self._connectors

    def media_types(self, connection: str) -> Sequence[str]:
        """Content types besides JSON that the connector reads."""
        try:
            return tuple(getattr(self._connectors.get(connection), "media_types", ()))
        except HubError:
            return ()

    def challenged(self, connection: str) -> bool:
        """Whether the connector answers tests of its address."""
        try:
            return type(self._connectors.get(connection)).challenge is not Connector.challenge
        except HubError:
            return False

    def challenge(self, connection: str, request: InboundRequest) -> Answer | None:
        """The answer to a vendor's test of the address, or none where the request is something else."""
        return self._connectors.get(connection).challenge(request)

    def read(self, connection: str, request: InboundRequest) -> Arrival:
        """Verify one request and read its messages. Raises `InputRefused` when nothing may be stored.

        An `InputRefused` whose status is below 300 says: authentic, but unusable. Its body is kept as an exception.
        """
        connector = self._connectors.get(connection)
        messages: list[NewMessage] = []
        trace = tracing.accepted_header(request.headers.get("traceparent", ""))
        try:
            messages.extend(as_new_message(connection, raw, trace) for raw in connector.webhook(request))
        except InputRefused as error:
            if error.status >= 300:
                raise
            return Arrival(connection, [_kept(connection, request, error)], quarantined=1)
        return Arrival(connection, messages)

    def commit(self, arrivals: Sequence[Arrival]) -> list[AcceptResult]:
        """Store the messages of several requests in one transaction, then wake the workers."""
        began = time.time()
        messages = [message for arrival in arrivals for message in arrival.messages]
        accepted = self._store.accept(messages)
        if tracing.on():
            _tell(messages, accepted, began)
        results, at = [], 0
        for arrival in arrivals:
            mine = accepted[at : at + len(arrival.messages)]
            at += len(mine)
            results.append(_result(arrival, mine))
        if any(result.accepted for result in results):
            self._bus.wake([INBOUND])
        return results

    def accept(self, connection: str, request: InboundRequest) -> AcceptResult:
        """Read and store one request."""
        if not self.knows(connection):
            raise InputRefused("There is no such connection.", status=404, code="IN-UNKNOWN-CONNECTION")
        return self.commit([self.read(connection, request)])[0]


def _tell(messages: Sequence[NewMessage], accepted: Sequence[Accepted], began: float) -> None:
    """Export a span for each message that was accepted now."""
    ended = time.time()
    for message, done in zip(messages, accepted, strict=True):
        if not done.duplicate:
            tracing.record(
                f"accept {message.stream}", message.traceparent, done.id, f"accept {done.id}", "", began, ended,
                connection=message.connection, stream=message.stream, message=done.id,
            )  # fmt: skip


def _kept(connection: str, request: InboundRequest, error: InputRefused) -> NewMessage:
    digest = hashlib.sha256(request.path.encode() + b"\0" + request.body).hexdigest()
    code = error.code if error.code in REASONS else "IN-UNUSABLE"
    detail = error.message if code == error.code else f"{error.message} ({error.code})"
    return refused_message(connection, request.body, code, detail, dedupe_key=f"unusable:{digest}")


def _result(arrival: Arrival, accepted: Sequence[Any]) -> AcceptResult:
    known = sum(item.duplicate for item in accepted)
    fresh = len(accepted) - known
    quarantined = min(arrival.quarantined, fresh)
    for outcome, count in (("accepted", fresh - quarantined), ("duplicate", known), ("quarantined", quarantined)):
        if count:
            metrics.ACCEPTED.labels(arrival.connection, outcome).inc(count)
    return AcceptResult(fresh - quarantined, known, quarantined, tuple(item.id for item in accepted))
