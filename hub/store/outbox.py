"""Deliveries go out: claimed with a lease, frozen before they are sent, settled under the fence of their epoch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from hub.store import bulk, links, tables
from hub.store.archive import sha_of
from hub.store.clock import steady
from hub.store.connections import close_breakers, not_open
from hub.store.database import Database
from hub.store.keeping import flow_keeper
from hub.store.rows import ClaimedDelivery, DueTarget, Frozen, Settled, Settlement, Step
from hub.store.trace import Writing
from hub.store.work import Work

_ENDED = {"done", "skipped", "superseded", "failed"}
_ATTEMPT = ("delivery_id", "number", "epoch", "started_at", "ended_at", "outcome", "code", "detail", "exchanges")

# Only the first unfinished delivery of a lane is claimed, and none while another one of the lane is under way. Both are asked as
# scalar subqueries: PostgreSQL may not turn those into a join, whose plan would read every waiting row while its statistics are new.
_CLAIM = """
WITH head AS MATERIALIZED (
  SELECT d.id FROM delivery AS d WHERE d.state = 'pending' AND {target} AND d.due_at <= ?
  AND d.id = (
    SELECT e.id FROM delivery AS e WHERE e.target = d.target AND e.lane = d.lane AND e.state IN ('pending', 'leased', 'waiting')
    ORDER BY e.target, e.lane, e.id LIMIT 1)
  AND (
    SELECT e.id FROM delivery AS e WHERE e.target = d.target AND e.lane = d.lane AND e.state IN ('pending', 'leased', 'waiting')
    AND e.state = 'leased' ORDER BY e.target, e.lane, e.id LIMIT 1) IS NULL
  ORDER BY d.due_at, d.id LIMIT ? {skip_locked})
UPDATE delivery SET state = 'leased', lease_until = ?, lease_owner = ?, epoch = epoch + 1, attempt = attempt + 1
WHERE id IN (SELECT id FROM head)
RETURNING id, message_id, flow, target, lane, entity, stream, operation, record_id, record_version, snapshot, request,
  idempotency_key, external_id, epoch, attempt, failures, crashes, maybe_sent, generation, first_sent_at, created_at, wait_until
