"""Opening a store: migrations, the lock, reading only, and addresses that do not work."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from hub.errors import StoreError
from hub.store import NewMessage, Store, migrate, tables


def test_opening_again_keeps_everything(database_url: str) -> None:
    store = Store.open(database_url)
    store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])
    store.close()
    store = Store.open(database_url)
    assert store.conservation().in_ == 1
    store.close()


def test_the_migrations_make_the_tables_that_the_program_uses(store: Store) -> None:
    with store.reading() as work:
        found = sa.inspect(work.connection)
        for table in tables.metadata.tables.values():
            assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys()), table.name
            wanted = {index.name for index in table.indexes}
            assert wanted <= {index["name"] for index in found.get_indexes(table.name)}, table.name


def test_the_newest_migration_is_the_one_the_program_expects() -> None:
    files = sorted((Path(migrate.__file__).parent / "migrations" / "versions").glob("*.py"))
    assert re.match(r"\d{4}", files[-1].name)
    assert files[-1].name[:4] == migrate.HEAD


def test_a_second_process_is_refused_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    store = Store.open(url)
    with pytest.raises(StoreError) as refused:
        Store.open(url)
    assert refused.value.code == "STO-LOCKED"
    reader = Store.open(url, readonly=True)
    store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])
    assert reader.conservation().in_ == 1
    reader.close()
    store.close()
    Store.open(url).close()


def test_a_reader_changes_nothing(database_url: str) -> None:
    Store.open(database_url).close()
    reader = Store.open(database_url, readonly=True)
    with pytest.raises(StoreError) as refused:
        reader.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])
    assert refused.value.code == "STO-READONLY"
    reader.close()


def test_sqlite_keeps_what_it_promised_through_a_power_cut(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'hub.db'}")
    with store.database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()


def test_a_database_of_a_newer_program_is_refused(database_url: str) -> None:
    store = Store.open(database_url)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    try:
        with pytest.raises(StoreError) as refused:
            Store.open(database_url)
        assert refused.value.code == "STO-VERSION"
    finally:
        engine = sa.create_engine(database_url)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{migrate.HEAD}'")
        engine.dispose()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://root@127.0.0.1/hub", "STO-URL"),
        ("not an address", "STO-URL"),
        ("sqlite://", "STO-URL"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/hub", "STO-DOWN"),
    ],
)
def test_an_address_that_does_not_work_is_said_in_a_sentence(url: str, code: str) -> None:
    with pytest.raises(StoreError) as refused:
        Store.open(url)
    assert refused.value.code == code


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        Store.open(f"sqlite:///{tmp_path / 'none.db'}", readonly=True)
    assert refused.value.code == "STO-ABSENT"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    path.write_text("this is no database, but a text that is long enough to be looked at")
    with pytest.raises(StoreError):
        Store.open(f"sqlite:///{path}")
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(path).execute("SELECT * FROM message")


def test_a_clock_that_was_set_back_does_not_hold_work_for_days(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    future = Store.open(url, clock=lambda: 1_800_000_000.0)
    future.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])
    future.close()
    store = Store.open(url, clock=lambda: 1_790_000_000.0)
    assert 0 < (store.next_due() or 0) <= 3700
    store.close()


@pytest.mark.postgres
def test_a_database_that_went_away_is_used_again_when_it_is_back(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    held = []
    for _ in range(4):  # four connections of the pool
        held.append(store.database.reader.connect())
    for connection in held:
        connection.close()
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
    admin.dispose()
    with pytest.raises(StoreError) as gone:
        store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])
    assert gone.value.code == "STO-DOWN"
    assert store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])[0].duplicate is False
    assert store.conservation().in_ == 1
    store.close()


@pytest.mark.postgres
def test_a_process_that_stands_still_in_a_transaction_does_not_hold_the_others_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.store import database

    monkeypatch.setattr(database, "IDLE_IN_TRANSACTION", 0.5)
    frozen, other = Store.open(postgres_url), Store.open(postgres_url)
    message = NewMessage("shop", "order", "o1", "d1", b"{}", order_key="o1")

    def stand_still() -> None:
        with frozen.working() as work:
            work.lock({"order shop o1"})
            began = time.monotonic()
            other.accept([message])
            assert 0.2 < time.monotonic() - began < 10
            work.records(["ord_1"])

    with pytest.raises(StoreError) as ended:
        stand_still()
    assert ended.value.code == "STO-DOWN"
    assert frozen.accept([message])[0].duplicate is True
    frozen.close()
    other.close()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (psycopg.errors.DiskFull("could not extend file"), "STO-FULL"),
        (psycopg.errors.TooManyConnections("sorry"), "STO-DOWN"),
        (psycopg.errors.ReadOnlySqlTransaction("a standby"), "STO-DOWN"),
        (psycopg.errors.IoError("could not fsync file"), "STO-DOWN"),
        (sqlite3.OperationalError("database or disk is full"), "STO-FULL"),
        (psycopg.errors.NotNullViolation("a value"), "STO-REFUSED"),
        (sqlite3.IntegrityError("a value"), "STO-REFUSED"),
        (psycopg.errors.DeadlockDetected("a circle"), "STO-CONFLICT"),
    ],
)
def test_a_database_that_is_unable_is_not_a_message_that_is_wrong(fault: Exception, code: str) -> None:
    from hub.store.database import as_store_error

    assert as_store_error(fault).code == code


def test_the_tables_of_the_program_and_of_the_migrations_do_not_drift(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.database.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, tables.metadata) == []
