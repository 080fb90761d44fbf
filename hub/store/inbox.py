"""Messages come in, once each, and are claimed for processing, in the order of each object."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from hub.canonical.reasons import reason
from hub.store import archive, bulk, notices, tables
from hub.store.database import Database
from hub.store.rows import Accepted, ClaimedMessage, CursorMove, NewMessage, Step, Trouble
from hub.store.trace import Writing, clean

_COLUMNS = (
    "id",
    "connection",
    "stream",
    "topic",
    "external_id",
    "order_key",
    "dedupe_key",
    "source_version",
    "occurred_at",
    "received_at",
    "deleted",
    "payload",
    "state",
    "reason",
    "due_at",
    "correlation_id",
    "causation_id",
    "finished_at",
    "traceparent",
)


def accept(database: Database, messages: Sequence[NewMessage], cursor: CursorMove | None) -> list[Accepted]:
    """Store messages and the poll position, in one transaction."""
    if not messages and cursor is None:
        return []
    return database.transact(lambda connection: accept_in(database, connection, messages, cursor))


def accept_in(
    database: Database, connection: Connection, messages: Sequence[NewMessage], cursor: CursorMove | None = None
) -> list[Accepted]:
    """The same inside a transaction that is open already."""
    # ids are given under these locks, so that the order of ids of one object is the order in which they become visible
    database.lock(connection, {f"order {message.connection} {message.order_key}" for message in messages})
    now = database.now_in(connection)
    known = _known(database, connection, messages)
    fresh: dict[tuple[str, str], NewMessage] = {}
    for message in messages:
        key = (message.connection, message.dedupe_key)
        if key not in known:
            fresh.setdefault(key, message)
    ids = dict(zip(fresh, database.next_ids(connection, "message", len(fresh)), strict=True))
    trace = Writing(database, connection, now)
    rows = []
    for key, message in fresh.items():
        identity, sha = ids[key], trace.payload(message.body, message.connection)
        code, detail = message.refused or ("", "")
        rows.append(
            (
                identity,
                message.connection,
                message.stream,
                clean(message.topic),
                clean(message.external_id),
                clean(message.order_key or message.external_id),
                message.dedupe_key,
                clean(message.source_version),
                clean(message.occurred_at),
                now,
                message.deleted,
                sha,
                "exception" if code else "new",
                code,
                now,
                message.correlation_id or identity,
                message.causation_id,
                now if code else None,
                message.traceparent,
            )
        )
        trace.step(
            identity, Step("accept", "refused" if code else "ok", code, detail, after=sha), keeper=message.connection
        )
        trace.search_keys(identity, message.search_keys)
        if code:
            trace.exception(identity, None, Trouble(code, detail, reason(code).fix))
    bulk.append(database, connection, tables.message, _COLUMNS, rows)
    if rows:
        notices.announce(database, connection)
    accepted = _answers(messages, known, ids)
    repeats = [answer.id for answer in accepted if answer.duplicate]
    for identity in repeats:
        trace.step(identity, Step("accept", "duplicate", "DUP-EVENT"))
    by_count: defaultdict[int, list[int]] = defaultdict(list)
    for identity, count in Counter(repeats).items():
        by_count[count].append(identity)
    for count, identities in by_count.items():
        statement = "UPDATE message SET duplicates = duplicates + ? WHERE id IN ?*"
        database.run(connection, statement, count, sorted(identities))
    trace.flush()
    if cursor is not None:
        database.run(
            connection,
            "INSERT INTO cursor (connection, stream, value, moved_at) VALUES (?, ?, ?, ?) ON CONFLICT (connection, stream) "
            "DO UPDATE SET value = excluded.value, moved_at = excluded.moved_at",
            cursor.connection,
            cursor.stream,
            json.dumps(cursor.value),
            now,
        )
    return accepted


def _answers(
    messages: Sequence[NewMessage], known: dict[tuple[str, str], int], ids: dict[tuple[str, str], int]
) -> list[Accepted]:
    seen = set(known)
    answers = []
    for message in messages:
        key = (message.connection, message.dedupe_key)
        answers.append(Accepted(known.get(key) or ids[key], key in seen))
        seen.add(key)
    return answers


# One look into the index for each key: a plan that is made while the table is new reads all messages of the connection for a list of
# keys, and for a join with one as well.
_KNOWN = """SELECT k, (SELECT m.id FROM message AS m WHERE m.dedupe_key = k AND m.connection = ? LIMIT 1) AS id
FROM unnest(?::text[]) AS k"""
_KNOWN_SQLITE = "SELECT dedupe_key, id FROM message WHERE connection = ? AND dedupe_key IN ?*"


def _known(database: Database, connection: Connection, messages: Sequence[NewMessage]) -> dict[tuple[str, str], int]:
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for message in messages:
        keys[message.connection].add(message.dedupe_key)
    found = {}
    for name, wanted in keys.items():
        rows = database.rows(connection, _KNOWN_SQLITE if database.is_sqlite else _KNOWN, name, sorted(wanted))
        found.update({(name, row[0]): int(row[1]) for row in rows if row[1] is not None})
    return found


def known_messages(database: Database, messages: Sequence[NewMessage]) -> frozenset[str]:
    """The dedupe keys of those messages that are there already."""
    with database.read() as connection:
        return frozenset(key for _, key in _known(database, connection, messages))


def cursor(database: Database, name: str, stream: str) -> dict[str, Any] | None:
    """The poll position of a stream."""
    with database.read() as connection:
        rows = database.rows(connection, "SELECT value FROM cursor WHERE connection = ? AND stream = ?", name, stream)
    return dict(json.loads(rows[0][0])) if rows else None


def due_messages(database: Database, limit: int) -> int:
    """How many messages are due, counted up to a limit."""
    statement = "SELECT count(*) FROM (SELECT 1 FROM message WHERE state = 'new' AND due_at <= ? LIMIT ?) AS due"
    with database.read() as connection:
        return int(database.rows(connection, statement, database.due_by(connection), limit)[0][0])


_CLAIM = """
WITH head AS MATERIALIZED (
  SELECT m.id FROM message AS m WHERE m.state = 'new' AND m.due_at <= ?
  AND m.id = (
    SELECT e.id FROM message AS e WHERE e.connection = m.connection AND e.order_key = m.order_key
    AND e.state IN ('new', 'leased', 'waiting') ORDER BY e.connection, e.order_key, e.id LIMIT 1)
  ORDER BY m.due_at, m.id LIMIT ? {skip_locked})
