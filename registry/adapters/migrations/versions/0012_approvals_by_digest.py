"""Keep what an approver was shown, how an approval ended, and who was reminded.

A vote of an earlier release keeps no digests but that of the files: while its request is open it
counts no more, and the person is asked again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "acgs_approval"
ONE_EACH = "acgs_approval_request_id_actor_key"
NAMES = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}


def upgrade() -> None:
    op.add_column("acgs_transition_request", sa.Column("reminded_ms", sa.BigInteger()))
    with op.batch_alter_table(TABLE, naming_convention=NAMES) as table:
        table.drop_constraint(ONE_EACH, type_="unique")
        table.add_column(sa.Column("person", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("delegation_id", sa.BigInteger()))
        table.add_column(sa.Column("shown", sa.JSON()))
        table.add_column(sa.Column("ended", sa.String(16)))
        table.add_column(sa.Column("ended_because", sa.Text()))
        table.add_column(sa.Column("ended_ms", sa.BigInteger()))
        table.add_column(sa.Column("reminded_ms", sa.BigInteger()))
    # There was one row for each actor, so their numbers keep them apart.
    op.execute("UPDATE acgs_approval SET person = CAST(id AS VARCHAR(64))")
    with op.batch_alter_table(TABLE) as table:
        table.alter_column("person", server_default=None)
    op.create_index("acgs_approval_request", TABLE, ["request_id"])
    op.create_index(
        "acgs_approval_one_standing",
        TABLE,
        ["request_id", "person"],
        unique=True,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("acgs_approval_one_standing", TABLE)
    op.drop_index("acgs_approval_request", TABLE)
    # An earlier release has one vote of each actor, and knows none that ended; the events stay.
    op.execute("DELETE FROM acgs_approval WHERE ended IS NOT NULL OR delegation_id IS NOT NULL")
    with op.batch_alter_table(TABLE, naming_convention=NAMES) as table:
        for column in (
            "reminded_ms", "ended_ms", "ended_because", "ended", "shown", "delegation_id", "person",
        ):  # fmt: skip
            table.drop_column(column)
        table.create_unique_constraint(ONE_EACH, ["request_id", "actor"])
    op.drop_column("acgs_transition_request", "reminded_ms")
