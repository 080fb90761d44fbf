"""What the payload archive holds, by keeper."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "archive_usage",
        sa.Column("shelf", sa.Integer(), nullable=False),
        sa.Column("keeper", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("payloads", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shelf", "keeper"),
    )


def downgrade() -> None:
    op.drop_table("archive_usage")
