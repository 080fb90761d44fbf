"""The W3C trace context that a message came with."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("message", sa.Column("traceparent", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("message", "traceparent")
