"""Moving a hub from one database to another: every row, and then the proof that both hold the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store import bulk, shelves, tables
from hub.store.database import Database, raw_connection

CHUNK = 2000
_COUNTERS = ("message", "delivery")
_NUMBERED = ("message", "delivery", "attempt", "step", "wait", "exception", "event")


def copy(
    source: Database, target: Database, told: Callable[[str, int], None] = lambda _table, _rows: None
) -> dict[str, int]:
    """Copy every table into an empty database, in one transaction, and compare. Returns the rows of each table.

    ``told`` hears of every batch as it is written: the table, and how many rows.
    Raises `StoreError`; the target is then as empty as before.
    """
    copied = {}
    with source.snapshot() as reading, target.write() as writing:
        source.take_time(reading)
        target.take_time(writing)
        _refuse_used(target, writing)
        for table in tables.metadata.sorted_tables:
            if table.name == "sequence":
                continue
            names = [column.name for column in table.columns]
            count = 0
            for shelf in shelves.all_of(source, reading) if table is tables.payload else ():
                shelves.make(target, writing, shelf)
            for rows in _chunks(source, reading, table):
                bulk.append(target, writing, table, names, rows)
                count += len(rows)
                told(table.name, len(rows))
            copied[table.name] = count
        _set_counters(target, writing)
        for table in tables.metadata.sorted_tables:
            if table.name != "sequence" and _digest(source, reading, table) != _digest(target, writing, table):
                raise StoreError(
                    f"the copy of table {table.name} is not what its source is",
                    code="STO-COPY",
                    fix="Report it; the source is as it was.",
                )
    return copied


def _refuse_used(target: Database, connection: Connection) -> None:
    for table in tables.metadata.sorted_tables:
        # opening fills the table of counters, and no other
        if table.name != "sequence" and target.rows(connection, f'SELECT 1 FROM "{table.name}" LIMIT 1'):  # noqa: S608
            raise StoreError("the target database is in use", code="STO-NOTEMPTY", fix="Copy into an empty database.")


def _chunks(database: Database, connection: Connection, table: sa.Table) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a table in the order of its key, some at a time, the same on both databases."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    # text is compared byte by byte on both, whatever the language of the database is
    collated = "" if database.is_sqlite else ' COLLATE "C"'
    order = ", ".join(
        f'"{column.name}"{collated if isinstance(column.type, sa.Text) else ""}' for column in table.primary_key
    )
    flags = [isinstance(column.type, sa.Boolean) for column in table.columns]
    parts = [""]
    if table is tables.payload:  # a shelf at a time, so that no database has to sort the whole archive
        parts = [f"WHERE shelf = {shelf.number}" for shelf in shelves.all_of(database, connection)]
    raw = raw_connection(connection)
    for part in parts:
        statement = f'SELECT {names} FROM "{table.name}" {part} ORDER BY {order}'  # noqa: S608
        # on PostgreSQL a cursor with a name stays at the server, and the rows come as they are fetched
        with closing(raw.cursor() if database.is_sqlite else raw.cursor(name=f"copy_{table.name}")) as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(CHUNK):
                yield [
                    tuple(bool(value) if flag else value for value, flag in zip(row, flags, strict=True))
                    for row in rows
                ]


def _digest(database: Database, connection: Connection, table: sa.Table) -> str:
    digest = hashlib.sha256()
    real = [isinstance(column.type, sa.Double) for column in table.columns]
    for rows in _chunks(database, connection, table):
        for row in rows:
            plain = [
                float(value) if number and value is not None else value for value, number in zip(row, real, strict=True)
            ]
            digest.update(repr([bytes(v) if isinstance(v, memoryview) else v for v in plain]).encode())
    return digest.hexdigest()


def _set_counters(database: Database, connection: Connection) -> None:
    if database.is_sqlite:
        for name in _COUNTERS:
            last = f'(SELECT COALESCE(max(id), 0) FROM "{name}")'  # noqa: S608
            database.run(connection, f"UPDATE sequence SET value = {last} WHERE name = ?", name)  # noqa: S608
        return
    for name in _NUMBERED:
        statement = f'SELECT setval(?::regclass, COALESCE(max(id), 0) + 1, false) FROM "{name}"'  # noqa: S608
        database.rows(connection, statement, f"{name}_id_seq")
