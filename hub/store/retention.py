"""Forgetting payloads after their time, a shelf at a time, and making the shelves of the days to come.

What belongs to a message that is not finished, or that lies on the exceptions desk, is laid on a shelf of today first; and so are
the records of events that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import psycopg
from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store import archive, shelves, usage
from hub.store.database import Database
from hub.store.moving import BusyError, Moved, move
from hub.store.needed import NEEDED
from hub.store.shelves import DAY, Shelf
from hub.telemetry import get_logger

log = get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

AHEAD = 7
"""Days for which shelves are made ahead: as long may maintenance fail before a receiver has to make one itself."""
_CHUNK = 2_000
_PATIENCE = "300ms"
"""How long a DROP waits for a reader that holds the shelf. All that comes behind it waits as well, so it gives up and comes again."""
_TRIES = 5

# the shelf's number is part of the statement, so that PostgreSQL touches that partition only
_KEEP = """
INSERT INTO payload (shelf, sha, size, body) SELECT {new}, p.sha, p.size, p.body FROM payload AS p
WHERE p.shelf = {old} AND p.pack IS NULL AND p.sha IN (SELECT sha FROM ({needed}) AS needed)
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
    """What maintenance did, or would do: shelves made ahead, dropped, moved to the object store, and in use just then."""

    made: tuple[Shelf, ...] = ()
    dropped: tuple[Forgotten, ...] = ()
    moved: tuple[Moved, ...] = ()
    busy: tuple[Shelf, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "made": [{"day": shelf.written_on, "days": shelf.keep} for shelf in self.made],
            "dropped": [one.as_dict() for one in self.dropped],
            "moved": [one.as_dict() for one in self.moved],
            "busy": [{"day": shelf.written_on, "days": shelf.keep} for shelf in self.busy],
        }


def maintain(database: Database, *, dry_run: bool = False) -> Maintained:
    """Make the shelves of the next days, move old ones to the object store, and drop those whose time is over.

    It may be ended at any moment and run again. Raises `StoreError`, where it is the object store's only after everything else.
    """
    with database.read() as connection:
        today = int(database.now_in(connection) // DAY)
        there = shelves.all_of(database, connection)
        over = {shelf: _look(database, connection, shelf) for shelf in there if shelf.over(today)}
        old = _to_move(database, connection, there, today)
    made = _missing(database, today, there)
    if dry_run:
        return Maintained(tuple(made), tuple(over.values()), tuple(old.values()))
    for shelf in made:
        database.transact(lambda connection, shelf=shelf: shelves.make(database, connection, shelf))  # type: ignore[misc]
    faults: list[StoreError] = []  # of the object store, which must not hold up what does not need it
    moved = [done for shelf in old if (done := _tried(faults, _move, database, shelf))]
    busy = [shelf for shelf in over if not _tried(faults, _drop, database, shelf, Shelf(today, shelf.keep))]
    database.transact(lambda connection: usage.forget(database, connection))
    _tried(faults, _sweep, database, today)
    dropped = [one for shelf, one in over.items() if shelf not in busy]
    for one in dropped:
        log.info("archive.forgotten", **one.as_dict())
    if faults:
        raise faults[0]
    away = {done.shelf for done in moved}
    return Maintained(
        tuple(made), tuple(dropped), tuple(moved), (*busy, *(shelf for shelf in old if shelf not in away))
    )


def _tried(faults: list[StoreError], step: Callable[P, T], *given: P.args, **more: P.kwargs) -> T | None:
    """Take one step; where the object store does not answer, go on with the next and say so at the end."""
    try:
        return step(*given, **more)
    except StoreError as error:
        if not error.code.startswith("ARC-"):
            raise
        faults.append(error)
        return None


def _to_move(database: Database, connection: Connection, there: list[Shelf], today: int) -> dict[Shelf, Moved]:
    """The shelves that belong into the object store by now, and how much is on them."""
    if database.objects is None:
        return {}
    done = {row[0] for row in database.rows(connection, "SELECT shelf FROM archive_move")}
    found = {}
    for shelf in there:
        if shelf.day + database.keeping.move_after < today and not shelf.over(today) and shelf.number not in done:
            statement = (
                "SELECT count(*), COALESCE(sum(length(p.body)), 0) FROM payload AS p WHERE p.shelf = ? AND p.pack IS NULL "  # noqa: S608
                f"AND p.sha NOT IN (SELECT sha FROM ({NEEDED}) AS needed)"
            )
            count, size = database.rows(connection, statement, shelf.number)[0]
            if count:
                found[shelf] = Moved(shelf, int(count), int(size), 0)
    return found


def _move(database: Database, shelf: Shelf) -> Moved | None:
    """Move a shelf; none where it was in use just then, or the object store does not answer: it comes again."""
    assert database.objects is not None
    for _ in range(_TRIES):
        try:
            moved = move(database, database.objects, shelf, _PATIENCE)
        except BusyError:
            continue
        log.info("archive.moved", **moved.as_dict())
        return moved
    return None


def _sweep(database: Database, today: int) -> None:
    """Delete packs of shelves that are forgotten, also those that an interrupted run forgot."""
    if database.objects is None:
        return
    with database.read() as connection:
        there = set(shelves.all_of(database, connection))
    gone = [shelf for shelf in database.objects.folders() if shelf.over(today) and shelf not in there]
    for shelf in gone:
        database.objects.keep_only(shelf, ())
        log.info("archive.swept", written_on=shelf.written_on, days=shelf.keep)


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
        f"SELECT count(*) FROM payload AS p WHERE p.shelf = ? AND p.sha IN (SELECT sha FROM ({NEEDED}) AS needed)"  # noqa: S608
    )
    kept = database.rows(connection, statement, shelf.number)[0][0] if count else 0
    return Forgotten(shelf, int(count), int(size), int(kept))


def _drop(database: Database, shelf: Shelf, new: Shelf) -> bool:
    """Lay what is needed on a new shelf, then drop the old one; false where somebody read it all the time."""
    _bring_back(database, shelf, new)

    def keep(connection: Connection) -> None:
        shelves.make(database, connection, new)
        statement = _KEEP.format(new=new.number, old=shelf.number, needed=NEEDED)
        database.run(connection, statement)
        database.run(connection, "DELETE FROM archive_move WHERE shelf = ?", shelf.number)

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
            raise BusyError from None

    for _ in range(_TRIES):
        try:
            database.transact(drop)
        except BusyError:
            continue
        database.known_shelves.discard(shelf.number)
        return True
    return False


def _bring_back(database: Database, shelf: Shelf, new: Shelf) -> None:
    """Lay what is needed again, and was moved to the object store before, on a new shelf."""
    statement = (
        "SELECT p.sha FROM payload AS p WHERE p.shelf = ? AND p.pack IS NOT NULL "  # noqa: S608
        f"AND p.sha IN (SELECT sha FROM ({NEEDED}) AS needed)"
    )
    with database.read() as connection:
        shas = [row[0] for row in database.rows(connection, statement, shelf.number)]
        bodies = archive.fetch(database, connection, shas) if shas else {}
    if bodies:
        database.transact(lambda connection: archive.lay(database, connection, new, bodies))


def _delete(database: Database, shelf: Shelf) -> None:
    """Delete a shelf's rows in small transactions, so that accepting need not wait long for the one writer."""
    statement = "DELETE FROM payload WHERE rowid IN (SELECT p.rowid FROM payload AS p WHERE p.shelf = ? LIMIT ?)"
    while database.transact(lambda connection: database.run(connection, statement, shelf.number, _CHUNK)):
        continue
