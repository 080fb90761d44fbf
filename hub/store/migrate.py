"""Bring the tables to the version of this program. Runs by itself when the store opens."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import StoreError
from hub.store.database import Database

HEAD = "0008"
"""The newest migration. A test compares it with the files."""


def migrate(database: Database) -> None:
    """Upgrade the database to `HEAD`; refuse one that a newer program has already upgraded further."""
    with database.read() if database.readonly else database.write() as connection:
        found = current(connection)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise StoreError(
            f"the database is of a newer version ({found}) than this program ({HEAD})",
            code="STO-VERSION",
            fix="Install the newer version of the hub.",
        )
    if database.readonly:
        raise StoreError(
            f"the database is of an older version ({found or 'none'}) than this program ({HEAD})",
            code="STO-VERSION",
            fix="Start the hub once; it upgrades the database.",
        )
    with database.write() as connection:
        database.lock(
            connection, ["hub migration"]
        )  # of several hubs that start together, one migrates and the others wait
        if current(connection) != HEAD:
            _upgrade(connection)


def check(connection: Connection) -> None:
    """Raise `StoreError` where migrations are missing: a backup was restored, say. A newer version is the next program's, and serves."""
    found = current(connection)
    if found is None or found < HEAD:
        raise StoreError(
            f"the database is of an older version ({found or 'none'}) than this program ({HEAD})",
            code="STO-VERSION",
            fix="Run hub db upgrade, or start the hub again.",
        )


def current(connection: Connection) -> str | None:
    """The version of the tables, or none in an empty database."""
    try:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except SQLAlchemyError as error:
        from hub.store.database import as_store_error

        raise as_store_error(error) from error
    return str(found) if found is not None else None


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
