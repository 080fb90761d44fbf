"""Forgetting payloads after their time, a shelf at a time, and making the shelves of the days to come.

What belongs to a message that is not finished, or that lies on the exceptions desk, is laid on a shelf of today first; and so are
the records of events that are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.engine import Connection

from hub.store import shelves, usage
from hub.store.database import Database
from hub.store.shelves import DAY, Shelf
from hub.telemetry import get_logger

log = get_logger(__name__)

AHEAD = 7
"""Days for which shelves are made ahead: as long may maintenance fail before a receiver has to make one itself."""
_CHUNK = 2_000
_PATIENCE = "300ms"
"""How long a DROP waits for a reader that holds the shelf. All that comes behind it waits as well, so it gives up and comes again."""
_TRIES = 5

_NEEDED = """
WITH kept AS MATERIALIZED (
  SELECT id FROM message WHERE state IN ('new', 'leased', 'waiting')
  UNION SELECT message_id FROM delivery WHERE state IN ('pending', 'leased', 'waiting')
  UNION SELECT message_id FROM exception WHERE state = 'open')
SELECT m.payload AS sha FROM message AS m WHERE m.id IN (SELECT id FROM kept)
UNION SELECT s.before FROM step AS s WHERE s.before IS NOT NULL AND s.message_id IN (SELECT id FROM kept)
UNION SELECT s.after FROM step AS s WHERE s.after IS NOT NULL AND s.message_id IN (SELECT id FROM kept)
UNION SELECT d.snapshot FROM delivery AS d WHERE d.message_id IN (SELECT id FROM kept)
UNION SELECT d.request FROM delivery AS d WHERE d.request IS NOT NULL AND d.message_id IN (SELECT id FROM kept)
UNION SELECT a.exchanges FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id
  WHERE a.exchanges IS NOT NULL AND d.message_id IN (SELECT id FROM kept)
UNION SELECT e.snapshot FROM event AS e"""
# the shelf's number is part of the statement, so that PostgreSQL touches that partition only
_KEEP = """
INSERT INTO payload (shelf, sha, size, body, pack, start, length)
SELECT {new}, p.sha, p.size, p.body, p.pack, p.start, p.length FROM payload AS p
WHERE p.shelf = {old} AND p.sha IN (SELECT sha FROM ({needed}) AS needed)
ON CONFLICT (shelf, sha) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A shelf whose time is over: how many payloads and bytes lie on it, and how many of them are kept all the same."""

    shelf: Shelf
    payloads: int
    bytes: int
    kept: int

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "written_on": self.shelf.written_on, "days": self.shelf.keep, "payloads": self.payloads, "bytes": self.bytes,
            "kept": self.kept,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Maintained:
    """What maintenance did, or would do: shelves made ahead, shelves dropped, and those that were in use just then."""

    made: tuple[Shelf, ...] = ()
    dropped: tuple[Forgotten, ...] = ()
    busy: tuple[Shelf, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "made": [{"day": shelf.written_on, "days": shelf.keep} for shelf in self.made],
            "dropped": [one.as_dict() for one in self.dropped],
            "busy": [{"day": shelf.written_on, "days": shelf.keep} for shelf in self.busy],
        }


def maintain(database: Database, *, dry_run: bool = False) -> Maintained:
    """Make the shelves of the next days and drop those whose time is over. It may be ended at any moment and run again."""
    with database.read() as connection:
        today = int(database.now_in(connection) // DAY)
        there = shelves.all_of(database, connection)
        over = [shelf for shelf in there if shelf.over(today)]
        forgotten = {shelf: _look(database, connection, shelf) for shelf in over}
    made = _missing(database, today, there)
    if dry_run:
        return Maintained(tuple(made), tuple(forgotten.values()))
    for shelf in made:
        database.transact(lambda connection, shelf=shelf: shelves.make(database, connection, shelf))  # type: ignore[misc]
    busy = [shelf for shelf in over if not _drop(database, shelf, Shelf(today, shelf.keep))]
    database.transact(lambda connection: usage.forget(database, connection))
    dropped = [one for shelf, one in forgotten.items() if shelf not in busy]
    for one in dropped:
        log.info("archive.forgotten", **one.as_dict())
    return Maintained(tuple(made), tuple(dropped), tuple(busy))


def _missing(database: Database, today: int, there: list[Shelf]) -> list[Shelf]:
    if database.is_sqlite:
        return []  # there a shelf needs no making
    wanted = {Shelf(day, keep) for day in range(today, today + AHEAD + 1) for keep in database.keeping.different}
    return sorted(wanted - set(there))


def _look(database: Database, connection: Connection, shelf: Shelf) -> Forgotten:
    if database.is_sqlite:
        statement = "SELECT count(*), COALESCE(sum(length(body)), 0) FROM payload WHERE shelf = ?"
        count, size = database.rows(connection, statement, shelf.number)[0]
    else:
        statement = "SELECT count(*), pg_total_relation_size(?::regclass) FROM payload WHERE shelf = ?"
        count, size = database.rows(connection, statement, shelf.table, shelf.number)[0]
    statement = (
        f"SELECT count(*) FROM payload AS p WHERE p.shelf = ? AND p.sha IN (SELECT sha FROM ({_NEEDED}) AS needed)"  # noqa: S608
    )
    kept = database.rows(connection, statement, shelf.number)[0][0] if count else 0
    return Forgotten(shelf, int(count), int(size), int(kept))


def _drop(database: Database, shelf: Shelf, new: Shelf) -> bool:
    """Lay what is needed on a new shelf, then drop the old one; false where somebody read it all the time."""

    def keep(connection: Connection) -> None:
        shelves.make(database, connection, new)
        statement = _KEEP.format(new=new.number, old=shelf.number, needed=_NEEDED)
        database.run(connection, statement)

    if database.is_sqlite:
        database.transact(keep)
        _delete(database, shelf)
        return True

    def drop(connection: Connection) -> None:
        keep(connection)
        database.run(connection, f"SET LOCAL lock_timeout = '{_PATIENCE}'")
        try:
            database.run(connection, f'DROP TABLE "{shelf.table}"')
        except psycopg.errors.LockNotAvailable:
            raise _BusyError from None

    for _ in range(_TRIES):
        try:
            database.transact(drop)
        except _BusyError:
            continue
        database.known_shelves.discard(shelf.number)
        return True
    return False


def _delete(database: Database, shelf: Shelf) -> None:
    """Delete a shelf's rows in small transactions, so that accepting need not wait long for the one writer."""
    statement = "DELETE FROM payload WHERE rowid IN (SELECT p.rowid FROM payload AS p WHERE p.shelf = ? LIMIT ?)"
    while database.transact(lambda connection: database.run(connection, statement, shelf.number, _CHUNK)):
        continue


class _BusyError(Exception):
    """Somebody reads the shelf; the transaction is given up."""
