"""Which rows of a full list are new or different from the list before: a comparison on disk, so that memory does not grow with it.

The list before is the file in the archive: every row of it was stored before it was moved there. So there is nothing else to keep in
step, and a comparison that is lost with its process is simply made again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any

from connectors.files.records import Record
from hub.sdk.jsonio import dump_json

_AT_ONCE = 10_000
_CACHE_KIB = 32 * 1024


class Before:
    """What is known of each id: a hash of its row. 16 bytes a row, in a temporary file of this process."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, content INTEGER)")

    def add(self, records: Iterable[Record]) -> None:
        """Learn these rows."""
        rows = ((_hash(record.id.encode()), _content(record.payload)) for record in records if not record.fault)
        while some := list(islice(rows, _AT_ONCE)):
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", some)
            self._database.execute("COMMIT")

    def mark(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, those ``same`` as before marked. The last row of an id is the one to compare with, also within one file."""
        execute = self._database.execute
        for record in records:
            if not record.fault:
                key, content = _hash(record.id.encode()), _content(record.payload)
                found = execute("SELECT content FROM seen WHERE id = ?", (key,)).fetchone()
                record.same = found is not None and found[0] == content
                if not record.same:
                    execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, content))
            yield record

    def close(self) -> None:
        """Delete it."""
        self._database.close()


def _content(payload: Any) -> int:
    return _hash(dump_json(payload))


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)
