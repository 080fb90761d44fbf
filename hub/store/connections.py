"""What all workers must agree on about a connection: paused or not, the circuit breaker, and the pace it asked for."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.engine import Connection

from hub.store.database import Database
from hub.store.rows import ConnectionState

LONGEST_BREAK = 300.0
_STATE = "SELECT name, paused, pause_code, pause_detail, breaker, breaker_until, breaker_trips, failures, rate_until FROM connection"
_NOT_OPEN = """SELECT name, paused, breaker, breaker_until, rate_until FROM connection
WHERE paused OR breaker <> 'closed' OR rate_until > ?"""
_ENSURE = "INSERT INTO connection (name, updated_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"


def states(database: Database) -> dict[str, ConnectionState]:
    """The live state of every connection."""
    with database.read() as connection:
        found = [ConnectionState(row[0], bool(row[1]), *row[2:]) for row in database.rows(connection, _STATE)]
    return {state.name: state for state in found}


def register(database: Database, names: Collection[str]) -> None:
    """Make sure that each connection has a row."""

    def body(connection: Connection) -> None:
        now = database.now_in(connection)
        for name in sorted(names):
            database.run(connection, _ENSURE, name, now)

    database.transact(body)


def pause(database: Database, name: str, code: str, detail: str) -> None:
    """Stop calling a connection."""

    def body(connection: Connection) -> None:
        now = database.now_in(connection)
        database.run(connection, _ENSURE, name, now)
        database.run(
            connection,
            "UPDATE connection SET paused = ?, pause_code = ?, pause_detail = ?, updated_at = ? WHERE name = ?",
            True,
            code,
            detail[:500],
            now,
            name,
        )

    database.transact(body)


def resume(database: Database, name: str) -> None:
    """Call a connection again, at once."""

    def body(connection: Connection) -> None:
        now = database.now_in(connection)
        database.run(connection, _ENSURE, name, now)
        database.run(
            connection,
            "UPDATE connection SET paused = ?, pause_code = '', pause_detail = '', breaker = 'closed', breaker_until = NULL, "
            "breaker_trips = 0, failures = 0, rate_until = NULL, published_at = NULL, updated_at = ? WHERE name = ?",
            False,
            now,
            name,
        )
        _due_now(database, connection, name, now)

    database.transact(body)


def note_calls(database: Database, name: str, good: int, bad: int, threshold: int, base: float) -> ConnectionState:
    """Move the circuit breaker by the outcomes of a batch; the good ones count last, since they show that the system is back."""

    def body(connection: Connection) -> ConnectionState:
        now = database.now_in(connection)
        suffix = "" if database.is_sqlite else " FOR UPDATE"
        rows = database.rows(connection, f"{_STATE} WHERE name = ?{suffix}", name)
        if not rows:
            database.run(connection, _ENSURE, name, now)
            rows = database.rows(connection, f"{_STATE} WHERE name = ?{suffix}", name)
        old = ConnectionState(rows[0][0], bool(rows[0][1]), *rows[0][2:])
        new = moved(old, good, bad, now, threshold, base)
        if new != old:
            database.run(
                connection,
                "UPDATE connection SET breaker = ?, breaker_until = ?, breaker_trips = ?, failures = ?, updated_at = ? WHERE name = ?",
                new.breaker,
                new.breaker_until,
                new.breaker_trips,
                new.failures,
                now,
                name,
            )
            if new.breaker == "closed" and old.breaker != "closed":
                _due_now(database, connection, name, now)
        return new

    return database.transact(body)


def close_breakers(database: Database, connection: Connection, names: Collection[str]) -> None:
    """These systems have answered: a breaker that is open closes, and counting begins anew."""
    statement = """
UPDATE connection SET breaker = 'closed', breaker_until = NULL, breaker_trips = 0, failures = 0, published_at = NULL
WHERE name IN ?* AND (breaker <> 'closed' OR failures > 0) RETURNING name"""
    now = None
    for row in database.rows(connection, statement, sorted(names)):
        now = database.now_in(connection) if now is None else now
        _due_now(database, connection, row.name, now)


def not_open(database: Database, connection: Connection, now: float) -> tuple[set[str], set[str]]:
    """The connections that may not be called now, and those whose breaker lets one delivery try."""
    closed, probes = set(), set()
    for row in database.rows(connection, _NOT_OPEN, now):
        if row.paused or (row.rate_until or 0) > now or (row.breaker_until or 0) > now:
            closed.add(row.name)
        else:
            probes.add(row.name)
    return closed, probes


def moved(old: ConnectionState, good: int, bad: int, now: float, threshold: int, base: float) -> ConnectionState:
    """The breaker after a batch of calls: a pure function."""
    fixed = (old.name, old.paused, old.pause_code, old.pause_detail)
    if good:
        return ConnectionState(*fixed, "closed", None, 0, 0, old.rate_until)
    if not bad:
        return old
    failures = old.failures + bad
    if old.breaker == "closed" and failures < threshold:
        return ConnectionState(*fixed, "closed", None, old.breaker_trips, failures, old.rate_until)
    if old.breaker == "open" and (old.breaker_until or 0) > now:
        return old  # a late answer of a call made before it opened
    wait = min(LONGEST_BREAK, base * 2 ** min(old.breaker_trips, 16))
    return ConnectionState(*fixed, "open", now + wait, old.breaker_trips + 1, failures, old.rate_until)


def hold_rate(database: Database, name: str, seconds: float) -> None:
    """No worker calls the connection for so long."""

    def body(connection: Connection) -> None:
        now = database.now_in(connection)
        database.run(connection, _ENSURE, name, now)
        database.run(
            connection,
            "UPDATE connection SET rate_until = ?, updated_at = ? WHERE name = ? AND COALESCE(rate_until, 0) < ?",
            now + seconds,
            now,
            name,
            now + seconds,
        )

    database.transact(body)


def reserve_calls(database: Database, name: str, count: int, rate: float, burst: float) -> float:
    """Speak for the next ``count`` calls at ``rate`` a second, over all workers. Returns seconds to wait before making them."""

    def body(connection: Connection) -> float:
        now = database.now_in(connection)
        database.run(connection, _ENSURE, name, now)
        rows = database.rows(
            connection,
            "UPDATE connection SET rate_slot = CASE WHEN COALESCE(rate_slot, 0) > ? THEN rate_slot ELSE ? END + ? "
            "WHERE name = ? RETURNING rate_slot",
            now,
            now,
            count / rate,
            name,
        )
        return max(0.0, float(rows[0][0]) - now - burst / rate)

    return database.transact(body)


def _due_now(database: Database, connection: Connection, name: str, now: float) -> None:
    """The system is back: what waits for a retry need not wait longer, except where an unknown outcome must settle first."""
    database.run(
        connection,
        "UPDATE delivery SET due_at = ? WHERE target = ? AND state = 'pending' AND due_at > ? AND NOT maybe_sent",
        now,
        name,
        now,
    )
