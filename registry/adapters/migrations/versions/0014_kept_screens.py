"""Keep what a voter was shown, by digest, and name it beside the vote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acgs_screen",
        sa.Column("digest", sa.String(length=80), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kept_ms", sa.BigInteger(), nullable=False),
    )
    op.add_column("acgs_approval", sa.Column("screen", sa.JSON()))


def downgrade() -> None:
    op.drop_column("acgs_approval", "screen")
    op.drop_table("acgs_screen")
