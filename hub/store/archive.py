"""The payload archive: every large text once a shelf, compressed, under its sha256."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
import zstandard
from sqlalchemy.engine import Connection

from hub.errors import StoreError
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
Place = tuple[str, int, int]
"""Where a payload lies in the object store: the pack, the start and the length."""


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
    try:
        written = bulk.insert(
            database,
            connection,
            tables.payload,
            _COLUMNS,
            [rows[key] for key in sorted(rows)],
            otherwise="ON CONFLICT (shelf, sha) DO NOTHING",
        )
    except psycopg.errors.CheckViolation:
        database.known_shelves.clear()  # a clock went forward and back: the shelf was dropped, and is made when this is run again
        raise
    if written < len(rows):  # some were there already; which ones, nobody asks for a count
        counts = {
            key: (size * written // len(rows), payloads * written // len(rows))
            for key, (size, payloads) in counts.items()
        }
    database.count_archived(connection, counts)


def lay(database: Database, connection: Connection, shelf: Shelf, bodies: Mapping[str, bytes]) -> None:
    """Put payloads on a certain shelf, by their sha256s."""
    shelves.make(database, connection, shelf)
    rows = [(shelf.number, sha, len(body), pack(body)) for sha, body in sorted(bodies.items())]
    bulk.insert(database, connection, tables.payload, _COLUMNS, rows, otherwise="ON CONFLICT (shelf, sha) DO NOTHING")


def get(database: Database, connection: Connection, shas: Collection[str]) -> dict[str, bytes]:
    """Payloads in the database. Whatever is under way finds its own here; it never waits for an object store."""
    wanted = set(shas)
    if not wanted:
        return {}
    # the numbers are part of the statement, so that PostgreSQL plans for these few partitions and locks no others
    fresh = ", ".join(str(shelf.number) for shelf in _fresh(database, connection))
    statement = f"SELECT sha, body FROM payload WHERE shelf IN ({fresh}) AND pack IS NULL AND sha IN ?*"  # noqa: S608
    found = {row[0]: unpack(row[1]) for row in database.rows(connection, statement, sorted(wanted))}
    if missing := wanted - found.keys():
        rows = _search(database, connection, "SELECT sha, body FROM payload WHERE pack IS NULL", missing)
        found |= {row[0]: unpack(row[1]) for row in rows}
    return found


def moved(database: Database, connection: Connection, shas: Collection[str]) -> dict[str, Place]:
    """Which of these payloads lie in the object store, and where."""
    if not shas:
        return {}
    statement = "SELECT sha, pack, start, length FROM payload WHERE pack IS NOT NULL"
    return {row[0]: (row[1], row[2], row[3]) for row in _search(database, connection, statement, shas)}


def bring(database: Database, places: Mapping[str, Place]) -> dict[str, bytes]:
    """Payloads out of the object store, checked by their sha256s. Raises `StoreError` where it has them not, or does not answer."""
    if not places:
        return {}
    if database.objects is None:
        raise StoreError(
            "the payload was moved to an object store, and hub.yaml names none",
            code="ARC-DOWN", fix="Name it again: archive.store in hub.yaml.",
        )  # fmt: skip
    wanted: defaultdict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for sha, (name, start, length) in places.items():
        wanted[name][start, length] = sha
    found = {}
    for name, parts in wanted.items():
        for place, body in database.objects.get(name, parts).items():
            found[parts[place]] = _checked(parts[place], body, name)
    return found


def _checked(sha: str, packed: bytes, name: str) -> bytes:
    try:
        body = unpack(packed)
    except zstandard.ZstdError:
        body = b""
    if sha_of(body) != sha:
        raise StoreError(
            "a payload in the object store is not what was put there",
            code="ARC-DAMAGED", where=name, fix="Restore this object from a backup of the object store.",
        )  # fmt: skip
    return body


def fetch(database: Database, connection: Connection, shas: Collection[str]) -> dict[str, bytes]:
    """Payloads from the database and from the object store; one that retention dropped is left out. Raises `StoreError`."""
    found = get(database, connection, shas)
    return found | bring(database, moved(database, connection, set(shas) - found.keys()))


def _fresh(database: Database, connection: Connection) -> list[Shelf]:
    """Today's and yesterday's shelves: whatever is under way finds its payloads there."""
    today = int(database.now_in(connection) // DAY)
    return sorted(Shelf(day, keep) for day in (today - 1, today) for keep in database.keeping.different)


def _search(database: Database, connection: Connection, statement: str, shas: Collection[str]) -> Sequence[Any]:
    """Look on all shelves."""
    if not database.is_sqlite:
        return database.rows(connection, f"{statement} AND sha IN ?*", sorted(shas))
    numbers = [shelf.number for shelf in shelves.all_of(database, connection)]
    return database.rows(connection, f"{statement} AND shelf IN ?* AND sha IN ?*", numbers, sorted(shas))
