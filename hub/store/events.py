"""Canonical changes for the outside: written with the change, read in order, and forgotten after their time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.engine import Connection

from hub.store import archive, bulk, tables
from hub.store.database import Database
from hub.store.rows import Event, FeedState, NewEvent

PUBLISHED = "published"
DROPPED = "dropped"
_CHUNK = 10_000
_COLUMNS = (
    "message_id", "correlation_id", "connection", "entity", "verb", "record_id", "record_version", "changed", "snapshot", "at",
)  # fmt: skip
_READ = f"SELECT id, {', '.join(_COLUMNS)} FROM event"  # noqa: S608


def write(database: Database, connection: Connection, new: Sequence[tuple[int, NewEvent]], now: float) -> None:
    """Add the events of a batch, given with their messages, in the transaction that changes the records."""
    if not new:
        return
    # A reader that asks for what is newer than the last id it saw must never miss one that was committed late. So writers
    # take ids one after the other, each until its commit; it is the end of their transaction, and they hold it for a moment.
    database.lock(connection, ["events"])
    rows = [
        (
            message_id,
            event.correlation_id or message_id,
            event.connection,
            event.entity,
            event.verb,
            event.record_id,
            event.record_version,
            ",".join(event.changed),
            event.snapshot,
            now,
        )
        for message_id, event in new
    ]
    bulk.append(database, connection, tables.event, _COLUMNS, rows)


def read(
    database: Database, after: int, limit: int, entities: Collection[str] = (), connections: Collection[str] = ()
) -> list[Event]:
    """Events with ids above ``after``, in order, with the records that they carry; of these entities and connections, or of all."""
    where, values = ["id > ?"], [after]
    for column, wanted in (("entity", entities), ("connection", connections)):
        if wanted:
            where.append(f"{column} IN ?*")
            values.append(sorted(wanted))  # type: ignore[arg-type]
    statement = f"{_READ} WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"
    with database.read() as connection:
        found = [Event(*row) for row in database.rows(connection, statement, *values, limit)]
        bodies = archive.get(database, connection, {event.snapshot for event in found})
    for event in found:
        event.body = bodies.get(event.snapshot)
    return found


def position(database: Database, name: str) -> int:
    """How far the feed of this name is: the id of its last event."""
    with database.read() as connection:
        return _position(database, connection, name)


def _position(database: Database, connection: Connection, name: str) -> int:
    rows = database.rows(connection, "SELECT position FROM feed WHERE name = ?", name)
    return int(rows[0][0]) if rows else 0


def move(database: Database, name: str, to: int) -> None:
    """Note how far the feed is. It never goes back."""
    database.transact(lambda connection: _move(database, connection, name, to))


def _move(database: Database, connection: Connection, name: str, to: int) -> None:
    database.run(
        connection,
        "INSERT INTO feed (name, position, moved_at) VALUES (?, ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at WHERE excluded.position > feed.position",
        name,
        to,
        database.now_in(connection),
    )


def state(database: Database) -> FeedState:
    """How far the events are."""
    with database.read() as connection:
        newest = database.rows(connection, "SELECT max(id) FROM event")[0][0] or 0
        published, dropped = (_position(database, connection, name) for name in (PUBLISHED, DROPPED))
        waiting = database.rows(connection, "SELECT at FROM event WHERE id > ? ORDER BY id LIMIT 1", published)
    return FeedState(newest, published, dropped, waiting[0][0] if waiting else None)


def forget(database: Database, seconds: float, *, published_only: bool) -> int:
    """Drop events older than ``seconds``; with ``published_only`` none that waits to be published. Returns how many went.

    The newest row always stays: on both databases the next id is made from it.
    """
    gone = 0
    while True:
        count = database.transact(lambda connection: _forget(database, connection, seconds, published_only))
        gone += count
        if count < _CHUNK:
            return gone


def _forget(database: Database, connection: Connection, seconds: float, published_only: bool) -> int:
    most = _position(database, connection, PUBLISHED) if published_only else 2**62
    before = database.now_in(connection) - seconds
    statement = """
DELETE FROM event WHERE at < ? AND id < (SELECT max(id) FROM event) AND id IN (
  SELECT id FROM event WHERE id <= ? ORDER BY id LIMIT ?) RETURNING id"""
    rows = database.rows(connection, statement, before, most, _CHUNK)
    if rows:
        _move(database, connection, DROPPED, max(row[0] for row in rows))
    return len(rows)
