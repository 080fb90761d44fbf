"""Fewer index entries for each change of a message or a delivery; and messages found by their lane, however many there are."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_CAUSED = sa.text("correlation_id <> id")
_OWN_LANE = sa.text("order_key <> external_id")


def upgrade() -> None:
    op.drop_index("message_correlation", "message")
    op.create_index(
        "message_correlation", "message", ["correlation_id"], sqlite_where=_CAUSED, postgresql_where=_CAUSED
    )
    op.create_index("message_order", "message", ["order_key"], sqlite_where=_OWN_LANE, postgresql_where=_OWN_LANE)
    if op.get_bind().dialect.name == "postgresql":
        # room on each page for the frozen request, which changes no index: the new version of the row then stays on its page
        op.execute("ALTER TABLE delivery SET (fillfactor = 60)")


def downgrade() -> None:
    op.drop_index("message_order", "message")
    op.drop_index("message_correlation", "message")
    op.create_index("message_correlation", "message", ["correlation_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE delivery RESET (fillfactor)")
