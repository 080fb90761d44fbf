"""Reading a stream by hand: what would come in, or a part of the past once more. The schedule's own position stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hub.errors import ConfigError, HubError, MappingError
from hub.mapping import compile_filter
from hub.pipeline import as_new_message
from hub.project import Project
from hub.runtime.bus import WakeBus
from hub.runtime.bus.base import INBOUND
from hub.runtime.connections import Connections
from hub.sdk.connector import Connector, Support
from hub.sdk.jsonio import dump_json
from hub.sdk.records import Cursor, RawMessage
from hub.store import Store

PAGE = 100
MOST = 10_000
"""The most records of one run: what is longer is done in several, each from where the one before ended."""
BEGINNING = "beginning"


class Reading:
    """Reads by hand. ``wake`` tells the workers that something came in."""

    def __init__(
        self, store: Store, project: Project, connections: Connections, bus: WakeBus | None = None
    ) -> None:  # fmt: skip
        self._store = store
        self._project = project
        self._connections = connections
        self._bus = bus

    def read(
        self, name: str, stream: str, *, since: str = "", keep: str = "", dry_run: bool = True, limit: int = PAGE,
        payloads: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Read up to ``limit`` records of a stream and, unless ``dry_run``, store those that are new.

        ``since`` is a moment (ISO 8601) or "beginning"; without it the run begins where the next poll would. ``keep`` is a condition over
        the record as the vendor gives it (``src``); the others are left out. Each record is "new", "known" (it came before and
        would be absorbed) or "left out". Raises `HubError`.
        """
        condition = self._condition(name, stream, keep)
        connector = self._connector(name, stream)
        cursor = self._start(connector, name, stream, since)
        found, more = _pages(connector, stream, cursor, min(max(1, limit), MOST))
        kept = [as_new_message(name, raw) for raw in found if _holds(condition, raw)]
        known = self._store.known_messages(kept)
        fresh = [message for message in kept if message.dedupe_key not in known]
        if fresh and not dry_run:
            self._store.accept(fresh)
            if self._bus is not None:
                self._bus.wake([INBOUND])
        new, taken = ({message.dedupe_key for message in messages} for messages in (fresh, kept))
        rows = [_row(raw, _status(raw, new, taken), payloads) for raw in found]
        counts = {status: sum(row["status"] == status for row in rows) for status in ("new", "known", "left out")}
        return {
            "connection": name, "stream": stream, "dry_run": dry_run, "since": since or None, "read": len(rows),
            "new": counts["new"], "known": counts["known"], "left_out": counts["left out"], "more": more, "records": rows,
        }  # fmt: skip

    def _condition(self, name: str, stream: str, text: str) -> Callable[[Any], bool] | None:
        said = self._project.connection(name)
        if not text:
            return None
        try:
            return compile_filter(text, f"{said.connector}/{stream}", "--filter")
        except MappingError as error:
            raise ConfigError(error.message, code="CFG-FILTER", where="--filter", fix=error.fix) from None

    def _connector(self, name: str, stream: str) -> Connector[Any]:
        connector = self._connections.get(name)
        streams = connector.manifest.streams
        if stream not in streams or streams[stream].poll.support not in (Support.FULL, Support.VERSIONED):
            from hub.documents.problems import did_you_mean

            read = [one.name for one in streams.values() if one.poll.support in (Support.FULL, Support.VERSIONED)]
            raise ConfigError(
                f"the connector {self._connections.connector_name(name)} does not poll {stream!r}.", code="CFG-STREAM",
                where=self._project.connection(name).where, fix=did_you_mean(stream, read),
            )  # fmt: skip
        said = self._project.connection(name)
        if said.paused:
            raise HubError(
                f"the connection {name!r} is paused in hub.yaml.", code="CON-PAUSED", where=said.where,
                fix="Take `paused: true` away there.",
            )  # fmt: skip
        state = self._store.connection_states().get(name)
        if state is not None and state.closed_for(self._store.now(), 1.0):
            why = "is paused" if state.paused else "may not be called at present"
            raise HubError(
                f"the connection {name!r} {why}.", code="CON-PAUSED", fix=f"hub connections resume {name} ends that."
            )
        return connector

    def _start(self, connector: Connector[Any], name: str, stream: str, since: str) -> Cursor | None:
        if not since:
            return self._store.cursor(name, stream)
        return None if since == BEGINNING else connector.cursor_since(stream, moment(since))


def moment(text: str) -> datetime:
    """A point in time as a person writes it: 2026-03-01, or 2026-03-01T08:00+01:00; without a zone it is UTC. Raises `ConfigError`."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"{text[:40]!r} is not a point in time.", code="CLI-USAGE", where="--since",
            fix=f"Write 2026-03-01, 2026-03-01T08:00+01:00, or {BEGINNING}.",
        ) from None  # fmt: skip
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _pages(connector: Connector[Any], stream: str, cursor: Cursor | None, limit: int) -> tuple[list[RawMessage], bool]:
    """Up to ``limit`` messages, and whether there are more."""
    found: list[RawMessage] = []
    while True:
        page = connector.poll(stream, cursor, min(PAGE, limit - len(found)))
        found += page.messages
        if len(found) >= limit or not page.more or page.cursor == cursor:
            return found[:limit], page.more or len(found) > limit
        cursor = page.cursor


def _holds(condition: Callable[[Any], bool] | None, raw: RawMessage) -> bool:
    if condition is None or raw.deleted:
        return True
    try:
        return condition(raw.payload)
    except MappingError as error:
        raise ConfigError(
            f"the filter fails at {raw.stream} {raw.external_id}: {error.message}", code="CFG-FILTER", where="--filter",
            fix=error.fix,
        ) from None  # fmt: skip


def _status(raw: RawMessage, new: set[str], taken: set[str]) -> str:
    return "new" if raw.dedupe_key in new else "known" if raw.dedupe_key in taken else "left out"


def _row(raw: RawMessage, status: str, payloads: bool) -> dict[str, Any]:
    said = {
        "status": status, "stream": raw.stream, "external_id": raw.external_id, "version": raw.source_version, "at": raw.occurred_at,
        "deleted": raw.deleted,
    }  # fmt: skip
    if payloads:
        said["payload"] = (
            raw.body.decode("utf-8", "replace") if raw.body is not None else dump_json(raw.payload).decode()
        )
    return said
