"""Refuse TRUNCATE of the audit trail: on PostgreSQL it fires no row trigger.

SQLite has no such statement.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAME = "acgs_event_no_truncate"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {NAME} BEFORE TRUNCATE ON acgs_event "
            "FOR EACH STATEMENT EXECUTE FUNCTION acgs_event_guard()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {NAME} ON acgs_event")
