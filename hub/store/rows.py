"""What goes into the store and comes out of it: plain data, the same on both databases.

Nobody changes these after they are made. They are not `frozen` all the same, because frozen ones take four times as long to make,
and a message makes twenty of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

MessageState = Literal["new", "leased", "waiting", "done", "filtered", "exception"]
DeliveryState = Literal["pending", "leased", "waiting", "done", "skipped", "superseded", "failed"]
WaitKind = Literal["external", "record", "natural"]


@dataclass(slots=True)
class NewMessage:
    """One fact to accept. ``body`` is its raw text; ``dedupe_key`` is unique within the connection.

    ``refused`` makes it an exception at once: authentic, kept, but not usable ((code, sentence)).
    """

    connection: str
    stream: str
    external_id: str
    dedupe_key: str
    body: bytes
    topic: str = ""
    order_key: str = ""
    source_version: str = ""
    occurred_at: str = ""
    deleted: bool = False
    refused: tuple[str, str] | None = None
    search_keys: Sequence[tuple[str, str]] = ()
    correlation_id: int | None = None
    causation_id: int | None = None
    traceparent: str = ""
    """The sender's W3C trace context, if it sent one."""


@dataclass(slots=True)
class Accepted:
    """The id of an accepted message; ``duplicate`` when the same fact was there already (the id is then the first one's)."""

    id: int
    duplicate: bool


@dataclass(slots=True)
class CursorMove:
    """A poll position to store in the transaction that accepts the page."""

    connection: str
    stream: str
    value: Mapping[str, Any]


@dataclass(slots=True)
class ClaimedMessage:
    """A message that this worker alone may process until ``lease_until``; ``epoch`` fences its results."""

    id: int
    connection: str
    stream: str
    topic: str
    external_id: str
    order_key: str
    source_version: str
    occurred_at: str
    received_at: float
    deleted: bool
    body: bytes
    payload: str
    epoch: int
    crashes: int
    wait_until: float | None
    correlation_id: int
    lease_until: float
    claimed_at: float
    traceparent: str = ""
    steps: Sequence[Step] = ()
    """What was done with it since it was claimed, before it is translated."""


@dataclass(slots=True)
class Step:
    """One line of a trace. ``before`` and ``after`` are payload bytes to archive, or the sha256 of what is archived already.

    ``lineage`` is the short JSON text from which the mapping engine tells where every value came from.
    """

    name: str
    outcome: str
    code: str = ""
    detail: str = ""
    before: bytes | str | None = None
    after: bytes | str | None = None
    mapping: str = ""
    mapping_hash: str = ""
    lineage: bytes | None = None
    delivery_id: int | None = None
    at: float | None = None


@dataclass(slots=True)
class Wait:
    """What a parked message or delivery waits for: a link of ``entity`` at ``connection``.

    ``kind`` says what ``key`` is: "external" id at the connection, "record" = canonical id, or "natural" key.
    """

    entity: str
    connection: str
    key: str
    kind: WaitKind


@dataclass(slots=True)
class Trouble:
    """Why something became an exception: a registered code, one sentence without personal data, and what to do."""

    code: str
    detail: str = ""
    fix: str = ""
    where: str = ""


@dataclass(slots=True)
class Record:
    """The hub's merged view of one entity, as stored."""

    id: str
    entity: str
    version: int
    body: bytes
    sha: str
    natural_key: str | None = None
    deleted: bool = False
    origin: str = ""
    changed: Sequence[str] = ()
    """The fields that this version changed; not stored with the record."""


@dataclass(slots=True, unsafe_hash=True)
class Link:
    """A cross-reference: the external id of a canonical record at a connection, and what is known of it there."""

    entity: str
    connection: str
    external_id: str
    record_id: str | None = None
    natural_key: str | None = None
    source_version: str = ""
    vendor_version: str = ""
    applied_version: int = 0
    applied_request: str = ""


