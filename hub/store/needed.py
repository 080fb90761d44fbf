"""Which payloads must stay where they are: those of messages that are not finished or lie on the desk, and those of events."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from hub.store.database import Database

NEEDED = """
WITH kept AS MATERIALIZED (
  SELECT id FROM message WHERE state IN ('new', 'leased', 'waiting')
  UNION SELECT message_id FROM delivery WHERE state IN ('pending', 'leased', 'waiting')
  UNION SELECT message_id FROM exception WHERE state = 'open')
SELECT m.payload AS sha FROM message AS m WHERE m.id IN (SELECT id FROM kept)
UNION SELECT s.before FROM step AS s WHERE s.before IS NOT NULL AND s.message_id IN (SELECT id FROM kept)
UNION SELECT s.after FROM step AS s WHERE s.after IS NOT NULL AND s.message_id IN (SELECT id FROM kept)
UNION SELECT d.snapshot FROM delivery AS d WHERE d.message_id IN (SELECT id FROM kept)
UNION SELECT d.request FROM delivery AS d WHERE d.request IS NOT NULL AND d.message_id IN (SELECT id FROM kept)
UNION SELECT a.exchanges FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id
  WHERE a.exchanges IS NOT NULL AND d.message_id IN (SELECT id FROM kept)
UNION SELECT e.snapshot FROM event AS e"""
"""A query of one column, ``sha``."""


def needed(database: Database, connection: Connection) -> frozenset[str]:
    """The sha256s of all these payloads."""
    return frozenset(row[0] for row in database.rows(connection, NEEDED))