"""


_OPEN = "d.target NOT IN (SELECT name FROM connection WHERE paused OR breaker <> 'closed' OR rate_until > ?)"


def claim_deliveries(
    database: Database, target: str | None, limit: int, lease: float, owner: str
) -> list[ClaimedDelivery]:
    """Lease the heads of lanes that are due, of one target or of all."""
    return database.transact(lambda connection: _claim(database, connection, target, limit, lease, owner))


def _claim(
    database: Database, connection: Connection, target: str | None, limit: int, lease: float, owner: str
) -> list[ClaimedDelivery]:
    since = steady()
    now = database.now_in(connection)
    due_by = database.due_by(connection)
    closed, probes = not_open(database, connection, now)

    def take(condition: str, value: Any, count: int) -> list[Any]:
        statement = _CLAIM.replace("{target}", condition).replace("{skip_locked}", database.skip_locked)
        return list(database.rows(connection, statement, value, due_by, count, now + lease, owner))

    rows: list[Any] = []
    if target is None:
        rows += take(_OPEN, now, limit)
    elif target not in closed | probes:
        rows += take("d.target = ?", target, limit)
    for name in sorted(probes if target is None else probes & {target}):
        probe = take("d.target = ?", name, 1)
        if probe:
            # one delivery tries whether the system is back; the others wait for its outcome
            database.run(
                connection,
                "UPDATE connection SET breaker = 'half_open', breaker_until = ? WHERE name = ?",
                now + lease,
                name,
            )
        rows += probe
    return _load(database, connection, rows, now, now + lease, since)


def _load(
    database: Database, connection: Connection, rows: Sequence[Any], now: float, lease_until: float, since: float
) -> list[ClaimedDelivery]:
    """Claimed rows with their records, frozen requests and links."""
    if not rows:
        return []
    work = Work(database, connection)
    bodies = work.payloads({row.snapshot for row in rows} | {row.request for row in rows if row.request})
    lost = [row.record_id for row in rows if row.snapshot not in bodies]
    current = work.records(lost) if lost else {}
    known = work.links_of({(row.record_id, row.target) for row in rows})
    unlinked = {row.record_id for row in rows if (row.record_id, row.target) not in known}
    doubtful = work.doubtful(unlinked)
    doubtful |= {(row.record_id, row.target): now for row in rows if row.maybe_sent and row.record_id in unlinked}
    messages = {
        row.id: row
        for row in database.rows(
            connection,
            "SELECT id, correlation_id, traceparent FROM message WHERE id IN ?*",
            sorted({row.message_id for row in rows}),
        )
    }
    claimed = []
    for row in sorted(rows, key=lambda row: row.id):
        body = bodies.get(row.snapshot)
        if body is None:  # retention dropped the snapshot: the record as it is now takes its place
            body = current[row.record_id].body if row.record_id in current else b"null"
        claimed.append(
            ClaimedDelivery(
                id=row.id,
                message_id=row.message_id,
                correlation_id=messages[row.message_id].correlation_id,
                traceparent=messages[row.message_id].traceparent,
                flow=row.flow,
                target=row.target,
                lane=row.lane,
                entity=row.entity,
                stream=row.stream,
                operation=row.operation,
                record_id=row.record_id,
                record_version=row.record_version,
                snapshot=row.snapshot,
                body=body,
                request=bodies.get(row.request) if row.request else None,
                request_sha=row.request,
                idempotency_key=row.idempotency_key,
                external_id=row.external_id,
                link=known.get((row.record_id, row.target)),
                epoch=row.epoch,
                attempt=row.attempt,
                failures=row.failures,
                crashes=row.crashes,
                maybe_sent=bool(row.maybe_sent),
                in_doubt_until=doubtful.get((row.record_id, row.target)) if row.request is None else None,
                generation=row.generation,
                first_sent_at=row.first_sent_at,
                created_at=row.created_at,
                wait_until=row.wait_until,
                lease_until=lease_until,
                claimed_at=now,
                since=since,
            )
        )
    return claimed


def freeze_requests(database: Database, frozen: Sequence[Frozen]) -> frozenset[int]:
    """Put rendered requests on disk, for the deliveries that this worker still holds."""
    if not frozen:
        return frozenset()

    def freeze(connection: Connection) -> frozenset[int]:
        now = database.now_in(connection)
        trace = Writing(database, connection, now)
        rows = sorted(
            (one.delivery_id, one.epoch, sha_of(one.request), one.idempotency_key, one.external_id, now)
            for one in frozen
        )
        held = {
            row[0]: row
            for row in bulk.update(
                database, connection, tables.delivery, ("id", "epoch"),
                {
                    "request": "v.request", "idempotency_key": "v.idempotency_key", "external_id": "v.external_id",
                    "first_sent_at": "COALESCE(t.first_sent_at, v.first_sent_at)",
                },
                ("id", "epoch", "request", "idempotency_key", "external_id", "first_sent_at"), rows,
                where="t.state = 'leased' AND t.lease_until > v.first_sent_at", returning="id, message_id, flow",
            )
        }  # fmt: skip
        for one in frozen:
            if one.delivery_id in held:
                _, message_id, flow = held[one.delivery_id]
                trace.request(message_id, one, flow)
        trace.flush()
        return frozenset(held)

    return database.transact(freeze)


def extend_leases(database: Database, ids: Sequence[tuple[int, int]], lease: float) -> frozenset[int]:
    """Prolong leases that are still held."""

    def extend(connection: Connection) -> frozenset[int]:
        until = database.now_in(connection) + lease
        rows = [(identity, epoch, until) for identity, epoch in sorted(ids)]
        changed = bulk.update(
            database, connection, tables.delivery, ("id", "epoch"), {"lease_until": "v.lease_until"},
            ("id", "epoch", "lease_until"), rows, where="t.state = 'leased'",
        )  # fmt: skip
        return frozenset(row[0] for row in changed)

    return database.transact(extend)


def settle_deliveries(database: Database, settlements: Sequence[Settlement], answered: Collection[str]) -> Settled:
    """Write the outcomes of deliveries that this worker still holds, and note the others as fenced."""
    if not settlements:
        return Settled(frozenset(), frozenset())

    def body(connection: Connection) -> Settled:
        settled = _settle(database, connection, settlements)
        if answered:
            close_breakers(database, connection, answered)
        return settled

    return database.transact(body)


def _settle(database: Database, connection: Connection, settlements: Sequence[Settlement]) -> Settled:
    now = database.now_in(connection)
    changed = {row[0]: row for row in _move(database, connection, settlements, now)}
    trace = Writing(database, connection, now)
    attempts = []
    kept = []
    for one in settlements:
        row = changed.get(one.delivery_id)
        keeper = flow_keeper(row[5]) if row else ""
        if row is not None:
            kept.append(one)
        if one.attempt is not None:
            made = one.attempt
            attempts.append(
                (
                    one.delivery_id,
                    row[2] if row else one.epoch,
                    one.epoch,
                    made.started_at,
                    made.ended_at,
                    made.outcome if row else "fenced",
                    made.code,
                    made.detail[:2000],
                    trace.payload(made.exchanges, keeper),
                )
            )
        for step in one.steps if row else (Step("settle", "fenced", detail="another worker had taken over"),):
            trace.step(one.message_id, step, one.delivery_id, keeper)
        if row and one.trouble is not None:
            trace.exception(one.message_id, one.delivery_id, one.trouble)
    trace.flush()
    bulk.append(database, connection, tables.attempt, _ATTEMPT, attempts)
    targets = {
        changed[one.delivery_id][1]
        for one in kept
        if one.state in _ENDED or (one.state == "pending" and one.due_in <= 0)
    }
    targets |= links.wake_named(
        database,
        connection,
        {
            (changed[one.delivery_id][3], changed[one.delivery_id][1], changed[one.delivery_id][4], "record")
            for one in kept
            if one.state in ("failed", "skipped")
        },
        now,
    )
    targets |= links.bind(database, connection, [link for one in kept for link in one.links], now)
    links.upsert(database, connection, [link for one in kept for link in one.touched], now)
    waits = [(one.message_id, one.delivery_id, wait) for one in kept if one.state == "waiting" for wait in one.waits]
    targets |= links.park(database, connection, waits, now)
    written = frozenset(changed)
    return Settled(written, frozenset(one.delivery_id for one in settlements) - written, frozenset(targets))


def _move(database: Database, connection: Connection, settlements: Sequence[Settlement], now: float) -> list[Any]:
    rows = sorted(
        (
            one.delivery_id,
            one.epoch,
            one.state,
            one.reason,
            now + one.due_in,
            now + one.wait_for if one.wait_for is not None else None,
            1 if one.counts else 0,
            0 if one.attempted else 1,
            one.maybe_sent,
            now if one.state in _ENDED else None,
        )
        for one in settlements
    )
    return bulk.update(
        database, connection, tables.delivery, ("id", "epoch"),
        {
            "state": "v.state", "reason": "v.reason", "due_at": "v.due_at",
            "wait_until": "COALESCE(t.wait_until, v.wait_until)", "failures": "t.failures + v.failures",
            "attempt": "t.attempt - v.attempt", "maybe_sent": "v.maybe_sent", "finished_at": "v.finished_at",
            "lease_until": "NULL", "lease_owner": "NULL", "crashes": "0",
        },
        ("id", "epoch", "state", "reason", "due_at", "wait_until", "failures", "attempt", "maybe_sent", "finished_at"), rows,
        where="t.state = 'leased'", returning="id, target, attempt, entity, record_id, flow",
    )  # fmt: skip


def due_targets(database: Database, limit: int, published_before: float | None = None) -> list[DueTarget]:
    """The connections with deliveries due now that may be called."""
    statement = """
