"""What the clock does to leases and waits: expired work returns to its queue, repeated crashes and over-long waits end as exceptions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from hub.canonical.reasons import reason
from hub.store import bulk, tables
from hub.store.database import LONGEST_DELAY, Database
from hub.store.rows import Reaped, Step, Trouble
from hub.store.trace import Writing

MOST_CRASHES = 3
_CRASHED = "the worker that held it died or froze"


def reap(database: Database, settle: float, *, everything: bool = False) -> Reaped:
    """Return expired leases (or all of them), and end the waits whose time is over."""

    def body(connection: Connection) -> Reaped:
        now = database.now_in(connection)
        trace = Writing(database, connection, now)
        before = float("inf") if everything else now
        messages, lost = _messages(database, connection, before, now, trace)
        deliveries, failed = _deliveries(database, connection, before, now, settle, trace)
        if everything:
            _settle_anew(database, connection, now + settle)
        over = _waits(database, connection, now, trace)
        trace.flush()
        return Reaped(messages, deliveries, lost + failed, over)

    return database.transact(body)


def _messages(database: Database, connection: Connection, before: float, now: float, trace: Writing) -> tuple[int, int]:
    statement = """
UPDATE message SET crashes = crashes + 1, lease_until = NULL, lease_owner = NULL, due_at = ?,
  state = CASE WHEN crashes + 1 >= ? THEN 'exception' ELSE 'new' END,
  reason = CASE WHEN crashes + 1 >= ? THEN 'HUB-WORKER-CRASH' ELSE reason END
WHERE state = 'leased' AND lease_until < ? RETURNING id, state"""
    rows = database.rows(connection, statement, now, MOST_CRASHES, MOST_CRASHES, before)
    for identity, state in rows:
        trace.step(identity, Step("reap", "crashed", detail=_CRASHED))
        if state == "exception":
            trace.exception(identity, None, _trouble("HUB-WORKER-CRASH"))
    return len(rows), sum(state == "exception" for _, state in rows)


def _deliveries(
    database: Database, connection: Connection, before: float, now: float, settle: float, trace: Writing
) -> tuple[int, int]:
    # a request is on disk before it is sent: without one, nothing was sent
    statement = """
UPDATE delivery SET crashes = crashes + 1, lease_until = NULL, lease_owner = NULL,
  maybe_sent = (maybe_sent OR request IS NOT NULL), due_at = CASE WHEN request IS NULL THEN ? ELSE ? END,
  state = CASE WHEN crashes + 1 >= ? THEN 'failed' ELSE 'pending' END,
  reason = CASE WHEN crashes + 1 >= ? THEN 'HUB-WORKER-CRASH' ELSE 'CON-UNCERTAIN' END,
  finished_at = CASE WHEN crashes + 1 >= ? THEN ? ELSE NULL END
