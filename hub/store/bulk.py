"""Writing many rows at once, the fastest way each database has: COPY and arrays on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import Database, array_text, raw_connection

Rows = Sequence[tuple[Any, ...]]
_WORTH_A_COPY = 20
"""From so many rows on COPY is quicker than an array a column; for a single row it takes half its time again."""


def append(database: Database, connection: Connection, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
    """Add rows that cannot be there yet."""
    if not rows:
        return
    names = tuple(columns)
    if database.is_sqlite:
        raw_connection(connection).executemany(_insert_sqlite(table.name, names, ""), rows)
        return
    if len(rows) < _WORTH_A_COPY:
        insert(database, connection, table, names, rows, otherwise="")
        return
    with raw_connection(connection).cursor() as raw, raw.copy(_copy(table.name, names)) as copy:
        for row in rows:
            copy.write_row(row)


def insert(
    database: Database, connection: Connection, table: sa.Table, columns: Sequence[str], rows: Rows, *, otherwise: str
) -> int:
    """Add rows, and do ``otherwise`` ("ON CONFLICT ...") where one is there already. Returns how many were written.

    Sort the rows: two writers then never deadlock.
    """
    if not rows:
        return 0
    names = tuple(columns)
    if database.is_sqlite:
        return int(raw_connection(connection).executemany(_insert_sqlite(table.name, names, otherwise), rows).rowcount)
    statement = _insert_arrays(table, names, otherwise)
    with raw_connection(connection).cursor() as raw:
        return int(raw.execute(statement, _columns(table, names, rows)).rowcount)


def update(
    database: Database,
    connection: Connection,
    table: sa.Table,
    keys: Sequence[str],
    changes: Mapping[str, str],
    columns: Sequence[str],
    rows: Rows,
    *,
    where: str = "true",
    returning: str = "id",
) -> list[Any]:
    """Change the rows found by ``keys``, and return what ``returning`` names of those that were there.

    ``columns`` names the values of each row, the keys first; ``changes`` sets columns to expressions over them as ``v.<name>``.
    """
    if not rows:
        return []
    setting = tuple(changes.items())
    if database.is_sqlite:
        statement, order = _update_sqlite(table.name, tuple(keys), setting, tuple(columns), where, returning)
        found: list[Any] = []
        cursor = raw_connection(connection).cursor()
        for row in rows:
            found.extend(cursor.execute(statement, [row[index] for index in order]))
        return found
    statement = _update_arrays(table, tuple(keys), setting, tuple(columns), where, returning)
    with raw_connection(connection).cursor() as raw:
        raw.execute(statement, _columns(table, tuple(columns), rows))
        found = raw.fetchall()
        return list(found)


def _columns(table: sa.Table, names: tuple[str, ...], rows: Rows) -> list[Any]:
    """The rows turned into one array a column; only bytes go as the driver's binary array."""
    return [
        list(column) if name in table.c and isinstance(table.c[name].type, sa.LargeBinary) else array_text(column)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]


@lru_cache(maxsize=64)
def _insert_sqlite(table: str, columns: tuple[str, ...], otherwise: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))}) {otherwise}'  # noqa: S608


@lru_cache(maxsize=64)
def _copy(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'COPY "{table}" ({names}) FROM STDIN'


def _array_type(column: sa.Column[Any]) -> str:
    match column.type:
        case sa.BigInteger():
            return "bigint[]"
        case sa.Integer():
            return "integer[]"
        case sa.Double():
            return "double precision[]"
        case sa.Boolean():
            return "boolean[]"
        case sa.LargeBinary():
            return "bytea[]"
        case _:
            return "text[]"


@lru_cache(maxsize=64)
def _insert_arrays(table: sa.Table, columns: tuple[str, ...], otherwise: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    types = {name: _array_type(table.c[name]) for name in columns}
    arrays = ", ".join(f"{'%b' if kind == 'bytea[]' else '%s'}::{kind}" for kind in types.values())
    return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM unnest({arrays}) {otherwise}'  # noqa: S608


@lru_cache(maxsize=64)
def _update_arrays(
    table: sa.Table,
    keys: tuple[str, ...],
    changes: tuple[tuple[str, str], ...],
    columns: tuple[str, ...],
    where: str,
    returning: str,
) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    types = {name: _array_type(table.c[name]) if name in table.c else "double precision[]" for name in columns}
    arrays = ", ".join(f"%s::{types[name]}" for name in columns)
    setting = ", ".join(f'"{name}" = {value}' for name, value in changes)
    found = " AND ".join(f't."{key}" = v."{key}"' for key in keys)
    back = ", ".join(f't."{name.strip()}"' for name in returning.split(","))
    return (
        f'UPDATE "{table.name}" AS t SET {setting} FROM unnest({arrays}) AS v({names}) '  # noqa: S608
        f"WHERE {found} AND ({where}) RETURNING {back}"
    )


@lru_cache(maxsize=64)
def _update_sqlite(
    table: str,
    keys: tuple[str, ...],
    changes: tuple[tuple[str, str], ...],
    columns: tuple[str, ...],
    where: str,
    returning: str,
) -> tuple[str, tuple[int, ...]]:
    """The statement for one row, and which value each of its placeholders takes."""
    order: list[int] = []

    def placed(expression: str) -> str:
        parts = []
        for piece in _pieces(expression):
            if piece.startswith("v."):
                order.append(columns.index(piece[2:]))
                parts.append("?")
            else:
                parts.append(piece)
        return "".join(parts)

    setting = ", ".join(f'"{name}" = {placed(value)}' for name, value in changes)
    found = " AND ".join(f't."{key}" = {placed("v." + key)}' for key in keys)
    statement = f'UPDATE "{table}" AS t SET {setting} WHERE {found} AND ({placed(where)}) RETURNING {returning}'  # noqa: S608
    return statement, tuple(order)


def _pieces(expression: str) -> list[str]:
    import re

    return re.split(r"(\bv\.[a-z_]+)", expression)
