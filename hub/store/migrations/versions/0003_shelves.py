"""Payloads lie on shelves: one for each day and number of days kept; on PostgreSQL each is a partition."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SQLITE = """CREATE TABLE payload (shelf INTEGER NOT NULL, sha TEXT NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL,
  pack TEXT, start INTEGER, length INTEGER, PRIMARY KEY (shelf, sha))"""
POSTGRES = """CREATE TABLE payload (shelf INTEGER NOT NULL, sha TEXT COLLATE "C" NOT NULL, size INTEGER NOT NULL,
  body BYTEA NOT NULL, pack TEXT, start INTEGER, length INTEGER, PRIMARY KEY (sha, shelf)) PARTITION BY LIST (shelf)"""
# what was written before is kept for 30 days
MOVE = """INSERT INTO payload (shelf, sha, size, body)
SELECT day * 10000 + 30, sha, size, body FROM payload_before ORDER BY day"""


def upgrade() -> None:
    connection = op.get_bind()
    op.execute("ALTER TABLE payload RENAME TO payload_before")
    if connection.dialect.name == "sqlite":
        op.execute(SQLITE)
    else:
        op.execute("ALTER INDEX payload_pkey RENAME TO payload_before_pkey")
        op.execute(POSTGRES)
        # what comes is compressed already: the server need not try
        op.execute("ALTER TABLE payload ALTER COLUMN body SET STORAGE EXTERNAL")
        days = connection.execute(sa.text("SELECT DISTINCT day FROM payload_before")).scalars().all()
        for day in days:
            date = datetime.fromtimestamp(day * 86400, UTC).strftime("%Y_%m_%d")
            op.execute(f'CREATE TABLE "payload_{date}_keep_30" PARTITION OF payload FOR VALUES IN ({day * 10000 + 30})')
    op.execute(MOVE)
    op.execute("DROP TABLE payload_before")


def downgrade() -> None:
    binary = "BLOB" if op.get_bind().dialect.name == "sqlite" else "BYTEA"
    op.execute(
        "CREATE TABLE payload_before (sha TEXT NOT NULL, day INTEGER NOT NULL, size INTEGER NOT NULL, "
        f"body {binary} NOT NULL, PRIMARY KEY (sha, day))"
    )
    op.execute(
        "INSERT INTO payload_before (sha, day, size, body) SELECT sha, shelf / 10000, size, body FROM payload WHERE pack IS NULL "
        "ON CONFLICT DO NOTHING"
    )
    op.execute("DROP TABLE payload")
    op.execute("ALTER TABLE payload_before RENAME TO payload")
    if binary == "BYTEA":
        op.execute("ALTER INDEX payload_before_pkey RENAME TO payload_pkey")