WHERE state = 'leased' AND lease_until < ? RETURNING id, message_id, state, attempt, epoch"""
    rows = database.rows(
        connection, statement, now, now + settle, MOST_CRASHES, MOST_CRASHES, MOST_CRASHES, now, before
    )
    for row in rows:
        trace.step(row.message_id, Step("reap", "crashed", "CON-UNCERTAIN", _CRASHED), row.id)
        if row.state == "failed":
            trace.exception(row.message_id, row.id, _trouble("HUB-WORKER-CRASH"))
    bulk.append(
        database,
        connection,
        tables.attempt,
        ("delivery_id", "number", "epoch", "started_at", "ended_at", "outcome", "detail"),
        [(row.id, row.attempt, row.epoch, now, now, "crashed", _CRASHED) for row in rows],
    )
    return len(rows), sum(row.state == "failed" for row in rows)


def _settle_anew(database: Database, connection: Connection, until: float) -> None:
    """What waits for an unknown outcome to settle waits as long once more: the clock may have been set while no hub ran."""
    statement = "UPDATE delivery SET due_at = ? WHERE state = 'pending' AND maybe_sent AND due_at < ?"
    database.run(connection, statement, until, until)


def _waits(database: Database, connection: Connection, now: float, trace: Writing) -> int:
    messages = database.rows(
        connection,
        "UPDATE message SET state = 'exception', reason = 'XREF-MISSING', finished_at = ? WHERE state = 'waiting' "
        "AND wait_until < ? RETURNING id",
        now,
        now,
    )
    deliveries = database.rows(
        connection,
        "UPDATE delivery SET state = 'failed', reason = 'XREF-MISSING', finished_at = ? WHERE state = 'waiting' "
        "AND wait_until < ? RETURNING id, message_id",
        now,
        now,
    )
    if not messages and not deliveries:
        return 0
    said = _waited_for(database, connection, [row.id for row in messages], [row.id for row in deliveries])
    for row in messages:
        trace.step(row.id, Step("wait", "over", "XREF-MISSING", said.get((row.id, None), "")))
        trace.exception(row.id, None, _trouble("XREF-MISSING", said.get((row.id, None), "")))
    for row in deliveries:
        trace.step(row.message_id, Step("wait", "over", "XREF-MISSING", said.get((None, row.id), "")), row.id)
        trace.exception(row.message_id, row.id, _trouble("XREF-MISSING", said.get((None, row.id), "")))
    database.run(connection, "DELETE FROM wait WHERE delivery_id IN ?*", [row.id for row in deliveries])
    database.run(
        connection, "DELETE FROM wait WHERE delivery_id IS NULL AND message_id IN ?*", [row.id for row in messages]
    )
    return len(messages) + len(deliveries)


def _waited_for(
    database: Database, connection: Connection, messages: Sequence[int], deliveries: Sequence[int]
) -> dict[tuple[int | None, int | None], str]:
    statement = (
        "SELECT message_id, delivery_id, entity, connection, key FROM wait WHERE message_id IN ?* OR delivery_id IN ?*"
    )
    said: dict[tuple[int | None, int | None], str] = {}
    for row in database.rows(connection, statement, messages, deliveries):
        key = (None, row.delivery_id) if row.delivery_id is not None else (row.message_id, None)
        name = "" if "@" in row.key else f" {row.key}"  # an e-mail address is personal data
        said[key] = "; ".join(filter(None, (said.get(key), f"{row.entity}{name} is not known at {row.connection}")))
    return said


def _trouble(code: str, detail: str = "") -> Trouble:
    known = reason(code)
    return Trouble(code, detail or known.meaning, known.fix)


def give_back(database: Database, owner: str, settle: float | None = None) -> int:
    """Return what a stopping worker holds, without counting a crash.

    With ``settle`` a call may be under way: what was frozen may have been sent, and is looked up after so many seconds.
    """

    def body(connection: Connection) -> int:
        now = database.now_in(connection)
        count = database.run(
            connection,
            "UPDATE message SET state = 'new', lease_until = NULL, lease_owner = NULL, due_at = ? "
            "WHERE state = 'leased' AND lease_owner = ?",
            now,
            owner,
        )
        return count + database.run(
            connection,
            "UPDATE delivery SET state = 'pending', lease_until = NULL, lease_owner = NULL, "
            "maybe_sent = (maybe_sent OR request IS NOT NULL), attempt = attempt - ?, "
            "due_at = CASE WHEN request IS NULL THEN ? ELSE ? END WHERE state = 'leased' AND lease_owner = ?",
            1 if settle is None else 0,
            now,
            now + (settle or 0.0),
            owner,
        )

    return database.transact(body)


def clamp(database: Database) -> None:
    """Bring times that lie further ahead than any delay is long back to that: the computer's clock was set back."""

    def body(connection: Connection) -> None:
        latest = database.now_in(connection) + LONGEST_DELAY
        for name in ("message", "delivery"):
            database.run(connection, f'UPDATE "{name}" SET due_at = ? WHERE due_at > ?', latest, latest)  # noqa: S608

    database.transact(body)
