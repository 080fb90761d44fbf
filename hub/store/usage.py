"""How much the payload archive holds in the database, by keeper: counted in memory as it is written, and added up every few seconds.

A process that is killed forgets what it counted in its last seconds. That is near enough for a budget, and costs the writers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from hub.store import bulk, tables
from hub.store.database import Database
from hub.store.shelves import DAY, Shelf

ROW = 240
"""Bytes that a payload takes besides its compressed text: its row and its entry in the index."""


@dataclass(frozen=True, slots=True)
class Used:
    """What lies in the database for one keeper."""

    bytes: int = 0
    payloads: int = 0


def add_up(database: Database) -> None:
    """Write down what this process has counted."""
    counts = database.archived.take()
    if not counts:
        return
    rows = [(*key, *counts[key]) for key in sorted(counts)]
    try:
        database.transact(
            lambda connection: bulk.insert(
                database, connection, tables.archive_usage, ("shelf", "keeper", "bytes", "payloads"), rows,
                otherwise="ON CONFLICT (shelf, keeper) DO UPDATE SET bytes = archive_usage.bytes + excluded.bytes, "
                "payloads = archive_usage.payloads + excluded.payloads",
            )
        )  # fmt: skip
    except BaseException:
        database.archived.add(counts)
        raise


def totals(database: Database) -> dict[str, Used]:
    """What lies in the database, by keeper."""
    statement = "SELECT keeper, sum(bytes), sum(payloads) FROM archive_usage GROUP BY keeper ORDER BY keeper"
    with database.read() as connection:
        return {row[0]: Used(int(row[1]), int(row[2])) for row in database.rows(connection, statement)}


def forget(database: Database, connection: Connection) -> None:
    """Drop the counts of shelves whose time is over."""
    today = int(database.now_in(connection) // DAY)
    numbers = [row[0] for row in database.rows(connection, "SELECT DISTINCT shelf FROM archive_usage")]
    if over := [number for number in numbers if Shelf.of(number).over(today)]:
        database.run(connection, "DELETE FROM archive_usage WHERE shelf IN ?*", over)
