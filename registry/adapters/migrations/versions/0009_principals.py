"""Keep who a principal was with what they asked for, voted and did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = ("acgs_event", "acgs_approval", "acgs_transition_request")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("principal", sa.JSON()))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "principal")
