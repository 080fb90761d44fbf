"""One transaction of the pipeline: look up under locks, decide, and write what became of the messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from hub.store import archive, bulk, events, links, tables
from hub.store.database import Database
from hub.store.rows import ClaimedMessage, Finished, Link, NewDelivery, Record, Step
from hub.store.trace import Writing

_LINK = "entity, connection, external_id, record_id, natural_key, source_version, vendor_version, applied_version, applied_request"
_RECORD = (
    "id",
    "entity",
    "version",
    "natural_key",
    "body",
    "sha",
    "deleted",
    "origin",
    "created_at",
    "updated_at",
    "message_id",
)
_RECORD_MERGE = """ON CONFLICT (id) DO UPDATE SET version = excluded.version, natural_key = excluded.natural_key,
 body = excluded.body, sha = excluded.sha, deleted = excluded.deleted, updated_at = excluded.updated_at,
 message_id = excluded.message_id"""
_DELIVERY = (
    "id",
    "message_id",
    "flow",
    "target",
    "lane",
    "entity",
    "stream",
    "operation",
    "record_id",
    "record_version",
    "snapshot",
    "state_carrying",
    "state",
    "due_at",
    "created_at",
)
_ENDED = {"done", "filtered", "exception"}
# An update whose events wait behind it in the lane keeps its place: the events of an order never go before the order itself.
_REPLACEABLE = """t.state_carrying AND t.state IN ('pending', 'waiting') AND NOT t.maybe_sent AND t.id < v.id AND NOT EXISTS (
  SELECT 1 FROM delivery AS e WHERE e.target = t.target AND e.lane = t.lane AND e.id > t.id AND e.id < v.id AND NOT e.state_carrying
  AND e.state IN ('pending', 'leased', 'waiting'))"""


class Work:
    """What the pipeline may ask and write while its transaction is open. Made by ``Store.working()``."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database = database
        self.connection = connection

    # --- looking up

    def lock(self, keys: Collection[str]) -> None:
        """Hold these keys until the end, so that nobody else changes what they stand for. Once a transaction, all at a time."""
        self.database.lock(self.connection, keys)

    def held(self, claimed: Sequence[ClaimedMessage]) -> frozenset[int]:
        """Which of these messages this worker still holds, by their epochs. They stay held until the transaction ends."""
        suffix = "" if self.database.is_sqlite else "ORDER BY id FOR UPDATE"
        statement = f"SELECT id, epoch FROM message WHERE id IN ?* AND state = 'leased' {suffix}"  # noqa: S608
        epochs = {row[0]: row[1] for row in self.database.rows(self.connection, statement, [m.id for m in claimed])}
        return frozenset(m.id for m in claimed if epochs.get(m.id) == m.epoch)

    def links(self, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Link]:
        """Links by (entity, connection, external id)."""
        found = self._links("external_id", {key[2] for key in keys})
        by_key = {(link.entity, link.connection, link.external_id): link for link in found}
        return {key: by_key[key] for key in keys if key in by_key}

    def links_of(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        """Links by (record id, connection)."""
        found = self._links("record_id", {key[0] for key in keys})
        by_key = {(link.record_id or "", link.connection): link for link in found}
        return {key: by_key[key] for key in keys if key in by_key}

    def links_by_natural_key(self, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Link]:
        """Links by (entity, connection, natural key)."""
        found = self._links("natural_key", {key[2] for key in keys})
        by_key = {(link.entity, link.connection, link.natural_key or ""): link for link in found}
        return {key: by_key[key] for key in keys if key in by_key}

    def _links(self, column: str, values: Collection[str]) -> list[Link]:
        if not values:
            return []
        statement = f"SELECT {_LINK} FROM link WHERE {column} IN ?*"  # noqa: S608
        return [Link(*row) for row in self.database.rows(self.connection, statement, sorted(values))]

    def records(self, ids: Collection[str]) -> dict[str, Record]:
        """Canonical records by their ids."""
        return {found.id: found for found in self._records("id", ids)}

    def records_by_natural_key(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        """Canonical records by (entity, natural key); deleted ones are left out, the oldest wins."""
        found: dict[tuple[str, str], Record] = {}
        for one in self._records("natural_key", {key[1] for key in keys}):
            key = (one.entity, one.natural_key or "")
            if key in keys and not one.deleted:
                found.setdefault(key, one)
        return found

    def _records(self, column: str, values: Collection[str]) -> list[Record]:
        if not values:
            return []
        statement = (
            f"SELECT id, entity, version, body, sha, natural_key, deleted, origin FROM record WHERE {column} IN ?* "  # noqa: S608
            "ORDER BY created_at, id"
        )
        return [
            Record(row[0], row[1], row[2], archive.unpack(row[3]), row[4], row[5], bool(row[6]), row[7])
            for row in self.database.rows(self.connection, statement, sorted(values))
        ]

    def payloads(self, shas: Collection[str]) -> dict[str, bytes]:
        """Archived payloads by their sha256."""
        return archive.get(self.database, self.connection, shas)

    def unfinished(self, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Which of these (record id, target) have a delivery under way that may yet make the link."""
        statement = "SELECT DISTINCT record_id, target FROM delivery WHERE record_id IN ?* AND state IN ('pending', 'leased', 'waiting')"
        rows = self.database.rows(self.connection, statement, sorted({key[0] for key in keys})) if keys else ()
        return frozenset((row[0], row[1]) for row in rows) & frozenset(keys)

    def waived(self, message_id: int) -> frozenset[str]:
        """The codes for which a person has released this message: they do not stop it again."""
        statement = "SELECT code FROM exception WHERE message_id = ? AND delivery_id IS NULL AND state = 'released'"
        return frozenset(row[0] for row in self.database.rows(self.connection, statement, message_id))

    # --- writing

    def bind(self, new: Sequence[Link]) -> frozenset[str]:
        """Write links and wake what waited for them. Returns the targets with more to do."""
        return links.bind(self.database, self.connection, new, self.database.now_in(self.connection))

    def finish(self, batch: Sequence[Finished]) -> frozenset[str]:
        """Write what became of messages that are still held; the others are left out. Returns the targets with more to do."""
        now = self.database.now_in(self.connection)
        sources = self._move(batch, now)
        kept = [done for done in batch if done.id in sources]
        trace = Writing(self.database, self.connection, now)
        self._write_records(kept, sources, trace, now)
        targets = set(links.bind(self.database, self.connection, [link for done in kept for link in done.links], now))
        links.upsert(self.database, self.connection, [link for done in kept for link in done.touched], now)
        for done in kept:
            for step in done.steps:
                trace.step(done.id, step, keeper=sources[done.id])
            trace.search_keys(done.id, done.search_keys)
            if done.trouble is not None:
                trace.exception(done.id, None, done.trouble)
        targets |= self._write_deliveries([(done.id, new) for done in kept for new in done.deliveries], trace, now)
        trace.flush()
        waits = [(done.id, None, wait) for done in kept if done.state == "waiting" for wait in done.waits]
        targets |= links.park(self.database, self.connection, waits, now)
        # the last statement before the commit, because it takes a lock that all writers of events share
        events.write(self.database, self.connection, [(done.id, event) for done in kept for event in done.events], now)
        return frozenset(targets)

    def _move(self, batch: Sequence[Finished], now: float) -> dict[int, str]:
        """Change the states of the messages that are still held; returns their connections by id."""
        rows = [
            (
                done.id,
                done.epoch,
                done.state,
                done.reason,
                now + done.due_in,
                now + done.wait_for if done.wait_for is not None else None,
                now if done.state in _ENDED else None,
            )
            for done in batch
        ]
        changed = bulk.update(
            self.database, self.connection, tables.message, ("id", "epoch"),
            {
                "state": "v.state", "reason": "v.reason", "due_at": "v.due_at",
                "wait_until": "COALESCE(t.wait_until, v.wait_until)", "finished_at": "v.finished_at", "lease_until": "NULL",
                "lease_owner": "NULL",
            },
            ("id", "epoch", "state", "reason", "due_at", "wait_until", "finished_at"), rows, where="t.state = 'leased'",
            returning="id, connection",
        )  # fmt: skip
        return {row[0]: row[1] for row in changed}

    def _write_records(self, kept: Iterable[Finished], sources: Mapping[int, str], trace: Writing, now: float) -> None:
        latest: dict[str, tuple[Any, ...]] = {}
        for done in kept:
            for one in done.records:
                trace.payload(one.body, sources[done.id])
                latest[one.id] = (
                    one.id,
                    one.entity,
                    one.version,
                    one.natural_key,
                    archive.pack(one.body),
                    one.sha,
                    one.deleted,
                    one.origin,
                    now,
                    now,
                    done.id,
                )
        rows = [latest[key] for key in sorted(latest)]
        bulk.insert(self.database, self.connection, tables.record, _RECORD, rows, otherwise=_RECORD_MERGE)

    def _write_deliveries(self, new: Sequence[tuple[int, NewDelivery]], trace: Writing, now: float) -> set[str]:
        ids = self.database.next_ids(self.connection, "delivery", len(new))
        rows = [
            (
                identity,
                message,
                one.flow,
                one.target,
                one.lane,
                one.entity,
                one.stream,
                one.operation,
                one.record_id,
                one.record_version,
                one.snapshot,
                one.state_carrying,
                "pending",
                now,
                now,
            )
            for identity, (message, one) in zip(ids, new, strict=True)
        ]
        bulk.insert(
            self.database,
            self.connection,
            tables.delivery,
            _DELIVERY,
            rows,
            otherwise="ON CONFLICT (message_id, flow, record_id) DO NOTHING",
        )
        newest = {  # of a new record nothing older can be under way
            (one.target, one.lane, one.record_id, one.flow): identity
            for identity, (_, one) in zip(ids, new, strict=True)
            if one.state_carrying and one.record_version > 1
        }
        replaced = bulk.update(
            self.database, self.connection, tables.delivery, ("target", "lane", "record_id", "flow"),
            {"state": "'superseded'", "reason": "'SEQ-SUPERSEDED'", "finished_at": "v.created_at"},
            ("target", "lane", "record_id", "flow", "id", "created_at"), [(*key, newest[key], now) for key in sorted(newest)],
            where=_REPLACEABLE, returning="id, message_id",
        )  # fmt: skip
        for identity, message in replaced:
            trace.step(
                message, Step("settle", "superseded", "SEQ-SUPERSEDED", "a newer update takes its place"), identity
            )
        if replaced:
            self.database.run(self.connection, "DELETE FROM wait WHERE delivery_id IN ?*", [row[0] for row in replaced])
        return {one.target for _, one in new}
