"""The tables of the message store.

Times are seconds since 1970 in UTC as double precision, the same on both databases. Ids that people see are whole numbers;
canonical records have text ids. A large text lives once in ``payload`` and is named everywhere else by its sha256.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")
_UNFINISHED_MESSAGE = text("state IN ('new', 'leased', 'waiting')")
_UNFINISHED_DELIVERY = text("state IN ('pending', 'leased', 'waiting')")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True)


def _text(name: str, default: str | None = "") -> Column[str]:
    if default is None:
        return Column(name, Text, nullable=True)
    return Column(name, Text, nullable=False, server_default=default)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _time(name: str, nullable: bool = True) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _partial(name: str, *columns: Column[object], where: object) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


payload = Table(
    "payload",
    metadata,
    Column(
        "shelf", Integer, nullable=False
    ),  # the day and for how long: hub.store.shelves. PostgreSQL partitions by it
    Column("sha", Text, nullable=False),
    Column("size", Integer, nullable=False),  # bytes before compression
    Column("body", LargeBinary, nullable=False),  # zstd
    _text("pack", None),  # the object that holds the body, where it was moved out of the database
    Column("start", Integer, nullable=True),
    Column("length", Integer, nullable=True),
    PrimaryKeyConstraint("shelf", "sha"),  # on PostgreSQL (sha, shelf): a partition is one shelf
)

archive_usage = Table(
    "archive_usage",
    metadata,
    Column("shelf", Integer, nullable=False),
    Column("keeper", Text, nullable=False),  # a connection, or "flow:" and a flow: hub.store.keeping
    Column("bytes", BigInteger, nullable=False),
    Column("payloads", BigInteger, nullable=False),
    PrimaryKeyConstraint("shelf", "keeper"),
)

archive_move = Table(
    "archive_move",
    metadata,
    Column("shelf", Integer, primary_key=True, autoincrement=False),
    Column("payloads", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("packs", Integer, nullable=False),
    _time("moved_at", nullable=False),
)

message = Table(
    "message",
    metadata,
    _id(),
    Column("connection", Text, nullable=False),
    Column("stream", Text, nullable=False),
    _text("topic"),
    Column("external_id", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    _text("source_version"),
    _text("occurred_at"),
    _time("received_at", nullable=False),
    _flag("deleted"),
    Column("payload", Text, nullable=False),
    Column("state", Text, nullable=False),
    _text("reason"),
    _time("due_at", nullable=False),
    _time("wait_until"),
    _time("lease_until"),
    _text("lease_owner", None),
    _count("epoch"),
    _count("crashes"),
    _count("duplicates"),
    Column("correlation_id", BigInteger, nullable=False),
    Column("causation_id", BigInteger),
    _time("finished_at"),
    _text("traceparent"),
    UniqueConstraint("connection", "dedupe_key"),
)
_partial("message_due", message.c.due_at, message.c.id, where=text("state = 'new'"))
_partial("message_lane", message.c.connection, message.c.order_key, message.c.id, where=_UNFINISHED_MESSAGE)
_partial("message_lease", message.c.lease_until, where=text("state = 'leased'"))
_partial("message_waiting", message.c.wait_until, where=text("state = 'waiting'"))
_partial("message_correlation", message.c.correlation_id, where=text("correlation_id <> id"))
_partial("message_order", message.c.order_key, where=text("order_key <> external_id"))
Index("message_object", message.c.external_id)

record = Table(
    "record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("version", Integer, nullable=False),
    _text("natural_key", None),
    Column("body", LargeBinary, nullable=False),  # zstd of the canonical JSON
    Column("sha", Text, nullable=False),
    _flag("deleted"),
    Column("origin", Text, nullable=False),  # the connection that first told of it
    _time("created_at", nullable=False),
    _time("updated_at", nullable=False),
    Column("message_id", BigInteger, nullable=False),  # the message of this version
)
_partial("record_natural", record.c.natural_key, record.c.entity, where=text("natural_key IS NOT NULL"))

link = Table(
    "link",
    metadata,
    Column("entity", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    _text("record_id", None),  # none where a record was only looked up by its natural key
    _text("natural_key", None),
    _text("source_version"),  # "<stream> <version>" of the newest fact that came from there
    _text("vendor_version"),  # what the target said its version is after the hub's last write
    _count("applied_version"),  # the record version that was last written there
    _text("applied_request"),  # sha256 of the request that wrote it
    _time("updated_at", nullable=False),
    PrimaryKeyConstraint("external_id", "connection", "entity"),  # most looked up by a list of external ids
)
Index(
    "link_record",
    link.c.record_id,
    link.c.connection,
    unique=True,
    sqlite_where=text("record_id IS NOT NULL"),
    postgresql_where=text("record_id IS NOT NULL"),
)
_partial("link_natural", link.c.natural_key, link.c.entity, link.c.connection, where=text("natural_key IS NOT NULL"))

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("message_id", BigInteger, nullable=False),
    Column("flow", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("record_version", Integer, nullable=False),
    Column("snapshot", Text, nullable=False),  # sha256 of the canonical record to deliver
    _flag("state_carrying"),
    Column("state", Text, nullable=False),
    _text("reason"),
    _time("due_at", nullable=False),
    _time("wait_until"),
    _time("lease_until"),
    _text("lease_owner", None),
    _count("epoch"),
    _count("attempt"),
    _count("failures"),
    _count("crashes"),
    _flag("maybe_sent"),
    _time("first_sent_at"),
    _count("generation"),
    _text("request", None),  # sha256 of the frozen request
    _text("idempotency_key"),
    _text("external_id"),
    _time("created_at", nullable=False),
    _time("finished_at"),
    UniqueConstraint("message_id", "flow", "record_id"),
)
_partial("delivery_due", delivery.c.target, delivery.c.due_at, delivery.c.id, where=text("state = 'pending'"))
_partial("delivery_lane", delivery.c.target, delivery.c.lane, delivery.c.id, where=_UNFINISHED_DELIVERY)
_partial("delivery_lease", delivery.c.lease_until, where=text("state = 'leased'"))
_partial("delivery_waiting", delivery.c.wait_until, where=text("state = 'waiting'"))
Index("delivery_record", delivery.c.record_id, delivery.c.target)

attempt = Table(
    "attempt",
    metadata,
    _id(),
    Column("delivery_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    _time("started_at", nullable=False),
    _time("ended_at", nullable=False),
    Column("outcome", Text, nullable=False),
    _text("code"),
    _text("detail"),
    _text("exchanges", None),  # sha256 of the recorded HTTP calls, both sides, redacted
)
Index("attempt_delivery", attempt.c.delivery_id)

step = Table(
    "step",
    metadata,
    _id(),
    Column("message_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger),
    _time("at", nullable=False),
    Column("name", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    _text("code"),
    _text("detail"),
    _text("before", None),
    _text("after", None),
    _text("mapping"),
    _text("mapping_hash"),
    _text("lineage", None),
)
Index("step_message", step.c.message_id)

wait = Table(
    "wait",
    metadata,
    _id(),
    Column("message_id", BigInteger),
    Column("delivery_id", BigInteger),
    Column("entity", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),  # external | record | natural
)
Index("wait_key", wait.c.key, wait.c.entity, wait.c.connection)
Index("wait_message", wait.c.message_id)
Index("wait_delivery", wait.c.delivery_id)

exception = Table(
    "exception",
    metadata,
    _id(),
    Column("message_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger),
    Column("code", Text, nullable=False),
    _text("detail"),
    _text("fix"),
    _text("where"),
    Column("state", Text, nullable=False),  # open | released | resolved
    _time("opened_at", nullable=False),
    _time("closed_at"),
    _text("closed_by"),
    _text("note"),
)
_partial("exception_open", exception.c.opened_at, where=text("state = 'open'"))
Index("exception_message", exception.c.message_id)

search_key = Table(
    "search_key",
    metadata,
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("value", "kind", "message_id"),
)

cursor = Table(
    "cursor",
    metadata,
    Column("connection", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("value", Text, nullable=False),
    _time("moved_at", nullable=False),
    PrimaryKeyConstraint("connection", "stream"),
)

connection = Table(
    "connection",
    metadata,
    Column("name", Text, primary_key=True),
    _flag("paused"),
    _text("pause_code"),
    _text("pause_detail"),
    Column("breaker", Text, nullable=False, server_default="closed"),
    _time("breaker_until"),
    _count("breaker_trips"),
    _count("failures"),
    _time("rate_until"),  # the target asked for silence until then
    _time("rate_slot"),  # up to when calls are spoken for, at the connection's own rate
    _time("published_at"),
    _time("updated_at", nullable=False),
)

schedule = Table(
    "schedule",
    metadata,
    Column("name", Text, primary_key=True),
    _text("connection"),
    _text("stream"),
    Column("interval", Double),
    _text("cron"),
    _text("timezone"),
    _flag("disabled"),
    _time("next_run_at", nullable=False),
    _time("lease_until"),
    _text("lease_owner", None),
    _time("last_run_at"),
    _text("last_error"),
    _count("failures"),
)

token = Table(
    "token",
    metadata,
    Column("connection", Text, nullable=False),
    Column("name", Text, nullable=False),
    _text("value"),
    _time("lease_until"),
    _text("lease_owner", None),
    _time("updated_at"),
    PrimaryKeyConstraint("connection", "name"),
)

event = Table(
    "event",
    metadata,
    _id(),  # given under one lock, so that the order of ids is the order in which events become visible
    Column("message_id", BigInteger, nullable=False),
    Column("correlation_id", BigInteger, nullable=False),
    Column("connection", Text, nullable=False),  # where the change came from
    Column("entity", Text, nullable=False),
    Column("verb", Text, nullable=False),  # created | updated | deleted
    Column("record_id", Text, nullable=False),
    Column("record_version", Integer, nullable=False),
    _text("changed"),  # names of fields, with commas between them
    Column("snapshot", Text, nullable=False),  # sha256 of the canonical record of that version
    _time("at", nullable=False),
)
"""The transactional outbox of canonical changes. Rows are never changed; ``feed`` says how far they were published."""

feed = Table(
    "feed",
    metadata,
    Column("name", Text, primary_key=True),  # published | dropped
    Column("position", BigInteger, nullable=False),  # up to this event's id, without a gap
    _time("moved_at", nullable=False),
)

sequence = Table(
    "sequence",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""The next ids of ``message`` and ``delivery`` on SQLite; PostgreSQL has sequences of its own."""
