"""Record where a version comes from, and which version held which place when.

History begins here: what holds a place now is recorded as held since the last change of it that
the audit trail knows, else since this upgrade.
"""

from __future__ import annotations

import time
from urllib.parse import unquote

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PREDECESSORS = """
UPDATE acgs_version SET predecessor_uid = (
  SELECT ordered.before FROM (
    SELECT uid, lag(uid) OVER (PARTITION BY name ORDER BY created_ms, version) AS before
    FROM acgs_version
  ) AS ordered WHERE ordered.uid = acgs_version.uid
)
"""
_STAGES = """
INSERT INTO acgs_tenure (place, name, slot, version_uid, share_percent, from_ms)
SELECT 'stage', v.name, m.current_stage, v.uid, 100, coalesce((
  SELECT max(e.at_ms) FROM acgs_event e
  WHERE e.name = v.name AND e.version = v.version
    AND e.type = 'model_version.transitioned_stage' AND e.at_ms >= v.created_ms), :now)
FROM acgs_version v JOIN model_versions m
  ON m.workspace = 'default' AND m.name = v.name AND m.version = v.version
  AND m.creation_time = v.created_ms
WHERE v.deleted_ms IS NULL AND m.current_stage IN ('Staging', 'Production', 'Archived')
"""
_ALIASES = """
INSERT INTO acgs_tenure (place, name, slot, version_uid, share_percent, from_ms)
SELECT 'alias', v.name, lower(a.alias), v.uid, 100, coalesce((
  SELECT max(e.at_ms) FROM acgs_event e
  WHERE e.name = v.name AND e.version = v.version
    AND e.type = 'model_version.alias_changed' AND e.at_ms >= v.created_ms), :now)
FROM acgs_version v JOIN registered_model_aliases a
  ON a.workspace = 'default' AND a.name = v.name AND a.version = v.version
WHERE v.deleted_ms IS NULL AND lower(a.alias) IN ('champion', 'challenger')
"""
_ENDPOINTS = """
INSERT INTO acgs_tenure (place, name, slot, version_uid, share_percent, from_ms)
SELECT 'endpoint', name, '', stable_uid, 100, coalesce(stable_since_ms, :now)
FROM acgs_endpoint WHERE stable_uid IS NOT NULL
"""
_INDEXES = (
    ("acgs_version_run", "acgs_version", "run_id"),
    ("acgs_version_model", "acgs_version", "model_id"),
    ("acgs_version_commit", "acgs_version", "git_commit"),
    ("ix_acgs_version_predecessor_uid", "acgs_version", "predecessor_uid"),
    ("ix_acgs_version_origin_uid", "acgs_version", "origin_uid"),
    ("acgs_rollout_candidate", "acgs_rollout", "candidate_uid"),
    ("acgs_rollout_request", "acgs_rollout", "request_id"),
    ("acgs_rollout_endpoint", "acgs_rollout", "endpoint"),
)


def upgrade() -> None:
    op.create_table(
        "acgs_tenure",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("slot", sa.String(length=256), nullable=False),
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("share_percent", sa.Integer(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_acgs_tenure_version_uid", "acgs_tenure", ["version_uid"])
    op.create_index("acgs_tenure_when", "acgs_tenure", ["name", "place", "slot", "from_ms"])
    op.create_index(
        "acgs_tenure_one_open",
        "acgs_tenure",
        ["place", "name", "slot", "version_uid"],
        unique=True,
        sqlite_where=sa.text("to_ms IS NULL"),
        postgresql_where=sa.text("to_ms IS NULL"),
    )
    for column in ("predecessor_uid", "origin_uid"):
        op.add_column("acgs_version", sa.Column(column, sa.String(length=36), nullable=True))
    for name, table, column in _INDEXES:
        op.create_index(name, table, [column])
    connection = op.get_bind()
    now = {"now": int(time.time() * 1000)}
    connection.execute(sa.text(_PREDECESSORS))
    _fill_origins(connection)
    for statement in (_STAGES, _ALIASES):
        connection.execute(sa.text(statement), now)
    connection.execute(sa.text(_ENDPOINTS), now)


def downgrade() -> None:
    for name, table, _column in reversed(_INDEXES):
        op.drop_index(name, table_name=table)
    for column in ("origin_uid", "predecessor_uid"):
        op.drop_column("acgs_version", column)
    op.drop_table("acgs_tenure")


def _fill_origins(connection: sa.Connection) -> None:
    copies = connection.execute(
        sa.text(
            "SELECT uid, name, source FROM acgs_version "
            "WHERE source LIKE 'models:/%' AND source NOT LIKE 'models:/m-%'"
        )
    ).all()
    for copy in copies:
        name, _, number = copy.source.removeprefix("models:/").partition("/")
        if not number.isdigit() or unquote(name) == copy.name:
            continue
        connection.execute(
            sa.text(
                "UPDATE acgs_version SET origin_uid = (SELECT o.uid FROM acgs_version o "
                "WHERE o.name = :name AND o.version = :number AND o.deleted_ms IS NULL) "
                "WHERE uid = :uid"
            ),
            {"name": unquote(name), "number": int(number), "uid": copy.uid},
        )
