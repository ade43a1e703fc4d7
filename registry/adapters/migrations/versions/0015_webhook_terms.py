"""Narrow webhooks, say whose they are, rotate their secrets, pause those that fall behind."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COLUMNS: tuple[tuple[str, Any], ...] = (
    ("names", sa.JSON()),
    ("stages", sa.JSON()),
    ("outcomes", sa.JSON()),
    ("format", sa.String(length=16)),
    ("owner", sa.JSON()),
    ("next_sealed_secret", sa.Text()),
    ("switch_ms", sa.BigInteger()),
    ("paused_ms", sa.BigInteger()),
    ("resumed_ms", sa.BigInteger()),
    ("caught_up_id", sa.BigInteger()),
)


def upgrade() -> None:
    for name, type in COLUMNS:
        op.add_column("acgs_webhook", sa.Column(name, type))
    _note_owners(op.get_bind())


def downgrade() -> None:
    for name, _ in reversed(COLUMNS):
        op.drop_column("acgs_webhook", name)


def _note_owners(connection: sa.Connection) -> None:
    """Give each webhook to who made it last, as the audit trail says."""
    hook = sa.table("acgs_webhook", sa.column("name"), sa.column("owner", sa.JSON()))
    event = sa.table(
        "acgs_event",
        sa.column("id"),
        sa.column("type"),
        sa.column("name"),
        sa.column("actor"),
        sa.column("principal", sa.JSON()),
    )
    made = sa.select(event).where(event.c.type == "webhook.created").order_by(event.c.id)
    for row in connection.execute(made).all():
        owner = row.principal or _claimed(row.actor)
        change = sa.update(hook).where(hook.c.name == row.name)
        connection.execute(change.values(owner=owner if row.actor != "acgs" else sa.null()))


def _claimed(actor: str) -> dict[str, Any]:
    # Before 0009 nothing but the name was kept, and nobody had checked it.
    name = actor.rpartition("@")[0] or actor
    return {"name": name, "kind": "person", "groups": [], "source": "claim"}
