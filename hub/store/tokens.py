"""A durable place for tokens that a connector renews: one renews, under a lease, and all others see the new one."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Connection

from hub.errors import RetryLater
from hub.store.database import Database

_LEASE = 60.0
_PATIENCE = 45.0


class Tokens:
    """The tokens of one connection (the SDK's ``TokenStore``)."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def load(self, name: str) -> dict[str, Any] | None:
        """The saved token data, or none."""
        with self._database.read() as connection:
            rows = self._database.rows(
                connection,
                "SELECT value FROM token WHERE connection = ? AND name = ? AND value <> ''",
                self._connection,
                name,
            )
        return dict(json.loads(rows[0][0])) if rows else None

    def refresh(self, name: str, renew: Callable[[dict[str, Any] | None], dict[str, Any]]) -> dict[str, Any]:
        """Run ``renew(current)`` while no other worker does, save what it returns, and return it.

        Whoever had to wait gets what the other one saved; ``renew`` must therefore look at ``current`` first when it is called.
        """
        owner = uuid.uuid4().hex
        end = time.monotonic() + _PATIENCE
        while not self._take(name, owner):
            if time.monotonic() > end:
                raise RetryLater(
                    f"another worker renews the token of {self._connection} and does not finish", code="CON-AUTH"
                )
            time.sleep(0.05)
        try:
            value = renew(self.load(name))
        except BaseException:
            self._save(name, owner, None)
            raise
        self._save(name, owner, json.dumps(value))
        return value

    def _take(self, name: str, owner: str) -> bool:
        database = self._database

        def body(connection: Connection) -> bool:
            now = database.now_in(connection)
            database.run(
                connection,
                "INSERT INTO token (connection, name, updated_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                self._connection,
                name,
                now,
            )
            return (
                database.run(
                    connection,
                    "UPDATE token SET lease_until = ?, lease_owner = ? WHERE connection = ? AND name = ? "
                    "AND (lease_until IS NULL OR lease_until < ?)",
                    now + _LEASE,
                    owner,
                    self._connection,
                    name,
                    now,
                )
                > 0
            )

        return database.transact(body)

    def _save(self, name: str, owner: str, value: str | None) -> None:
        database = self._database

        def body(connection: Connection) -> None:
            if value is not None:
                database.run(
                    connection,
                    "UPDATE token SET value = ?, updated_at = ? WHERE connection = ? AND name = ? AND lease_owner = ?",
                    value,
                    database.now_in(connection),
                    self._connection,
                    name,
                    owner,
                )
            database.run(
                connection,
                "UPDATE token SET lease_until = NULL, lease_owner = NULL WHERE connection = ? AND name = ? AND lease_owner = ?",
                self._connection,
                name,
                owner,
            )

        database.transact(body)
