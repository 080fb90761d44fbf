"""Writing the trace: steps, exceptions and search keys, with the payloads that they name."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from hub.store import archive, bulk, tables
from hub.store.database import Database
from hub.store.keeping import flow_keeper
from hub.store.rows import Frozen, Step, Trouble

_STEP = (
    "message_id",
    "delivery_id",
    "at",
    "name",
    "outcome",
    "code",
    "detail",
    "before",
    "after",
    "mapping",
    "mapping_hash",
    "lineage",
)
_EXCEPTION = ("message_id", "delivery_id", "code", "detail", "fix", "where", "state", "opened_at")


class Writing:
    """Collects what one transaction adds to the trace, and writes it with one statement a table."""

    def __init__(self, database: Database, connection: Connection, now: float) -> None:
        self.database = database
        self.connection = connection
        self.now = now
        self._payloads: dict[archive.Named, bytes] = {}
        self._steps: list[tuple[object, ...]] = []
        self._exceptions: list[tuple[object, ...]] = []
        self._keys: set[tuple[str, str, int]] = set()

    def payload(self, body: bytes | str | None, keeper: str) -> str | None:
        """Archive a payload for its keeper and return its sha256; a sha256 is returned as it is."""
        if body is None or isinstance(body, str):
            return body
        sha = archive.sha_of(body)
        self._payloads[sha, keeper] = body
        return sha

    def step(self, message_id: int, step: Step, delivery_id: int | None = None, keeper: str = "") -> None:
        """Add a line to the trace of a message. ``keeper`` keeps its payloads (see hub.store.keeping)."""
        self._steps.append(
            (
                message_id,
                step.delivery_id or delivery_id,
                step.at or self.now,
                step.name,
                step.outcome,
                step.code,
                clean(step.detail)[:2000],
                self.payload(step.before, keeper),
                self.payload(step.after, keeper),
                step.mapping,
                step.mapping_hash,
                step.lineage.decode() if step.lineage else None,
            )
        )

    def request(self, message_id: int, frozen: Frozen, flow: str) -> str | None:
        """Archive a frozen request and add its steps; returns its sha256."""
        keeper = flow_keeper(flow)
        for step in frozen.steps:
            self.step(message_id, step, frozen.delivery_id, keeper)
        return self.payload(frozen.request, keeper)

    def exception(self, message_id: int, delivery_id: int | None, trouble: Trouble) -> None:
        """Open an exception."""
        self._exceptions.append(
            (
                message_id,
                delivery_id,
                trouble.code,
                clean(trouble.detail)[:2000],
                trouble.fix,
                clean(trouble.where)[:500],
                "open",
                self.now,
            )
        )

    def search_keys(self, message_id: int, keys: Iterable[tuple[str, str]]) -> None:
        """Make a message findable."""
        self._keys.update((clean(value).casefold()[:255], kind, message_id) for kind, value in keys if value)

    def flush(self) -> None:
        """Write it all."""
        database, connection = self.database, self.connection
        archive.put(database, connection, self._payloads, self.now)
        bulk.append(database, connection, tables.step, _STEP, self._steps)
        bulk.append(database, connection, tables.exception, _EXCEPTION, self._exceptions)
        bulk.insert(
            database,
            connection,
            tables.search_key,
            ("value", "kind", "message_id"),
            sorted(self._keys),
            otherwise="ON CONFLICT DO NOTHING",
        )


def clean(text: str) -> str:
    """Text that both databases take: without zero characters and lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text
