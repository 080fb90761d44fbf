"""One way to both databases: transactions, the clock, ids, locks, and SQL that reads the same on either.

SQLite: one connection writes, under a lock, and does all checkpoints (releases before 3.51.3 can damage the log when two do);
readers have their own. PostgreSQL: a pool. SQL is written with ``?`` placeholders; ``IN ?*`` takes a list.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import threading
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from hub.errors import StoreError
from hub.store.clock import SteadyClock, steady
from hub.store.keeping import Counter, Counts, Keeping

if TYPE_CHECKING:
    from hub.store.objects import Objects

T = TypeVar("T")
_CONFLICTS = {"40001", "40P01", "23505", "23514"}
"""Serialization failure, deadlock, a key that another transaction added meanwhile, and a shelf that is not there any more (see
`hub.store.archive.put`; the tables have no other checks): the transaction may be run again."""
_UNABLE = ("08", "25006", "25P03", "53", "57", "58")
"""Connection lost; read-only, as a standby is; idle for too long inside a transaction; disk, memory or connections used up; stopped
by an operator; a fault of the system."""
_DRIVER_UNABLE = (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError, sqlite3.InterfaceError)
IDLE_IN_TRANSACTION = 15.0
"""Seconds. Whoever stands still inside a transaction (a frozen process, a lost network) holds locks that others wait for."""
LONGEST_DELAY = 3700.0
CLOCK_EVERY = 5.0
"""Seconds between two readings of PostgreSQL's clock; in between, this machine's own steady clock carries it on."""
CLOCK_TOLERANCE = 0.02
"""Seconds by which the clocks that two processes carry on may differ: what is due so soon is due now."""
_ARCHIVED = "archived"


class Database:
    """The engines of one store, and the few things in which the two databases differ."""

    def __init__(
        self,
        writer: Engine,
        reader: Engine,
        *,
        readonly: bool,
        clock: Callable[[], float] | None,
        lock: IO[bytes] | None = None,
    ) -> None:
        self.writer = writer
        self.reader = reader
        self.readonly = readonly
        self.is_sqlite = writer.dialect.name == "sqlite"
        self.skip_locked = "" if self.is_sqlite else "FOR UPDATE SKIP LOCKED"
        self._clock = clock or (SteadyClock() if self.is_sqlite else None)
        self._ahead = 0.0
        self._ahead_at = float("-inf")
        self._lock_file = lock
        self.keeping = Keeping()
        self.objects: Objects | None = None
        self.known_shelves: set[int] = set()
        self.archived = Counter()
        self._one_writer = threading.RLock()

    @classmethod
    def open(cls, url: str, *, readonly: bool, clock: Callable[[], float] | None, pool: int) -> Database:
        """Open, lock (SQLite) and migrate."""
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise StoreError(
                "the database address cannot be read",
                code="STO-URL",
                fix="Write sqlite:///path or postgresql+psycopg://user@host/name.",
            ) from None
        if parsed.get_backend_name() == "sqlite":
            database = _open_sqlite(cls, parsed, readonly, clock)
        elif parsed.get_backend_name() == "postgresql":
            database = _open_postgres(cls, parsed, readonly, clock, pool)
        else:
            raise StoreError(
                f"{parsed.get_backend_name()} is not a database that the hub can use",
                code="STO-URL",
                fix="Use sqlite or postgresql+psycopg.",
            )
        try:
            from hub.store.migrate import migrate

            migrate(database)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close every connection and release the lock."""
        self.writer.dispose()
        self.reader.dispose()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    # --- transactions

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writing transaction. Its database faults become `StoreError`; STO-CONFLICT may be run again."""
        if self.readonly:
            raise StoreError("the store is open for reading only", code="STO-READONLY")
        if self.is_sqlite:
            self._one_writer.acquire()
        try:
            with self._faults(self.writer), self.writer.begin() as connection:
                connection.info.pop(_ARCHIVED, None)  # of a transaction that was rolled back
                yield connection
                archived = connection.info.pop(_ARCHIVED, None)
            if archived:
                self.archived.add(archived)
        finally:
            if self.is_sqlite:
                self._one_writer.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Reading; on PostgreSQL each statement sees the newest state."""
        with self._faults(self.reader), self.reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Reading of one state of the database from beginning to end."""
        engine = self.reader if self.is_sqlite else self.writer.execution_options(isolation_level="REPEATABLE READ")
        with self._faults(engine), engine.connect() as connection, connection.begin():
            yield connection

    def take_time(self, connection: Connection) -> None:
        """Let this transaction wait for other things as long as it likes."""
        if not self.is_sqlite:
            self.run(connection, "SET LOCAL idle_in_transaction_session_timeout = 0")

    @contextmanager
    def _faults(self, engine: Engine) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, psycopg.Error, sqlite3.Error) as error:
            if isinstance(error, psycopg.Error) and is_unable(error) and error.sqlstate not in _CONFLICTS:
                engine.dispose()  # the server went away: its other connections in the pool are dead as well
            raise as_store_error(error) from error

    def transact(self, body: Callable[[Connection], T]) -> T:
        """Run ``body`` in one writing transaction, and again where the database asks for that."""
        for last in (False, False, True):
            try:
                with self.write() as connection:
                    return body(connection)
            except StoreError as error:
                if last or error.code != "STO-CONFLICT":
                    raise
        raise AssertionError("unreachable")

    # --- statements

    def rows(self, connection: Connection, statement: str, *values: Any) -> Sequence[Any]:
        """The rows of a statement with ``?`` placeholders, as named tuples; a list is given to ``IN ?*``."""
        cursor = self._execute(connection, statement, values)
        try:
            if cursor.description is None:
                return ()
            make = _row_type(tuple(column[0] for column in cursor.description))
            return [make(row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def run(self, connection: Connection, statement: str, *values: Any) -> int:
        """Run a statement and say how many rows it changed."""
        cursor = self._execute(connection, statement, values)
        try:
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def _execute(self, connection: Connection, statement: str, values: tuple[Any, ...]) -> Any:
        # The driver's own cursor: a third of the time of a batch would go into SQLAlchemy's otherwise.
        cursor = raw_connection(connection).cursor()
        cursor.execute(_spoken(statement, self.is_sqlite), tuple(self._value(value) for value in values))
        return cursor

    def _value(self, value: Any) -> Any:
        if isinstance(value, (list, tuple, set, frozenset)):
            return json.dumps(list(value)) if self.is_sqlite else array_text(value)
        return value

    # --- time, ids and locks

    def now(self) -> float:
        """The time that counts."""
        if self._clock is not None:
            return self._clock()
        with self.read() as connection:
            return self.now_in(connection)

    def now_in(self, connection: Connection) -> float:
        """The time that counts, inside a transaction: the database server's own on PostgreSQL, so that all hubs agree."""
        if self._clock is not None:
            return self._clock()
        asked = steady()
        if asked - self._ahead_at >= CLOCK_EVERY:
            theirs = float(
                self.rows(connection, "SELECT extract(epoch FROM clock_timestamp())::double precision")[0][0]
            )
            answered = steady()
            if answered - asked <= CLOCK_TOLERANCE / 2 or asked - self._ahead_at >= 12 * CLOCK_EVERY:
                # an answer that was slow says less than the clock that was carried on
                self._ahead, self._ahead_at = theirs - (asked + answered) / 2, answered
        return steady() + self._ahead

    def due_by(self, connection: Connection) -> float:
        """What is due by then is due now."""
        return self.now_in(connection) + (0.0 if self._clock is not None else CLOCK_TOLERANCE)

    def count_archived(self, connection: Connection, counts: Counts) -> None:
        """Count payloads that this transaction has written, if it commits."""
        written: Counts = connection.info.setdefault(_ARCHIVED, {})
        for key, (size, payloads) in counts.items():
            before = written.get(key, (0, 0))
            written[key] = (before[0] + size, before[1] + payloads)

    def next_ids(self, connection: Connection, name: str, count: int) -> list[int]:
        """The next ids of ``message`` or ``delivery``, in order. Taken under the locks that make id order the order of commits."""
        if not count:
            return []
        if self.is_sqlite:
            statement = "UPDATE sequence SET value = value + ? WHERE name = ? RETURNING value"
            last = int(self.rows(connection, statement, count, name)[0][0])
            return list(range(last - count + 1, last + 1))
        statement = "SELECT nextval(?::regclass) FROM generate_series(1, ?)"
        return sorted(int(row[0]) for row in self.rows(connection, statement, f"{name}_id_seq", count))

    def lock(self, connection: Connection, keys: Collection[str]) -> None:
        """Hold these keys until the transaction ends. Always taken in one order, so that no two transactions wait in a circle."""
        if self.is_sqlite or not keys:
            return  # the one writer holds everything
        numbers = sorted(
            {int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True) for key in keys}
        )
        self.rows(connection, "SELECT count(pg_advisory_xact_lock(k)) FROM unnest(?::bigint[]) AS k", numbers)


