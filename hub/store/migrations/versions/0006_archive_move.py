"""Which shelves of the payload archive were moved to the object store."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "archive_move",
        sa.Column("shelf", sa.Integer(), nullable=False),
        sa.Column("payloads", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("shelf"),
    )


def downgrade() -> None:
    op.drop_table("archive_move")
