"""Forgetting payloads after their time. What is not finished, what lies on the exceptions desk, and events keep them."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from hub.store.database import Database

_DROP = """
DELETE FROM payload WHERE day < ?
AND sha NOT IN (SELECT m.payload FROM message AS m WHERE m.state IN ('new', 'leased', 'waiting'))
AND sha NOT IN (
  SELECT d.snapshot FROM delivery AS d WHERE d.state IN ('pending', 'leased', 'waiting')
  UNION SELECT d.request FROM delivery AS d WHERE d.state IN ('pending', 'leased', 'waiting') AND d.request IS NOT NULL)
AND sha NOT IN (
  SELECT m.payload FROM exception AS x JOIN message AS m ON m.id = x.message_id WHERE x.state = 'open'
  UNION SELECT s.before FROM exception AS x JOIN step AS s ON s.message_id = x.message_id
    WHERE x.state = 'open' AND s.before IS NOT NULL
  UNION SELECT s.after FROM exception AS x JOIN step AS s ON s.message_id = x.message_id
    WHERE x.state = 'open' AND s.after IS NOT NULL)
AND sha NOT IN (SELECT e.snapshot FROM event AS e)"""


def forget_payloads(database: Database, days: int) -> int:
    """Drop the payloads archived more than ``days`` days ago. Traces stay, without them. Returns how many went."""

    def body(connection: Connection) -> int:
        today = int(database.now_in(connection) // 86400)
        return database.run(connection, _DROP, today - days)

    return database.transact(body)
