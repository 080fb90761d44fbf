"""The payload archive: every large text once a shelf, compressed, under its sha256."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import zstandard
from sqlalchemy.engine import Connection

from hub.store import bulk, shelves, tables
from hub.store.database import Database
from hub.store.keeping import Counts
from hub.store.shelves import DAY, Shelf
from hub.store.usage import ROW

_LARGEST = 256 * 1024 * 1024
_COLUMNS = ("shelf", "sha", "size", "body")
_local = threading.local()  # zstd objects may be used by one thread at a time

Named = tuple[str, str]
"""A payload's sha256, and its keeper (see hub.store.keeping)."""


def sha_of(body: bytes) -> str:
    """The name of a payload."""
    return hashlib.sha256(body).hexdigest()


def pack(body: bytes) -> bytes:
    """Compress."""
    tool = getattr(_local, "pack", None)
    if tool is None:
        tool = _local.pack = zstandard.ZstdCompressor(level=1)
    packed: bytes = tool.compress(body)
    return packed


def unpack(body: bytes) -> bytes:
    """Decompress."""
    tool = getattr(_local, "unpack", None)
    if tool is None:
        tool = _local.unpack = zstandard.ZstdDecompressor()
    plain: bytes = tool.decompress(body, max_output_size=_LARGEST)
    return plain


def put(database: Database, connection: Connection, bodies: Mapping[Named, bytes], now: float) -> None:
    """Archive payloads, each on the shelf of its keeper. What lies on that shelf already stays as it is."""
    if not bodies:
        return
    day = int(now // DAY)
    rows: dict[tuple[int, str], tuple[int, str, int, bytes]] = {}
    counts: Counts = {}
    for (sha, keeper), body in bodies.items():
        shelf = Shelf(day, database.keeping.of(keeper))
        if (key := (shelf.number, sha)) not in rows:
            shelves.make(database, connection, shelf)
            packed = pack(body)
            rows[key] = (*key, len(body), packed)
            size, payloads = counts.get((shelf.number, keeper), (0, 0))
            counts[shelf.number, keeper] = (size + len(packed) + ROW, payloads + 1)
    written = bulk.insert(
        database,
        connection,
        tables.payload,
        _COLUMNS,
        [rows[key] for key in sorted(rows)],
        otherwise="ON CONFLICT (shelf, sha) DO NOTHING",
    )
    if written < len(rows):  # some were there already; which ones, nobody asks for a count
        counts = {
            key: (size * written // len(rows), payloads * written // len(rows))
            for key, (size, payloads) in counts.items()
        }
    database.count_archived(connection, counts)


def get(database: Database, connection: Connection, shas: Collection[str]) -> dict[str, bytes]:
    """Archived payloads; one that retention dropped is left out."""
    wanted = set(shas)
    if not wanted:
        return {}
    # the numbers are part of the statement, so that PostgreSQL plans for these few partitions and locks no others
    fresh = ", ".join(str(shelf.number) for shelf in _fresh(database, connection))
    statement = f"SELECT sha, body FROM payload WHERE shelf IN ({fresh}) AND sha IN ?*"  # noqa: S608
    found = {row[0]: unpack(row[1]) for row in database.rows(connection, statement, sorted(wanted))}
    if missing := wanted - found.keys():
        found |= {row[0]: unpack(row[1]) for row in _search(database, connection, sorted(missing))}
    return found


def _fresh(database: Database, connection: Connection) -> list[Shelf]:
    """Today's and yesterday's shelves: whatever is under way finds its payloads there."""
    today = int(database.now_in(connection) // DAY)
    return sorted(Shelf(day, keep) for day in (today - 1, today) for keep in database.keeping.different)


def _search(database: Database, connection: Connection, shas: Sequence[str]) -> Sequence[Any]:
    """Look on all shelves."""
    if not database.is_sqlite:
        return database.rows(connection, "SELECT sha, body FROM payload WHERE sha IN ?*", list(shas))
    statement = "SELECT sha, body FROM payload WHERE shelf IN ?* AND sha IN ?*"
    numbers = [shelf.number for shelf in shelves.all_of(database, connection)]
    return database.rows(connection, statement, numbers, list(shas))
