"""Moving a shelf out of the database into the object store, pack by pack. What it holds is found by its sha256 as before.

A pack is in the object store before any row points into it, and a row loses its body in the transaction that makes it point. So a
run that ends in the middle has lost nothing, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.engine import Connection

from hub.store.database import Database, raw_connection
from hub.store.needed import needed
from hub.store.objects import Objects
from hub.store.shelves import Shelf

_ROWS = 500
PACK_PAYLOADS = 2_000
PACK_BYTES = 4 * 1024 * 1024

_PACKS = """SELECT pack, count(*) AS payloads, sum(length) AS bytes FROM payload
WHERE shelf = ? AND pack IS NOT NULL GROUP BY pack"""
_NOTE = """INSERT INTO archive_move (shelf, payloads, bytes, packs, moved_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (shelf) DO UPDATE SET payloads = excluded.payloads, bytes = excluded.bytes, packs = excluded.packs"""

Place = tuple[str, int, str, int, int]
"""A payload's sha256 and size, and where it lies now: the pack, the start and the length."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A shelf that was moved: its payloads, their compressed bytes, and in how many packs."""

    shelf: Shelf
    payloads: int
    bytes: int
    packs: int

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "written_on": self.shelf.written_on, "days": self.shelf.keep, "payloads": self.payloads, "bytes": self.bytes,
            "packs": self.packs,
        }  # fmt: skip


class BusyError(Exception):
    """Somebody reads the shelf; the transaction is given up."""


def move(database: Database, objects: Objects, shelf: Shelf, patience: str) -> Moved:
    """Move what nobody needs any more. Raises `BusyError` where a reader held the shelf, and `StoreError`."""
    with database.read() as connection:
        stay = needed(database, connection)
    swap = None if database.is_sqlite else _Swap(database, shelf)
    if swap:
        swap.begin()
    for places in _packs(database, objects, shelf, stay):
        if swap:
            swap.add(places)
        else:
            _point(database, shelf, places)

    def note(connection: Connection) -> list[Any]:
        if swap:
            swap.finish(connection, patience)
        database.run(connection, "DELETE FROM archive_usage WHERE shelf = ?", shelf.number)
        rows = database.rows(connection, _PACKS, shelf.number)
        database.run(connection, _NOTE, shelf.number, *_sums(rows), database.now_in(connection))
        return list(rows)

    found = database.transact(note)
    objects.keep_only(shelf, {row.pack for row in found})  # an interrupted run may have left others
    return Moved(shelf, *_sums(found))


def _sums(rows: Sequence[Any]) -> tuple[int, int, int]:
    """Payloads, bytes and packs."""
    return sum(int(row.payloads) for row in rows), sum(int(row.bytes) for row in rows), len(rows)


def _packs(database: Database, objects: Objects, shelf: Shelf, stay: frozenset[str]) -> Iterator[list[Place]]:
    """Put the shelf's payloads into the store, always in the same order, and say where each lies; a pack at a time."""
    parts: list[bytes] = []
    rows: list[tuple[str, int, int, int]] = []
    at = 0
    for sha, size, body in _bodies(database, shelf):
        if sha in stay:
            continue
        rows.append((sha, size, at, len(body)))
        parts.append(body)
        at += len(body)
        if len(rows) >= PACK_PAYLOADS or at >= PACK_BYTES:
            yield _put(objects, shelf, parts, rows)
            parts, rows, at = [], [], 0
    if rows:
        yield _put(objects, shelf, parts, rows)


def _put(objects: Objects, shelf: Shelf, parts: list[bytes], rows: list[tuple[str, int, int, int]]) -> list[Place]:
    pack = objects.put(shelf, b"".join(parts))
    return [(sha, size, pack, start, length) for sha, size, start, length in rows]


def _bodies(database: Database, shelf: Shelf) -> Iterator[tuple[str, int, bytes]]:
    last = ""
    statement = f"SELECT sha, size, body FROM payload WHERE shelf = {shelf.number} AND pack IS NULL AND sha > ? ORDER BY sha LIMIT ?"  # noqa: S608
    while True:
        with database.read() as connection:
            rows = database.rows(connection, statement, last, _ROWS)
        for row in rows:
            yield row[0], row[1], bytes(row[2])
        if len(rows) < _ROWS:
            return
        last = rows[-1][0]


def _point(database: Database, shelf: Shelf, places: list[Place]) -> None:
    """SQLite: let the rows of a pack point into it."""
    statement = "UPDATE payload SET body = x'', pack = ?, start = ?, length = ? WHERE shelf = ? AND sha = ?"
    rows = [(pack, start, length, shelf.number, sha) for sha, _, pack, start, length in places]
    database.transact(lambda connection: raw_connection(connection).executemany(statement, rows))


class _Swap:
    """PostgreSQL: fill a table with rows that point into packs, then put it in the place of the partition.

    Updating the rows where they are would leave their bodies behind as dead rows, in a partition that is never written again.
    """

    def __init__(self, database: Database, shelf: Shelf) -> None:
        self._database = database
        self._shelf = shelf
        self._new = f"{shelf.table}_new"

    def begin(self) -> None:
        """Make the table, anew where an earlier run left one."""

        def body(connection: Connection) -> None:
            self._database.run(connection, f'DROP TABLE IF EXISTS "{self._new}"')
            number = (
                self._shelf.number
            )  # said as a check, so that nobody has to look at the rows when it becomes the partition
            self._database.run(
                connection, f'CREATE TABLE "{self._new}" (LIKE payload INCLUDING ALL, CHECK (shelf = {number}))'
            )

        self._database.transact(body)

    def add(self, places: list[Place]) -> None:
        """Add the rows of a pack."""
        statement = f'COPY "{self._new}" (shelf, sha, size, body, pack, start, length) FROM STDIN'

        def body(connection: Connection) -> None:
            with raw_connection(connection).cursor() as raw, raw.copy(statement) as copy:
                for sha, size, pack, start, length in places:
                    copy.write_row((self._shelf.number, sha, size, b"", pack, start, length))

        self._database.transact(body)

    def finish(self, connection: Connection, patience: str) -> None:
        """Add what stays in the database, and take the place of the partition."""
        old, new, database = self._shelf.table, self._new, self._database
        database.run(
            connection,
            f'INSERT INTO "{new}" (shelf, sha, size, body) SELECT o.shelf, o.sha, o.size, o.body FROM "{old}" AS o '  # noqa: S608
            f'WHERE NOT EXISTS (SELECT 1 FROM "{new}" AS n WHERE n.sha = o.sha)',
        )
        database.run(connection, f"SET LOCAL lock_timeout = '{patience}'")
        try:
            database.run(connection, f'ALTER TABLE payload DETACH PARTITION "{old}"')
            database.run(connection, f'DROP TABLE "{old}"')
        except psycopg.errors.LockNotAvailable:
            raise BusyError from None
        database.run(connection, f'ALTER TABLE "{new}" RENAME TO "{old}"')
        database.run(connection, f'ALTER TABLE payload ATTACH PARTITION "{old}" FOR VALUES IN ({self._shelf.number})')
