"""The exceptions desk: a person mends the cause, then releases what stopped; or settles it by hand."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store import archive, inbox
from hub.store.database import Database
from hub.store.rows import NewMessage, Step
from hub.store.trace import Writing

# What failed is due when an earlier try can no longer take effect, and not before.
_PENDING = """
UPDATE delivery SET state = 'pending', reason = '', due_at = CASE WHEN maybe_sent AND due_at > ? THEN due_at ELSE ? END,
  wait_until = NULL, finished_at = NULL, failures = 0, crashes = 0"""
_AGAIN = f"""{_PENDING}, generation = generation + 1, request = NULL, external_id = '', maybe_sent = (maybe_sent AND NOT ?),
  record_version = COALESCE((SELECT r.version FROM record AS r WHERE r.id = delivery.record_id), record_version),
  snapshot = COALESCE((SELECT r.sha FROM record AS r WHERE r.id = delivery.record_id), snapshot)
WHERE id = ? AND state IN ('failed', 'done', 'skipped', 'superseded') RETURNING target, message_id"""  # noqa: S608
# A creation in doubt goes out as it was, under the key that it had: a target that has it already then makes no second one.
_AS_IT_WAS = f"""{_PENDING} WHERE id = ? AND state = 'failed' AND maybe_sent AND request IS NOT NULL AND external_id = ''
AND NOT EXISTS (SELECT 1 FROM link AS l WHERE l.record_id = delivery.record_id AND l.connection = delivery.target)
RETURNING target, message_id"""  # noqa: S608
_CLEARED = """
UPDATE delivery SET maybe_sent = ? WHERE state = 'failed' AND maybe_sent
AND (record_id, target) IN (SELECT d.record_id, d.target FROM delivery AS d WHERE d.id = ?)"""


def release(database: Database, ids: Sequence[int], by: str, note: str) -> frozenset[str]:
    """Try what stopped again."""

    def body(connection: Connection) -> frozenset[str]:
        now = database.now_in(connection)
        trace = Writing(database, connection, now)
        targets = set()
        for row in _close(database, connection, ids, "released", by, note, now):
            if row.delivery_id is None:
                statement = """
UPDATE message SET state = 'new', reason = '', due_at = ?, wait_until = NULL, finished_at = NULL, crashes = 0
WHERE id = ? AND state = 'exception'"""
                if database.run(connection, statement, now, row.message_id):
                    targets.add("")
            else:
                targets.update(_again(database, connection, row, now))
            trace.step(row.message_id, Step("release", "ok", row.code, _by(by, note)), row.delivery_id)
        trace.flush()
        return frozenset(targets)

    return database.transact(body)


def _again(database: Database, connection: Connection, closed: Any, now: float) -> set[str]:
    """Make the delivery of a closed exception due again; returns its target."""
    # whoever releases an unknown outcome has looked at the target: it is sent again without a look-up
    looked = closed.code in ("CON-OUTCOME", "HUB-DUPLICATE")
    rows: Sequence[Any] = ()
    if looked:
        database.run(connection, _CLEARED, False, closed.delivery_id)
    else:
        rows = database.rows(connection, _AS_IT_WAS, now, now, closed.delivery_id)
    rows = rows or database.rows(connection, _AGAIN, now, now, looked, closed.delivery_id)
    return {row[0] for row in rows}


def resolve(database: Database, ids: Sequence[int], by: str, note: str) -> int:
    """Close exceptions that a person settled."""

    def body(connection: Connection) -> int:
        now = database.now_in(connection)
        trace = Writing(database, connection, now)
        closed = _close(database, connection, ids, "resolved", by, note, now)
        for row in closed:
            trace.step(row.message_id, Step("resolve", "ok", row.code, _by(by, note)), row.delivery_id)
        trace.flush()
        return len(closed)

    return database.transact(body)


def _close(
    database: Database, connection: Connection, ids: Sequence[int], state: str, by: str, note: str, now: float
) -> Sequence[Any]:
    statement = """
UPDATE exception SET state = ?, closed_at = ?, closed_by = ?, note = ? WHERE id IN ?* AND state = 'open'
RETURNING id, message_id, delivery_id, code"""
    rows = database.rows(connection, statement, state, now, by, note, list(ids))
    return sorted(rows, key=lambda row: row.id)


def replay_delivery(database: Database, delivery_id: int, by: str) -> str:
    """Send a finished delivery anew."""

    def body(connection: Connection) -> str:
        now = database.now_in(connection)
        rows = database.rows(connection, _AGAIN, now, now, False, delivery_id)
        if not rows:
            raise StoreError(
                f"delivery {delivery_id} is not there, or not finished",
                code="STO-NOTHING",
                fix="Only what is finished can be replayed.",
            )
        trace = Writing(database, connection, now)
        trace.step(rows[0].message_id, Step("replay", "ok", detail=_by(by, "")), delivery_id)
        open_ones = database.rows(
            connection, "SELECT id FROM exception WHERE delivery_id = ? AND state = 'open'", delivery_id
        )
        _close(database, connection, [row.id for row in open_ones], "released", by, "replayed", now)
        trace.flush()
        return str(rows[0].target)

    return database.transact(body)


def replay_message(database: Database, message_id: int, by: str) -> int:
    """Accept a stored message once more."""
    again = _stored(database, message_id)  # before the transaction: the payload may come from an object store

    def body(connection: Connection) -> int:
        identity = inbox.accept_in(database, connection, [again])[0].id
        trace = Writing(database, connection, database.now_in(connection))
        trace.step(message_id, Step("replay", "ok", detail=f"as message {identity}{_by(by, '', ' by ')}"))
        trace.flush()
        return identity

    return database.transact(body)


def _stored(database: Database, message_id: int) -> NewMessage:
    """A stored message as one to accept."""
    with database.read() as connection:
        rows = database.rows(
            connection,
            "SELECT connection, stream, external_id, topic, order_key, source_version, occurred_at, deleted, payload, correlation_id "
            "FROM message WHERE id = ?",
            message_id,
        )
        if not rows:
            raise StoreError(f"message {message_id} is not there", code="STO-NOTHING", fix="See hub messages.")
        old = rows[0]
        bodies = archive.fetch(database, connection, [old.payload])
    if old.payload not in bodies:
        raise StoreError(
            f"the payload of message {message_id} is forgotten: the time for which it was kept is over",
            code="ARC-FORGOTTEN",
            fix="Have the source send it again, or poll it: hub poll. Its trace stays.",
        )
    return NewMessage(
        connection=old.connection,
        stream=old.stream,
        external_id=old.external_id,
        topic=old.topic,
        order_key=old.order_key,
        source_version=old.source_version,
        occurred_at=old.occurred_at,
        deleted=bool(old.deleted),
        body=bodies[old.payload],
        dedupe_key=f"replay {message_id} {uuid.uuid4().hex}",
        correlation_id=old.correlation_id,
        causation_id=message_id,
    )


def _by(by: str, note: str, prefix: str = "by ") -> str:
    return ": ".join(part for part in (f"{prefix}{by}" if by else "", note) if part)
