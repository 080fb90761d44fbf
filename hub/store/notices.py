"""Word of new messages from whoever accepted them to the relays: PostgreSQL's LISTEN and NOTIFY. A hint, never a fact."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub.store.database import Database

CHANNEL = "hub_inbound"
TRY_AGAIN = 5.0


def announce(database: Database, connection: Connection) -> None:
    """Tell the relays, when this transaction commits, that there are new messages."""
    if not database.is_sqlite:
        database.rows(connection, f"NOTIFY {CHANNEL}")


class Notices:
    """Waits for word. On SQLite there is none; after a lost connection it is opened again, and the caller looks by itself meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listening: Any = None
        self._not_before = 0.0

    def wait(self, seconds: float) -> bool:
        """True as soon as messages were announced; False after ``seconds``."""
        if self._database.is_sqlite or not self._listens():
            time.sleep(seconds)
            return False
        try:
            raw = self._listening.connection.driver_connection
            return any(True for _ in raw.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:
            self.close()
            return False

    def close(self) -> None:
        """Stop listening."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.invalidate()
            listening.close()

    def _listens(self) -> bool:
        if self._listening is None and time.monotonic() >= self._not_before:
            self._not_before = time.monotonic() + TRY_AGAIN
            try:
                self._listening = self._database.reader.connect()
                self._database.rows(self._listening, f"LISTEN {CHANNEL}")
            except (psycopg.Error, SQLAlchemyError):
                self.close()
        return self._listening is not None
