"""Reading, for people: deliveries, canonical records with their links, schedules and cursors."""

from __future__ import annotations

import json
from typing import Any

from hub.store import archive
from hub.store.database import Database

_DELIVERY = (
    "d.id, d.message_id, d.flow, d.target, d.lane, d.entity, d.stream, d.operation, d.record_id, d.record_version, d.state, d.reason, "
    "d.due_at, d.wait_until, d.attempt, d.failures, d.maybe_sent, d.external_id, d.created_at, d.finished_at, "
    "m.connection AS source, m.correlation_id"
)


def find_deliveries(
    database: Database,
    *,
    target: str | None = None,
    state: str | None = None,
    flow: str | None = None,
    record_id: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Deliveries by target, state, flow or record, the newest first."""
    where, values = ["1 = 1"], []
    for column, wanted in (("target", target), ("state", state), ("flow", flow), ("record_id", record_id)):
        if wanted is not None:
            where.append(f"d.{column} = ?")
            values.append(wanted)
    statement = (
        f"SELECT {_DELIVERY} FROM delivery AS d JOIN message AS m ON m.id = d.message_id "  # noqa: S608
        f"WHERE {' AND '.join(where)} ORDER BY d.id DESC LIMIT ?"
    )
    return _read(database, statement, *values, limit)


def messages_with(database: Database, text: str, limit: int = 50) -> list[int]:
    """The messages that a vendor's id, a canonical id or a natural key leads to, the newest first."""
    statement = """
SELECT id FROM message WHERE external_id = ?
UNION SELECT id FROM message WHERE order_key = ? AND order_key <> external_id
UNION SELECT message_id FROM delivery WHERE external_id = ? OR record_id = ?
UNION SELECT d.message_id FROM delivery AS d JOIN record AS r ON r.id = d.record_id WHERE r.natural_key = ?
UNION SELECT d.message_id FROM delivery AS d JOIN link AS l ON l.record_id = d.record_id WHERE l.external_id = ?
ORDER BY 1 DESC LIMIT ?"""
    return [int(row["id"]) for row in _read(database, statement, text, text, text, text, text, text, limit)]


def find_records(
    database: Database, *, entity: str | None = None, key: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Canonical records by entity, and by canonical id, natural key, or a vendor's id; the last changed first. Without their bodies."""
    where, values = ["1 = 1"], []
    if entity is not None:
        where.append("r.entity = ?")
        values.append(entity)
    if key is not None:
        plain = key.strip().lstrip("#")
        where.append(
            "(r.id = ? OR lower(r.natural_key) IN (?, ?) OR r.id IN (SELECT l.record_id FROM link AS l WHERE l.external_id = ?)"
            " OR r.id IN (SELECT d.record_id FROM delivery AS d JOIN search_key AS k ON k.message_id = d.message_id"
            " WHERE k.value = ? AND k.kind = d.entity))"
        )
        values += [key, key.strip().casefold(), plain.casefold(), key, plain.casefold()]
    statement = (
        "SELECT r.id, r.entity, r.version, r.natural_key, r.deleted, r.origin, r.created_at, r.updated_at, r.message_id "  # noqa: S608
        f"FROM record AS r WHERE {' AND '.join(where)} ORDER BY r.updated_at DESC, r.id LIMIT ?"
    )
    return _read(database, statement, *values, limit)


def record_view(database: Database, record_id: str) -> dict[str, Any] | None:
    """A canonical record with its body and its links to every connected system."""
    with database.read() as connection:
        rows = database.rows(connection, "SELECT * FROM record WHERE id = ?", record_id)
        if not rows:
            return None
        found: dict[str, Any] = rows[0]._asdict()
        found["body"] = json.loads(archive.unpack(found["body"]))
        links = database.rows(connection, "SELECT * FROM link WHERE record_id = ? ORDER BY connection", record_id)
        found["links"] = [row._asdict() for row in links]
    return found


def schedules(database: Database) -> list[dict[str, Any]]:
    """Every timed job: when it ran, when it runs next, and what went wrong."""
    columns = 'name, connection, stream, "interval", cron, timezone, disabled, next_run_at, lease_until, last_run_at, last_error, failures'
    return _read(database, f"SELECT {columns} FROM schedule ORDER BY name")  # noqa: S608


def find_events(
    database: Database, *, entity: str | None = None, connection: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Canonical events, the newest first, without their records."""
    where, values = ["1 = 1"], []
    for column, wanted in (("entity", entity), ("connection", connection)):
        if wanted is not None:
            where.append(f"{column} = ?")
            values.append(wanted)
    statement = f"SELECT * FROM event WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"  # noqa: S608
    return _read(database, statement, *values, limit)


def _read(database: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [row._asdict() for row in database.rows(connection, statement, *values)]