def raw_connection(connection: Connection) -> Any:
    """The driver's connection under SQLAlchemy's."""
    return connection.connection.driver_connection


def array_text(values: Iterable[Any]) -> str:
    """PostgreSQL's own text of an array: several times cheaper than the driver's adaptation, item by item."""
    return "{" + ",".join([_item_text(value) for value in values]) + "}"


def _item_text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)  # numbers, and True and False, read as they are written


@lru_cache(maxsize=512)
def _row_type(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    made: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - its fields come from a query
    make: Callable[[Iterable[Any]], Any] = made._make
    return make


@lru_cache(maxsize=512)
def _spoken(statement: str, sqlite: bool) -> str:
    if sqlite:
        return statement.replace("IN ?*", "IN (SELECT value FROM json_each(?))")
    return statement.replace("IN ?*", "= ANY(?)").replace("%", "%%").replace("?", "%s")


def as_store_error(error: Exception) -> StoreError:
    """What a database fault means for the hub, without the values of the statement."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if getattr(cause, "sqlstate", None) in _CONFLICTS:
        return StoreError(
            "two transactions were in each other's way", code="STO-CONFLICT", fix="It is run again by itself."
        )
    kind = type(cause).__name__
    if is_unable(cause):
        text = str(cause).splitlines()[0][:200] if str(cause) else ""
        if "disk is full" in text or "No space left" in text or kind == "DiskFull":
            return StoreError(
                "the disk is full", code="STO-FULL", fix="Free some space; nothing that was accepted is lost."
            )
        return StoreError(
            f"the database does not answer ({kind}: {text})", fix="Check that it is up; hub doctor says more."
        )
    # the first line of an integrity fault can hold values of the row, so only its kind is told
    return StoreError(
        f"the database refused a statement ({kind})", code="STO-REFUSED", fix="Read the log, and report it."
    )


def is_unable(cause: BaseException) -> bool:
    """Is it the database that is away, starting, full or read-only, and not the statement that is wrong?"""
    if isinstance(cause, (psycopg.Error, sqlite3.Error)):
        state = getattr(cause, "sqlstate", None) or ""
        return state.startswith(_UNABLE) or isinstance(cause, _DRIVER_UNABLE)
    return isinstance(cause, sa.exc.TimeoutError)


# --- opening


def _open_sqlite(cls: type[Database], url: URL, readonly: bool, clock: Callable[[], float] | None) -> Database:
    if not url.database or url.database == ":memory:":
        raise StoreError(
            "the hub keeps its data in a file, not in memory", code="STO-URL", fix="Write sqlite:///data/hub.db."
        )
    path = Path(url.database)
    if readonly and not path.exists():
        raise StoreError(
            f"there is no database at {path}", code="STO-ABSENT", fix="Start the hub once, or check the path."
        )
    lock = None
    if not readonly:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder of the database cannot be made ({error.strerror})",
                code="STO-ABSENT",
                where=str(path.parent),
            ) from None
        lock = _take_lock(path)
    creator = f"sqlite:///file:{path}?mode={{}}&uri=true"
    reader = sa.create_engine(creator.format("ro"), pool_size=8, max_overflow=8)
    sa.event.listen(reader, "connect", lambda raw, _: _prepare_sqlite(raw, writer=False))
    sa.event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    if readonly:
        return cls(reader, reader, readonly=True, clock=clock)
    writer = sa.create_engine(
        creator.format("rwc"), poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False, "timeout": 30}
    )
    sa.event.listen(writer, "connect", lambda raw, _: _prepare_sqlite(raw, writer=True))
    sa.event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return cls(writer, reader, readonly=False, clock=clock, lock=lock)


def _prepare_sqlite(raw: Any, *, writer: bool) -> None:
    raw.isolation_level = None  # the hub says BEGIN itself: a deferred transaction that turns to writing fails at once
    for pragma in ("foreign_keys=ON", "busy_timeout=30000", "temp_store=MEMORY"):
        raw.execute(f"PRAGMA {pragma}")
    if writer:
        # FULL, because NORMAL loses acknowledged messages when the power fails
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=1000", "cache_size=-32000"):
            raw.execute(f"PRAGMA {pragma}").fetchall()
    else:
        raw.execute("PRAGMA query_only=ON")


def _take_lock(path: Path) -> IO[bytes]:
    handle = path.with_name(path.name + ".lock").open("ab")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise StoreError(
            "another process of the hub uses this data",
            code="STO-LOCKED",
            where=str(path),
            fix="Stop it first, or ask it over its API; for several processes use PostgreSQL.",
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()).encode())
    handle.flush()
    return handle


def _open_postgres(
    cls: type[Database], url: URL, readonly: bool, clock: Callable[[], float] | None, pool: int
) -> Database:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=pool // 2,
        pool_pre_ping=False,
        pool_recycle=1800,
        pool_timeout=10,
        connect_args={"connect_timeout": 5, "application_name": "hub", "keepalives_idle": 30, "prepare_threshold": 3},
        isolation_level="READ COMMITTED",
        execution_options={"hub": True},
    )
    sa.event.listen(engine, "connect", lambda raw, _: _prepare_postgres(raw))
    # reading needs no BEGIN and no COMMIT: two round trips less
    return cls(engine, engine.execution_options(isolation_level="AUTOCOMMIT"), readonly=readonly, clock=clock)


def _prepare_postgres(raw: Any) -> None:
    # Every statement of the hub finds its rows by an index. A plan that was made and kept while the tables were still empty would
    # read whole tables, or whole indexes to join them, later; and a plan priced as "without an index" must not be compiled for
    # seconds either.
    raw.execute("SET enable_seqscan = off")
    raw.execute("SET enable_hashjoin = off")
    raw.execute("SET enable_mergejoin = off")
    raw.execute("SET jit = off")
    raw.execute(f"SET idle_in_transaction_session_timeout = {int(IDLE_IN_TRANSACTION * 1000)}")
    raw.commit()
