"""Reading, for people: messages, traces, the exceptions desk, and where everything is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store import archive
from hub.store.database import Database
from hub.store.rows import Backlog, Conservation, TraceView

_MESSAGE = (
    "m.id, m.connection, m.stream, m.topic, m.external_id, m.order_key, m.source_version, m.occurred_at, m.received_at, m.deleted, "
    "m.payload, m.state, m.reason, m.due_at, m.wait_until, m.crashes, m.duplicates, m.correlation_id, m.causation_id, m.finished_at"
)


def find_messages(
    database: Database, *, kind: str | None, value: str | None, connection: str | None, state: str | None, limit: int
) -> list[dict[str, Any]]:
    """Messages by business key, connection or state, the newest first."""
    where, values = ["1 = 1"], []
    if value is not None:
        also = " AND k.kind = ?" if kind else ""
        where.append(f"m.id IN (SELECT k.message_id FROM search_key AS k WHERE k.value = ?{also})")  # noqa: S608
        values += [value.strip().lstrip("#").casefold(), kind] if kind else [value.strip().lstrip("#").casefold()]
    for column, wanted in (("connection", connection), ("state", state)):
        if wanted is not None:
            where.append(f"m.{column} = ?")
            values.append(wanted)
    statement = f"SELECT {_MESSAGE} FROM message AS m WHERE {' AND '.join(where)} ORDER BY m.id DESC LIMIT ?"  # noqa: S608
    with database.read() as reading:
        return _dicts(database.rows(reading, statement, *values, limit))


def trace(database: Database, message_id: int) -> TraceView:
    """The whole way of a message."""
    with database.read() as connection:
        rows = database.rows(connection, f"SELECT {_MESSAGE} FROM message AS m WHERE m.id = ?", message_id)  # noqa: S608
        if not rows:
            raise StoreError(f"message {message_id} is not there", code="STO-NOTHING", fix="See hub messages.")
        message = _dicts(rows)[0]
        steps = _dicts(database.rows(connection, "SELECT * FROM step WHERE message_id = ? ORDER BY id", message_id))
        deliveries = _dicts(
            database.rows(connection, "SELECT * FROM delivery WHERE message_id = ? ORDER BY id", message_id)
        )
        attempts = _dicts(
            database.rows(
                connection,
                "SELECT * FROM attempt WHERE delivery_id IN ?* ORDER BY id",
                [one["id"] for one in deliveries],
            )
        )
        troubles = _dicts(
            database.rows(connection, "SELECT * FROM exception WHERE message_id = ? ORDER BY id", message_id)
        )
        related = _dicts(
            database.rows(
                connection,
                f"SELECT {_MESSAGE} FROM message AS m WHERE (m.correlation_id = ? AND m.correlation_id <> m.id OR m.id = ?) "  # noqa: S608
                "AND m.id <> ? ORDER BY m.id",
                message["correlation_id"],
                message["correlation_id"],
                message_id,
            )
        )
        _show(database, connection, [message], ("payload",))
        _show(database, connection, steps, ("before", "after"))
        _show(database, connection, deliveries, ("snapshot", "request"))
        _show(database, connection, attempts, ("exchanges",))
    for step in steps:
        step["lineage"] = json.loads(step["lineage"]) if step["lineage"] else None
    for one in deliveries:
        one["attempts"] = [made for made in attempts if made["delivery_id"] == one["id"]]
    return TraceView(message, steps, deliveries, troubles, related)


def _show(database: Database, connection: Connection, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Put payloads beside their sha256s, as ``<column>_body``.

    ``forgotten`` names the columns whose payload is gone, ``unreachable`` those that the object store did not give just now.
    """
    shas = {row[column] for row in rows for column in columns if row[column]}
    bodies = archive.get(database, connection, shas)
    away = archive.moved(database, connection, shas - bodies.keys())
    with contextlib.suppress(StoreError):
        bodies |= archive.bring(database, away)
    for row in rows:
        for column in columns:
            row[f"{column}_body"] = _readable(bodies.get(row[column])) if row[column] else None
        for word, sought in (
            ("forgotten", shas - bodies.keys() - away.keys()),
            ("unreachable", away.keys() - bodies.keys()),
        ):
            if named := [column for column in columns if row[column] in sought]:
                row[word] = named


