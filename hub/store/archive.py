"""The payload archive: every large text once, compressed, under its sha256."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Mapping

import zstandard
from sqlalchemy.engine import Connection

from hub.store import bulk, tables
from hub.store.database import Database

_LARGEST = 256 * 1024 * 1024
_local = threading.local()  # zstd objects may be used by one thread at a time


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


def put(database: Database, connection: Connection, bodies: Mapping[str, bytes], now: float) -> None:
    """Archive payloads, given by their sha256. What is there already today stays as it is."""
    day = int(now // 86400)
    rows = [(sha, day, len(body), pack(body)) for sha, body in sorted(bodies.items())]
    bulk.insert(
        database,
        connection,
        tables.payload,
        ("sha", "day", "size", "body"),
        rows,
        otherwise="ON CONFLICT (sha, day) DO NOTHING",
    )


def get(database: Database, connection: Connection, shas: Collection[str]) -> dict[str, bytes]:
    """Archived payloads; one that retention dropped is left out."""
    wanted = sorted(set(shas))
    if not wanted:
        return {}
    rows = database.rows(connection, "SELECT sha, body FROM payload WHERE sha IN ?*", wanted)
    return {row[0]: unpack(row[1]) for row in rows}
