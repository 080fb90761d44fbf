"""One transaction of the pipeline: look up under locks, decide, and write what became of the messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.engine import Connection

from hub.store import archive, bulk, events, links, tables
from hub.store.clock import steady
from hub.store.database import Database
from hub.store.rows import ClaimedDelivery, ClaimedMessage, Finished, Frozen, Link, NewDelivery, Record, Step
from hub.store.taking import Maker, take
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
    "lease_until",
    "lease_owner",
    "epoch",
    "attempt",
    "request",
    "idempotency_key",
    "external_id",
    "first_sent_at",
)
_ENDED = {"done", "filtered", "exception"}
# An update whose events wait behind it in the lane keeps its place: the events of an order never go before the order itself.
_REPLACEABLE = """t.state_carrying AND t.state IN ('pending', 'waiting') AND NOT t.maybe_sent AND t.id < v.id AND NOT EXISTS (
  SELECT 1 FROM delivery AS e WHERE e.target = t.target AND e.lane = t.lane AND e.id > t.id AND e.id < v.id AND NOT e.state_carrying
  AND e.state IN ('pending', 'leased', 'waiting'))"""


@dataclass(slots=True)
class Written:
    """The targets that have new deliveries to claim, and the deliveries that were taken at once."""

    targets: frozenset[str]
    taken: Sequence[ClaimedDelivery] = ()


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

    def doubtful(self, record_ids: Collection[str]) -> dict[tuple[str, str], float]:
        """Until when a failed delivery of a record may yet have made it, by (record id, target)."""
        statement = (
            "SELECT record_id, target, max(due_at) FROM delivery WHERE record_id IN ?* AND maybe_sent AND state = 'failed' "
            "GROUP BY record_id, target"
        )
        rows = self.database.rows(self.connection, statement, sorted(record_ids)) if record_ids else ()
        return {(row[0], row[1]): row[2] for row in rows}

    def waived(self, message_id: int) -> frozenset[str]:
        """The codes for which a person has released this message: they do not stop it again."""
        statement = "SELECT code FROM exception WHERE message_id = ? AND delivery_id IS NULL AND state = 'released'"
        return frozenset(row[0] for row in self.database.rows(self.connection, statement, message_id))

    # --- writing

    def bind(self, new: Sequence[Link]) -> frozenset[str]:
        """Write links and wake what waited for them. Returns the targets with more to do."""
        return links.bind(self.database, self.connection, new, self.database.now_in(self.connection))

    def finish(self, batch: Sequence[Finished], maker: Maker | None = None) -> Written:
        """Write what became of messages that are still held; the others are left out. ``maker`` has new deliveries taken at once."""
        since, now = steady(), self.database.now_in(self.connection)
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
        made, taken = self._write_deliveries(kept, trace, now, maker, since)
        targets |= made
        trace.flush()
        waits = [(done.id, None, wait) for done in kept if done.state == "waiting" for wait in done.waits]
        targets |= links.park(self.database, self.connection, waits, now)
        # the last statement before the commit, because it takes a lock that all writers of events share
        events.write(self.database, self.connection, [(done.id, event) for done in kept for event in done.events], now)
        return Written(frozenset(targets), taken)

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

    def _write_deliveries(
        self, kept: Sequence[Finished], trace: Writing, now: float, maker: Maker | None, since: float
    ) -> tuple[set[str], list[ClaimedDelivery]]:
        """Write the new deliveries. Returns the targets for which some wait to be claimed, and those that were taken at once."""
        made = [(done.id, new) for done in kept for new in done.deliveries]
        ids = self.database.next_ids(self.connection, "delivery", len(made))
        new = [(identity, message, one) for identity, (message, one) in zip(ids, made, strict=True)]
        taken: dict[int, ClaimedDelivery] = {}
        frozen: dict[int, Frozen] = {}
        if maker is not None and new:
            bodies = {record.sha: record.body for done in kept for record in done.records}
            taken = take(self, new, bodies, maker, now, since)
            frozen = {one.delivery_id: one for one in maker.freeze(list(taken.values()))}
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
                *self._lease(taken.get(identity), maker, now),
                *self._request(frozen.get(identity), now),
            )
            for identity, message, one in new
        ]
        written = bulk.insert(
            self.database,
            self.connection,
            tables.delivery,
            _DELIVERY,
            rows,
            otherwise="ON CONFLICT (message_id, flow, record_id) DO NOTHING",
        )
        if written < len(rows) and taken:  # a message that was processed before: some of its deliveries are there
            there = self.database.rows(self.connection, "SELECT id FROM delivery WHERE id IN ?*", sorted(taken))
            taken = {row[0]: taken[row[0]] for row in there}
        for identity, one in frozen.items():
            if identity in taken:
                taken[identity] = self._trace_request(taken[identity], one, trace, now)
        self._supersede(new, trace, now)
        return {one.target for identity, _, one in new if identity not in taken}, list(taken.values())

    @staticmethod
    def _lease(taken: ClaimedDelivery | None, maker: Maker | None, now: float) -> tuple[Any, ...]:
        if taken is None or maker is None:
            return ("pending", now, now, None, None, 0, 0)
        owner = maker.taking.owners[taken.target]
        return ("leased", now, now, taken.lease_until, owner, taken.epoch, taken.attempt)

    @staticmethod
    def _request(frozen: Frozen | None, now: float) -> tuple[Any, ...]:
        if frozen is None:
            return (None, "", "", None)
        return (archive.sha_of(frozen.request), frozen.idempotency_key, frozen.external_id, now)

    @staticmethod
    def _trace_request(delivery: ClaimedDelivery, frozen: Frozen, trace: Writing, now: float) -> ClaimedDelivery:
        """Archive a request that is frozen at once, and say so in the trace."""
        return replace(
            delivery,
            request=frozen.request,
            request_sha=trace.request(delivery.message_id, frozen, delivery.flow),
            idempotency_key=frozen.idempotency_key,
            external_id=frozen.external_id,
            first_sent_at=now,
        )

    def _supersede(self, new: Sequence[tuple[int, int, NewDelivery]], trace: Writing, now: float) -> None:
        """Older updates that surely were not sent give way to the new ones of their records."""
        newest = {  # of a new record nothing older can be under way
            (one.target, one.lane, one.record_id, one.flow): identity
            for identity, _, one in new
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
