"""The first tables."""

from alembic import op

from hub.store.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.execute("INSERT INTO sequence (name, value) VALUES ('message', 0), ('delivery', 0)")


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
