"""Shelves of the payload archive: what was written on one day and is kept for the same number of days lies, and goes, together.

On PostgreSQL a shelf is a partition of ``payload``, so that forgetting a day is one DROP; on SQLite it is a range of the table's key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from hub.store.database import Database

DAY = 86_400
LONGEST = 9_999
"""Days that a payload may be kept at the most."""
_PLACES = 10_000
_FOLDER = re.compile(r"(\d{4}-\d\d-\d\d)_keep_(\d{1,4})")
# not to_regclass(): that remembers what was not there, also when another process has made it meanwhile
_IS_THERE = """SELECT 1 FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'payload'::regclass AND c.relname = ?"""


@dataclass(frozen=True, slots=True, order=True)
class Shelf:
    """The payloads written on ``day`` (days since 1970, UTC) and kept for ``keep`` days after it."""

    day: int
    keep: int

    @classmethod
    def of(cls, number: int) -> Shelf:
        """The shelf that the column ``shelf`` names."""
        return cls(*divmod(number, _PLACES))

    @property
    def number(self) -> int:
        """What the column ``shelf`` says: the day, then four digits for the days kept."""
        return self.day * _PLACES + self.keep

    @classmethod
    def named(cls, folder: str) -> Shelf | None:
        """The shelf of a folder in the object store; none where the name is no shelf's."""
        found = _FOLDER.fullmatch(folder)
        if found is None:
            return None
        try:
            day = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(int(day.timestamp()) // DAY, int(found[2]))

    @property
    def folder(self) -> str:
        """Where its packs lie in an object store."""
        return f"{_date(self.day)}_keep_{self.keep}"

    @property
    def table(self) -> str:
        """The partition's name on PostgreSQL."""
        return f"payload_{self.folder.replace('-', '_')}"

    @property
    def written_on(self) -> str:
        """The day as a date."""
        return _date(self.day)

    @property
    def kept_until(self) -> str:
        """The last day on which it is kept, as a date."""
        return _date(self.day + self.keep)

    def over(self, today: int) -> bool:
        """Is its time over?"""
        return self.day + self.keep < today


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def all_of(database: Database, connection: Connection) -> list[Shelf]:
    """The shelves that there are, the oldest first."""
    if database.is_sqlite:  # hops from one shelf to the next along the key, and reads nothing in between
        statement = """
WITH RECURSIVE one(shelf) AS (
  SELECT min(shelf) FROM payload
  UNION ALL SELECT (SELECT min(p.shelf) FROM payload AS p WHERE p.shelf > one.shelf) FROM one WHERE one.shelf IS NOT NULL)
SELECT shelf FROM one WHERE shelf IS NOT NULL"""
    else:
        statement = r"""
SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM '\d+')::integer
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'payload'::regclass"""
    return sorted(Shelf.of(row[0]) for row in database.rows(connection, statement))


@dataclass(frozen=True, slots=True)
class Held:
    """What lies on a shelf. On PostgreSQL the payloads are as many as its statistics say, and the bytes are those of its files."""

    shelf: Shelf
    payloads: int
    bytes: int
    moved: int
    """Bytes in the object store."""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "written_on": self.shelf.written_on, "kept_until": self.shelf.kept_until, "days": self.shelf.keep,
            "payloads": self.payloads, "bytes": self.bytes, "moved": self.moved,
        }  # fmt: skip


def held(database: Database) -> list[Held]:
    """The shelves on which something lies, the oldest first."""
    found = []
    with database.read() as connection:
        moved = {row[0]: int(row[1]) for row in database.rows(connection, "SELECT shelf, bytes FROM archive_move")}
        for shelf in all_of(database, connection):
            if database.is_sqlite:
                statement = "SELECT count(*), sum(length(body)) FROM payload WHERE shelf = ?"
                row = database.rows(connection, statement, shelf.number)[0]
            else:
                statement = (
                    "SELECT pg_stat_get_live_tuples(c), pg_total_relation_size(c), pg_relation_size(c) "
                    "FROM (SELECT ?::regclass AS c) AS shelf"
                )
                row = database.rows(connection, statement, shelf.table)[0]
                if not row[2]:
                    continue
            found.append(Held(shelf, int(row[0]), int(row[1]), moved.get(shelf.number, 0)))
    return found


def make(database: Database, connection: Connection, shelf: Shelf) -> bool:
    """Make sure that a shelf is there before something is put on it; true when it had to be made.

    Maintenance makes them days ahead, so this finds nothing to do unless that did not run. What another process may yet
    roll back is not remembered as being there.
    """
    if database.is_sqlite or shelf.number in database.known_shelves:
        return False
    if not database.rows(connection, _IS_THERE, shelf.table):
        database.lock(connection, [f"shelf {shelf.number}"])
        if not database.rows(connection, _IS_THERE, shelf.table):
            # made beside its parent and then attached, because that holds up nobody who reads or writes
            database.run(connection, f'CREATE TABLE "{shelf.table}" (LIKE payload INCLUDING ALL)')
            database.run(
                connection, f'ALTER TABLE payload ATTACH PARTITION "{shelf.table}" FOR VALUES IN ({shelf.number})'
            )
            return True
    database.known_shelves.add(shelf.number)
    return False