SELECT c.name, (SELECT count(*) FROM (
    SELECT 1 FROM delivery AS d WHERE d.target = c.name AND d.state = 'pending' AND d.due_at <= ? LIMIT ?) AS due) AS due,
  (SELECT min(d.due_at) FROM delivery AS d WHERE d.target = c.name AND d.state = 'pending') AS oldest
FROM connection AS c
WHERE NOT c.paused AND COALESCE(c.rate_until, 0) <= ? AND (c.breaker = 'closed' OR COALESCE(c.breaker_until, 0) <= ?)
AND COALESCE(c.published_at, 0) <= ?"""
    with database.read() as connection:
        now = database.now_in(connection)
        before = now - published_before if published_before is not None else now + 1e9
        rows = database.rows(connection, statement, database.due_by(connection), limit, now, now, before)
    return [DueTarget(row.name, row.due, row.oldest) for row in rows if row.due]


def mark_published(database: Database, names: Collection[str]) -> None:
    """Note that wake-ups were published now."""
    if names:
        database.transact(
            lambda connection: database.run(
                connection,
                "UPDATE connection SET published_at = ? WHERE name IN ?*",
                database.now_in(connection),
                sorted(names),
            )
        )


def next_due(database: Database) -> float | None:
    """Seconds until something becomes due."""
    statement = """SELECT min(at) FROM (
SELECT min(due_at) AS at FROM message WHERE state = 'new' UNION ALL
SELECT min(due_at) FROM delivery WHERE state = 'pending' UNION ALL
SELECT min(wait_until) FROM message WHERE state = 'waiting' UNION ALL
SELECT min(wait_until) FROM delivery WHERE state = 'waiting' UNION ALL
SELECT min(next_run_at) FROM schedule WHERE NOT disabled AND lease_until IS NULL) AS times"""
    with database.read() as connection:
        found = database.rows(connection, statement)[0][0]
        return None if found is None else max(0.0, float(found) - database.now_in(connection))