@dataclass(slots=True)
class NewDelivery:
    """One canonical change for one target. ``snapshot`` is the sha256 of the record version that it carries.

    A ``state_carrying`` one takes the place of older ones of the same record and flow that surely were not sent.
    """

    flow: str
    target: str
    lane: str
    entity: str
    stream: str
    operation: str
    record_id: str
    record_version: int
    snapshot: str
    state_carrying: bool = False


@dataclass(slots=True)
class NewEvent:
    """One canonical change to be told to the outside (CloudEvents). ``verb`` is created, updated or deleted."""

    connection: str
    entity: str
    verb: str
    record_id: str
    record_version: int
    snapshot: str
    changed: Sequence[str] = ()
    correlation_id: int = 0


@dataclass(slots=True)
class Event:
    """A canonical change as it stands in the outbox. ``body`` is the record of that version; none where retention dropped it."""

    id: int
    message_id: int
    correlation_id: int
    connection: str
    entity: str
    verb: str
    record_id: str
    record_version: int
    changed: str
    snapshot: str
    at: float
    body: bytes | None = None


@dataclass(slots=True)
class FeedState:
    """How far the events are: the newest id, up to which ids they were published and dropped, and since when the oldest one waits."""

    newest: int
    published: int
    dropped: int
    oldest_waiting: float | None = None


@dataclass(slots=True)
class Finished:
    """What became of one claimed message; all of it is written in one transaction, or nothing when the lease was lost."""

    id: int
    epoch: int
    state: MessageState
    reason: str = ""
    records: Sequence[Record] = ()
    links: Sequence[Link] = ()
    """Links that are new: what waited for them wakes up."""
    touched: Sequence[Link] = ()
    """Links that were there already, of which only the versions changed."""
    deliveries: Sequence[NewDelivery] = ()
    events: Sequence[NewEvent] = ()
    steps: Sequence[Step] = ()
    search_keys: Sequence[tuple[str, str]] = ()
    trouble: Trouble | None = None
    waits: Sequence[Wait] = ()
    wait_for: float | None = None
    """Seconds until a parked message gives up (state "waiting")."""
    due_in: float = 0.0
    """Seconds until it is tried again (state "new")."""


@dataclass(slots=True)
class ClaimedDelivery:
    """A delivery that this worker alone may send until ``lease_until``; ``epoch`` fences its outcome.

    ``body`` is the canonical record to render, ``request`` the frozen request of an earlier attempt, if there was one.
    ``link`` is the record's link at the target, if it has one. ``maybe_sent`` says that this request may have had its effect.
    ``in_doubt_until`` is set where another request may have made the record there: an earlier delivery that failed, or this one as
    it was rendered before. Until that time it may yet do so.
    """

    id: int
    message_id: int
    correlation_id: int
    flow: str
    target: str
    lane: str
    entity: str
    stream: str
    operation: str
    record_id: str
    record_version: int
    snapshot: str
    body: bytes
    request: bytes | None
    request_sha: str | None
    idempotency_key: str
    external_id: str
    link: Link | None
    epoch: int
    attempt: int
    failures: int
    crashes: int
    maybe_sent: bool
    in_doubt_until: float | None
    generation: int
    first_sent_at: float | None
    created_at: float
    wait_until: float | None
    lease_until: float
    claimed_at: float
    since: float
    """This process's steady clock just before the lease began: whoever stood still since then knows that it may be over."""
    traceparent: str = ""


@dataclass(slots=True)
class Frozen:
    """A rendered request, to be on disk before it is sent."""

    delivery_id: int
    epoch: int
    request: bytes
    idempotency_key: str
    external_id: str = ""
    steps: Sequence[Step] = ()


@dataclass(slots=True)
class AttemptMade:
    """The account of one try: when, how it ended, and the HTTP calls it made (JSON, redacted)."""

    started_at: float
    ended_at: float
    outcome: str
    code: str = ""
    detail: str = ""
    exchanges: bytes | None = None


