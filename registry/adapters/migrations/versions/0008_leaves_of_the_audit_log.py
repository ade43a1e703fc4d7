"""Number events as leaves of a Merkle tree; both tables belong to the sequencer.

Leaves are insert-only, as events are: the triggers guard against accidents.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SQLITE = """
CREATE TRIGGER acgs_leaf_no_{lower} BEFORE {verb} ON acgs_leaf
BEGIN SELECT RAISE(ABORT, 'acgs_leaf is insert-only'); END
"""
_FUNCTION = """
CREATE FUNCTION acgs_leaf_guard() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'acgs_leaf is insert-only'; END $$
"""
_POSTGRES = (
    "CREATE TRIGGER acgs_leaf_guard BEFORE UPDATE OR DELETE ON acgs_leaf "
    "FOR EACH ROW EXECUTE FUNCTION acgs_leaf_guard()",
    "CREATE TRIGGER acgs_leaf_no_truncate BEFORE TRUNCATE ON acgs_leaf "
    "FOR EACH STATEMENT EXECUTE FUNCTION acgs_leaf_guard()",
)


def upgrade() -> None:
    op.create_table(
        "acgs_leaf",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_table(
        "acgs_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("root", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("signed_ms", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cosigned_size", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("cosigned_ms", sa.BigInteger(), nullable=True),
        sa.Column("witness_error", sa.Text(), nullable=True),
        sa.Column("mirrored_size", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("mirrored_ms", sa.BigInteger(), nullable=True),
        sa.Column("mirror_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(lower=verb.lower(), verb=verb))
        return
    op.execute(_FUNCTION)
    for statement in _POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("acgs_log")
    op.drop_table("acgs_leaf")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION acgs_leaf_guard()")
