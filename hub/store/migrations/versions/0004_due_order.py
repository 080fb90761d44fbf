"""What is due is claimed in the order of the index, so that a claim reads as many rows as it takes, however many wait."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NEW = sa.text("state = 'new'")
_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.drop_index("message_due", "message")
    op.create_index("message_due", "message", ["due_at", "id"], sqlite_where=_NEW, postgresql_where=_NEW)
    op.drop_index("delivery_due", "delivery")
    op.create_index(
        "delivery_due", "delivery", ["target", "due_at", "id"], sqlite_where=_PENDING, postgresql_where=_PENDING
    )


def downgrade() -> None:
    op.drop_index("delivery_due", "delivery")
    op.create_index("delivery_due", "delivery", ["target", "due_at"], sqlite_where=_PENDING, postgresql_where=_PENDING)
    op.drop_index("message_due", "message")
    op.create_index("message_due", "message", ["due_at"], sqlite_where=_NEW, postgresql_where=_NEW)
