"""Timed jobs as rows: any number of hubs look at them, and each run is made once. What was missed is caught up once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from hub.store.database import Database
from hub.store.rows import DueSchedule, Schedule


def plan(database: Database, wanted: Sequence[Schedule]) -> None:
    """Make the stored schedules the wanted ones."""

    def body(connection: Connection) -> None:
        now = database.now_in(connection)
        names = [one.name for one in wanted]
        kept = {
            row.name: row
            for row in database.rows(connection, 'SELECT name, "interval", cron, timezone, next_run_at FROM schedule')
        }
        for gone in sorted(set(kept) - set(names)):
            database.run(connection, "DELETE FROM schedule WHERE name = ?", gone)
        for one in sorted(wanted, key=lambda one: one.name):
            first = now if one.interval is not None else next_run(one, now)
            database.run(
                connection,
                'INSERT INTO schedule (name, connection, stream, "interval", cron, timezone, next_run_at) VALUES (?, ?, ?, ?, ?, ?, ?) '
                "ON CONFLICT (name) DO UPDATE SET connection = excluded.connection, stream = excluded.stream, "
                '"interval" = excluded."interval", cron = excluded.cron, timezone = excluded.timezone',
                one.name,
                one.connection,
                one.stream,
                one.interval,
                one.cron,
                one.timezone,
                first,
            )
            old = kept.get(one.name)
            # a shorter interval, another cron line, or a clock that was set back must not leave it waiting for the old time
            latest = next_run(one, now)
            if old is not None and (old.next_run_at > latest or (old.cron, old.timezone) != (one.cron, one.timezone)):
                database.run(connection, "UPDATE schedule SET next_run_at = ? WHERE name = ?", latest, one.name)

    database.transact(body)


def claim(database: Database, limit: int, lease: float, owner: str) -> list[DueSchedule]:
    """Lease schedules that are due."""
    statement = """
WITH due AS MATERIALIZED (
  SELECT name FROM schedule WHERE NOT disabled AND next_run_at <= ? AND (lease_until IS NULL OR lease_until < ?)
  ORDER BY next_run_at LIMIT ? {skip_locked})
UPDATE schedule SET lease_until = ?, lease_owner = ? WHERE name IN (SELECT name FROM due)
RETURNING name, connection, stream, "interval", cron, timezone, last_run_at, failures""".replace(
        "{skip_locked}", database.skip_locked
    )

    def body(connection: Connection) -> list[DueSchedule]:
        now = database.now_in(connection)
        return [DueSchedule(*row) for row in database.rows(connection, statement, now, now, limit, now + lease, owner)]

    return sorted(database.transact(body), key=lambda one: one.name)


def extend(database: Database, owner: str, lease: float) -> int:
    """Keep the leases of an owner who is alive; those that ran out are no longer its own. Returns how many it holds."""

    def body(connection: Connection) -> int:
        now = database.now_in(connection)
        return database.run(
            connection,
            "UPDATE schedule SET lease_until = ? WHERE lease_owner = ? AND lease_until >= ?",
            now + lease,
            owner,
            now,
        )

    return database.transact(body)


def recover(database: Database) -> int:
    """At the start of the only process: nobody holds a lease any more. Returns how many were freed."""
    return database.transact(
        lambda connection: database.run(
            connection, "UPDATE schedule SET lease_until = NULL, lease_owner = NULL WHERE lease_owner IS NOT NULL"
        )
    )


def finish(database: Database, name: str, owner: str, next_in: float | None, error: str) -> bool:
    """Note a run, and plan the next."""

    def body(connection: Connection) -> bool:
        now = database.now_in(connection)
        rows = database.rows(
            connection,
            'SELECT name, connection, stream, "interval", cron, timezone, failures FROM schedule WHERE name = ? AND lease_owner = ?',
            name,
            owner,
        )
        if not rows:
            return False
        row = rows[0]
        failures = row.failures + 1 if error else 0
        following = now + next_in if next_in is not None else next_run(Schedule(*row[:6]), now)
        if error and next_in is None:
            following = max(following, now + random.uniform(0.5, 1.0) * min(300.0, 2.0**failures))  # noqa: S311
        return (
            database.run(
                connection,
                "UPDATE schedule SET next_run_at = ?, lease_until = NULL, lease_owner = NULL, last_run_at = ?, last_error = ?, "
                "failures = ? WHERE name = ? AND lease_owner = ?",
                following,
                now,
                error[:1000],
                failures,
                name,
                owner,
            )
            > 0
        )

    return database.transact(body)


def run_now(database: Database, name: str) -> bool:
    """Make a schedule due at once."""
    return (
        database.transact(
            lambda connection: database.run(
                connection, "UPDATE schedule SET next_run_at = ? WHERE name = ?", database.now_in(connection), name
            )
        )
        > 0
    )


def switch(database: Database, schedule: Schedule, *, on: bool) -> None:
    """Let a schedule run from now on, or let it rest; it is made if it is not planned yet, so that the first plan keeps to it."""

    def body(connection: Connection) -> None:
        database.run(
            connection,
            'INSERT INTO schedule (name, connection, stream, "interval", cron, timezone, next_run_at, disabled) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET disabled = excluded.disabled",
            schedule.name,
            schedule.connection,
            schedule.stream,
            schedule.interval,
            schedule.cron,
            schedule.timezone,
            database.now_in(connection),
            not on,
        )

    database.transact(body)


def rests(database: Database, name: str) -> bool:
    """Whether a schedule was told to rest."""
    with database.read() as connection:
        rows = database.rows(connection, "SELECT disabled FROM schedule WHERE name = ?", name)
    return bool(rows and rows[0][0])


def next_run(schedule: Schedule, now: float) -> float:
    """When a schedule runs next after ``now``.

    A cron line follows the clock on the wall. What falls into the hour that is left out in spring runs right after it. What falls into
    the hour that comes twice in autumn runs once, the first time; only a line for every hour (``*`` or ``*/n``) runs in both.
    """
    if not schedule.cron:
        return now + (schedule.interval or 60.0)
    from croniter import croniter

    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(schedule.timezone or "UTC"))
    times = croniter(schedule.cron, local)
    following: datetime = times.get_next(datetime)
    if not schedule.cron.split()[1].startswith("*"):
        while following.fold:
            following = times.get_next(datetime)
    return following.timestamp()