UPDATE message SET state = 'leased', lease_until = ?, lease_owner = ?, epoch = epoch + 1
WHERE id IN (SELECT id FROM head)
RETURNING id, connection, stream, topic, external_id, order_key, source_version, occurred_at, received_at, deleted, payload,
  epoch, crashes, wait_until, correlation_id, traceparent
"""


def claim_messages(database: Database, limit: int, lease: float, owner: str) -> list[ClaimedMessage]:
    """Lease the first due message of each object."""
    statement = _CLAIM.replace("{skip_locked}", database.skip_locked)

    def claim(connection: Connection) -> tuple[float, Sequence[Any], dict[str, bytes]]:
        now = database.now_in(connection)
        rows = database.rows(connection, statement, database.due_by(connection), limit, now + lease, owner)
        return now, rows, archive.get(database, connection, [row.payload for row in rows])

    now, rows, bodies = database.transact(claim)
    return [
        ClaimedMessage(
            id=row.id,
            connection=row.connection,
            stream=row.stream,
            topic=row.topic,
            external_id=row.external_id,
            order_key=row.order_key,
            source_version=row.source_version,
            occurred_at=row.occurred_at,
            received_at=row.received_at,
            deleted=bool(row.deleted),
            body=bodies.get(row.payload, b""),
            payload=row.payload,
            epoch=row.epoch,
            crashes=row.crashes,
            wait_until=row.wait_until,
            correlation_id=row.correlation_id,
            traceparent=row.traceparent,
            lease_until=now + lease,
            claimed_at=now,
        )
        for row in sorted(rows, key=lambda row: row.id)
    ]