def _readable(body: bytes | None) -> Any:
    if body is None:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def exceptions(database: Database, state: str | None, limit: int) -> list[dict[str, Any]]:
    """The exceptions desk, the oldest first."""
    where = "WHERE x.state = ?" if state else ""
    statement = f"""
SELECT x.*, m.connection, m.stream, m.external_id, m.correlation_id, d.target, d.flow, d.entity, d.record_id
FROM exception AS x JOIN message AS m ON m.id = x.message_id LEFT JOIN delivery AS d ON d.id = x.delivery_id
{where} ORDER BY x.id LIMIT ?"""  # noqa: S608
    with database.read() as connection:
        found = _dicts(database.rows(connection, statement, *([state] if state else []), limit))
        keys = database.rows(
            connection,
            "SELECT message_id, kind, value FROM search_key WHERE message_id IN ?*",
            sorted({one["message_id"] for one in found}),
        )
    for one in found:
        one["keys"] = [f"{row.kind} {row.value}" for row in keys if row.message_id == one["message_id"]]
    return found


_CONSERVATION = """
SELECT outcome, count(*) AS count, sum(duplicates) AS duplicates FROM (
  SELECT m.duplicates, CASE
    WHEN m.state IN ('new', 'leased', 'waiting') OR d.open > 0 THEN 'in_flight'
    WHEN m.state = 'exception' OR d.failed > 0 THEN 'exceptions'
    WHEN d.done > 0 THEN 'delivered'
    WHEN d.superseded > 0 THEN 'superseded'
    ELSE 'filtered' END AS outcome
  FROM message AS m LEFT JOIN (
    SELECT message_id, count(CASE WHEN state IN ('pending', 'leased', 'waiting') THEN 1 END) AS open,
      count(CASE WHEN state = 'failed' THEN 1 END) AS failed, count(CASE WHEN state = 'done' THEN 1 END) AS done,
      count(CASE WHEN state = 'superseded' THEN 1 END) AS superseded
    FROM delivery GROUP BY message_id) AS d ON d.message_id = m.id) AS each_one
GROUP BY outcome"""


def conservation(database: Database) -> Conservation:
    """Where every accepted message is. Unfinished work counts first, then trouble, then what was delivered."""
    with database.read() as connection:
        total = int(database.rows(connection, "SELECT count(*) FROM message")[0][0])
        rows = {row.outcome: row for row in database.rows(connection, _CONSERVATION)}
    counts = {
        name: int(rows[name].count) if name in rows else 0
        for name in ("delivered", "filtered", "superseded", "exceptions", "in_flight")
    }
    return Conservation(in_=total, duplicates=sum(int(row.duplicates or 0) for row in rows.values()), **counts)


def backlog(database: Database) -> Backlog:
    """What waits, for those who watch."""
    with database.read() as connection:
        codes = database.rows(
            connection, "SELECT code, count(*) AS count FROM exception WHERE state = 'open' GROUP BY code"
        )
        messages = database.rows(
            connection, "SELECT connection, min(due_at), count(*) FROM message WHERE state = 'new' GROUP BY connection"
        )
        deliveries = database.rows(
            connection, "SELECT target, min(due_at), count(*) FROM delivery WHERE state = 'pending' GROUP BY target"
        )
    return Backlog(
        {row[0]: int(row[1]) for row in codes},
        {row[0]: (float(row[1]), int(row[2])) for row in messages},
        {row[0]: (float(row[1]), int(row[2])) for row in deliveries},
    )


def in_flight(database: Database) -> dict[str, int]:
    """What is not finished, by state."""
    statement = """
SELECT 'message.' || state AS name, count(*) AS count FROM message WHERE state IN ('new', 'leased', 'waiting') GROUP BY state
UNION ALL
SELECT 'delivery.' || state, count(*) FROM delivery WHERE state IN ('pending', 'leased', 'waiting') GROUP BY state"""
    with database.read() as connection:
        return {row[0]: int(row[1]) for row in database.rows(connection, statement)}


def _dicts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [row._asdict() for row in rows]