@dataclass(slots=True)
class Settlement:
    """What becomes of a claimed delivery. Written only while ``epoch`` is still the delivery's own."""

    delivery_id: int
    message_id: int
    epoch: int
    state: DeliveryState
    reason: str = ""
    due_in: float = 0.0
    """Seconds until the next try (state "pending")."""
    wait_for: float | None = None
    """Seconds until a parked delivery gives up (state "waiting")."""
    maybe_sent: bool = False
    counts: bool = True
    """Does this try count against the retry budget? A rate limit, a pause and a missing link do not."""
    attempted: bool = True
    trouble: Trouble | None = None
    waits: Sequence[Wait] = ()
    links: Sequence[Link] = ()
    touched: Sequence[Link] = ()
    steps: Sequence[Step] = ()
    attempt: AttemptMade | None = None


@dataclass(slots=True)
class Settled:
    """The deliveries whose outcome was written, those that somebody else had taken over, and the targets with more to do."""

    written: frozenset[int]
    fenced: frozenset[int]
    targets: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reaped:
    """What the reaper found: leases that ran out, and those parked as HUB-WORKER-CRASH after their third crash."""

    messages: int = 0
    deliveries: int = 0
    given_up: int = 0
    waits_over: int = 0


@dataclass(slots=True)
class DueTarget:
    """A connection with deliveries that are due now: how many (counted up to a limit), and since when the oldest."""

    name: str
    due: int
    oldest: float


@dataclass(slots=True)
class ConnectionState:
    """The live state of a connection, shared by all workers."""

    name: str
    paused: bool = False
    pause_code: str = ""
    pause_detail: str = ""
    breaker: Literal["closed", "open", "half_open"] = "closed"
    breaker_until: float | None = None
    breaker_trips: int = 0
    failures: int = 0
    rate_until: float | None = None

    def closed_for(self, now: float, while_paused: float) -> float:
        """Seconds for which the connection may not be called; ``while_paused`` stands for a pause, whose end nobody knows."""
        if self.paused:
            return while_paused
        open_until = self.breaker_until if self.breaker == "open" else None
        return max(0.0, (self.rate_until or 0.0) - now, (open_until or 0.0) - now)


@dataclass(slots=True)
class Schedule:
    """A timed job: every ``interval`` seconds, or by ``cron`` in ``timezone``."""

    name: str
    connection: str = ""
    stream: str = ""
    interval: float | None = None
    cron: str = ""
    timezone: str = "UTC"


@dataclass(slots=True)
class DueSchedule(Schedule):
    """A schedule that this process alone may run until its lease ends."""

    last_run_at: float | None = None
    failures: int = 0


@dataclass(slots=True)
class Backlog:
    """What waits: open exceptions by code; and by connection, (since when, how many) of messages to process and deliveries to send.

    Times are seconds since 1970 of the oldest that is, or will be, due; in the future where only retries wait.
    """

    exceptions: dict[str, int]
    messages: dict[str, tuple[float, int]]
    deliveries: dict[str, tuple[float, int]]


@dataclass(slots=True)
class Conservation:
    """Where every accepted message is: ``in_ == delivered + filtered + superseded + exceptions + in_flight``, always."""

    in_: int
    delivered: int
    filtered: int
    superseded: int
    exceptions: int
    in_flight: int
    duplicates: int = 0

    @property
    def holds(self) -> bool:
        """Does the sum come out?"""
        return self.in_ == self.delivered + self.filtered + self.superseded + self.exceptions + self.in_flight


@dataclass(slots=True)
class TraceView:
    """Everything about one message and those that belong to it, as plain data for a person or a program to read.

    Payloads stand beside their sha256s as ``<column>_body``; a row's ``forgotten`` names the columns whose payload retention dropped,
    ``unreachable`` those whose payload the object store did not give just now.
    """

    message: dict[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    related: list[dict[str, Any]] = field(default_factory=list)
