"""Writing links, and waking what waited for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy.engine import Connection

from hub.canonical.reasons import reason
from hub.errors import StoreError
from hub.store import bulk, tables
from hub.store.database import Database
from hub.store.rows import Link, Wait

_COLUMNS = (
    "entity",
    "connection",
    "external_id",
    "record_id",
    "natural_key",
    "source_version",
    "vendor_version",
    "applied_version",
    "applied_request",
    "updated_at",
)
_MERGE = """ON CONFLICT (entity, connection, external_id) DO UPDATE SET
 record_id = COALESCE(link.record_id, excluded.record_id), natural_key = COALESCE(excluded.natural_key, link.natural_key),
 source_version = CASE WHEN excluded.source_version = '' THEN link.source_version ELSE excluded.source_version END,
 vendor_version = CASE WHEN excluded.vendor_version = '' THEN link.vendor_version ELSE excluded.vendor_version END,
 applied_version = CASE WHEN excluded.applied_version > link.applied_version THEN excluded.applied_version
   ELSE link.applied_version END,
 applied_request = CASE WHEN excluded.applied_request = '' THEN link.applied_request ELSE excluded.applied_request END,
 updated_at = excluded.updated_at"""


def upsert(database: Database, connection: Connection, links: Iterable[Link], now: float) -> None:
    """Write links; what a link does not say stays as it was."""
    merged: dict[tuple[str, str, str], Link] = {}
    for link in links:
        merged[link.entity, link.connection, link.external_id] = link
    rows = [
        (
            link.entity,
            link.connection,
            link.external_id,
            link.record_id,
            link.natural_key,
            link.source_version,
            link.vendor_version,
            link.applied_version,
            link.applied_request,
            now,
        )
        for _, link in sorted(merged.items())
    ]
    bulk.insert(database, connection, tables.link, _COLUMNS, rows, otherwise=_MERGE)


def bind(database: Database, connection: Connection, links: Sequence[Link], now: float) -> frozenset[str]:
    """Write new links and wake what waited for them. Returns the targets with more to do ("" = the inbox)."""
    if not links:
        return frozenset()
    names = {name for link in links for name in _names(link)}
    database.lock(connection, {_lock(*name) for name in names})
    _make_room(database, connection, links)
    upsert(database, connection, links, now)
    return wake_named(database, connection, names, now)


def wake_named(
    database: Database, connection: Connection, names: Collection[tuple[str, str, str, str]], now: float
) -> frozenset[str]:
    """Wake what waits for these (entity, connection, key, kind): the link is there, or will not come for now."""
    if not names:
        return frozenset()
    statement = "SELECT entity, connection, key, kind, message_id, delivery_id FROM wait WHERE key IN ?*"
    found = [
        row
        for row in database.rows(connection, statement, sorted({name[2] for name in names}))
        if (row.entity, row.connection, row.key, row.kind) in names
    ]
    return wake(
        database,
        connection,
        {row.message_id for row in found if row.delivery_id is None},
        {row.delivery_id for row in found if row.delivery_id is not None},
        now,
    )


def _make_room(database: Database, connection: Connection, links: Sequence[Link]) -> None:
    """A record has one external id at a connection, and an external id one record.

    Where a record gets another id (it was made anew there), the old one lets go of it. Where the id belongs to another record
    already, the two claim the same identity: a person must say which is right. Raises `StoreError` XREF-CONFLICT.
    """
    bound = [link for link in links if link.record_id is not None]
    if not bound:
        return
    wanted = {(link.record_id, link.connection): link.external_id for link in bound}
    owners: dict[tuple[str, str, str], str | None] = {}
    statement = "SELECT entity, connection, external_id, record_id FROM link WHERE record_id IN ?* OR external_id IN ?*"
    ids, externals = sorted({link.record_id or "" for link in bound}), sorted({link.external_id for link in bound})
    for row in database.rows(connection, statement, ids, externals):
        if row.record_id is None:
            continue
        if wanted.get((row.record_id, row.connection), row.external_id) != row.external_id:
            gone = "DELETE FROM link WHERE entity = ? AND connection = ? AND external_id = ?"
            database.run(connection, gone, row.entity, row.connection, row.external_id)
        else:
            owners[row.entity, row.connection, row.external_id] = row.record_id
    for link in bound:
        owner = owners.setdefault((link.entity, link.connection, link.external_id), link.record_id)
        if owner != link.record_id:
            raise StoreError(
                f"{link.entity} {link.external_id} of {link.connection} is linked to {owner}, and {link.record_id} claims it too",
                code="XREF-CONFLICT",
                fix=reason("XREF-CONFLICT").fix,
            )


def wake(
    database: Database, connection: Connection, messages: Iterable[int], deliveries: Iterable[int], now: float
) -> frozenset[str]:
    """Make parked messages and deliveries due now. Returns the targets with more to do ("" = the inbox)."""
    targets: set[str] = set()
    if of_messages := sorted(messages):
        database.run(connection, "DELETE FROM wait WHERE delivery_id IS NULL AND message_id IN ?*", of_messages)
        statement = "UPDATE message SET state = 'new', due_at = ? WHERE id IN ?* AND state = 'waiting'"
        if database.run(connection, statement, now, of_messages):
            targets.add("")
    if of_deliveries := sorted(deliveries):
        database.run(connection, "DELETE FROM wait WHERE delivery_id IN ?*", of_deliveries)
        statement = (
            "UPDATE delivery SET state = 'pending', due_at = ? WHERE id IN ?* AND state = 'waiting' RETURNING target"
        )
        targets.update(row[0] for row in database.rows(connection, statement, now, of_deliveries))
    return frozenset(targets)


def park(
    database: Database, connection: Connection, waits: Sequence[tuple[int, int | None, Wait]], now: float
) -> frozenset[str]:
    """Note what parked messages and deliveries wait for, as (message, delivery, wait); wake those whose link came meanwhile."""
    if not waits:
        return frozenset()
    database.lock(connection, {_lock(w.entity, w.connection, w.key, w.kind) for _, _, w in waits})
    rows = [(message, delivery, w.entity, w.connection, w.key, w.kind) for message, delivery, w in waits]
    bulk.append(
        database, connection, tables.wait, ("message_id", "delivery_id", "entity", "connection", "key", "kind"), rows
    )
    there = [(message, delivery) for message, delivery, w in waits if _is_there(database, connection, w)]
    return wake(
        database,
        connection,
        {message for message, delivery in there if delivery is None},
        {delivery for _, delivery in there if delivery is not None},
        now,
    )


def _is_there(database: Database, connection: Connection, w: Wait) -> bool:
    column = {"external": "external_id", "record": "record_id", "natural": "natural_key"}[w.kind]
    also = " AND record_id IS NOT NULL" if w.kind == "external" else ""
    statement = f"SELECT 1 FROM link WHERE entity = ? AND connection = ? AND {column} = ?{also} LIMIT 1"  # noqa: S608
    return bool(database.rows(connection, statement, w.entity, w.connection, w.key))


def _names(link: Link) -> list[tuple[str, str, str, str]]:
    names = []
    if link.record_id is not None:
        names.append((link.entity, link.connection, link.external_id, "external"))
        names.append((link.entity, link.connection, link.record_id, "record"))
    if link.natural_key is not None:
        names.append((link.entity, link.connection, link.natural_key, "natural"))
    return names


def _lock(entity: str, connection: str, key: str, kind: str) -> str:
    return f"wait {entity} {connection} {kind} {key}"
